"""What a stranger may make the server keep, on real connections."""

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.asyncio.client import connect

from tests.servers import server_process, serving
from vanilla.api import connections
from vanilla.api.connections import LARGEST_HEAD, BoundedHttp, Gathered
from vanilla.api.idle import Idle

PIECE = b"a" * 16_384
PIECES = 64  # 1 MB: far more than is taken


async def echo_length(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
async def origin() -> AsyncIterator[str]:
    async with serving(Starlette(routes=[Route("/", echo_length, methods=["GET", "POST"])])) as origin:
        yield origin


@asynccontextmanager
async def connected(origin: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    parts = urlsplit(origin)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def told_for(origin: str, start: bytes, piece: bytes = PIECE) -> bytes:
    """What is answered when after `start` one piece follows the other. Fails where all of them are taken."""
    async with asyncio.timeout(10), connected(origin) as (reader, writer):
        writer.write(start)
        try:
            for _ in range(PIECES):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            return await reader.read()
        except ConnectionError:
            return b"closed"


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET /", PIECE),
        (b"GET / HTTP/1.1\r\nhost: test\r\nx-one: ", PIECE),
        (b"GET / HTTP/1.1\r\nhost: test\r\n", b"x-many: 12\r\n" * 1365),
        (b"POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n0\r\n", b"x-trailer: 12\r\n" * 1092),
    ],
    ids=["address", "one header", "many headers", "trailers"],
)
async def test_a_head_without_end_is_cut_off(origin: str, start: bytes, piece: bytes) -> None:
    told = await told_for(origin, start, piece)
    assert told in {b"closed", b""} or told.startswith(b"HTTP/1.1 431 ")


async def test_the_served_application_is_bounded_so(tmp_path: Path) -> None:
    async with server_process(DATA_DIR=str(tmp_path), LOCAL_MODEL="off", EXAMPLE_GAMES="false") as server:
        async with asyncio.timeout(10), connected(server.origin) as (reader, writer):
            writer.write(b"GET / HTTP/1.1\r\nhost: test\r\nx-one: " + b"a" * (LARGEST_HEAD + 1))
            assert (await reader.read()).startswith(b"HTTP/1.1 431 ")


@pytest.mark.slow
async def test_an_idle_connection_outlives_what_clients_keep(tmp_path: Path) -> None:
    async with server_process(DATA_DIR=str(tmp_path), LOCAL_MODEL="off", EXAMPLE_GAMES="false") as server:
        async with asyncio.timeout(20), connected(server.origin) as (reader, writer):
            for pause in (6, 0):  # seconds: httpx, and with it every official client in Python, keeps one for 5
                writer.write(b"GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n")
                assert b"HTTP/1.1 200 " in await reader.readuntil(b"\r\n\r\n")
                await asyncio.sleep(pause)
            assert not reader.at_eof()


