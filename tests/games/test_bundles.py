import errno
import gzip
import io
import os
import stat
import zipfile
from pathlib import Path

import brotli
import pytest
from PIL import Image

from tests.games import archives
from tests.games.archives import PAGE, Maker, both, named, of_mode, zipped
from vanilla.errors import OutOfSpace
from vanilla.games import archives as archives_read
from vanilla.games import bundles, reports
from vanilla.games.bundles import Bundle, InvalidBundle, Limits
from vanilla.games.packed import Packed
from vanilla.settings import Settings

LIMITS = Limits(files=50, total_bytes=50_000_000, file_bytes=15_000_000)

# Each: how it is made, and what its sentence must say of the culprit.
BAD: dict[str, tuple[Maker, str]] = {
    "traversal": (named("../evil"), "../evil points outside the game"),
    "traversal over the page": (named("../index.html"), "../index.html points outside"),
    "traversal inside": (named("a/../../evil"), "a/../../evil points outside"),
    "traversal that stays inside": (named("a/../b.js"), "a/../b.js points outside"),
    "traversal of a folder": (named("../up/"), "../up points outside"),
    "traversal of junk": (named("../.env"), "../.env points outside"),
    "absolute": (named("/etc/cron.d/evil"), "/etc/cron.d/evil is an absolute path"),
    "network share": (named("//host/share"), "//host/share is an absolute path"),
    "only a slash": (named("/"), "/ is an absolute path"),
    "drive": (named("C:/evil.js"), "C:/evil.js has a colon"),
    "drive without a slash": (named("C:evil.js"), "C:evil.js has a colon"),
    "stream of a file": (named("index.html:hidden"), "index.html:hidden has a colon"),
    "backslash": (named("js\\game.js"), "js\\game.js has a backslash"),
    "backslash traversal": (named("..\\evil.js"), "..\\evil.js has a backslash"),
    "dot folder": (named("js/./game.js"), "js/./game.js has an empty folder name"),
    "empty folder": (named("js//game.js"), "js//game.js has an empty folder name"),
    "empty name": (named(""), "has an empty name"),
    "control character": (named("a\nb.js"), "a\\nb.js has invisible or control characters"),
    "right-to-left": (named("a\u202egnp.js"), "a\\u202egnp.js has invisible"),
    "zero width": (named("in\u200bdex.js"), "in\\u200bdex.js has invisible"),
    "nul": (archives.with_nul_in_name, "js/a\\x00me.js has invisible"),
    "long path": (named("/".join(["folder"] * 30) + "/" + "x" * 60), "has a path of 270 characters"),
    "long name": (named("ü" * 200 + ".js"), "has a name longer than 255 bytes"),
    "deep": (named("d/" * 33 + "x.js"), "lies 33 folders deep"),
    "very deep": (named("d/" * 2000 + "x.js"), "has a path of 4,004 characters"),
    "device": (named("CON"), "CON has a name that Windows keeps"),
    "device with an ending": (named("js/nul.js"), "js/nul.js has a name that Windows keeps"),
    "trailing dot": (named("js/a."), "js/a. has a name that ends with a dot"),
    "trailing space": (named("b /c.js"), "b /c.js has a name that ends with a dot or a space"),
    "ours": (named("_vanilla/shim.js"), "_vanilla/shim.js lies in _vanilla/"),
    "ours in capitals": (named("_Vanilla/shim.js"), "_Vanilla/shim.js lies in"),
    "ours in a wrapper": (
        lambda: zipped({"game/index.html": PAGE, "game/_vanilla/x.js": b""}),
        "_vanilla/x.js lies in",
    ),
    "twice": (both("a.js", "a.js"), "a.js is in the archive 2 times"),
    "twice but for case": (both("a.js", "A.js"), "A.js and a.js differ only in upper and lower case"),
    "twice but for composition": (both("\u00e9.js", "e\u0301.js"), "é.js is in the archive 2 times"),
    "file and folder": (both("a", "a/b.js"), "a is both a file and a folder"),
    "folder and file": (both("a/b.js", "a"), "a is both a file and a folder"),
    "file and empty folder": (both("a/", "a"), "a is both a file and a folder"),
    "symlink": (of_mode(stat.S_IFLNK | 0o777), "link is a symbolic link"),
    "fifo": (of_mode(stat.S_IFIFO | 0o644), "link is not a regular file"),
    "device node": (of_mode(stat.S_IFCHR | 0o644), "link is not a regular file"),
    "folder without a slash": (of_mode(stat.S_IFDIR | 0o755), "link is not a regular file"),
    "folder with contents": (named("d/"), "d is named like a folder and has contents"),
    "encrypted": (archives.encrypted, "js/game.js is encrypted"),
    "patched data": (archives.patched_data, "js/game.js is damaged"),
    "lzma": (archives.compressed_with(zipfile.ZIP_LZMA), "index.html is compressed in a way"),
    "bzip2": (archives.compressed_with(zipfile.ZIP_BZIP2), "index.html is compressed in a way"),
    "truncated": (archives.truncated, "cut short"),
    "no directory": (archives.without_directory, "cut short"),
    "ends in its directory": (archives.ends_in_directory, "cut short"),
    "wrong checksum": (archives.wrong_checksum, "index.html is damaged"),
    "broken deflate": (archives.broken_deflate, "js/game.js is damaged"),
    "other local name": (archives.other_name_in_local_header, "js/game.js is damaged"),
    "prefix": (archives.with_prefix, "must begin with PK"),
    "prefix of a zip": (archives.with_prefix_of_a_zip, "not where it should be"),
    "trailer": (archives.with_trailer, "behind the end of the zip"),
    "long trailer": (archives.with_long_trailer, "cut short"),
    "overlap": (archives.overlapping, "b.bin shares its bytes"),
    "overlap bomb": (archives.same_bytes_many_times, "a.bin shares its bytes"),
    "bomb": (archives.bomb, "more than 100 times the size"),
    "lie about a size": (archives.lies_about_size, "zeros.bin is damaged"),
    "too many files": (archives.many_files(60), "has 61 files; at most 50"),
    "too many folders": (
        lambda: zipped({"index.html": PAGE, **{f"{n}/" + "d/" * 5 + "x.js": b"" for n in range(9)}}),
        "has 54 folders; at most 50",
    ),
    "far too many files": (archives.many_files(1300), "more than 1,200 files and folders"),
    "far too many folders": (lambda: archives.many_folders(1300), "more than 1,200 files and folders"),
    "file too large": (
        lambda: zipped({"index.html": PAGE, "big": bytes(16_000_000)}),
        "big is 16 MB large; at most 15",
    ),
    "name not in UTF-8": (archives.not_utf8_name, "not valid UTF-8"),
    "corrupt extra field": (archives.corrupt_extra_field, "directory cannot be read"),
    "entry behind the end": (archives.entry_behind_the_end, "js/game.js is damaged"),
    "directory of endless size": (archives.directory_size_of_all_ones, "cut short"),
    "not a zip": (archives.not_a_zip, "must begin with PK"),
    "empty file": (lambda: b"", "must begin with PK"),
    "empty archive": (lambda: zipped({}), "no index.html"),
    "no page": (lambda: zipped({"game.js": b"x"}), "no index.html"),
    "two pages": (lambda: zipped({"a.html": PAGE, "b.html": PAGE}), "more than one page it could be: a.html, b.html"),
    "two wrappers": (lambda: zipped({"a/b/index.html": PAGE}), "there is b/index.html"),
    "page inside": (lambda: zipped({"x.js": b"", "d/index.html": PAGE}), "there is d/index.html"),
    "empty page": (lambda: zipped({"index.html": b""}), "index.html is empty"),
}


