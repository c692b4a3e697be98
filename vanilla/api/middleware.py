"""What every request passes, from the outside in. Plain ASGI classes, each one rule."""

import logging
import random
import re
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars, unbind_contextvars

from vanilla.api import failures
from vanilla.api.callers import bearer_of
from vanilla.api.cors import Cors
from vanilla.api.origin import client_address, is_ours, our_origin
from vanilla.api.variants import HeadAsGet, TrailingSlash
from vanilla.errors import Forbidden, TooLarge, Unauthenticated, VanillaError
from vanilla.settings import Settings

logger = logging.getLogger("vanilla.requests")

SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
SOCKET_PATH = "/_nicegui_ws"  # by polling, where a WebSocket cannot be had
BEARER_PATHS = ("/api/inference/", "/api/games", "/auth/me")  # where a token is good for something
STREAMED_PATHS = ("/api/inference/anthropic/", "/api/inference/ollama/")  # what is below reads its bodies in bounds,
# and so do these, once they know who calls
UPLOAD_PATHS = re.compile(r"/api/games(/[^/]+/(versions|cover|saves(/databases|/import)?))?")
UNEXPECTED = "Something went wrong here. The host finds it in the log by this id."
LARGEST_SMALL_BODY = 64 * 1024  # bytes
QUIET_PATHS = ("/_nicegui", "/static/", "/games/", "/healthz", "/readyz", "/metrics")  # logged at debug alone
_SECRETS_IN_PATHS = re.compile(
    r"(?<=^/games/)([^/]+/)[^/]{20,}(?=/|$)|(?<=^/_nicegui/client/)[^/]+|(?<=^/invitation/)[^/]+|(?<=^/reset/)[^/]+"
)

# NiceGUI compiles its templates in the browser: without 'unsafe-eval' and 'unsafe-inline' its pages are dead. What the
# policy still does: nothing is loaded from or sent to another site, and no other site frames us.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)
PERMISSIONS = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"


def install(app: FastAPI, settings: Settings) -> None:
    """Put them around the application; the last one added is the outermost."""
    app.add_middleware(SmallBodies)
    app.add_middleware(OurPagesOnly)
    app.add_middleware(LastResort)
    app.add_middleware(Cors)
    app.add_middleware(SecurityHeaders, settings=settings)
    app.add_middleware(RequestContext, settings=settings)
    app.add_middleware(TrailingSlash)
    app.add_middleware(HeadAsGet)


class RequestContext:
    """Gives a request its id, our origin and the client's address, and logs it in one line when it is over."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        request_id = new_request_id()
        scope["request_id"] = request_id
        scope["origin"] = our_origin(scope, headers, self._settings)
        scope["client_address"] = client_address(scope, headers, self._settings)
        is_api = scope["path"].startswith(failures.API_PREFIXES)
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if is_api:
                    MutableHeaders(scope=message).setdefault("request-id", request_id)
            await send(message)

        bound = bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            if scope["type"] == "http":
                log_request(scope, status, started)
            reset_contextvars(**bound)
            unbind_contextvars("user_id")


class SecurityHeaders:
    """Tells browsers what pages of ours may do. A response that brings a policy of its own, as game files do, keeps
    it. A page that frames a game names the source in `scope["frame_source"]`; no other page frames anything.

    Where PUBLIC_URL is https, browsers are told to come no other way (RFC 6797); HSTS_DAYS says for how long.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        is_https = settings.public_url.startswith("https:")
        self._transport = f"max-age={settings.hsts_days * 86400}" if is_https else ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                _secure(headers, scope.get("frame_source", "'none'"))
                if self._transport:
                    headers.setdefault("strict-transport-security", self._transport)
                if "location" in headers:
                    headers["location"] = _without_host(headers["location"], scope)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class LastResort:
    """Logs an error that nobody expected, once, and answers 500 without saying what it was."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_started = False

        async def watched_send(message: Message) -> None:
            nonlocal is_started
            is_started = is_started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except Exception:
            logger.exception("%s %s failed", scope["method"], readable_path(scope["path"]))
            # Once an answer has begun, the server cuts the connection: its end must not look like a clean one.
            if not is_started:
                await _refuse(scope, send, VanillaError(UNEXPECTED))


class OurPagesOnly:
    """Refuses what other sites, and games in their sandbox, would make a signed-in browser do: every unsafe request
    and every WebSocket whose Origin is not ours. SameSite cookies are no defence: WebKit sends them from sandboxed
    frames. A bearer is proof enough where it is good for something: no browser adds one by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan" or (scope["type"] == "http" and _changes_nothing(scope)):
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        if is_ours(connection.headers, scope["origin"]):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            self._warn(connection)
            await send({"type": "websocket.close", "code": 1008, "reason": "This page is of another site."})
        else:
            try:
                if scope["path"].startswith(BEARER_PATHS) and bearer_of(connection) is not None:
                    await self._app(scope, receive, send)
                    return
            except Unauthenticated as error:
                await _refuse(scope, send, error)
                return
            self._warn(connection)
            origin = connection.headers.get("origin", "another site")
            await _refuse(
                scope,
                send,
                Forbidden(
                    f"This request comes from {origin[:200]}, and only pages of {scope['origin']} may do this. If both"
                    " are this site, the host sets PUBLIC_URL, or TRUSTED_PROXIES, to say so."
                ),
            )

    def _warn(self, connection: HTTPConnection) -> None:
        """Once: the usual cause is a reverse proxy that nobody told us of. A game in its sandbox is `null`."""
        if not self._has_warned and connection.headers.get("origin") != "null":
            self._has_warned = True
            logger.warning(
                "Refused a request from %s: this site is %s (set PUBLIC_URL or TRUSTED_PROXIES if they are the same)",
                connection.headers.get("origin", "another site")[:200],
                connection.scope["origin"],
            )


