"""What keeps a game apart from its player: the address of its files, the policy on them, the line put into its HTML.

A game runs in a frame with an opaque origin: no cookies, no storage, no way to the page around it. Its files are
fetched without cookies, so their address is the permission: it holds a capability, which dies with the game's epoch.
The policy is the one tried in Chromium, Firefox and WebKitGTK.
"""

import codecs
import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from collections.abc import Collection
from functools import lru_cache
from urllib.parse import quote, urlsplit

from vanilla.errors import BadRequest

SDK_PATH = "/static/vanilla.js"
DATABASES_PATH = "/static/vanilla-databases.js"  # what the SDK fetches where a game uses IndexedDB

# What a game may do in its frame. Without allow-same-origin its origin is opaque; without allow-popups no click takes
# data to another site.
SANDBOX = "allow-scripts allow-forms allow-modals allow-pointer-lock allow-downloads"

# What the frame lets through of the browser's features; the stars are needed by Firefox and WebKit, since the origin
# inside is nobody's.
FRAME_ALLOW = "fullscreen *; gamepad *; autoplay *"

_ASKED = ("/api/inference/", "/auth/me", DATABASES_PATH)  # what of the platform a game may ask for
_MAC_BYTES = 24
_CAPABILITY = re.compile(r"([1-9][0-9]{0,8})\.[A-Za-z0-9_-]{32}")
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")


@lru_cache(4096)  # asked for with every file
def capability(signing_key: bytes, game_id: str, version: int, epoch: int) -> str:
    """The secret part of the address of a version's files: `<version>.<HMAC-SHA256 of all three, 192 bits>`.

    The same for every player, so that files are cached; another one for each version, and for each epoch of the game.
    """
    message = f"vanilla game files\n{game_id}\n{version}\n{epoch}"
    mac = hmac.digest(signing_key, message.encode(), hashlib.sha256)[:_MAC_BYTES]
    return f"{version}.{urlsafe_b64encode(mac).decode()}"


def granted_version(signing_key: bytes, game_id: str, epoch: int, presented: str) -> int | None:
    """The version that a presented capability opens, or None if it opens nothing. Takes the same time for any guess."""
    shape = _CAPABILITY.fullmatch(presented)
    if shape is None:
        return None
    version = int(shape[1])
    genuine = hmac.compare_digest(presented, capability(signing_key, game_id, version, epoch))
    return version if genuine else None


def files_path(game_id: str, presented: str) -> str:
    """The path below which the files are, with a slash at its end."""
    return f"/games/{quote(game_id, safe='')}/{quote(presented, safe='')}/"


def policy(origin: str, game_id: str, presented: str, hosts: Collection[str] = ()) -> str:
    """Content-Security-Policy of everything below a capability's path.

    `origin` is the platform's own, such as `https://games.example.org:8443`. Raises BadRequest if it is none, since it
    comes from the Host header and must not add directives. `hosts` are names of other hosts that an admin approved for
    this game: it may load code, styles, fonts and media from there and talk to them, by WebSocket too; it may not frame
    their pages, nor send forms to them.
    """
    origin = _checked(origin)
    files = origin + files_path(game_id, presented)
    code = "'unsafe-inline' 'unsafe-eval' data: blob:"
    others = [f"https://{host}" for host in hosts if _is_other(host, origin)]
    # Not into default-src: that is also for <object>, which shows pages.
    media = (f"{kind}-src {' '.join([files, code, *others])}" for kind in ("style", "font", "img", "media") if others)
    talk = [*others, *(f"wss://{each.removeprefix('https://')}" for each in others)]
    return "; ".join(
        (
            f"sandbox {SANDBOX}",
            f"default-src {files} {code}",
            " ".join([f"script-src {files} {origin}{SDK_PATH} {code}", *others]),
            *media,
            " ".join([f"connect-src {files} {' '.join(origin + path for path in _ASKED)} data: blob:", *talk]),
            f"worker-src {files} blob: data:",
            f"frame-src {files} data: blob:",
            # A form may lead to another page of the game; nothing there takes more than a GET.
            f"form-action {files}",
            # Not 'self', which is the whole host: relative addresses stay among the game's own files.
            f"base-uri {files}",
        )
    )


