"""The child's life: one start for all who ask, a restart after a death, an end with its parent, however that went."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.inference.local.marks import needs_model
from vanilla.inference.local.process import Endpoint, LocalModel, LocalModelUnavailable

ROOT = Path(__file__).parents[3]
STOPS_AT_ONCE = "import sys; sys.exit('the weights are damaged')"
KEEPS_SILENT = "import sys; sys.stderr.write('still loading'); sys.stderr.flush(); sys.stdin.read()"


class Broken(LocalModel):
    """A model whose child runs other code."""

    def __init__(self, code: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.code = code
        self.starts = 0
        self.started = asyncio.Event()

    @staticmethod
    def is_installed() -> bool:
        return True

    def _command(self) -> list[str]:
        self.starts += 1
        self.started.set()
        return [sys.executable, "-c", self.code]


class TestUnavailable:
    def test_without_its_packages_the_model_is_a_503_that_says_what_the_host_can_do(self) -> None:
        code = """
import asyncio
from vanilla.inference.local.process import LocalModel, LocalModelUnavailable

async def ask():
    assert not LocalModel.is_installed()
    try:
        await LocalModel().endpoint()
    except LocalModelUnavailable as error:
        print(error.status, error.message)

asyncio.run(ask())
"""
        # -S: no installed package can be imported, as on a machine that has none.
        done = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        assert done.stdout.startswith("503 The embedded model is not installed")
        assert "requirements-model.txt" in done.stdout

    async def test_a_child_that_ends_at_once_leaves_its_last_words_in_the_log(
        self, caplog: pytest.LogCaptureFixture
    ) -> None:
        model = Broken(STOPS_AT_ONCE)
        with pytest.raises(LocalModelUnavailable, match="did not start"):
            await model.endpoint()
        assert "the weights are damaged" in caplog.text
        assert not model.is_running
        await model.close()

    async def test_a_child_that_is_never_ready_is_given_up(self, caplog: pytest.LogCaptureFixture) -> None:
        model = Broken(KEEPS_SILENT, start_timeout=0.5)
        async with asyncio.timeout(5):
            with pytest.raises(LocalModelUnavailable, match="did not start"):
                await model.endpoint()
        assert "still loading" in caplog.text
        await model.close()

    async def test_callers_in_a_loop_do_not_start_one_process_each(self) -> None:
        model = Broken(STOPS_AT_ONCE)
        for _ in range(5):
            with pytest.raises(LocalModelUnavailable):
                await model.endpoint()
        assert model.starts == 1
        await model.close()

    async def test_closing_in_the_middle_of_a_start_ends_it_for_those_who_wait(self) -> None:
        model = Broken(KEEPS_SILENT)
        waiting = [asyncio.create_task(model.endpoint()) for _ in range(2)]
        await model.started.wait()
        await model.close()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [LocalModelUnavailable] * 2
        with pytest.raises(LocalModelUnavailable, match="stopping"):
            await model.endpoint()


class TestChild:
    pytestmark = needs_model

    async def test_those_who_ask_at_once_share_one_child_even_if_the_first_leaves(self) -> None:
        model = LocalModel()
        first = asyncio.create_task(model.endpoint())
        others = [asyncio.create_task(model.endpoint()) for _ in range(4)]
        await asyncio.sleep(0)  # the first has begun the start
        first.cancel()
        endpoints = await asyncio.gather(*others)
        assert first.cancelled()
        assert len({endpoint.base_url for endpoint in endpoints}) == 1
        assert model.is_running
        await model.close()

    async def test_a_child_that_died_is_replaced_and_its_secret_with_it(self) -> None:
        model = LocalModel()
        before = await model.endpoint()
        assert model._child is not None
        os.kill(model._child.process.pid, signal.SIGKILL)
        await model._child.process.wait()
        after = await model.endpoint()
        assert model.is_running
        assert before.headers != after.headers
        await _reachable(after)
        await model.close()

    async def test_close_ends_the_child_before_it_returns(self) -> None:
        model = LocalModel()
        endpoint = await model.endpoint()
        pid = model.pid
        assert pid is not None
        await model.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(ConnectionRefusedError):
            await _reachable(endpoint)
        assert not model.is_running
        await model.close()  # once more does no harm

    async def test_a_child_that_ignores_sigterm_is_killed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vanilla.inference.local.process.SECONDS_TO_END", 0.2)
        model = Broken(
            "import json, signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); sys.stdin.readline();"
            "print(json.dumps({'port': 9}), flush=True); signal.pause()"
        )
        await model.endpoint()
        pid = model.pid
        assert pid is not None
        await model.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    async def test_the_child_ends_when_its_parent_is_killed(self) -> None:
        code = """
import asyncio
from vanilla.inference.local.process import LocalModel

async def serve():
    model = LocalModel()
    print((await model.endpoint()).base_url, flush=True)
    await asyncio.Event().wait()

asyncio.run(serve())
"""
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert parent.stdout is not None
        endpoint = Endpoint((await parent.stdout.readline()).decode().strip(), {})
        reader, writer = await _connect(endpoint)
        parent.send_signal(signal.SIGKILL)
        await parent.wait()
        async with asyncio.timeout(10):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""  # the child's side of the connection closed with it
            while await _listens(endpoint):  # its listener closes a moment before or after
                await asyncio.sleep(0.01)
        writer.close()

    def test_the_child_imports_little(self) -> None:
        code = "import sys, vanilla.inference.local.server; print(*sorted(sys.modules))"
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
        heavy = {
            "nicegui",
            "fastapi",
            "pydantic",
            "sqlmodel",
            "sqlalchemy",
            "aiohttp",
            "httpx",
            "anthropic",
            "tiktoken",
        }
        assert not heavy & set(done.stdout.split())


async def _listens(endpoint: Endpoint) -> bool:
    try:
        _, writer = await _connect(endpoint)
    except ConnectionRefusedError:
        return False
    writer.close()
    return True


async def _connect(endpoint: Endpoint) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = endpoint.base_url.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


async def _reachable(endpoint: Endpoint) -> None:
    _, writer = await _connect(endpoint)
    writer.close()
    await writer.wait_closed()
