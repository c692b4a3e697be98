"""HTTP/1.1 to model servers: connections that are kept, a request written in one piece, an answer as its bytes come.

A client library spends more on a call than all metering does: objects for addresses, headers, cookies and redirects
that no model server uses, and a reader between the socket and us. Here httptools (llhttp, as in uvicorn) parses right
from the socket, and aiohappyeyeballs connects (RFC 8305). See tests/bench/bench_relay.py for what that gives.
"""

import asyncio
import base64
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import NamedTuple, cast
from urllib.parse import unquote, urlsplit

import aiohappyeyeballs
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

CONNECT_SECONDS = 10.0
KEPT_SECONDS = 30.0  # that a connection waits for its next request
LARGEST_HEAD = 64 * 1024  # bytes of an answer's status and headers, or of what follows its last chunk
MOST_BUFFERED = 256 * 1024  # bytes of an answer that nobody has taken yet; then the upstream waits
EYEBALLS_SECONDS = 0.25  # before the next address of a host is tried beside the first (RFC 8305)


class NotConnected(Exception):
    """No connection could be made: nothing of the request has gone up."""


class Broken(Exception):
    """The connection ended, or what came is not HTTP, before the answer was whole."""


class Silent(Exception):
    """Nothing has come for too long."""


class Place(NamedTuple):
    """Where a base URL points."""

    host: str
    port: int
    is_tls: bool
    prefix: str  # of every path, such as "/v1" or ""
    lines: str  # of every request's head: Host, and Authorization when the URL names a user


@lru_cache(maxsize=64)
def place_of(base_url: str) -> Place:
    """The place behind `http[s]://[user:password@]host[:port][/prefix]`."""
    url = urlsplit(base_url)
    assert url.hostname, "settings.py has checked it"
    is_tls = url.scheme == "https"
    host = url.hostname if ":" in url.hostname else url.hostname.encode("idna").decode("ascii")
    name = f"[{host}]" if ":" in host else host
    lines = f"host: {name}:{url.port}\r\n" if url.port else f"host: {name}\r\n"
    if url.username is not None:
        user = f"{unquote(url.username)}:{unquote(url.password or '')}"
        lines += f"authorization: Basic {base64.b64encode(user.encode()).decode()}\r\n"
    return Place(host, url.port or (443 if is_tls else 80), is_tls, url.path.rstrip("/"), lines)


class Pool:
    """Connections to every place, opened as they are needed and kept for a while. For one event loop."""

    def __init__(self, *, idle_seconds: float) -> None:
        self._idle_seconds = idle_seconds
        self._free: dict[Place, deque[Connection]] = {}
        self._all: dict[Connection, Place] = {}
        self._tls: ssl.SSLContext | None = None

    async def take(self, place: Place) -> "Connection":
        """A connection that is nobody else's, to be given back with `give`. Raises NotConnected."""
        free = self._free.get(place)
        while free:
            connection = free.pop()  # the youngest: the others may close
            if connection.is_ready:
                return connection
        return await self._connect(place)

    def give(self, place: Place, connection: "Connection") -> None:
        """Take a connection back: kept if its answer was read to the end, else closed."""
        if connection.is_ready:
            self._free.setdefault(place, deque()).append(connection)
        else:
            connection.abort()

    async def close(self) -> None:
        """Close every connection, also those in use, and wait until they are."""
        self._free.clear()
        for connection in list(self._all):
            connection.abort()
        for _ in range(10):  # the loop tells them in its next rounds
            if self._all:
                await asyncio.sleep(0)

    async def _connect(self, place: Place) -> "Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
                sock = await aiohappyeyeballs.start_connection(
                    found, happy_eyeballs_delay=EYEBALLS_SECONDS, interleave=1, loop=loop
                )
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if place.is_tls and self._tls is None:
                    self._tls = ssl.create_default_context()
                _, connection = await loop.create_connection(
                    lambda: Connection(loop, self._forget, self._idle_seconds),
                    sock=sock,
                    ssl=self._tls if place.is_tls else None,
                    server_hostname=place.host if place.is_tls else None,
                )
        except (OSError, TimeoutError, UnicodeError) as error:  # UnicodeError: a name that no host can have
            raise NotConnected(str(error) or type(error).__name__) from error
        self._all[connection] = place
        return connection

    def _forget(self, connection: "Connection") -> None:
        place = self._all.pop(connection, None)
        if place is not None and (free := self._free.get(place)) is not None:
            with contextlib.suppress(ValueError):  # it was in use
                free.remove(connection)


