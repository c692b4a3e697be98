"""`python main.py`: it starts quickly, says where it is, and stops quietly; what keeps it from starting is one line."""

import asyncio
import contextlib
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from fastapi import FastAPI

from tests.servers import ServerProcess
from vanilla.accounts.deletions import Deletions
from vanilla.accounts.resets import PasswordResets
from vanilla.accounts.sessions import Sessions
from vanilla.games.removals import Removals

ROOT = Path(__file__).parents[1]


def test_the_start_does_not_wait_for_anthropics_client() -> None:
    code = "import sys, main; from pages import site; from vanilla.api import router; print('anthropic' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False", "its thousands of modules double the time to start"


async def test_it_says_where_it_is_and_ctrl_c_ends_it_quietly(tmp_path: Path) -> None:
    server = ServerProcess(DATA_DIR=str(tmp_path), PUBLIC_URL="https://games.example.org", LOCAL_MODEL="off")
    await server.start()
    here = server.origin.replace("127.0.0.1", "localhost")
    assert await server.stop(signal.SIGINT) == 0
    assert f"\nVanilla is at https://games.example.org, on this machine at {here}\n" in server.output
    assert "Traceback" not in server.output


async def test_what_is_over_is_taken_away_from_the_start(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    begun = {kind: asyncio.Event() for kind in (Sessions, PasswordResets, Removals, Deletions)}
    for kind, event in begun.items():

        async def sweep(_self: object, event: asyncio.Event = event) -> None:
            event.set()

        monkeypatch.setattr(kind, "sweep", sweep)
    async with app.router.lifespan_context(app), asyncio.timeout(5):
        await asyncio.gather(*(event.wait() for event in begun.values()))


@pytest.mark.parametrize("name", ["HOST, PORT", "SESSION_SECRET", "DATA_DIR", "LOG_LEVEL"])
def test_what_keeps_it_from_starting_is_one_line(tmp_path: Path, name: str) -> None:
    settings = {"DATA_DIR": str(tmp_path)}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        if name == "HOST, PORT":
            settings["PORT"] = str(taken.getsockname()[1])
        elif name == "SESSION_SECRET":
            (tmp_path / "session_secret").touch()
        elif name == "DATA_DIR":
            settings["DATA_DIR"] = __file__
        else:
            settings["LOG_LEVEL"] = "loud"
        run = subprocess.run(
            [sys.executable, "main.py"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **settings},
            capture_output=True,
            text=True,
            check=False,
        )
    assert run.returncode == 2
    assert run.stderr.startswith(f"Vanilla cannot start: {name}: ")
    assert run.stderr.count("\n") == 1
    assert not (tmp_path / "vanilla.db").exists()


def test_what_it_finds_wrong_only_while_it_opens_is_said_as_plainly(tmp_path: Path) -> None:
    (tmp_path / "vanilla.db").write_text("recipes, not tables " * 500)
    run = subprocess.run(
        [sys.executable, "main.py"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "PORT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].startswith("Vanilla cannot start: DATA_DIR: the database ")
    assert "Traceback" not in run.stderr


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks into a process as Linux shows it")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", ["_asyncio", "_pydantic_core", "_imaging", "vanilla.db", "Uvicorn"])
@pytest.mark.slow
def test_it_can_be_stopped_while_it_starts(tmp_path: Path, how: signal.Signals, at: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "main.py"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "PORT": "0", "LOCAL_MODEL": "off"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said, path = "", tmp_path / "vanilla.db"
    while at == "Uvicorn" and at not in said:  # it listens, and is about to say so
        said += (line := process.stdout.readline())
        assert line, said
    while at == "vanilla.db" and not path.exists():  # it is about to migrate
        time.sleep(0.002)
    while at.startswith("_") and at not in Path(f"/proc/{process.pid}/maps").read_text():  # it imports
        time.sleep(0.002)
    process.send_signal(how)
    rest, _ = process.communicate(timeout=30)
    assert "Traceback" not in said + rest
    assert "Exception" not in said + rest
    assert process.returncode in ((0, 130) if how is signal.SIGINT else (0, -signal.SIGTERM)), said + rest
    if path.exists():
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA quick_check").fetchone() == ("ok",)


@pytest.mark.slow
async def test_it_starts_after_it_was_stopped_while_it_started(tmp_path: Path) -> None:
    server = ServerProcess(DATA_DIR=str(tmp_path), LOCAL_MODEL="off")
    starting = asyncio.create_task(server.start())
    while not (tmp_path / "vanilla.db").exists():  # it migrates, or is about to
        await asyncio.sleep(0.01)
    os.kill(server.pid, signal.SIGTERM)
    with contextlib.suppress(RuntimeError):
        await starting
    await server.stop()
    await server.start()
    assert await server.stop() in (0, -signal.SIGTERM)


def test_it_may_have_more_open_files_than_the_shell_allows(tmp_path: Path) -> None:
    code = (
        "import resource, main; resource.setrlimit(resource.RLIMIT_NOFILE, (512, 2048));"
        "main._allow_many_open_files(); print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "(2048, 2048)\n"
