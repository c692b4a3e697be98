"""Once, whatever happens: each call that was or may have been billed leaves one row of the ledger, and no hold.

Every way in which a call can end, for every kind of call, between real sockets. One server for all of them: what a
test left held would fail the next.
"""

import asyncio
import json
import os
import shutil
import socket
import sqlite3
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio

from main import create_api
from tests.conftest import SETTINGS
from tests.fakes.model_servers import Answer, ModelServer
from tests.inference import books
from tests.inference.conftest import HOST_KEY, Platform
from tests.servers import serving
from vanilla.models import TokenUsage, User
from vanilla.settings import Settings

pytestmark = pytest.mark.asyncio(loop_scope="module")

QUESTION = [{"role": "user", "content": "Who goes?"}]
LIMIT = 100_000


@dataclass(frozen=True)
class Kind:
    """One kind of call."""

    path: str
    backend: Literal["anthropic", "ollama"]
    stream: bool
    closing: bytes  # what stands in the last event

    def asked(self) -> dict[str, Any]:
        return {"model": "m", "max_tokens": 100, "messages": QUESTION, "stream": self.stream}


KINDS = {
    "anthropic stream": Kind("/api/inference/anthropic/v1/messages", "anthropic", True, b"message_stop"),
    "anthropic whole": Kind("/api/inference/anthropic/v1/messages", "anthropic", False, b"}"),
    "ollama stream": Kind("/api/inference/ollama/api/chat", "ollama", True, b'"done": true'),
    "ollama whole": Kind("/api/inference/ollama/api/chat", "ollama", False, b"}"),
    "openai stream": Kind("/api/inference/ollama/v1/chat/completions", "ollama", True, b"[DONE]"),
}
STREAMS = [name for name, kind in KINDS.items() if kind.stream]


@dataclass
class Scene:
    """One kind of call, a friend with a limit who makes it, and the model server that answers."""

    kind: Kind
    platform: Platform
    upstream: ModelServer
    user: User
    client: httpx.AsyncClient
    token: str

    async def call(self) -> httpx.Response:
        return await self.client.post(self.kind.path, json=self.kind.asked())

    @asynccontextmanager
    async def caller(self) -> AsyncIterator["Caller"]:
        """The call from a bare socket, which can be left at any byte."""
        host = urlsplit(self.platform.origin)
        reader, writer = await asyncio.open_connection(host.hostname, host.port)
        body = json.dumps(self.kind.asked()).encode()
        head = f"POST {self.kind.path} HTTP/1.1\r\nhost: {host.netloc}\r\nauthorization: Bearer {self.token}\r\n"
        writer.write(f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body)
        yield Caller(reader, writer)
        writer.transport.abort()

    async def rows(self) -> list[TokenUsage]:
        """The caller's rows of the ledger."""
        return [row for row in await self.platform.ledger() if row.user_id == self.user.id]

    async def row(self) -> TokenUsage:
        """The one row of the ledger, as soon as nothing is held any more; the books are right by then."""
        async with asyncio.timeout(5):
            while await self.platform.holds() or not (rows := await self.rows()):
                await asyncio.sleep(0.01)
        (row,) = rows
        assert (row.user_id, row.backend, row.model) == (self.user.id, self.kind.backend, "m")
        self.check_books()
        assert (await self.platform.user(self.user.id)).tokens_used == row.total_tokens
        return row

    async def nothing(self) -> None:
        """No row, and nothing held."""
        async with asyncio.timeout(5):
            while await self.platform.holds():
                await asyncio.sleep(0.01)
        assert await self.rows() == []
        self.check_books()

    def check_books(self) -> None:
        books.check(self.path)

    @property
    def path(self) -> Path:
        path = self.platform.services.database.path
        assert path is not None
        return path


