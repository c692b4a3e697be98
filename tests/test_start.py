"""`python main.py`: it starts quickly, says where it is, and stops quietly; what keeps it from starting is one line."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ServerProcess

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
