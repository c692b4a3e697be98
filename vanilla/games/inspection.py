"""Reading a game's pages, styles and scripts for what will not work here, so that its author hears of it at upload.

Guesses, so they are warnings: a game that does not do what its code mentions is right to go on. Reading is bounded, and
in small pieces: no search over a piece keeps the interpreter for long.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from vanilla.games import names, packed

MOST_WARNINGS = 20
LARGE_FILE = 25_000_000  # bytes: from here on friends wait for it
PAGES = (".html", ".htm")
_SCRIPTS = (".js", ".mjs", ".cjs")
_CODE = (*PAGES, *_SCRIPTS, ".css")
_READ_OF_FILE = 3_000_000  # bytes
_READ_IN_ALL = 12_000_000
_PIECE = 64 * 1024
_OVERLAP = 1024
_NAMED = 4  # examples in a sentence

# No repetition here is unbounded, or can take back a step over much: a hostile file costs one pass.
_TAG = re.compile(
    rb"<(script|link|img|audio|video|source|track|iframe|embed|object|image)\b([^<>]{1,800})>", re.IGNORECASE
)
_ATTRIBUTE = re.compile(
    rb"""\s(src|href|data|poster|xlink:href|rel)\s{0,4}=\s{0,4}("[^"]{0,500}"|'[^']{0,500}'|[^\s"'>]{1,500})""",
    re.IGNORECASE,
)
_STYLE_ADDRESS = re.compile(rb"""(?:\burl\(\s{0,4}["']?|@import\s{1,4}["'])([^"')\s]{2,300})""", re.IGNORECASE)
_SCRIPT_ADDRESS = re.compile(
    rb"""(?:\b(?:fetch|import|importScripts|WebSocket|EventSource|Worker|Audio|from|load\w{0,20})|\.src"""
    rb"""|\b(?:base|api)_?url|\bendpoint|\.open\(\s{0,3}["']\w{1,7}["']\s{0,3},)\s{0,3}[=:(]?\s{0,3}["'`]"""
    rb"""((?:(?:https?|wss?):)?//[^"'`\s\\]{3,300}|/[^/"'`\s\\][^"'`\s\\]{0,300})""",
    re.IGNORECASE,
)
_IMPORT_MAP_ADDRESS = re.compile(rb""""[^"\n]{1,100}"\s{0,4}:\s{0,4}"(https?://[^"\s]{1,300})\"""")
_HOST = re.compile(rb"(?:(?:https?|wss?):)?//(?:[^/@\s]{0,100}@)?([a-z0-9.-]{1,200}(?::\d{1,5})?)", re.IGNORECASE)
_ANTHROPIC_KEY = re.compile(rb"\bsk-ant-[A-Za-z0-9_-]{24,}")
_THREADS = (b"new SharedArrayBuffer", b"shared:true", b"shared:!0", b"shared: true", b"GODOT_THREADS_ENABLED = true")
_OUR_PATHS = ("/api/inference/", "/auth/me", "/static/vanilla.js")
_LINKS_THAT_LOAD = (b"stylesheet", b"preload", b"modulepreload")
_MISSING_HERE = {
    b"new SharedWorker": "shared workers",
    b"caches.open(": "the Cache API",
    b"storage.getDirectory(": "the private file system",
    b"getUserMedia(": "camera and microphone",
}
_MODEL_HOSTS = {"api.anthropic.com": "anthropic", "localhost:11434": "ollama", "127.0.0.1:11434": "ollama"}
_FOR_SERVERS = (".php", ".asp", ".aspx", ".jsp", ".cgi", ".rb")
_FOR_DESKTOPS = (".exe", ".msi", ".dll", ".apk", ".dmg", ".deb", ".jar", ".bat", ".ps1", ".scr")


@dataclass(slots=True)
class _Seen:
    """What was found, each with the files it was found in, in order."""

    hosts: dict[str, str] = field(default_factory=dict)  # host to the first file that names it
    absolute: dict[str, str] = field(default_factory=dict)
    asked: dict[tuple[str, str], None] = field(default_factory=dict)  # page and relative address in it
    unsupported: dict[str, str] = field(default_factory=dict)
    keys: dict[str, None] = field(default_factory=dict)
    service_workers: dict[str, None] = field(default_factory=dict)
    threads: dict[str, None] = field(default_factory=dict)
    based: set[str] = field(default_factory=set)  # pages with <base>


def inspect(folder: Path, files: Mapping[str, int]) -> list[str]:
    """Warnings about an unpacked game, each a sentence, the gravest first. `files` has sizes in bytes. Blocks."""
    seen = _Seen()
    left = _READ_IN_ALL
    for name in sorted(files, key=lambda name: (not name.lower().endswith(PAGES), files[name])):
        if name.lower().endswith(_CODE) and left > 0:
            for piece in _pieces(folder / name, min(left, _READ_OF_FILE)):
                _look(name, piece, seen)
            left -= min(files[name], _READ_OF_FILE)
    return list(_warnings(seen, files))[:MOST_WARNINGS]


def _pieces(path: Path, most: int) -> Iterator[bytes]:
    tail = b""
    with path.open("rb") as file:
        while most > 0 and (data := file.read(min(_PIECE, most))):
            yield tail + data
            tail = data[-_OVERLAP:]
            most -= len(data)


def _look(name: str, piece: bytes, seen: _Seen) -> None:
    lower = name.lower()
    if lower.endswith(PAGES):
        piece = _without_comments(piece)
        _look_at_tags(name, piece, seen)
        if b"importmap" in piece:
            _note(name, (match[1] for match in _IMPORT_MAP_ADDRESS.finditer(piece)), seen)
    if lower.endswith((*PAGES, ".css")):
        _note(name, (match[1] for match in _STYLE_ADDRESS.finditer(piece)), seen)
    if lower.endswith((*PAGES, *_SCRIPTS)):
        _look_at_script(name, piece, seen)