class Connection(asyncio.Protocol):
    """One socket, and the answer that is coming on it."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, lost: "Callable[[Connection], None]", idle_seconds: float
    ) -> None:
        self.status = 0  # of the answer: 0 until its head is whole
        self.headers: list[tuple[bytes, bytes]] = []  # names in lower case
        self._loop = loop
        self._lost = lost
        self._idle_seconds = idle_seconds
        self._parser = HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None  # None: closed
        self._waiter: asyncio.Future[None] | None = None
        self._look: asyncio.TimerHandle | None = None
        self._parts: list[bytes] = []
        self._buffered = 0  # bytes in parts
        self._outside_body = 0  # bytes since the last part of a body
        self._last = 0.0  # loop.time() at which something came or went
        self._error: Exception | None = None
        self._is_complete = True  # no answer is owed
        self._is_kept = True  # by the server, for a further request
        self._is_bounded = False  # the answer says how long it is; else it ends with the connection
        self._is_paused = False

    @property
    def is_ready(self) -> bool:
        """Whether a request may be written: it is open, kept by the server, and nothing is left on it."""
        return (
            self._is_complete
            and self._is_kept
            and not self._parts
            and self._error is None
            and self._loop.time() - self._last < KEPT_SECONDS
        )

    async def ask(self, request: bytes) -> None:
        """Write a request, and wait for the head of its answer. Raises Broken or Silent."""
        assert self._transport is not None, "taken from the pool just now"
        self.status = 0
        self.headers = []
        self._is_complete = False
        self._is_bounded = False
        self._outside_body = 0
        self._last = self._loop.time()
        self._transport.write(request)
        while not self.status:
            if self._error is not None:
                raise self._error
            await self._wait()

    def header(self, name: bytes) -> str:
        """The first header of that name, or nothing."""
        for key, value in self.headers:
            if key == name:
                return value.decode("latin-1")
        return ""

    async def more(self) -> bytes:
        """What has come of the body since the last time, waiting for some; nothing at its end. Raises Broken or
        Silent, after all that came before."""
        parts = self._parts
        while not parts:
            if self._is_complete:
                return b""
            if self._error is not None:
                raise self._error
            await self._wait()
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._buffered = 0
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._last = self._loop.time()
            self._transport.resume_reading()
        return data

    def abort(self) -> None:
        """Close it at once."""
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, error: Exception) -> None:
        if self._error is None:
            self._error = error
        self.abort()
        self._wake()

    def _look_at_clock(self) -> None:
        """One timer a connection, not one a wait."""
        quiet = self._loop.time() - self._last
        if self._is_complete and quiet >= KEPT_SECONDS:
            self.abort()
        elif self._waiter is not None and quiet >= self._idle_seconds:
            self._fail(Silent())
        else:
            often = min(self._idle_seconds, KEPT_SECONDS)
            self._look = self._loop.call_later(often - quiet if quiet < often else often, self._look_at_clock)

    # What the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are not of asyncio's class
        self._last = self._loop.time()
        self._look = self._loop.call_later(min(self._idle_seconds, KEPT_SECONDS), self._look_at_clock)

    def data_received(self, data: bytes) -> None:
        self._last = self._loop.time()
        if self._is_complete:  # an answer to nothing, which must not become that of the next request
            self._fail(Broken("it spoke unasked"))
            return
        self._outside_body += len(data)
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            self._fail(Broken(f"it is not HTTP: {error}"))
            return
        if self._outside_body > LARGEST_HEAD and not self._is_complete:
            self._fail(Broken("its head is too large"))
        elif self._buffered > MOST_BUFFERED and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        if self.status:
            self._wake()

    def resume_writing(self) -> None:
        self._last = self._loop.time()  # a large request goes up slowly, and is no silence

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._lost(self)
        if self._look is not None:
            self._look.cancel()
        if exc is None and self.status and not self._is_bounded:
            self._is_complete = True
        elif self._error is None:
            self._error = Broken("it closed the connection")
        self._wake()

    # What the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status:  # behind the last chunk: nobody waits for those
            return
        name = name.lower()
        if name in (b"content-length", b"transfer-encoding"):
            self._is_bounded = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status
            self._outside_body = 0
        else:  # such as 100 Continue: the answer comes behind it
            self.headers = []
            self._is_bounded = False

    def on_body(self, body: bytes) -> None:
        self._outside_body = 0
        self._parts.append(body)
        self._buffered += len(body)

    def on_message_begin(self) -> None:
        if self._is_complete:  # more than was asked for, in one piece with it
            raise Broken("it spoke unasked")

    def on_message_complete(self) -> None:
        if self.status:
            self._is_complete = True
            self._is_kept = self._parser.should_keep_alive()


def request_bytes(method: str, place: Place, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """A request in one piece. Raises ValueError for a header that would be more than one."""
    head = f"{method} {place.prefix}{path} HTTP/1.1\r\n{place.lines}"
    for name, value in headers.items():
        if "\r" in value or "\n" in value or "\0" in value:
            raise ValueError(f"{name} has a line break")
        head += f"{name}: {value}\r\n"
    if body:
        return f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode("latin-1") + body
    return f"{head}\r\n".encode("latin-1")