def connections(origin: str, hosts: Collection[str] = ()) -> str:
    """Connection-Allowlist of the same responses: nothing of a game reaches another host by what no policy covers, such
    as WebRTC, or a connection made ahead (https://wicg.github.io/connection-allowlists/). Chromium 152 and later keep
    it; others do not know it."""
    others = (f'"https://{host}"' for host in hosts if _is_other(host, origin))
    return f"({' '.join(['response-origin', *others])})"


def locked_policy() -> str:
    """The policy of an answer that shows no game: nothing loads, nothing runs."""
    return "sandbox; default-src 'none'"


def frame_source(origin: str, game_id: str, presented: str) -> str:
    """The only `frame-src` of the page around the game. It also keeps the game from taking its frame elsewhere, with
    data in the address. Raises BadRequest as `policy` does."""
    return _checked(origin) + files_path(game_id, presented)


def with_sdk(document: bytes, sdk_url: str, *, is_whole: bool = True) -> tuple[bytes, str]:
    """An HTML document, or the beginning of one, with the SDK as its first script, and its Content-Type.

    The line is put in by bytes, after a byte order mark, the doctype, `<html>` and `<head>` where they stand first, so
    that a document in any encoding stays what it is. UTF-8 is declared where the bytes are UTF-8; where they are not,
    the document's own `<meta>` keeps the word.
    """
    codec, mark = _encoding(document)
    line = f'<script src="{sdk_url}"></script>'
    if codec:
        text = document[len(mark) :].decode(codec, "replace").encode("utf-8", "replace")
        text = _insert(text, line.encode())
        return mark + text.decode("utf-8").encode(codec), f"text/html; charset={codec}"
    result = mark + _insert(document[len(mark) :], line.encode())
    return result, "text/html; charset=utf-8" if mark or _is_utf8(document, is_whole) else "text/html"


def _checked(origin: str) -> str:
    if not _ORIGIN.fullmatch(origin):
        raise BadRequest("The Host header is not the name of a host.")
    return origin


def _is_other(host: str, origin: str) -> bool:
    """Whether a name can stand in a policy, and is not our own: on this host a game reaches its own paths alone."""
    return _HOST.fullmatch(host) is not None and host != urlsplit(origin).hostname


def _encoding(document: bytes) -> tuple[str, bytes]:
    """The codec of a UTF-16 document, else an empty string; and the byte order mark, if there is one."""
    if document.startswith(codecs.BOM_UTF8):
        return "", codecs.BOM_UTF8
    for codec, mark, first in (
        ("utf-16le", codecs.BOM_UTF16_LE, b"<\x00"),
        ("utf-16be", codecs.BOM_UTF16_BE, b"\x00<"),
    ):
        if document.startswith(mark):
            return codec, mark
        if document.startswith(first):
            return codec, b""
    return "", b""


def _is_utf8(document: bytes, is_whole: bool) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(document, final=is_whole)  # it may end within a character
    except UnicodeDecodeError:
        return False
    return True


# Everything that may stand before a document's first script. No step can be taken back (`*+`), so that a hostile
# document costs one pass.
_ATTRIBUTES = rb"""(?:[\s/](?:[^>"']|"[^"]*+"|'[^']*+')*+)?"""
_FILLER = rb"(?:\s|<!--(?:-?>|.*?--!?>)|<\?[^>]*+>)*+"
_PROLOGUE = re.compile(
    _FILLER
    + rb"(?:<!doctype[^>]*+>)?"
    + _FILLER
    + rb"(?:<html"
    + _ATTRIBUTES
    + rb">)?(?:"
    + _FILLER
    + rb"<head"
    + _ATTRIBUTES
    + rb">)?",
    re.IGNORECASE | re.DOTALL,
)


def _insert(document: bytes, line: bytes) -> bytes:
    place = _PROLOGUE.match(document)
    at = place.end() if place else 0
    return document[:at] + line + document[at:]
