"""`doctor` beside a real server, with model servers that answer and that do not."""

import json
from pathlib import Path
from typing import Any

from tests.commands.conftest import Typed
from tests.commands.processes import Done, typed
from tests.fakes.model_servers import ModelServer
from tests.servers import server_process

SETTINGS = {"ADMIN_PASSWORD": "the admin's own password", "LOCAL_MODEL": "off", "EXAMPLE_GAMES": "false"}


def findings(done: Done) -> dict[str, dict[str, Any]]:
    """By name, the last of each."""
    return {each["name"]: each for each in json.loads(done.out)["findings"]}


async def test_a_server_with_both_model_servers_is_well(tmp_path: Path) -> None:
    async with ModelServer().serving() as models:
        given = {
            "DATA_DIR": str(tmp_path / "data"),
            "OLLAMA_URL": models.url,
            "ANTHROPIC_API_KEY": "sk-ant-test",
            "ANTHROPIC_BASE_URL": models.url,
            "MIN_FREE_DISK_MB": "0",
            **SETTINGS,
        }
        async with server_process(**given) as server:
            port = server.origin.rpartition(":")[2]
            done = await typed(tmp_path, "doctor", **given, PORT=port, PUBLIC_URL=server.origin)
            assert (done.status, done.error) == (0, ""), done.out
            assert "The server runs and answers at 127.0.0.1" in done.out
            assert "The key is good: " in done.out
            assert f"{server.origin} leads here, and passes WebSockets." in done.out
            assert done.out.splitlines()[-1].startswith("0 broken, ")
            assert "sk-ant-test" not in done.out


async def test_what_is_broken_ends_with_1_and_says_what_to_do(here: Typed, tmp_path: Path) -> None:
    given = {
        "DATA_DIR": str(tmp_path / "data"),
        "OLLAMA_URL": "http://127.0.0.1:9",
        "ANTHROPIC_API_KEY": "sk-ant-test",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "PORT": "0",
    }
    done = await here("doctor", "--json", **given)
    assert done.status == 1
    assert json.loads(done.out)["healthy"] is False
    found = findings(done)
    assert [name for name, each in found.items() if each["state"] == "broken"] == ["Anthropic", "Ollama"]
    assert found["Ollama"]["todo"] == "Start it, or set OLLAMA_URL and restart."
    assert found["Anthropic"]["todo"] == "Is this server on the internet?"
    assert not (tmp_path / "data").exists()


async def test_without_any_model_server_it_only_notes_that(here: Typed, tmp_path: Path) -> None:
    done = await here("doctor", "--json", DATA_DIR=str(tmp_path / "data"), PORT="0")
    found = findings(done)
    assert (done.status, found["Anthropic"]["state"], found["Ollama"]["state"]) == (0, "note", "note")


async def test_a_setting_that_cannot_be_used_is_a_finding(here: Typed) -> None:
    done = await here("doctor", "--json", PORT="many")
    assert done.status == 1
    assert findings(done)["settings"]["what"].startswith("PORT: ")
    done = await here("doctor", PORT="many")
    assert done.out.startswith("BROKEN  settings         PORT: ")
