"""The files of games by capability: what the middleware does for every other request, in one pass.

A game is hundreds of files, and FastAPI with its middleware costs many times what sending a small one does. Nothing
that is asked for below a capability's path depends on who asks, so headers and small files are prepared once and kept.
"""

import asyncio
import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import FileResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vanilla.api.middleware import UNEXPECTED, log_request, new_request_id
from vanilla.api.origin import our_origin
from vanilla.errors import NotFound, VanillaError
from vanilla.games import packed, reading, sandbox
from vanilla.games.files import StoredFile, on_thread
from vanilla.games.packed import Encoding
from vanilla.games.reading import OpenFile
from vanilla.services import Services

logger = logging.getLogger("vanilla.requests")

SDK_FILE = Path(__file__).parents[1] / "static" / "vanilla.js"
DATABASES_FILE = SDK_FILE.with_name("vanilla-databases.js")
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
PREFIX = "/games/"
BEGINNING = 1024 * 1024  # bytes of a page, an even number: what the SDK is put into
SMALL = 128 * 1024  # bytes: files up to here are kept in memory
KEPT_BYTES = 48 * 1024 * 1024  # of small files, in all
KEPT = 4000  # prepared answers
ORIGINS = 1000  # addresses of ours that are remembered

# What the opaque origin of a game makes necessary (facts of CORS), and what keeps a file from being taken for another.
OPEN_HEADERS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "*",
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",  # or a game says something to the name server of another host
}
_RANGE = re.compile(r"bytes=\s*(?:\d+-\d*|-\d+)(?:\s*,\s*(?:\d+-\d*|-\d+))*\s*", re.IGNORECASE)
_RawHeaders = list[tuple[bytes, bytes]]
_Key = tuple[str, str, tuple[str, ...]]  # the request's path, our origin, other hosts that the policy names
_WANTED = {
    name.encode(): name
    for name in (
        "accept-encoding",
        "access-control-request-headers",
        "host",
        "if-none-match",
        "range",
        "sec-fetch-dest",
    )
}


@cache
def sdk_url() -> str:
    """The SDK's address with the digest of its contents, and of what it fetches with the same `v`."""
    digest = hashlib.sha256(SDK_FILE.read_bytes() + DATABASES_FILE.read_bytes()).hexdigest()[:12]
    return f"{sandbox.SDK_PATH}?v={digest}"


@dataclass(frozen=True, slots=True)
class _Prepared:
    """An answer that is the same for everybody. `body` is None where it is read from the disk each time."""

    file: StoredFile
    headers: _RawHeaders
    etag: str
    body: bytes | None = None
    beginning: bytes = b""  # of a large page, with the SDK in it; the rest of it is read from BEGINNING on
    decodes: Encoding | None = None  # it is to be unpacked on its way
    takes_ranges: bool = False

    @property
    def may_be_kept(self) -> bool:
        """Whether it is the same for every client, and small."""
        return self.file.packed is None and not self.beginning


