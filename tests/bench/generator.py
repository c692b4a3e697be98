"""The load, in a process of its own: callers on raw sockets. `python -m tests.bench.generator` reads a Load as JSON and
prints a Measured as JSON.
"""

import asyncio
import json
import sys
import time
from array import array
from dataclasses import asdict, dataclass, field
from typing import cast

import httptools
import uvloop

from tests.bench.processes import raise_open_files

LONGEST_MS = 60_000


@dataclass(frozen=True, kw_only=True)
class Load:
    """Who calls how. `seconds` of 0: each connection calls once, all begun within `ramp` seconds."""

    port: int
    path: str
    headers: dict[str, str]
    body: str
    connections: int
    seconds: float = 0.0
    ramp: float = 0.0
    event_end: str = "\n\n"
    patience: float = 120.0  # seconds, beyond `seconds`, before callers give up


@dataclass
class Measured:
    """What the callers saw. Times of whole answers are microseconds, of gaps and delays milliseconds."""

    answers: int = 0
    failures: int = 0  # other statuses than 200, and connections that broke
    events: int = 0
    seconds: float = 0.0
    median_us: float = 0.0
    gap_p50_ms: int = 0
    gap_p99_ms: int = 0
    gap_max_ms: int = 0
    delay_p50_ms: int = 0
    delay_p99_ms: int = 0
    unfinished: int = 0
    problems: list[str] = field(default_factory=list)


class Callers:
    """What all connections share."""

    def __init__(self, load: Load) -> None:
        self.load = load
        body = load.body.encode()
        headers = "".join(f"{name}: {value}\r\n" for name, value in load.headers.items())
        head = (
            f"POST {load.path} HTTP/1.1\r\nhost: 127.0.0.1:{load.port}\r\ncontent-length: {len(body)}\r\n{headers}\r\n"
        )
        self.request = head.encode() + body
        self.event_end = load.event_end.encode()
        self.until = float("inf")
        self.times = array("d")
        self.gaps = array("L", bytes(array("L").itemsize * (LONGEST_MS + 1)))
        self.delays = array("L", bytes(array("L").itemsize * (LONGEST_MS + 1)))
        self.measured = Measured()
        self._running = load.connections
        self.all_done = asyncio.Event()

    def done(self) -> None:
        """A connection has made its last call."""
        self._running -= 1
        if not self._running:
            self.all_done.set()

    async def run(self) -> Measured:
        loop, load, measured = asyncio.get_running_loop(), self.load, self.measured
        began = time.perf_counter()
        if load.seconds:
            self.until = began + load.seconds
        for number in range(load.connections):
            behind = began + load.ramp * number / load.connections - time.perf_counter()
            if behind > 0:
                await asyncio.sleep(behind)
            await loop.create_connection(lambda: Caller(self), "127.0.0.1", load.port)
        try:
            await asyncio.wait_for(self.all_done.wait(), load.seconds + load.patience)
        except TimeoutError:
            measured.unfinished = self._running
        measured.seconds = time.perf_counter() - began
        measured.median_us = sorted(self.times)[len(self.times) // 2] * 1e6 if self.times else 0.0
        measured.gap_p50_ms, measured.gap_p99_ms = _quantile(self.gaps, 0.5), _quantile(self.gaps, 0.99)
        measured.gap_max_ms = max((ms for ms, count in enumerate(self.gaps) if count), default=0)
        measured.delay_p50_ms, measured.delay_p99_ms = _quantile(self.delays, 0.5), _quantile(self.delays, 0.99)
        return measured


class Caller(asyncio.Protocol):
    """One connection, which calls again and again until the time is up."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers
        self._transport: asyncio.Transport | None = None
        self._tail = b""  # of the body so far: an event's end may be cut
        self._is_whole = False
        self._began = 0.0
        self._last = 0  # when the last event came, monotonic microseconds

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it
        self._call()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._callers.measured.failures += 1
            self._note(f"the connection broke: {exc}")
            self._transport = None
            self._callers.done()

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)
        if self._is_whole:
            self._answered()

    def on_body(self, body: bytes) -> None:
        callers = self._callers
        end = callers.event_end
        joined = self._tail + body if self._tail else body
        count = joined.count(end)
        self._tail = b"\n" if end == b"\n\n" and joined.endswith(b"\n") and not joined.endswith(end) else b""
        if not count:
            return
        callers.measured.events += count
        now = time.monotonic_ns() // 1000
        if self._last:
            callers.gaps[min(LONGEST_MS, (now - self._last) // 1000)] += 1
            callers.gaps[0] += count - 1
        self._last = now
        at = joined.rfind(b'"at": ')
        sent = joined[at + 6 : joined.find(b"}", at)] if at >= 0 else b""
        if len(sent) > 1 and sent.isdigit():  # "0" is an event of a burst; one may also be cut
            callers.delays[min(LONGEST_MS, max(0, now - int(sent)) // 1000)] += 1

    def on_message_complete(self) -> None:
        self._is_whole = True

    def _call(self) -> None:
        assert self._transport is not None
        self._parser = httptools.HttpResponseParser(self)
        self._is_whole = False
        self._tail = b""
        self._last = 0
        self._began = time.perf_counter()
        self._transport.write(self._callers.request)

    def _answered(self) -> None:
        now = time.perf_counter()
        callers = self._callers
        status = self._parser.get_status_code()
        if status == 200:
            callers.measured.answers += 1
            callers.times.append(now - self._began)
        else:
            callers.measured.failures += 1
            self._note(f"status {status}")
        if callers.load.seconds and now < callers.until:
            self._call()
            return
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.close()
        callers.done()

    def _note(self, problem: str) -> None:
        if len(self._callers.measured.problems) < 5:
            self._callers.measured.problems.append(problem)


def _quantile(histogram: "array[int]", share: float) -> int:
    left = sum(histogram) * share
    for ms, count in enumerate(histogram):
        left -= count
        if left < 0:
            return ms
    return 0


async def _main() -> None:
    raise_open_files()
    measured = await Callers(Load(**json.load(sys.stdin))).run()
    json.dump(asdict(measured), sys.stdout)


if __name__ == "__main__":
    uvloop.run(_main())