def unpacked(tmp_path: Path, data: bytes, kind: bundles.Kind = "zip", limits: Limits = LIMITS) -> Bundle:
    source = tmp_path / "upload"
    source.write_bytes(data)
    return bundles.unpack(source, kind, tmp_path / "into", limits)


@pytest.mark.parametrize(("make", "sentence"), BAD.values(), ids=BAD.keys())
def test_a_bad_archive_is_refused_by_name_and_leaves_nothing(tmp_path: Path, make: Maker, sentence: str) -> None:
    with pytest.raises(InvalidBundle) as refusal:
        unpacked(tmp_path, make())
    problems = refusal.value.problems
    assert sentence in " ".join(problem.message for problem in problems)
    assert refusal.value.status == 422
    assert refusal.value.message.startswith(problems[0].message)
    assert all(problem.message.endswith(".") for problem in problems)
    assert all(problem.file in problem.message for problem in problems)
    assert [path.name for path in tmp_path.iterdir()] == ["upload"]


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    data = archives.entries(
        [
            ("../evil", b"x", archives.REGULAR),
            ("CON", b"x", archives.REGULAR),
            ("link", b"/etc", stat.S_IFLNK | 0o777),
            ("big.bin", os.urandom(16_000_000), archives.REGULAR),
            ("sound.ogg", b"x" * 100, archives.REGULAR),
        ],
        method=zipfile.ZIP_STORED,
    ).replace(b"x" * 100, b"y" * 100)
    with pytest.raises(InvalidBundle) as refusal:
        unpacked(tmp_path, data)
    told = refusal.value.problems
    assert [problem.file for problem in told] == ["../evil", "CON", "link", "", "big.bin", "sound.ogg"]
    assert [problem.message.split(" ")[1] for problem in told] == ["points", "has", "is", "is", "is", "is"]
    assert refusal.value.details["problems"][0] == {"file": "../evil", "message": "../evil points outside the game."}
    assert (len(refusal.value.details["problems"]), refusal.value.details["more_problems"]) == (6, 0)
    assert refusal.value.message == "../evil points outside the game. There are 5 more problems."


