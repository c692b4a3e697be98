"""Commands in this process: a process of its own takes a second to start."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.commands.processes import Done
from vanilla.commands import line

Typed = Callable[..., Awaitable[Done]]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """What `typed` does, in this process and in `tmp_path`, without standard input."""

    async def here(*arguments: str | Path, **settings: str) -> Done:
        capsys.readouterr()
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            for name, value in {"LOCAL_MODEL": "off", "OLLAMA_URL": "", **settings}.items():
                patch.setenv(name, value)
            status = await asyncio.to_thread(line.run, list(map(str, arguments)), serve=never)
        said = capsys.readouterr()
        return Done(status, said.out, said.err)

    return here


def never(**_settings: object) -> int:
    """In place of what serves."""
    raise AssertionError