async def test_bodies_and_one_request_after_the_other_are_not_counted(origin: str) -> None:
    async with asyncio.timeout(10), connected(origin) as (reader, writer):
        for _ in range(3):
            writer.write(
                b"POST / HTTP/1.1\r\nhost: test\r\nx: " + b"a" * 40_000 + b"\r\ncontent-length: 1000000\r\n\r\n"
            )
            writer.write(b"a" * 1_000_000)
            await writer.drain()
            assert (await reader.readuntil(b"\r\n\r\n1000000")).startswith(b"HTTP/1.1 200 ")
        writer.write(b"POST / HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"1\r\na\r\n" * 100_000 + b"0\r\n\r\n")
        await writer.drain()
        assert (await reader.readuntil(b"\r\n\r\n100000")).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nhost: te"], ids=["silence", "half a head"])
async def test_who_says_nothing_is_not_waited_for(origin: str, start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    async with asyncio.timeout(5), connected(origin) as (reader, writer):
        writer.write(start)
        assert await reader.read() == b""


async def test_an_answer_may_take_its_time(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.05)
    async with asyncio.timeout(5), connected(origin) as (reader, writer):
        writer.write(b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\na")
        await asyncio.sleep(0.15)
        writer.write(b"b")
        assert (await reader.readuntil(b"\r\n\r\n2")).startswith(b"HTTP/1.1 200 ")


class Recorder:
    """A transport that only notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.asked.append(data)

    def close(self) -> None:
        self.asked.append("close")

    def write_eof(self) -> None:
        self.asked.append("eof")

    def get_write_buffer_size(self) -> int:
        return 100

    def is_closing(self) -> bool:
        return "close" in self.asked


class TestGathered:
    async def test_what_is_written_in_one_turn_goes_in_one_piece(self) -> None:
        recorder = Recorder()
        transport = Gathered(cast(asyncio.Transport, recorder), asyncio.get_running_loop())
        transport.write(b"head ")
        transport.writelines([b"body ", b"end"])
        assert (recorder.asked, transport.get_write_buffer_size()) == ([], 113)
        await asyncio.sleep(0)
        assert recorder.asked == [b"head body end"]
        transport.write(b"next")
        await asyncio.sleep(0)
        assert recorder.asked == [b"head body end", b"next"]

    @pytest.mark.parametrize("end", ["close", "eof"])
    async def test_nothing_is_lost_at_the_end(self, end: str) -> None:
        recorder = Recorder()
        transport = Gathered(cast(asyncio.Transport, recorder), asyncio.get_running_loop())
        transport.write(b"last")
        transport.close() if end == "close" else transport.write_eof()
        await asyncio.sleep(0)
        assert recorder.asked == [b"last", end]
        assert transport.is_closing() is (end == "close")  # all else is the transport's own


class TestIdle:
    """Connections on which nothing is asked, at most two of them here."""

    @pytest.fixture(autouse=True)
    def idle(self, monkeypatch: pytest.MonkeyPatch) -> Idle:
        monkeypatch.setattr(connections, "_IDLE", idle := Idle(most=2))
        return idle

    async def test_the_oldest_makes_room_for_who_comes_next(self, origin: str, idle: Idle) -> None:
        async with asyncio.timeout(10), connected(origin) as first, connected(origin) as second:
            await until(lambda: len(idle) == 2)
            second[1].write(b"GET / HTTP/1.1\r\nhost: te")  # half a head is nothing asked yet
            async with connected(origin) as third:
                assert await first[0].read() == b""
                third[1].write(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
                assert (await third[0].readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200 ")
                second[1].write(b"st\r\n\r\n")
                assert (await second[0].readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200 ")

    async def test_one_that_is_answered_waits_again_and_the_youngest_are_kept(self, origin: str, idle: Idle) -> None:
        async with asyncio.timeout(10), connected(origin) as first:
            first[1].write(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")
            await first[0].readuntil(b"\r\n\r\n0")
            await until(lambda: len(idle) == 1)
            async with connected(origin), connected(origin):
                assert await first[0].read() == b""
            await until(lambda: len(idle) == 0)

    async def test_one_that_is_being_answered_is_none_of_them(self, origin: str, idle: Idle) -> None:
        async with asyncio.timeout(10), connected(origin) as first:
            first[1].write(b"POST / HTTP/1.1\r\nhost: test\r\ncontent-length: 2\r\n\r\na")
            async with connected(origin), connected(origin), connected(origin):
                await until(lambda: len(idle) == 2)
                first[1].write(b"b")
                assert (await first[0].readuntil(b"\r\n\r\n2")).startswith(b"HTTP/1.1 200 ")

    async def test_a_websocket_is_handed_over_with_nothing_left_of_it_here(
        self, idle: Idle, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made: list[weakref.ref[BoundedHttp]] = []
        real = BoundedHttp.connection_made

        def connection_made(self: BoundedHttp, transport: asyncio.Transport) -> None:
            made.append(weakref.ref(self))
            real(self, transport)

        async def talk(socket: WebSocket) -> None:
            await socket.accept()
            await socket.receive_text()

        monkeypatch.setattr(BoundedHttp, "connection_made", connection_made)
        async with serving(Starlette(routes=[WebSocketRoute("/", talk)])) as origin:
            async with connect(origin.replace("http", "ws")) as socket:
                assert len(idle) == 0
                await socket.send("hello")
            gc.collect()
            assert [each for each in made if each() is not None] == []


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.01)