def test_a_long_list_of_problems_is_cut(tmp_path: Path) -> None:
    limits = Limits(files=500, total_bytes=1_000_000, file_bytes=1_000_000)
    with pytest.raises(InvalidBundle) as refusal:
        unpacked(tmp_path, zipped({f"../{n}": b"" for n in range(300)}), limits=limits)
    details = refusal.value.details
    assert (len(details["problems"]), details["more_problems"]) == (reports.MOST_LISTED, 251)


def test_too_many_files_too_much_and_bad_names_are_told_together(tmp_path: Path) -> None:
    noise = os.urandom(1_000_000)
    files = {"CON": b"x", **{f"{n}.txt": b"" for n in range(60)}, "a": noise, "b": noise}
    with pytest.raises(InvalidBundle) as refusal:
        unpacked(tmp_path, zipped(files), limits=Limits(files=50, total_bytes=1_500_000, file_bytes=900_000))
    assert [problem.message for problem in refusal.value.problems] == [
        "CON has a name that Windows keeps for devices.",
        "There is no index.html: the page that opens when somebody plays.",
        "The game has 62 files; at most 50 are possible.",
        "a is 1 MB large; at most 0.9 MB are possible.",
        "b is 1 MB large; at most 0.9 MB are possible.",
        "The game unpacks to 2 MB; at most 1.5 MB are possible.",
    ]


def test_the_total_is_counted_while_it_unpacks(tmp_path: Path) -> None:
    noise = os.urandom(600_000)
    limits = Limits(files=50, total_bytes=1_000_000, file_bytes=1_000_000)
    with pytest.raises(InvalidBundle, match=r"unpacks to 1\.2 MB; at most 1 MB"):
        unpacked(tmp_path, zipped({"index.html": PAGE, "a": noise, "b": noise}), limits=limits)


def test_a_game_of_many_files_is_unpacked_as_it_is(tmp_path: Path) -> None:
    files = {"index.html": PAGE, "js/game.mjs": b"export {}", "img/a b+c%20.png": b"\x89PNG", "ü/日本.txt": b"x"}
    bundle = unpacked(tmp_path, zipped(files))
    assert bundle.files == {name: len(data) for name, data in files.items()}
    assert {name: (bundle.folder / name).read_bytes() for name in files} == files
    assert all(stat.S_IMODE((bundle.folder / name).stat().st_mode) == 0o644 for name in files)
    assert (bundle.entry, bundle.title, bundle.talks, bundle.warnings) == ("index.html", "Snail Rally", False, [])
    assert bundle.size_bytes == sum(map(len, files.values()))


def test_one_wrapper_is_stripped_and_no_more(tmp_path: Path) -> None:
    bundle = unpacked(tmp_path, zipped({"my game/": b"", "my game/index.html": PAGE, "my game/js/a.js": b"x"}))
    assert sorted(bundle.files) == ["index.html", "js/a.js"]


def test_leftovers_of_the_system_are_left_out_and_named(tmp_path: Path) -> None:
    junk = ["__MACOSX/._index.html", "game/.DS_Store", "game/.git/config", "game/.env", "game/Thumbs.db"]
    bundle = unpacked(tmp_path, zipped({"game/index.html": PAGE, **dict.fromkeys(junk, b"secret")}))
    assert list(bundle.files) == ["index.html"]
    assert len(bundle.warnings) == 1
    assert all(name in bundle.warnings[0] for name in junk)


def test_the_only_page_opens_when_there_is_no_index(tmp_path: Path) -> None:
    bundle = unpacked(tmp_path, zipped({"Game.HTML": PAGE, "docs/readme.html": PAGE}))
    assert bundle.entry == "Game.HTML"


