"""The connections to model servers, against servers that speak HTTP by hand."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import trustme

from vanilla.inference import pool as pools
from vanilla.inference.pool import Broken, Connection, NotConnected, Place, Pool, Silent, place_of, request_bytes

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@asynccontextmanager
async def speaking(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[Place]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield place_of(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    finally:
        server.close()


def saying(*pieces: bytes, stays: bool = False) -> Handler:
    """A server that answers one request with these pieces, each in a packet of its own, and hangs up."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)
        if stays:
            await reader.read()

    return handler


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool(idle_seconds=5.0)
    yield pool
    await pool.close()


async def asked(pool: Pool, place: Place) -> Connection:
    connection = await pool.take(place)
    await connection.ask(request_bytes("GET", place, "/", {}, b""))
    return connection


async def body_of(connection: Connection) -> bytes:
    parts = []
    while part := await connection.more():
        parts.append(part)
    return b"".join(parts)


class TestAnswers:
    @pytest.mark.parametrize(
        "pieces",
        [
            (OK,),
            (OK[:9], OK[9:40], OK[40:-1], OK[-1:]),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nlink: x\r\n\r\n",),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", b"1\r\n}\r\n0\r\n\r\n"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx-sum: 1\r\n\r\n",),
            (b"HTTP/1.1 200 OK\r\n\r\n", b"{}"),  # its end is that of the connection
            (b"HTTP/1.0 200 OK\r\n\r\n{}",),
            (b"HTTP/1.1 100 Continue\r\n\r\n", OK),
            (b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\nContent-Length: 5\r\n\r\n" + OK,),
        ],
    )
    async def test_come_whole_however_they_are_framed_and_cut(self, pool: Pool, pieces: tuple[bytes, ...]) -> None:
        async with speaking(saying(*pieces)) as place:
            connection = await asked(pool, place)
            assert connection.status == 200
            assert connection.header(b"link") == ""
            assert await body_of(connection) == b"{}"

    @pytest.mark.parametrize(
        "pieces",
        [
            (),
            (b"HTTP/1.1 200",),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b"{}"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",),
            (b"220 mail.example.org ESMTP\r\n",),
            (b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",),
        ],
    )
    async def test_that_break_are_never_taken_for_whole(self, pool: Pool, pieces: tuple[bytes, ...]) -> None:
        async with speaking(saying(*pieces)) as place:
            with pytest.raises(Broken):
                await body_of(await asked(pool, place))

    async def test_give_what_came_before_they_broke(self, pool: Pool) -> None:
        async with speaking(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello")) as place:
            connection = await asked(pool, place)
            await asyncio.sleep(0.05)
            assert await connection.more() == b"hello"
            with pytest.raises(Broken):
                await connection.more()

    @pytest.mark.parametrize(
        "pieces",
        [
            (b"HTTP/1.1 200 OK\r\nx: " + b"a" * 100_000,),
            (b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 20_000,),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n", b"x: y\r\n" * 20_000),
        ],
    )
    async def test_with_endless_headers_are_refused(self, pool: Pool, pieces: tuple[bytes, ...]) -> None:
        async with speaking(saying(*pieces, stays=True)) as place:
            with pytest.raises(Broken, match="too large"):
                await body_of(await asked(pool, place))

    async def test_that_stop_coming_are_given_up(self) -> None:
        pool = Pool(idle_seconds=0.1)
        async with speaking(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", b"{}", stays=True)) as place:
            with pytest.raises(Silent):
                await body_of(await asked(pool, place))
        await pool.close()

    async def test_wait_at_the_server_for_a_slow_reader(self, pool: Pool) -> None:
        size = 32 * 1024 * 1024
        sent = 0

        async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            while sent < size:
                writer.write(bytes(65_536))
                sent += 65_536
                await writer.drain()

        async with speaking(pour) as place:
            connection = await asked(pool, place)
            await _until_still(lambda: sent)
            assert sent < size  # the sockets' own buffers are full, and ours holds no more than it may
            assert connection._buffered < 2 * pools.MOST_BUFFERED
            received = 0
            while part := await connection.more():
                received += len(part)
            assert received == size


class TestConnections:
    async def test_are_used_again(self, pool: Pool) -> None:
        opened = 0

        async def polite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal opened
            opened += 1
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(OK)

        async with speaking(polite) as place:
            for _ in range(3):
                connection = await asked(pool, place)
                assert await body_of(connection) == b"{}"
                pool.give(place, connection)
            assert opened == 1

    @pytest.mark.parametrize(
        ("answer", "takes_it"),
        [
            (OK.replace(b"Content-Type", b"Connection: close\r\nContent-Type"), True),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", True),
            (OK + OK, True),  # an answer that nobody asked for must never be the next caller's
            (OK + b"\x00garbage", True),
            (OK, False),  # its body is still there
        ],
    )
    async def test_with_anything_odd_are_not(self, pool: Pool, answer: bytes, takes_it: bool) -> None:
        async with speaking(saying(answer, stays=True)) as place:
            connection = await asked(pool, place)
            assert connection.status == 200
            if takes_it:
                assert await body_of(connection) == b"{}"
            pool.give(place, connection)
            assert await pool.take(place) is not connection

    async def test_that_speak_unasked_are_closed(self, pool: Pool) -> None:
        async with speaking(saying(OK, OK, stays=True)) as place:
            connection = await asked(pool, place)
            assert await body_of(connection) == b"{}"
            pool.give(place, connection)
            await asyncio.sleep(0.1)
            assert not connection.is_ready
            assert await pool.take(place) is not connection

    async def test_that_the_server_closed_are_forgotten(self, pool: Pool) -> None:
        async with speaking(saying(OK)) as place:
            connection = await asked(pool, place)
            await body_of(connection)
            pool.give(place, connection)
            await asyncio.sleep(0.1)
            assert not pool._free[place]
            assert not pool._all

    async def test_are_closed_when_nobody_has_used_them_for_long(
        self, pool: Pool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pools, "KEPT_SECONDS", 0.1)
        async with speaking(saying(OK, stays=True)) as place:
            connection = await asked(pool, place)
            await body_of(connection)
            pool.give(place, connection)
            async with asyncio.timeout(5):
                while pool._all:
                    await asyncio.sleep(0.02)

    async def test_of_a_caller_who_gave_up_are_closed(self, pool: Pool) -> None:
        gone = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            await reader.read()
            gone.set()

        async with speaking(silent) as place:
            connection = await pool.take(place)
            asking = asyncio.create_task(connection.ask(request_bytes("GET", place, "/", {}, b"")))
            await asyncio.sleep(0.05)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            pool.give(place, connection)
            await asyncio.wait_for(gone.wait(), 5)

    async def test_all_end_with_the_pool(self) -> None:
        pool = Pool(idle_seconds=5.0)
        async with speaking(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", stays=True)) as place:
            connection = await asked(pool, place)
            await pool.close()
            assert not pool._all
            assert await connection.more() == b"hello"
            with pytest.raises(Broken):
                await connection.more()


class TestPlaces:
    async def test_where_nobody_listens(self, pool: Pool) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # and does not listen
            with pytest.raises(NotConnected):
                await pool.take(place_of(f"http://127.0.0.1:{taken.getsockname()[1]}"))

    async def test_that_no_name_server_knows(self, pool: Pool) -> None:
        with pytest.raises(NotConnected):
            await pool.take(place_of("http://nowhere.invalid"))

    async def test_whose_tls_is_none(self, pool: Pool) -> None:
        async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example.org ESMTP\r\n")
            await reader.read(1)

        async with speaking(plain) as place:
            with pytest.raises(NotConnected):
                await pool.take(place._replace(is_tls=True))

    async def test_are_trusted_by_their_certificate_alone(self, pool: Pool) -> None:
        authority = trustme.CA()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(tls)
        async with speaking(saying(OK, stays=True), tls) as numbered:
            place = numbered._replace(host="localhost", is_tls=True)
            with pytest.raises(NotConnected, match="certificate"):
                await pool.take(place)
            assert pool._tls is not None
            authority.configure_trust(pool._tls)
            assert await body_of(await asked(pool, place)) == b"{}"
            with pytest.raises(NotConnected, match="certificate"):
                await pool.take(place._replace(host="127.0.0.1"))  # it is another's

    async def test_that_take_too_long(self, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pools, "CONNECT_SECONDS", 0.05)
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            place = place_of(f"https://127.0.0.1:{deaf.getsockname()[1]}")  # it never says hello
            with pytest.raises(NotConnected):
                await pool.take(place)

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://api.anthropic.com", ("api.anthropic.com", 443, True, "", "host: api.anthropic.com\r\n")),
            ("http://localhost:11434/", ("localhost", 11434, False, "", "host: localhost:11434\r\n")),
            ("http://[::1]:8080/v1", ("::1", 8080, False, "/v1", "host: [::1]:8080\r\n")),
            (
                "http://me:p%40ss@box",
                ("box", 80, False, "", "host: box\r\nauthorization: Basic bWU6cEBzcw==\r\n"),
            ),
            ("http://bücher.example", ("xn--bcher-kva.example", 80, False, "", "host: xn--bcher-kva.example\r\n")),
        ],
    )
    def test_are_what_their_address_says(self, url: str, expected: tuple[str, int, bool, str, str]) -> None:
        assert place_of(url) == expected


class TestRequests:
    def test_are_one_piece(self) -> None:
        place = place_of("http://box:1/v1")
        assert request_bytes("POST", place, "/chat", {"x-api-key": "k"}, b"{}") == (
            b"POST /v1/chat HTTP/1.1\r\nhost: box:1\r\nx-api-key: k\r\n"
            b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        )

    @pytest.mark.parametrize("value", ["a\r\nx-api-key: b", "a\nb", "a\rb", "a\0b"])
    def test_have_no_header_within_a_header(self, value: str) -> None:
        with pytest.raises(ValueError, match="line break"):
            request_bytes("GET", place_of("http://box"), "/", {"anthropic-beta": value}, b"")


async def _until_still(figure: Callable[[], int]) -> None:
    """Wait until a figure has stopped growing."""
    async with asyncio.timeout(10):
        before = -1
        while figure() != before:
            before = figure()
            await asyncio.sleep(0.2)