class GameFiles:
    """Answers everything below `/games/{id}/{capability}/`, around the whole application. The address is the
    permission; cookies and tokens count for nothing here. Whatever the answer is, it carries the sandbox: nothing below
    such a path is ever a page of ours."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services
        self._kept: OrderedDict[_Key, _Prepared] = OrderedDict()
        self._kept_bytes = 0
        self._origins: dict[tuple[str, str], str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        game_id, _, rest = scope["path"][len(PREFIX) :].partition("/")
        capability, slash, path = rest.partition("/")
        if not (game_id and capability and slash):
            await self._app(scope, receive, send)
            return
        scope["request_id"] = new_request_id()
        status, started = 0, time.perf_counter()

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._answer(game_id, capability, path, scope, receive, watched_send)
        except Exception:
            logger.exception("A file of the game %s could not be sent", game_id)
            # Once an answer has begun, the server cuts the connection: its end must not look like a clean one.
            if not status:
                await _say(watched_send, scope, 500, UNEXPECTED)
        finally:
            log_request(scope, status, started)

    async def _answer(
        self, game_id: str, capability: str, path: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        asked = _asked(scope)
        method = scope["method"]
        if method == "OPTIONS":
            allowed = {
                "access-control-allow-methods": "GET, HEAD",
                "access-control-allow-headers": asked.get("access-control-request-headers", "*"),
                "access-control-max-age": "600",
            }
            await _say(send, scope, 204, "", allowed)
        elif method not in ("GET", "HEAD"):
            await _say(send, scope, 405, "Files of a game can only be read.", {"allow": "GET, HEAD, OPTIONS"})
        elif asked.get("sec-fetch-dest") == "document":  # opened as a tab, without our frame around it
            await _say(send, scope, 303, "", {"location": quote(f"/play/{game_id}")})
        else:
            try:
                version, hosts = await self._services.addresses.granted(game_id, capability)
                origin = self._origin(scope, asked)
                key = scope["path"], origin, hosts
                prepared = self._kept.get(key)
                if prepared is None or not self._services.files.knows(game_id, version):
                    # A folder's name with a slash means the index.html in it.
                    name = f"{path}index.html" if path.endswith("/") else path
                    file = await self._services.files.find(game_id, version, name)
                    if not path and "/" in file.name:  # its own relative addresses begin there
                        await _say(send, scope, 307, "", {"location": quote(file.name)})
                        return
                    policy = {
                        "content-security-policy": sandbox.policy(origin, game_id, capability, hosts),
                        "connection-allowlist": sandbox.connections(origin, hosts),
                    }
                    prepared = await _prepare(file, policy, version, asked.get("accept-encoding", ""))
                    self._keep(key, prepared)
                await _give(prepared, asked, scope, receive, send)
            except (NotFound, FileNotFoundError):  # the latter when the game is removed at this moment
                await _say(send, scope, 404, "The game has no such file.")
            except VanillaError as error:
                await _say(send, scope, error.status, error.message)

    def _origin(self, scope: Scope, asked: dict[str, str]) -> str:
        settings = self._services.settings
        if settings.trusted_proxies:
            return our_origin(scope, Headers(scope=scope), settings)
        key = scope["scheme"], asked.get("host", "")
        if (known := self._origins.get(key)) is None:
            if len(self._origins) >= ORIGINS:
                self._origins.clear()
            known = self._origins[key] = our_origin(scope, Headers(scope=scope), settings)
        return known

    def _keep(self, key: _Key, prepared: _Prepared) -> None:
        if not prepared.may_be_kept or key in self._kept:
            return
        self._kept[key] = prepared
        self._kept_bytes += len(prepared.body or b"")
        while len(self._kept) > KEPT or self._kept_bytes > KEPT_BYTES:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= len(dropped.body or b"")


async def _prepare(file: StoredFile, policy: Mapping[str, str], version: int, accept_encoding: str) -> _Prepared:
    """Raises FileNotFoundError when the game is removed at this moment."""
    is_page = file.content_type.startswith("text/html")
    decodes = file.packed is not None and not _takes(accept_encoding, file.packed.encoding)
    # A version's files never change; a page does with the SDK whose address stands in it.
    etag = f'"{version}-{sdk_url()[-12:]}"' if is_page else f'"{version}"'
    headers = {
        **OPEN_HEADERS,
        **policy,
        "cache-control": ASK_AGAIN if is_page else FOR_EVER,
        "content-type": file.content_type,
        "content-length": str(file.size),
    }
    body: bytes | None = None
    beginning = b""
    encoding: Encoding | None = None
    if is_page:
        start, headers["content-type"] = await on_thread(_beginning, file.path)
        headers["content-length"] = str(len(start) + max(0, file.size - BEGINNING))
        body, beginning = (start, b"") if file.size <= SMALL else (None, start)
    elif file.packed is not None:
        headers["vary"] = "accept-encoding"
        if decodes:
            encoding = file.packed.encoding
            headers["content-length"] = str(file.packed.size)
        else:
            headers["content-encoding"] = file.packed.encoding
            etag = f'"{version}-{file.packed.encoding}"'
    if not is_page and not decodes:
        headers["accept-ranges"] = "bytes"
        if file.size <= SMALL:
            body = await on_thread(file.path.read_bytes)
    headers["etag"] = etag
    return _Prepared(file, _raw(headers), etag, body, beginning, encoding, takes_ranges=not is_page and not decodes)


async def _give(prepared: _Prepared, asked: dict[str, str], scope: Scope, receive: Receive, send: Send) -> None:
    file = prepared.file
    if _has(asked.get("if-none-match", ""), prepared.etag):
        headers = [header for header in prepared.headers if header[0] not in (b"content-length", b"content-type")]
        await _send(send, 304, headers, b"")
    elif "range" in asked and prepared.takes_ranges and _RANGE.fullmatch(asked["range"]):
        await _send_range(prepared, scope, receive, send)
    elif scope["method"] == "HEAD":
        await _send(send, 200, prepared.headers, b"")
    elif prepared.body is not None:
        await _send(send, 200, prepared.headers, prepared.body)
    elif prepared.decodes is not None:
        pieces = reading.from_thread(packed.unpacked(file.path, prepared.decodes))
        await _stream(receive, send, prepared.headers, pieces)
    else:
        async with reading.opened(file.path) as open_file:
            await _stream(receive, send, prepared.headers, _pieces(prepared.beginning, open_file))


async def _pieces(beginning: bytes, file: OpenFile) -> AsyncGenerator[bytes]:
    """A large file is never whole in memory, however many ask for it and do not read."""
    if beginning:
        yield beginning
    async for piece in file.pieces(BEGINNING if beginning else 0):
        yield piece


async def _send_range(prepared: _Prepared, scope: Scope, receive: Receive, send: Send) -> None:
    """Part of a file: what a player of sound or film asks for. Its refusal, 416, carries the sandbox too."""
    headers = {name.decode(): value.decode() for name, value in prepared.headers if name != b"content-length"}
    kept = {name: headers[name] for name in (*OPEN_HEADERS, "content-security-policy", "connection-allowlist")}

    async def send_sandboxed(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(kept)
        await send(message)

    path = prepared.file.path
    stat = await on_thread(path.stat)
    response = FileResponse(path, headers=headers, media_type=prepared.file.content_type, stat_result=stat)
    await response(scope, receive, send_sandboxed)


async def _stream(receive: Receive, send: Send, headers: _RawHeaders, pieces: AsyncGenerator[bytes]) -> None:
    """Ends early where the client has left: uvicorn takes what is sent then, and throws it away."""
    gone: asyncio.Task[None] | None = None  # most files are over before it is worth one
    sent = 0
    try:
        async with aclosing(pieces):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for piece in pieces:
                if gone is not None and gone.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                sent += 1
                if sent == reading.BREATH:
                    gone = asyncio.create_task(_gone(receive))
            await send({"type": "http.response.body", "body": b""})
    finally:
        if gone is not None:
            gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Send, status: int, headers: _RawHeaders, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _say(send: Send, scope: Scope, status: int, message: str, more: Mapping[str, str] | None = None) -> None:
    """An answer that is no file."""
    body = message.encode()
    headers = {
        **OPEN_HEADERS,
        "content-security-policy": sandbox.locked_policy(),
        "cache-control": "no-store",
        **({"content-type": "text/plain; charset=utf-8"} if message else {}),
        **({"content-length": str(len(body))} if status not in (204, 304) else {}),
        **(more or {}),
    }
    await _send(send, status, _raw(headers), b"" if scope["method"] == "HEAD" else body)


def _beginning(path: Path) -> tuple[bytes, str]:
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    return sandbox.with_sdk(beginning, sdk_url(), is_whole=len(beginning) < BEGINNING)


def _asked(scope: Scope) -> dict[str, str]:
    """Those of the request's headers that matter here; what came several times as one."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        if (key := _WANTED.get(name)) is not None:
            text = value.decode("latin-1")
            found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _takes(accept_encoding: str, encoding: str) -> bool:
    """Whether a client takes this encoding (RFC 9110, 12.5.3): a weight of 0 says no."""
    for part in accept_encoding.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == encoding:
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False


def _has(if_none_match: str, etag: str) -> bool:
    """RFC 9110, 13.1.2: the weak comparison of a list of tags."""
    if not if_none_match:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]


def _raw(headers: Mapping[str, str]) -> _RawHeaders:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