def _look_at_tags(name: str, piece: bytes, seen: _Seen) -> None:
    if b"<base" in piece.lower():
        seen.based.add(name)
    for tag in _TAG.finditer(piece):
        found = {match[1].lower(): match[2].strip(b"\"'").strip() for match in _ATTRIBUTE.finditer(tag[2])}
        rel = found.pop(b"rel", b"").lower()
        if tag[1].lower() == b"link" and not rel.startswith(_LINKS_THAT_LOAD):
            continue
        addresses = [address for address in found.values() if address]
        _note(name, iter(addresses), seen)
        for address in addresses:
            if not re.match(rb"[a-z][a-z0-9+.-]*:|[/#?{$<%]", address, re.IGNORECASE) and b"{" not in address:
                seen.asked[name, address.decode("utf-8", "replace")] = None


def _look_at_script(name: str, piece: bytes, seen: _Seen) -> None:
    _note(name, (match[1] for match in _SCRIPT_ADDRESS.finditer(piece)), seen)
    if b"serviceWorker" in piece:
        seen.service_workers[name] = None
    if any(words in piece for words in _THREADS):
        seen.threads[name] = None
    if _ANTHROPIC_KEY.search(piece):
        seen.keys[name] = None
    for words, what in _MISSING_HERE.items():
        if words in piece:
            seen.unsupported.setdefault(what, name)


def _note(name: str, addresses: Iterator[bytes], seen: _Seen) -> None:
    for address in addresses:
        if host := _HOST.match(address):
            seen.hosts.setdefault(host[1].decode().lower().strip("."), name)
        elif address.startswith(b"/") and not address.startswith(b"//"):
            path = address.decode("utf-8", "replace")
            if not path.startswith(_OUR_PATHS):
                seen.absolute.setdefault(path, name)


def _warnings(seen: _Seen, files: Mapping[str, int]) -> Iterator[str]:
    if seen.keys:
        yield (
            f"{_named(seen.keys)} has an Anthropic key in it, which everybody who plays can read. Take it out and "
            "revoke it: games here need no key."
        )
    yield from _missing(seen, files)
    if seen.absolute:
        shown = [f"{names.shown(path)} ({names.shown(name)})" for path, name in seen.absolute.items()]
        yield (
            f"Paths that begin with / do not lead into the game: {_listed(shown)}. Make them relative, such as "
            "img/x.png."
        )
    for host, backend in _MODEL_HOSTS.items():
        if name := seen.hosts.pop(host, ""):
            yield (
                f"{names.shown(name)} calls {host}, which is blocked here. Call /api/inference/{backend}/ instead, "
                "without a key."
            )
    if seen.hosts:
        shown = [f"{names.shown(host)} ({names.shown(name)})" for host, name in seen.hosts.items()]
        yield (
            f"The game uses other sites, which are blocked here: {_listed(shown)}. Put what it needs into the game, or "
            "ask the host to allow the site for it."
        )
    if seen.threads:
        yield (
            f"{_named(seen.threads)} uses threads with shared memory (SharedArrayBuffer), which games do not have "
            "here. If the game does not start, export it without threads."
        )
    if seen.service_workers:
        yield (
            f"{_named(seen.service_workers)} uses a service worker, which games do not have here: the game must also "
            "start without it."
        )
    for what, name in seen.unsupported.items():
        yield f"{names.shown(name)} uses {what}, which games do not have here."
    if found := [name for name in files if name.lower().endswith(_FOR_SERVERS)]:
        yield f"{_named(found)} would run on a server; here it is only sent as it is."
    if found := [name for name in files if name.lower().endswith(_FOR_DESKTOPS)]:
        yield f"{_named(found)} is a program for a computer, which a browser does not run."
    if large := [f"{names.shown(name)} ({size // 1_000_000} MB)" for name, size in files.items() if size > LARGE_FILE]:
        yield f"Friends wait for large files when they play first: {_listed(large)}."


def _missing(seen: _Seen, files: Mapping[str, int]) -> Iterator[str]:
    """What pages ask for and the game does not have."""
    spelled = {names.key(name): name for name in files}
    absent: list[str] = []
    for page, address in seen.asked:
        if page in seen.based:
            continue
        path = unquote(re.split(r"[?#]", address, maxsplit=1)[0])
        wanted = names.composed(posixpath.normpath(posixpath.join(posixpath.dirname(page), path)))
        if path.endswith("/") or wanted in files or any(wanted + suffix in files for suffix in packed.SUFFIXES):
            continue
        if there := spelled.get(names.key(wanted)):
            yield (
                f"{names.shown(page)} asks for {names.shown(wanted)}; the file is called {names.shown(there)}, and "
                "upper and lower case differ here."
            )
        else:
            absent.append(f"{names.shown(wanted)} ({names.shown(page)})")
    if absent:
        yield f"Pages ask for files that are not in the game: {_listed(absent)}."


def _without_comments(piece: bytes) -> bytes:
    kept, at = [], 0
    while (begin := piece.find(b"<!--", at)) >= 0:
        kept.append(piece[at:begin])
        end = piece.find(b"-->", begin)
        if end < 0:
            return b"".join(kept)
        at = end + 3
    return b"".join([*kept, piece[at:]])


def _named(files: Iterable[str]) -> str:
    return _listed([names.shown(name) for name in files])


def _listed(shown: list[str]) -> str:
    first = ", ".join(shown[:_NAMED])
    return first if len(shown) <= _NAMED else f"{first} and {len(shown) - _NAMED:,} more"