def test_names_of_an_archive_made_by_macos_are_read_as_utf8(tmp_path: Path) -> None:
    data = bytearray(zipped({"index.html": PAGE, "e\u0301.txt": b"x"}))
    for header, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.rindex(header) + flags + 1] &= 0xF7  # without the flag that says UTF-8
    assert "\u00e9.txt" in unpacked(tmp_path, bytes(data)).files


def test_an_archive_in_an_archive_stays_closed(tmp_path: Path) -> None:
    bundle = unpacked(tmp_path, zipped({"index.html": PAGE, "levels.zip": archives.bomb(1_000_000)}))
    assert sorted(bundle.files) == ["index.html", "levels.zip"]


def test_a_zip64_archive_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)  # writes the large directory for a small archive
    data = zipped({"index.html": PAGE, "a.js": b"x"})
    assert b"PK\6\7" in data
    assert sorted(unpacked(tmp_path, data).files) == ["a.js", "index.html"]


def test_a_single_page_becomes_the_index(tmp_path: Path) -> None:
    bundle = unpacked(tmp_path, PAGE, "html")
    assert (bundle.entry, list(bundle.files), bundle.title) == ("index.html", ["index.html"], "Snail Rally")


@pytest.mark.parametrize(("data", "sentence"), [(b"", "is empty"), (b"just text", "not an HTML page")])
def test_a_single_file_that_is_no_page_is_refused(tmp_path: Path, data: bytes, sentence: str) -> None:
    with pytest.raises(InvalidBundle, match=sentence):
        unpacked(tmp_path, data, "html")
    assert not (tmp_path / "into").exists()


def test_a_page_in_utf16_is_taken(tmp_path: Path) -> None:
    assert unpacked(tmp_path, PAGE.decode().encode("utf-16"), "html").title == "Snail Rally"


@pytest.mark.parametrize(
    ("page", "title"),
    [
        (b"<title>\n Word  &amp; Forge\n</title>", "Word & Forge"),
        ("<TITLE lang=de>Zü\u202egnp</TITLE>".encode(), "Zügnp"),
        (b"<p>none</p>", ""),
        (b"<title>" + b"x" * 500 + b"</title>", "x" * 80),
        (b"<title" * 10_000, ""),
    ],
)
def test_the_title_is_guessed_from_the_page(tmp_path: Path, page: bytes, title: str) -> None:
    assert unpacked(tmp_path, page, "html").title == title


def test_meta_json_says_more_about_the_game(tmp_path: Path) -> None:
    meta = b'{"title": "Hex\\ud800fall", "description": "Falling\\u0000 hexes.", "tags": ["Puzzle", "quick, #one", 7]}'
    bundle = unpacked(tmp_path, zipped({"index.html": PAGE, "meta.json": meta}))
    assert (bundle.title, bundle.description) == ("Hexfall", "Falling hexes.")
    assert bundle.tags == ["puzzle", "quick", "one"]


@pytest.mark.parametrize(
    ("meta", "warning"),
    [
        (b"[" * 50_000, "Nothing was taken from meta.json: it is not JSON that can be read."),
        (b"\xff", "Nothing was taken from meta.json: it is not valid UTF-8."),
        (b"[1]", "Nothing was taken from meta.json: it is not an object, { ... }."),
        (b'{\n"title": }', "Nothing was taken from meta.json: line 2 is not valid JSON (Expecting value)."),
        (b'{"title": 5}', 'In meta.json, "title" is not a text, so it is passed over.'),
        (b'{"tags": 5}', 'In meta.json, "tags" is not a list of texts, so it is passed over.'),
        (b'{"notes": "' + b"x" * 3000 + b'"}', 'In meta.json, "notes" is cut after 2,000 characters.'),
        (b"x" * 100_000, "Nothing was taken from meta.json: it is larger than 64 kB."),
    ],
)
def test_a_strange_meta_json_is_a_warning_and_no_more(tmp_path: Path, meta: bytes, warning: str) -> None:
    bundle = unpacked(tmp_path, zipped({"index.html": PAGE, "meta.json": meta}))
    assert (bundle.title, bundle.warnings) == ("Snail Rally", [warning])


def test_meta_json_names_the_cover_and_what_is_new(tmp_path: Path) -> None:
    meta = b'{"cover": "./art/c.png", "notes": "Faster\\r\\nsnails.", "tags": "race, Slow"}'
    bundle = unpacked(tmp_path, zipped({"g/index.html": PAGE, "g/meta.json": meta, "g/art/c.png": picture()}))
    assert (bundle.notes, bundle.tags, bundle.warnings) == ("Faster\nsnails.", ["race", "slow"], [])
    assert sorted(bundle.cover) == ["card.webp", "page.webp"]


