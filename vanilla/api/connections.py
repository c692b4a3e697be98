"""Connections as uvicorn serves them, with bounds on what a stranger may send before anybody asks who it is."""

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from vanilla.api.idle import Idle

LARGEST_HEAD = 64 * 1024  # bytes of a request's address and headers
HEAD_SECONDS = 30.0  # in which they must have come
# An idle connection is there for longer than the other side would use it again (httpx 5 seconds, nginx 60, Caddy 120):
# a request that meets its end is lost. `Idle` bounds how many there are.
KEEP_ALIVE_SECONDS = 130
LARGEST_SOCKET_MESSAGE = 1_000_000  # bytes: what NiceGUI's engine.io takes of one

_TOO_LARGE = b"The address and headers of a request may have 64 kB.\n"
_REFUSAL = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_TOO_LARGE), _TOO_LARGE)
)
_IDLE = Idle()


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's own keeps headers in memory however many come, and waits for them however long. Here a connection
    that brings more than LARGEST_HEAD is answered 431, one that brings none in HEAD_SECONDS is closed."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unread = 0  # bytes since the parser last came to the end of a head, or to a part of a body
        self._awaits_head_since: float | None = None  # on the event loop's clock
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(cast(asyncio.Transport, Gathered(transport, self.loop)))
        self._await_head()
        self._look = self.loop.call_later(HEAD_SECONDS, self._look_at_head)
        _IDLE.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._let_go()
        super().connection_lost(exc)

    def handle_websocket_upgrade(self) -> None:
        self._let_go()  # another protocol has the connection from here on, and is told when it is lost
        super().handle_websocket_upgrade()

    def close_idle(self) -> None:
        """Make room for others: nothing is asked on this connection."""
        self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._unread += len(data)
        super().data_received(data)
        if self._unread > LARGEST_HEAD and not self.transport.is_closing():
            cycle: RequestResponseCycle | None = self.cycle  # uvicorn says it is always there
            if cycle is None or cycle.response_complete:
                self.transport.write(_REFUSAL)
            self.transport.close()

    def on_message_begin(self) -> None:
        self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._awaits_head_since = None
        self._unread = 0
        _IDLE.remove(self)
        super().on_headers_complete()

    def on_chunk_header(self) -> None:
        self._unread = 0  # behind the last chunk trailers follow, which are headers too

    def on_body(self, body: bytes) -> None:
        self._unread = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unread = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.pipeline and not self.transport.is_closing():
            _IDLE.add(self)

    def _let_go(self) -> None:
        _IDLE.remove(self)
        if self._look is not None:
            self._look.cancel()

    def _await_head(self) -> None:
        self._awaits_head_since = self.loop.time()

    def _look_at_head(self) -> None:
        """Close what has waited too long. One timer a connection, not one a request."""
        since = self._awaits_head_since
        left = HEAD_SECONDS if since is None else since + HEAD_SECONDS - self.loop.time()
        if left <= 0:
            self.transport.close()
        else:
            self._look = self.loop.call_later(left, self._look_at_head)


class Gathered:
    """A transport that writes once a turn of the event loop. uvicorn writes head and body of an answer one by one, and
    each write is a system call, a packet, and a time that the other side wakes up."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Write it with all else of this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def writelines(self, parts: Iterable[bytes]) -> None:
        """Write them with all else of this turn."""
        for part in parts:
            self.write(part)

    def write_eof(self) -> None:
        """Nothing more comes behind what was written."""
        self._flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Close when all that was written has gone."""
        self._flush()
        self._transport.close()

    def get_write_buffer_size(self) -> int:
        """Bytes that have not gone yet."""
        return sum(map(len, self._parts)) + self._transport.get_write_buffer_size()

    def _flush(self) -> None:
        parts = self._parts
        if parts:
            self._transport.write(parts[0] if len(parts) == 1 else b"".join(parts))
            parts.clear()