@dataclass
class Caller:
    """A caller's end of the connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def read_until(self, mark: bytes) -> bytes:
        """Everything up to the first chunk with `mark` in it."""
        read = b""
        async with asyncio.timeout(5):
            while mark not in read:
                chunk = await self.reader.read(65536)
                assert chunk, read
                read += chunk
        return read

    def leave(self) -> None:
        """Close the connection the hard way, as a closed tab or a killed program may."""
        connection = self.writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


@dataclass
class House:
    """The application and both model servers."""

    platform: Platform
    claude: ModelServer
    llama: ModelServer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> AsyncIterator[House]:
    folder = tmp_path_factory.mktemp("once")
    shutil.copy(migrated, folder / "vanilla.db")
    async with AsyncExitStack() as stack:
        patched = stack.enter_context(pytest.MonkeyPatch.context())
        patched.setattr("vanilla.accounts.passwords.ROUNDS", 4)
        for name in [name for name in os.environ if name.upper() in SETTINGS]:
            patched.delenv(name)
        claude = await stack.enter_async_context(ModelServer().serving())
        llama = await stack.enter_async_context(ModelServer().serving())
        settings = Settings(
            _env_file=None,
            data_dir=folder,
            local_model="off",
            anthropic_api_key=HOST_KEY,
            anthropic_base_url=claude.url,
            ollama_url=llama.url,
            min_free_disk_mb=0,
            example_games=False,
            upstream_idle_seconds=0.4,
        )
        app = create_api(settings)
        origin = await stack.enter_async_context(serving(app))
        yield House(Platform(origin, app.state.services, stack), claude, llama)


@pytest_asyncio.fixture(params=KINDS, loop_scope="module")
async def scene(request: pytest.FixtureRequest, house: House) -> AsyncIterator[Scene]:
    kind = KINDS[request.param]
    upstream = house.claude if kind.backend == "anthropic" else house.llama
    user, token = await house.platform.friend(token_limit=LIMIT)
    client = await house.platform.client(token)
    upstream.default = Answer()
    upstream.arrived.clear()
    upstream.left.clear()
    yield Scene(kind, house.platform, upstream, user, client, token)
    await client.aclose()


def exact(row: TokenUsage) -> bool:
    """Whether it has the upstream's own counts."""
    return (row.prompt_tokens, row.completion_tokens, row.estimated) == (12, 8, False)


class TestFinished:
    async def test_is_in_the_ledger_when_its_caller_sees_the_end(self, scene: Scene) -> None:
        answer = await scene.call()
        (seen,) = await scene.rows()  # at once: the closing event has waited for it
        assert answer.status_code == 200
        assert exact(seen)
        row = await scene.row()
        assert (row.id, row.status) == (seen.id, "ok")

    async def test_by_garbage_in_the_middle_too(self, scene: Scene) -> None:
        scene.upstream.default = Answer(fault="garbage")
        answer = await scene.call()
        assert answer.status_code == 200
        row = await scene.row()
        assert row.status == "ok"
        assert exact(row) is scene.kind.stream  # a whole answer that is no JSON tells no counts
        assert row.total_tokens > 12

    async def test_without_a_line_end_too(self, scene: Scene) -> None:
        scene.upstream.default = Answer(fault="no line end")
        answer = await scene.call()
        assert scene.kind.closing in answer.content
        row = await scene.row()
        assert row.status == "ok"
        assert exact(row)


class TestCallersWhoLeave:
    async def test_before_the_first_byte(self, scene: Scene) -> None:
        scene.upstream.default = Answer(delay=3600 if scene.kind.stream else 0.1)
        async with scene.caller() as caller:
            await asyncio.wait_for(scene.upstream.arrived.wait(), 5)
            caller.leave()
            if scene.kind.stream:
                await asyncio.wait_for(scene.upstream.left.wait(), 1)
        row = await scene.row()
        if scene.kind.stream:
            assert (row.status, row.estimated, row.completion_tokens) == ("aborted", True, 0)
            assert row.prompt_tokens >= 12
        else:  # it is billed whole, so it is read whole
            assert row.status == "ok"
            assert exact(row)

    async def test_in_the_middle(self, scene: Scene) -> None:
        gate = asyncio.Event()
        scene.upstream.default = Answer(gate=gate)
        async with scene.caller() as caller:
            if scene.kind.stream:
                await caller.read_until(b"there")
            else:
                await asyncio.wait_for(scene.upstream.arrived.wait(), 5)
            caller.leave()
            if scene.kind.stream:
                await asyncio.wait_for(scene.upstream.left.wait(), 1)
        gate.set()
        row = await scene.row()
        if scene.kind.stream:
            assert (row.status, row.estimated) == ("aborted", True)
            assert 5 <= row.completion_tokens <= 10
        else:
            assert row.status == "ok"
            assert exact(row)

    async def test_right_after_the_last_byte(self, scene: Scene) -> None:
        async with scene.caller() as caller:
            await caller.read_until(scene.kind.closing)
            caller.leave()
        row = await scene.row()
        assert row.status == "ok"
        assert exact(row)