def test_a_picture_called_cover_is_the_cover(tmp_path: Path) -> None:
    assert unpacked(tmp_path, zipped({"index.html": PAGE, "cover.jpg": picture("JPEG")})).cover
    inside = bundles.unpack(_zip(tmp_path, {"index.html": PAGE, "art/cover.jpg": b""}), "zip", tmp_path / "b", LIMITS)
    assert (inside.cover, inside.warnings) == ({}, [])


@pytest.mark.parametrize(
    ("files", "warning"),
    [
        ({"meta.json": b'{"cover": "x.png"}'}, "meta.json names x.png as the cover, which is not in the game."),
        ({"meta.json": b'{"cover": "../x.png"}'}, "meta.json names ../x.png as the cover"),
        ({"cover.png": b"<svg/>"}, "cover.png is not used as the cover. The cover is not a picture that can be read"),
        ({"cover.gif": bytes(10_000_001)}, "cover.gif is not used as the cover. The cover is larger than 10 MB."),
    ],
)
def test_a_cover_that_cannot_be_used_is_a_warning(tmp_path: Path, files: dict[str, bytes], warning: str) -> None:
    bundle = unpacked(tmp_path, zipped({"index.html": PAGE, **files}))
    assert bundle.cover == {}
    assert bundle.warnings[0].startswith(warning)


def test_the_page_that_its_author_chose_opens(tmp_path: Path) -> None:
    source = _zip(tmp_path, {"w/play.html": PAGE, "w/about.html": PAGE, "w/deep/own.html": PAGE})
    with pytest.raises(InvalidBundle) as refusal:
        bundles.unpack(source, "zip", tmp_path / "asks", LIMITS)
    assert refusal.value.details["candidates"] == ["about.html", "play.html", "deep/own.html"]
    for number, page in enumerate(refusal.value.candidates):
        assert bundles.unpack(source, "zip", tmp_path / f"into{number}", LIMITS, page).entry == page
    with pytest.raises(InvalidBundle, match=r"none\.html, which was chosen .* is not a page of the game"):
        bundles.unpack(source, "zip", tmp_path / "wrong", LIMITS, "none.html")


def test_files_that_come_compressed_are_measured(tmp_path: Path) -> None:
    files = {"index.html": PAGE, "b/g.wasm.br": brotli.compress(bytes(5000)), "b/g.data.gz": gzip.compress(bytes(70))}
    bundle = unpacked(tmp_path, zipped({**files, "b/x.js.gz": b"no gzip", "save.gz": b"no gzip"}))
    assert bundle.packed == {"b/g.wasm.br": Packed("br", 5000), "b/g.data.gz": Packed("gzip", 70)}
    assert bundle.warnings == ["b/x.js.gz is not compressed with gzip, and is sent as it is."]


def test_a_bomb_within_a_compressed_file_is_refused(tmp_path: Path) -> None:
    bomb = archives.brotli_bomb()
    with pytest.raises(InvalidBundle, match=r"b/g\.data\.br unpacks to more than 20 MB"):
        unpacked(tmp_path, zipped({"index.html": PAGE, "b/g.data.br": bomb}))
    assert not (tmp_path / "into").exists()


def test_what_will_not_work_is_a_warning(tmp_path: Path) -> None:
    page = PAGE + b'<script src="https://cdn.example/x.js"></script>'
    (warning,) = unpacked(tmp_path, page, "html").warnings
    assert "cdn.example (index.html)" in warning


@pytest.mark.parametrize(
    "code", [b"fetch('/api/inference/ollama/chat')", b"await vanilla.chat('hi')", b"window.vanilla"]
)
def test_a_game_that_calls_a_model_is_known_to_talk(tmp_path: Path, code: bytes) -> None:
    across_chunks = b" " * (archives_read.CHUNK - 5) + code
    assert unpacked(tmp_path, zipped({"index.html": PAGE, "js/a.js": across_chunks})).talks
    assert not bundles.unpack(_written(tmp_path, code), "zip", tmp_path / "data", LIMITS).talks


def _written(tmp_path: Path, text: bytes) -> Path:
    return _zip(tmp_path, {"index.html": PAGE, "notes.txt": text})