class SmallBodies:
    """Reads every body before its route is called, so that it is never large: FastAPI reads bodies into memory, whole,
    before it asks who sends them. Left alone are the paths that are made for large ones."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or _takes_large_bodies(scope["path"]):
            await self._app(scope, receive, send)
            return
        body = await _read(receive, Headers(scope=scope).get("content-length", ""))
        if body is None:
            limit = LARGEST_SMALL_BODY // 1024
            await _refuse(scope, send, TooLarge(f"The body is too large: at most {limit} kB are read here."))
            return
        first: Message | None = body

        async def replay() -> Message:
            nonlocal first
            message, first = first, None
            return await receive() if message is None else message

        await self._app(scope, replay, send)


def _takes_large_bodies(path: str) -> bool:
    return UPLOAD_PATHS.fullmatch(path) is not None or path.startswith(STREAMED_PATHS)


async def _read(receive: Receive, length: str) -> Message | None:
    """The whole body as one message, a disconnect if that came first, None if it is too large."""
    if length.isdecimal() and int(length[:20]) > LARGEST_SMALL_BODY:
        return None
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return message
        body += message.get("body", b"")
        if len(body) > LARGEST_SMALL_BODY:
            return None
        if not message.get("more_body", False):
            return {"type": "http.request", "body": body, "more_body": False}


def _changes_nothing(scope: Scope) -> bool:
    """Whether this HTTP request is one that may come from anywhere. A GET of NiceGUI's socket opens a session of it,
    and its answer would be readable for every origin."""
    return scope["method"] in SAFE_METHODS and not scope["path"].startswith(SOCKET_PATH)


async def _refuse(scope: Scope, send: Send, error: VanillaError) -> None:
    """Answer with an error: below the API in its shape, elsewhere as a line of text."""
    status, headers, body = failures.encoded(error, scope["path"], scope["request_id"])
    if not scope["path"].startswith(failures.API_PREFIXES):
        headers["content-type"] = "text/plain; charset=utf-8"
        body = f"{error.message}\n{scope['request_id']}\n".encode()
    headers["content-length"] = str(len(body))
    await send({"type": "http.response.start", "status": status, "headers": _raw(headers)})
    await send({"type": "http.response.body", "body": body if scope["method"] != "HEAD" else b""})


def _raw(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]


def _secure(headers: MutableHeaders, frame_source: str) -> None:
    headers.setdefault("x-content-type-options", "nosniff")
    if "content-security-policy" in headers:
        return
    headers.setdefault("referrer-policy", "same-origin")
    headers["x-frame-options"] = "DENY"
    if headers.get("content-type", "").startswith("text/html"):
        headers["content-security-policy"] = f"{PAGE_POLICY}; frame-src {frame_source}"
        headers["permissions-policy"] = PERMISSIONS


def _without_host(location: str, scope: Scope) -> str:
    """A redirect to where the request came to, as a path: Starlette's own, which add or take a slash, name the Host of
    the request, which anybody can forge, and http even where a proxy speaks https."""
    parts = urlsplit(location)
    if parts.netloc != Headers(scope=scope).get("host", ""):
        return location
    path = "/" + parts.path.lstrip("/")  # two slashes would lead to another site
    return f"{path}?{parts.query}" if parts.query else path


def readable_path(path: str) -> str:
    """A request's path without what in it is a secret: a game's capability, a page's id, a link that lets one in."""
    return _SECRETS_IN_PATHS.sub(lambda match: f"{match[1] or ''}[hidden]", path)


def new_request_id() -> str:
    """An id to find a request by. Not a secret."""
    return f"req_{random.getrandbits(96):024x}"


def log_request(scope: Scope, status: int, started: float) -> None:
    """One line for a request: never its query, nor what in its path is a secret."""
    level = logging.DEBUG if scope["path"].startswith(QUIET_PATHS) and status < 500 else logging.INFO
    if logger.isEnabledFor(level):
        fields = {
            "status": status,
            "ms": round((time.perf_counter() - started) * 1000, 1),
            "user_id": scope.get("user_id"),
        }
        logger.log(level, "%s %s", scope["method"], readable_path(scope["path"]), extra={"fields": fields})