class TestUpstreams:
    @pytest.mark.parametrize("status", [400, 429, 529])
    async def test_that_refuse_cost_nothing(self, scene: Scene, status: int) -> None:
        error = {"type": "error", "error": {"type": "some_error", "message": "No"}}
        scene.upstream.default = Answer(status=status, error=error)
        answer = await scene.call()
        assert (answer.status_code, answer.json()) == (status, error)
        await scene.nothing()

    async def test_that_hang_up_before_they_answer(self, scene: Scene) -> None:
        scene.upstream.default = Answer(fault="no headers")
        assert (await scene.call()).status_code == 502
        row = await scene.row()
        assert (row.status, row.estimated, row.completion_tokens) == ("failed", True, 0)
        assert row.prompt_tokens >= 12

    @pytest.mark.parametrize("fault", ["cut", "cut in a line", "half a line", "ends early", "hangs"])
    async def test_that_break_in_the_middle(self, scene: Scene, fault: Any) -> None:
        scene.upstream.default = Answer(fault=fault, after=7)
        answer = await scene.call()
        row = await scene.row()
        if not scene.kind.stream and fault in ("half a line", "ends early"):
            # A whole answer with its right length that is no JSON: passed on as it came, since it may be billed.
            assert (answer.status_code, row.status, row.estimated) == (200, "ok", True)
            return
        assert (row.status, row.estimated) == ("failed", True)
        assert row.prompt_tokens >= 12
        if scene.kind.stream:
            assert answer.status_code == 200
            last = answer.content.rstrip().splitlines()[-1]  # by itself, also after half a line
            assert "error" in json.loads(last.removeprefix(b"data: "))
            assert row.completion_tokens >= 3
        else:
            assert answer.status_code == 502

    async def test_that_report_an_error_in_their_answer(self, scene: Scene) -> None:
        scene.upstream.default = Answer(fault="error event", after=5)
        answer = await scene.call()
        assert answer.content.count(b'"error":') == 1
        row = await scene.row()
        assert row.estimated
        assert row.prompt_tokens >= 12
        if scene.kind.stream:
            assert row.status == "failed"

    @pytest.mark.parametrize("scene", STREAMS, indirect=True)
    async def test_that_break_after_the_closing_event_have_finished(self, scene: Scene) -> None:
        scene.upstream.default = Answer(fault="cut at the end")
        answer = await scene.call()
        assert scene.kind.closing in answer.content.rstrip().splitlines()[-1]
        row = await scene.row()
        assert row.status == "ok"
        assert exact(row)


class TestDatabase:
    async def test_locked_at_settlement_delays_the_end_and_loses_nothing(
        self, scene: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        await _pragma(scene, "busy_timeout=50")
        with books.beside(scene.path) as other:
            await self._settles_late(
                scene, caplog, lambda: other.execute("BEGIN EXCLUSIVE"), lambda: other.execute("ROLLBACK")
            )

    async def test_full_at_settlement_delays_the_end_and_loses_nothing(
        self, scene: Scene, caplog: pytest.LogCaptureFixture
    ) -> None:
        def full(*_: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        patch = pytest.MonkeyPatch()
        await self._settles_late(scene, caplog, lambda: patch.setattr("vanilla.usage.ledger.record", full), patch.undo)

    async def _settles_late(
        self,
        scene: Scene,
        caplog: pytest.LogCaptureFixture,
        break_it: Callable[[], Any],
        mend_it: Callable[[], Any],
        headers: dict[str, str] | None = None,
    ) -> None:
        gate = asyncio.Event()
        scene.upstream.default = Answer(gate=gate, headers=headers or {})
        call = asyncio.create_task(scene.call())
        await asyncio.wait_for(scene.upstream.arrived.wait(), 5)
        await _done(break_it())
        gate.set()
        async with asyncio.timeout(5):
            while "could not be settled yet" not in caplog.text:
                await asyncio.sleep(0.01)
        assert not call.done()
        assert await scene.platform.holds() == 1
        assert (await scene.platform.user(scene.user.id)).tokens_held > 0
        await _done(mend_it())
        answer = await asyncio.wait_for(call, 5)
        assert scene.kind.closing in answer.content
        row = await scene.row()
        assert row.status == "ok"
        assert exact(row)
        caplog.clear()


async def _pragma(scene: Scene, pragma: str) -> None:
    """Set on the connection that writes."""
    await scene.platform.services.database.write(
        lambda session: session.connection().exec_driver_sql(f"PRAGMA {pragma}").close()
    )


async def _done(answer: Any) -> None:
    if asyncio.iscoroutine(answer):
        await answer