def _zip(tmp_path: Path, files: dict[str, bytes]) -> Path:
    path = tmp_path / "other.zip"
    path.write_bytes(zipped(files))
    return path


def picture(kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (80, 60), "#B3123F").save(buffer, kind)
    return buffer.getvalue()


def test_the_digest_is_of_names_and_contents(tmp_path: Path) -> None:
    def digest(files: dict[str, bytes]) -> str:
        source = tmp_path / "source.zip"
        source.write_bytes(zipped(files))
        into = tmp_path / f"into{len(list(tmp_path.iterdir()))}"
        return bundles.unpack(source, "zip", into, LIMITS).digest

    same = digest({"index.html": PAGE, "a": b"1", "b": b"2"})
    assert digest({"b": b"2", "a": b"1", "index.html": PAGE}) == same
    assert digest({"w/index.html": PAGE, "w/a": b"1", "w/b": b"2"}) == same
    assert digest({"index.html": PAGE, "a": b"2", "b": b"1"}) != same


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_no_fault_of_the_upload(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def full(self: Path, mode: int) -> None:
        raise OSError(number, "full")

    monkeypatch.setattr(Path, "chmod", full)
    with pytest.raises(OutOfSpace):
        unpacked(tmp_path, archives.good())
    assert not (tmp_path / "into").exists()


def test_a_broken_disk_is_told_as_what_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Path, mode: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(Path, "chmod", broken)
    with pytest.raises(OSError, match="Input/output"):
        unpacked(tmp_path, archives.good())
    assert not (tmp_path / "into").exists()


def test_free_disk_is_watched_while_a_game_is_unpacked(tmp_path: Path) -> None:
    source = _zip(tmp_path, {"index.html": PAGE, **{f"{n}.bin": bytes(5_000_000) for n in range(3)}})
    asked: list[int] = []

    def check_room() -> None:
        asked.append(sum(path.stat().st_size for path in (tmp_path / "into").rglob("*.bin")))
        if len(asked) > 2:
            raise OutOfSpace("nearly full")

    with pytest.raises(OutOfSpace, match="nearly full"):
        bundles.unpack(source, "zip", tmp_path / "into", LIMITS, "", check_room)
    assert len(asked) == 3
    assert max(asked) < 14_000_000
    assert not (tmp_path / "into").exists()


def test_a_folder_of_ours_is_held_to_the_same_rules(tmp_path: Path) -> None:
    example = tmp_path / "example"
    (example / "js").mkdir(parents=True)
    (example / "index.html").write_bytes(PAGE)
    (example / "js" / "a.js").write_bytes(b"vanilla.stream()")
    (example / ".DS_Store").write_bytes(b"")
    bundle = bundles.copy(example, tmp_path / "into", LIMITS)
    assert (sorted(bundle.files), bundle.talks) == (["index.html", "js/a.js"], True)
    (example / "index.html").unlink()
    with pytest.raises(InvalidBundle, match=r"no index\.html"):
        bundles.copy(example, tmp_path / "again", LIMITS)


def test_the_kind_is_told_by_name_and_first_bytes() -> None:
    assert bundles.kind_of("Game.ZIP", b"") == "zip"
    assert bundles.kind_of("game", b"PK\3\4") == "zip"
    assert bundles.kind_of("game.HTM", b"<!do") == "html"


@pytest.mark.parametrize(
    ("name", "head", "sentence"),
    [
        ("game.rar", b"Rar!\x1a\x07", "game.rar is a RAR archive. Upload a .zip archive or a single .html file."),
        ("game.7z", b"7z\xbc\xaf\x27\x1c", "game.7z is a 7-Zip archive. Upload"),
        ("game.tar.gz", b"\x1f\x8b\x08", "game.tar.gz is a gzip archive. Upload"),
        ("setup.exe", b"MZ\x90", "setup.exe is a program for Windows. Upload"),
        ("game.xyz", b"xyz", "Upload a .zip archive or a single .html file."),
        ("", b"", "Upload a .zip archive or a single .html file."),
    ],
)
def test_other_kinds_are_refused_by_what_they_are(name: str, head: bytes, sentence: str) -> None:
    with pytest.raises(InvalidBundle) as refusal:
        bundles.kind_of(name, head)
    assert refusal.value.message.startswith(sentence)


def test_limits_follow_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(max_game_files=7, max_unpacked_mb=20, max_game_path=60, max_game_ratio=30, _env_file=None)
    assert Limits.of(settings) == Limits(7, 20_000_000, 20_000_000, path_characters=60, ratio=30)
