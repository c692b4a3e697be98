"""`create-admin` and `reset-password`, as processes beside a server that runs, and where none does."""

import asyncio
import os
import pty
import select
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest

from tests.commands.processes import typed
from tests.fakes.model_servers import Answer, ModelServer
from tests.servers import ROOT, ServerProcess, server_process

pytestmark = pytest.mark.slow

PASSWORD = "the admin's own password"
NEW = "another long password"
SETTINGS = {"ADMIN_PASSWORD": PASSWORD, "EXAMPLE_GAMES": "false", "LOCAL_MODEL": "off", "LOG_LEVEL": "warning"}


@pytest.fixture
async def llama() -> AsyncIterator[ModelServer]:
    async with ModelServer(Answer(words=("word ",) * 1000, pause=0.05)).serving() as server:
        yield server


@pytest.fixture
async def server(tmp_path: Path, llama: ModelServer) -> AsyncIterator[ServerProcess]:
    async with server_process(DATA_DIR=str(tmp_path / "data"), OLLAMA_URL=llama.url, **SETTINGS) as server:
        yield server


@asynccontextmanager
async def signed_in(origin: str, username: str, password: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=origin, timeout=30, trust_env=False) as client:
        answer = await client.post("/auth/login", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        yield client


async def test_an_admin_is_made_beside_a_running_server(server: ServerProcess, tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    done = await typed(
        tmp_path, "create-admin", "--username", "Host", "--password-stdin", stdin=f"{NEW}\n", DATA_DIR=data
    )
    assert (done.status, done.out, done.error) == (0, "Host is an admin now, and signs in with that password.\n", "")
    async with signed_in(server.origin, "host", NEW) as client:
        assert (await client.get("/auth/me")).json()["user"]["is_admin"] is True
        written = (await client.get("/admin/api/audit")).json()["items"]
        assert written[0]["action"] == "user.create"
    for arguments, stdin, words in (
        (("--username", "HOST", "--password-stdin"), f"{NEW}\n", "The name HOST is taken: choose another."),
        (("--username", "x", "--password-stdin"), "short\n", "The password is too short: use at least 8 characters."),
        (("--username", "x" * 41, "--password-stdin"), f"{NEW}\n", "The username must have 1 to 40 characters."),
        (
            ("--username", "x"),
            f"{NEW}\n",
            "There is no terminal to ask for the password: give it with --password-stdin.",
        ),
    ):
        done = await typed(tmp_path, "create-admin", *arguments, stdin=stdin, DATA_DIR=data)
        assert (done.status, done.out, done.error) == (2, "", f"{words}\n")


async def test_a_reset_ends_all_that_is_open_at_once(server: ServerProcess, tmp_path: Path, llama: ModelServer) -> None:
    async with signed_in(server.origin, "admin", PASSWORD) as client:
        token = (await client.post("/api/tokens", json={"name": "laptop"})).json()["token"]
        begun = asyncio.Event()
        streaming = asyncio.create_task(stream(server.origin, token, begun))
        await asyncio.wait_for(begun.wait(), 20)
        done = await typed(
            tmp_path,
            *("reset-password", "--username", "ADMIN", "--password-stdin"),
            stdin=NEW,
            DATA_DIR=str(tmp_path / "data"),
        )
        assert (done.status, done.error) == (0, "")
        assert done.out == "admin has the new password. All their sessions and API tokens have ended.\n"
        last = await asyncio.wait_for(streaming, 2)  # the command has waited for the server
        assert b"You have been signed out." in last
        assert (await client.get("/auth/me")).status_code == 401
        answer = await client.get("/auth/me", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == 401
        answer = await client.post("/auth/login", json={"username": "admin", "password": PASSWORD})
        assert answer.status_code == 401
    async with signed_in(server.origin, "admin", NEW) as again:
        actions = [row["action"] for row in (await again.get("/admin/api/audit")).json()["items"]]
        assert actions[0] == "user.password"


async def stream(origin: str, token: str, begun: asyncio.Event) -> bytes:
    """Call a model with a token until the answer ends, however it does."""
    body = b""
    ask = {"model": "llama3.2", "messages": [{"role": "user", "content": "hello"}]}
    async with httpx.AsyncClient(
        base_url=origin, headers={"authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    ) as program:
        async with program.stream("POST", "/api/inference/ollama/chat", json=ask) as answer:
            async for chunk in answer.aiter_bytes():
                body += chunk
                begun.set()
    return body


async def test_both_work_while_no_server_runs(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    done = await typed(tmp_path, "reset-password", "--username", "admin", "--password-stdin", stdin=NEW, DATA_DIR=data)
    assert done.status == 2
    assert done.error.startswith("There is no database at ")
    assert not (tmp_path / "data").exists()
    server = ServerProcess(DATA_DIR=data, **SETTINGS)
    await server.start()
    await server.stop()
    done = await typed(tmp_path, "reset-password", "--username", "nobody", "--password-stdin", stdin=NEW, DATA_DIR=data)
    assert (done.status, done.error) == (2, "Nobody here is called nobody.\n")
    done = await typed(tmp_path, "reset-password", "--username", "admin", "--password-stdin", stdin=NEW, DATA_DIR=data)
    assert done.status == 0
    done = await typed(
        tmp_path, "create-admin", "--username", "host", "--password-stdin", stdin=PASSWORD, DATA_DIR=data
    )
    assert done.status == 0
    await server.start()
    for name, password in (("admin", NEW), ("host", PASSWORD)):
        async with signed_in(server.origin, name, password):
            pass
    await server.stop()


async def test_a_server_that_hangs_is_told_of(server: ServerProcess, tmp_path: Path) -> None:
    await _stop_between_writes(server, tmp_path / "data" / "vanilla.db")
    try:
        done = await typed(
            tmp_path,
            "reset-password",
            "--username",
            "admin",
            "--password-stdin",
            stdin=NEW,
            DATA_DIR=str(tmp_path / "data"),
        )
    finally:
        os.kill(server.pid, signal.SIGCONT)
    assert (done.status, done.out) == (2, "")
    assert "has the new password, but the running server has not noticed" in done.error


async def test_on_a_terminal_the_password_is_asked_for_and_not_shown(server: ServerProcess, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "main.py"),
        "create-admin",
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), "TERM": "xterm"},
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,  # so that /dev/tty is nobody's
    )
    os.close(theirs)
    shown = ""

    async def until(words: str) -> None:
        nonlocal shown
        new = ""
        async with asyncio.timeout(20):
            while not new.rstrip().endswith(words):
                if not select.select([ours], [], [], 0)[0]:
                    await asyncio.sleep(0.02)
                    continue
                new += os.read(ours, 1000).decode()
        shown += new

    for question, answer in (
        ("Username:", "host"),
        ("New password:", "short"),
        ("New password:", NEW),
        ("Once more:", "something else"),
        ("New password:", NEW),
        ("Once more:", NEW),
    ):
        await until(question)
        os.write(ours, f"{answer}\n".encode())
    await until("signs in with that password.")
    assert await asyncio.wait_for(process.wait(), 20) == 0
    os.close(ours)
    assert NEW not in shown
    assert "short\r" not in shown
    assert "The password is too short" in shown
    assert "That was another one." in shown
    async with signed_in(server.origin, "host", NEW):
        pass


async def _stop_between_writes(server: ServerProcess, path: Path) -> None:
    """Stop it where it does not hold the database: what it holds nobody else gets."""
    async with asyncio.timeout(10):
        while True:
            os.kill(server.pid, signal.SIGSTOP)
            with closing(sqlite3.connect(path, timeout=0.1, isolation_level=None)) as connection:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute("ROLLBACK")
                    return
                except sqlite3.OperationalError:
                    os.kill(server.pid, signal.SIGCONT)
            await asyncio.sleep(0.05)
