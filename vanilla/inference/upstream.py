"""The way to a model server and back: bytes as they come, a few headers, and what the network does as VanillaErrors."""

import logging
import zlib
from collections.abc import AsyncIterator
from types import TracebackType

from starlette.types import Message, Send

from vanilla.errors import UpstreamFailed, VanillaError
from vanilla.inference.backends.base import Backend, Target
from vanilla.inference.pool import Broken, Connection, NotConnected, Place, Pool, Silent, place_of, request_bytes
from vanilla.usage.metrics import Metrics

logger = logging.getLogger(__name__)

LARGEST_ANSWER = 64 * 1024 * 1024  # bytes of an answer that is not streamed
PASSED_DOWN = frozenset({b"content-type", b"request-id", b"retry-after", b"x-should-retry"})


class Unreached(Exception):
    """No connection could be made, so nothing was billed. `because` is what the caller is told."""

    def __init__(self, because: VanillaError) -> None:
        super().__init__(because.message)
        self.because = because


class Upstream:
    """The way up, to every model server. Opened and closed with the app, on its event loop."""

    def __init__(self, metrics: Metrics, *, idle_seconds: float = 300.0) -> None:
        self._metrics = metrics
        self._idle_seconds = idle_seconds
        self._pool: Pool | None = None

    async def open(self) -> None:
        self._pool = Pool(idle_seconds=self._idle_seconds)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    def ask(self, backend: Backend, method: str, target: Target, path: str, body: bytes) -> "Exchange":
        """Send a request up and give the answer, in a block; leaving it before the answer is read closes the
        connection.

        In the block, and as it begins, raises Unreached, or UpstreamFailed when the connection breaks or is silent for
        too long.
        """
        assert self._pool is not None, "opened with the app"
        place = place_of(target.base_url)
        request = request_bytes(method, place, path, {"accept-encoding": "identity", **target.headers}, body)
        return Exchange(backend, self._pool, place, request, self._metrics)


class Exchange:
    """A request on its way up, as a block. A class, since a generator would cost a good part of the client's work."""

    __slots__ = ("_answer", "_backend", "_is_refused", "_metrics", "_place", "_pool", "_request")

    def __init__(self, backend: Backend, pool: Pool, place: Place, request: bytes, metrics: Metrics) -> None:
        self._backend = backend
        self._pool = pool
        self._place = place
        self._request = request
        self._metrics = metrics
        self._answer: Connection | None = None
        self._is_refused = False

    async def __aenter__(self) -> Connection:
        try:
            answer = self._answer = await self._pool.take(self._place)
            await answer.ask(self._request)
        except BaseException as error:
            self._give_back()
            if (told := self._told(error)) is None:
                raise
            raise told from None
        if answer.status >= 400:
            self._is_refused = True
            self._failed(str(answer.status))
        return answer

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back()
        if error is not None and (told := self._told(error)) is not None:
            raise told from None

    def _give_back(self) -> None:
        if self._answer is not None:
            self._pool.give(self._place, self._answer)
            self._answer = None

    def _told(self, error: BaseException) -> Exception | None:
        """What the network did, as one of our errors; counted. None for what is no failure of the upstream's."""
        if isinstance(error, UpstreamFailed):  # so says who reads the answer
            if not self._is_refused:
                self._failed("broken")
            return None
        if isinstance(error, NotConnected):
            self._failed("unreached")
            logger.info("%s is not reached: %s", self._backend.name, error)
            return Unreached(self._backend.unreachable())
        if isinstance(error, Silent):
            self._failed("silent")
            return UpstreamFailed("The model server fell silent.")
        if isinstance(error, Broken):
            self._failed("broken")
            logger.warning("%s broke the connection: %s", self._backend.name, error)
            return UpstreamFailed("The model server broke the connection.")
        return None

    def _failed(self, kind: str) -> None:
        self._metrics.upstream_failed(self._backend.name, kind)


def chunks(answer: Connection) -> "AsyncIterator[bytes]":
    """The body as it comes. We ask for it uncompressed; a server that compresses all the same is decoded.

    Raises UpstreamFailed for an encoding that we do not know, or one that is broken.
    """
    encoding = answer.header(b"content-encoding").strip().lower()
    if encoding in ("", "identity"):
        return _plain(answer)
    if encoding not in _WINDOW_BITS:
        raise UpstreamFailed(f"The model server answered in an encoding that nobody asked for ({encoding[:20]}).")
    return _decoded(answer, _WINDOW_BITS[encoding])


async def _plain(answer: Connection) -> AsyncIterator[bytes]:
    while chunk := await answer.more():
        yield chunk


async def _decoded(answer: Connection, window_bits: int) -> AsyncIterator[bytes]:
    decoder = zlib.decompressobj(window_bits)
    try:
        while chunk := await answer.more():
            if decoded := decoder.decompress(chunk):
                yield decoded
        if rest := decoder.flush():
            yield rest
    except zlib.error:
        raise UpstreamFailed("The model server's answer is compressed and broken.") from None


_WINDOW_BITS = {"gzip": zlib.MAX_WBITS | 16, "x-gzip": zlib.MAX_WBITS | 16, "deflate": zlib.MAX_WBITS}


async def whole(answer: Connection) -> bytes:
    """The whole body, bounded. Raises UpstreamFailed."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks(answer):
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise UpstreamFailed("The model server's answer is too large.")
        parts.append(chunk)
    return b"".join(parts)


def start(answer: Connection, *, streaming: bool) -> Message:
    """The beginning of our answer: the upstream's status and the headers of its that concern the caller.

    Raises UpstreamFailed for an answer that no model API gives, such as the page of a proxy in between.
    """
    _check_type(answer)
    headers = [(name, value) for name, value in answer.headers if name in PASSED_DOWN]
    headers.append((b"cache-control", b"no-cache" if streaming else b"no-store"))
    if streaming:
        headers.append((b"x-accel-buffering", b"no"))  # nginx: pass each chunk on at once
    return {"type": "http.response.start", "status": answer.status, "headers": headers}


async def send_whole(send: Send, answer: Connection, body: bytes) -> None:
    """Answer with a body that has been read."""
    message = start(answer, streaming=False)
    message["headers"].append((b"content-length", str(len(body)).encode()))
    await send(message)
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _check_type(answer: Connection) -> None:
    kind = (answer.header(b"content-type") or "application/json").partition(";")[0].strip().lower()
    if kind == "text/event-stream" or "json" in kind:
        return
    status = answer.status
    retry_after = answer.header(b"retry-after")
    kept = {"retry-after": retry_after} if retry_after else {}
    failed = UpstreamFailed(
        f"What answered ({status}) is no model server, or a proxy before it: the host has to check its address.",
        headers=kept,
    )
    failed.status = status if status >= 400 else UpstreamFailed.status
    raise failed
