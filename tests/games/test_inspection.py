import time
from pathlib import Path

import pytest

from vanilla.games import inspection


def warned(tmp_path: Path, **files: str | bytes) -> list[str]:
    """The warnings about files, whose names are given with two underscores for a dot and three for a slash."""
    sizes = {}
    for key, contents in files.items():
        name = key.replace("___", "/").replace("__", ".")
        data = contents.encode() if isinstance(contents, str) else contents
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
        sizes[name] = len(data)
    return inspection.inspect(tmp_path, sizes)


def test_a_game_that_keeps_to_itself_is_not_warned_of(tmp_path: Path) -> None:
    page = """<!doctype html><meta charset=utf-8><link rel=icon href=missing.ico><link rel=canonical href="https://a.example/">
        <link rel=stylesheet href="css/a.css?v=3"><script type=module src="./js/game%20one.js#x"></script>
        <!-- <script src="https://old.example/x.js"></script><script src=gone.js></script> -->
        <a href="https://author.example">me</a><img src="data:image/png;base64,AA"><img src="{{cover}}">"""
    script = """// https://docs.example/ explains
        const ns = "http://www.w3.org/2000/svg"; fetch("levels/1.json"); fetch('/api/inference/usage');
        if (typeof SharedArrayBuffer === "undefined") { }"""
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "game one.js").write_text(script)
    (tmp_path / "index.html").write_text(page)
    (tmp_path / "css").mkdir()
    (tmp_path / "css" / "a.css").write_text("body { background: url(../x.png), url('data:image/png;base64,AA') }")
    sizes = {"index.html": len(page), "js/game one.js": len(script), "css/a.css": 60}
    assert inspection.inspect(tmp_path, sizes) == []


@pytest.mark.parametrize(
    ("file", "code", "host"),
    [
        ("index__html", '<script src="https://cdn.example/three.js"></script>', "cdn.example"),
        ("index__html", "<link href='//fonts.example/css' rel=stylesheet>", "fonts.example"),
        (
            "index__html",
            '<script type="importmap">{"imports": {"three": "https://esm.example/three"}}</script>',
            "esm.ex",
        ),
        ("index__html", "<script>fetch(`https://api.example:8443/x`)</script>", "api.example:8443"),
        ("a__css", '@import "https://fonts.example/a.css";', "fonts.example"),
        ("a__css", "a { background: url( 'https://img.example/x.png' ) }", "img.example"),
        ("a__js", 'import { Vector } from "https://esm.example/v.js"', "esm.example"),
        ("a__js", "new WebSocket('wss://live.example/socket')", "live.example"),
        ("a__js", 'const BASE_URL = "https://api.example/v1"', "api.example"),
        ("a__js", 'xhr.open("GET", "http://api.example/scores")', "api.example"),
        ("a__js", "image.src = 'https://img.example/x.png'", "img.example"),
    ],
)
def test_other_sites_are_named_with_the_file(tmp_path: Path, file: str, code: str, host: str) -> None:
    warnings = warned(tmp_path, **{file: code})
    assert len(warnings) == 1
    assert "other sites, which are blocked" in warnings[0]
    assert host in warnings[0]
    assert file.replace("__", ".") in warnings[0]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("index__html", '<img src="/img/x.png">'),
        ("index__html", "<img class=a src=/img/x.png>"),
        ("a__css", "a { background: url(/img/x.png) }"),
        ("a__js", "fetch('/img/x.png')"),
        ("a__js", "loadTexture('/img/x.png')"),
    ],
)
def test_absolute_paths_are_shown(tmp_path: Path, file: str, code: str) -> None:
    (warning,) = warned(tmp_path, **{file: code})
    assert f"/img/x.png ({file.replace('__', '.')})" in warning
    assert "do not lead into the game" in warning


def test_a_model_called_directly_is_shown_the_way_through_the_platform(tmp_path: Path) -> None:
    warnings = warned(
        tmp_path,
        a__js='fetch("https://api.anthropic.com/v1/messages")',
        b__js='fetch("http://localhost:11434/api/chat")',
        c__js='const key = "sk-ant-api03-abcdefghijklmnopqrstuvwxyz"',
    )
    assert "c.js has an Anthropic key" in warnings[0]
    assert "/api/inference/anthropic/" in warnings[1]
    assert "/api/inference/ollama/" in warnings[2]
    assert len(warnings) == 3


def test_what_pages_ask_for_and_do_not_get_is_named(tmp_path: Path) -> None:
    warnings = warned(
        tmp_path,
        index__html='<script src="js/gmae.js"></script><img src="Art/cat.png"><script src="engine.js"></script>',
        pages___two__html='<link rel=stylesheet href="../style.css"><img src="../../up.png">',
        js___game__js="",
        art___cat__png=b"x",
        engine__js__gz=b"x",
    )
    assert "index.html asks for Art/cat.png; the file is called art/cat.png" in warnings[0]
    assert "style.css (pages/two.html), ../up.png (pages/two.html), js/gmae.js (index.html)." in warnings[1]
    assert len(warnings) == 2


def test_a_page_with_a_base_is_not_guessed_at(tmp_path: Path) -> None:
    assert warned(tmp_path, index__html='<base href="app/"><script src="a.js"></script>', app___a__js="") == []


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("navigator.serviceWorker.register('sw.js')", "service worker"),
        ("new SharedArrayBuffer(1024)", "SharedArrayBuffer"),
        ("new WebAssembly.Memory({initial: 1, shared: true})", "SharedArrayBuffer"),
        ("new SharedWorker('w.js')", "shared workers"),
        ("caches.open('v1')", "the Cache API"),
        ("navigator.mediaDevices.getUserMedia({audio: true})", "camera and microphone"),
    ],
)
def test_what_games_do_not_have_here_is_said(tmp_path: Path, code: str, words: str) -> None:
    (warning,) = warned(tmp_path, js___a__js=" " * 70_000 + code)
    assert words in warning
    assert "js/a.js" in warning


def test_files_that_do_nothing_here_and_large_ones_are_named(tmp_path: Path) -> None:
    files = {"index.html": 1, "score.php": 10, "setup.exe": 10, "film.mp4": 30_000_000}
    (tmp_path / "index.html").write_text("x")
    server, desktop, large = inspection.inspect(tmp_path, files)
    assert "score.php would run on a server" in server
    assert "setup.exe is a program" in desktop
    assert "film.mp4 (30 MB)" in large


def test_names_of_the_game_cannot_disturb_a_warning_or_make_it_long(tmp_path: Path) -> None:
    page = "".join(f'<img src="{"x" * 200}{n}\u202e.png">' for n in range(500))
    (warning,) = warned(tmp_path, index__html=page)
    assert "\u202e" not in warning
    assert len(warning) < 1000
    assert "and 496 more" in warning


@pytest.mark.parametrize(
    "piece",
    [
        "<script ",
        "<script src=",
        "url(",
        'fetch("',
        "<!--",
        '"a":',
        "<a ",
        "from '",
        "load",
        "sk-ant-",
        "\t\n ",
        "//",
        "'/",
    ],
)
def test_hostile_code_is_read_in_one_pass(tmp_path: Path, piece: str) -> None:
    code = (piece * (3_000_000 // len(piece))).encode()
    for name in ("index.html", "a.js", "a.css"):
        (tmp_path / name).write_bytes(code)
    began = time.process_time()
    inspection.inspect(tmp_path, {"index.html": len(code), "a.js": len(code), "a.css": len(code)})
    assert time.process_time() - began < 2.5
