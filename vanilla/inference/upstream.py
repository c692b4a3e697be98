"""The way to a model server and back: bytes as they come, a few headers, and what the network does as VanillaErrors."""

import logging
import zlib
from collections.abc import AsyncIterator
from types import TracebackType

import aiohttp
from aiohttp.client import _RequestContextManager
from starlette.types import Message, Send

from vanilla.errors import UpstreamFailed, VanillaError
from vanilla.inference.backends.base import Backend, Target
from vanilla.usage.metrics import Metrics

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 10.0
LARGEST_ANSWER = 64 * 1024 * 1024  # bytes of an answer that is not streamed
PASSED_DOWN = frozenset({"content-type", "request-id", "retry-after", "x-should-retry"})


class Unreached(Exception):
    """No connection could be made, so nothing was billed. `because` is what the caller is told."""

    def __init__(self, because: VanillaError) -> None:
        super().__init__(because.message)
        self.because = because


class Upstream:
    """One pool of connections for all model servers. Opened and closed with the app, on its event loop."""

    def __init__(self, metrics: Metrics, *, idle_seconds: float = 300.0) -> None:
        self._metrics = metrics
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=idle_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        # No cookies, no redirects, no proxy from the environment, nothing decoded: what comes is passed on.
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30.0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            skip_auto_headers=("User-Agent",),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    @property
    def session(self) -> aiohttp.ClientSession:
        assert self._session is not None, "opened with the app"
        return self._session

    def ask(self, backend: Backend, method: str, target: Target, path: str, body: bytes) -> "Exchange":
        """Send a request up and give the response, in a block; leaving it before the answer is read closes the
        connection.

        In the block, and as it begins, raises Unreached, or UpstreamFailed when the connection breaks or is silent for
        too long.
        """
        headers = {"accept-encoding": "identity", **target.headers}
        if body:
            headers["content-type"] = "application/json"
        request = self.session.request(
            method,
            target.base_url + path,
            data=body or None,
            headers=headers,
            timeout=self._timeout,
            allow_redirects=False,
        )
        return Exchange(backend, request, self._metrics)


class Exchange:
    """A request on its way up, as a block. A class, since a generator would cost a good part of the client's work."""

    __slots__ = ("_backend", "_is_refused", "_metrics", "_request")

    def __init__(self, backend: Backend, request: "_RequestContextManager", metrics: Metrics) -> None:
        self._backend = backend
        self._request = request
        self._metrics = metrics
        self._is_refused = False

    async def __aenter__(self) -> aiohttp.ClientResponse:
        try:
            response = await self._request.__aenter__()
        except Exception as error:
            if (told := self._told(error)) is None:
                raise
            raise told from None
        if response.status >= 400:
            self._is_refused = True
            self._failed(str(response.status))
        return response

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._request.__aexit__(kind, error, trace)
        if error is not None and (told := self._told(error)) is not None:
            raise told from None

    def _told(self, error: BaseException) -> Exception | None:
        """What the network did, as one of our errors; counted. None for what is no failure of the upstream's."""
        if isinstance(error, UpstreamFailed):  # so says who reads the answer
            if not self._is_refused:
                self._failed("broken")
            return None
        if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
            self._failed("unreached")
            return Unreached(self._backend.unreachable())
        if isinstance(error, TimeoutError):
            self._failed("silent")
            return UpstreamFailed("The model server fell silent.")
        if isinstance(error, aiohttp.ClientError):
            self._failed("broken")
            logger.warning("%s broke the connection: %s", self._backend.name, type(error).__name__)
            return UpstreamFailed("The model server broke the connection.")
        return None

    def _failed(self, kind: str) -> None:
        self._metrics.upstream_failed(self._backend.name, kind)


def chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """The body as it comes. We ask for it uncompressed; a server that compresses all the same is decoded.

    Raises UpstreamFailed for an encoding that we do not know, or one that is broken.
    """
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return response.content.iter_any().__aiter__()
    if encoding not in _WINDOW_BITS:
        raise UpstreamFailed(f"The model server answered in an encoding that nobody asked for ({encoding[:20]}).")
    return _decoded(response, _WINDOW_BITS[encoding])


async def _decoded(response: aiohttp.ClientResponse, window_bits: int) -> AsyncIterator[bytes]:
    decoder = zlib.decompressobj(window_bits)
    try:
        async for chunk in response.content.iter_any():
            if decoded := decoder.decompress(chunk):
                yield decoded
        if rest := decoder.flush():
            yield rest
    except zlib.error:
        raise UpstreamFailed("The model server's answer is compressed and broken.") from None


_WINDOW_BITS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


async def whole(response: aiohttp.ClientResponse) -> bytes:
    """The whole body, bounded. Raises UpstreamFailed."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks(response):
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise UpstreamFailed("The model server's answer is too large.")
        parts.append(chunk)
    return b"".join(parts)


def start(response: aiohttp.ClientResponse, *, streaming: bool) -> Message:
    """The beginning of our answer: the upstream's status and the headers of its that concern the caller.

    Raises UpstreamFailed for an answer that no model API gives, such as the page of a proxy in between.
    """
    _check_type(response)
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, value in response.headers.items()
        if name.lower() in PASSED_DOWN
    ]
    headers.append((b"cache-control", b"no-cache" if streaming else b"no-store"))
    if streaming:
        headers.append((b"x-accel-buffering", b"no"))  # nginx: pass each chunk on at once
    return {"type": "http.response.start", "status": response.status, "headers": headers}


async def send_whole(send: Send, response: aiohttp.ClientResponse, body: bytes) -> None:
    """Answer with a body that has been read."""
    message = start(response, streaming=False)
    message["headers"].append((b"content-length", str(len(body)).encode()))
    await send(message)
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _check_type(response: aiohttp.ClientResponse) -> None:
    kind = response.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind == "text/event-stream" or "json" in kind:
        return
    status = response.status
    kept = {name: value for name, value in response.headers.items() if name.lower() == "retry-after"}
    failed = UpstreamFailed(
        f"What answered ({status}) is no model server, or a proxy before it: the host has to check its address.",
        headers=kept,
    )
    failed.status = status if status >= 400 else UpstreamFailed.status
    raise failed
