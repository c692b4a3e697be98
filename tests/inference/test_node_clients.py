"""The official JavaScript clients, unchanged, under Node: what `node/clients.js` saw of a running platform."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests import npm
from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.conftest import Platform

TEXT = "".join(Answer().words)
LOOK = ("look", {"direction": "north"})
CUT = "broke"

pytestmark = [pytest.mark.slow, npm.needs_node]


@pytest.fixture
async def clients(tmp_path: Path) -> Path:
    """A folder with the clients installed at the pinned versions."""
    return await npm.install(tmp_path / "node")


@pytest.fixture
async def seen(clients: Path, platform: Platform, claude: ModelServer, llama: ModelServer) -> dict[str, Any]:
    """What each call gave."""
    for server in (claude, llama):
        server.by_model = {
            "thinks": Answer(thinking="A stranger.", tool=LOOK),
            **{f"status {status}": _refusal(status) for status in (404, 529)},
            "cut": Answer(fault="cut", after=5),
            "cut in a line": Answer(fault="cut in a line", after=5),
            "ends early": Answer(fault="ends early", after=5),
        }
    _, token = await platform.friend()
    _, spent = await platform.friend(token_limit=0)
    status, output = await npm.run(clients, "node", "clients.js", platform.origin, token, spent)
    assert status == 0, output
    results: dict[str, Any] = json.loads(output.splitlines()[-1])  # before it, warnings of the clients
    return results


async def test_the_clients_see_what_their_servers_would_show(
    seen: dict[str, Any], platform: Platform, claude: ModelServer
) -> None:
    text = {"type": "text", "text": TEXT}
    assert seen["anthropic create"] == {
        "content": [text],
        "usage": {"input_tokens": 12, "output_tokens": 8},
        "stop_reason": "end_turn",
    }
    assert "".join(seen["anthropic stream"]["words"]) == TEXT
    assert seen["anthropic stream"]["usage"]["output_tokens"] == 8
    assert seen["anthropic raw stream"][0] == "message_start"
    assert seen["anthropic raw stream"][-1] == "message_stop"
    thought, spoken, tool = seen["anthropic tools"]["content"]
    assert thought == {"type": "thinking", "thinking": "A stranger.", "signature": "c2lnbmVk"}
    assert spoken == text
    assert (tool["name"], tool["input"], seen["anthropic tools"]["stop_reason"]) == (*LOOK, "tool_use")
    assert seen["anthropic count_tokens"]["input_tokens"] == 7
    assert seen["anthropic models"] == ["claude-haiku-4-5"]

    assert seen["ollama chat"]["message"]["content"] == TEXT
    assert (seen["ollama chat"]["prompt_eval_count"], seen["ollama chat"]["eval_count"]) == (12, 8)
    assert seen["ollama chat stream"]["text"] == TEXT
    assert seen["ollama chat stream"]["last"]["done"]
    assert seen["ollama tools"]["thinking"] == "A stranger."
    (call,) = seen["ollama tools"]["tool_calls"]
    assert (call["function"]["name"], call["function"]["arguments"]) == LOOK
    assert seen["ollama generate"] == seen["ollama generate stream"] == TEXT
    assert seen["ollama embed"] == [[0.1, 0.2]]
    assert (seen["ollama tags"], seen["ollama show"]) == (["llama3.2"], "llama")
    assert (seen["ollama version"], seen["ollama ps"]) == ("0.12.0", [])

    assert seen["openai create"]["text"] == TEXT
    assert seen["openai create"]["usage"]["total_tokens"] == 20
    assert (seen["openai tools"]["name"], json.loads(seen["openai tools"]["arguments"])) == LOOK
    assert seen["openai stream"] == {"text": TEXT, "usage": [], "empty": 0}
    assert seen["openai stream with usage"] == {"text": TEXT, "usage": [20], "empty": 1}
    assert seen["openai models"] == ["claude-haiku-4-5"]

    _check_errors(seen)
    assert len([each for each in claude.seen if b'"status 529"' in each.raw]) == 1
    rows = [row for row in await platform.ledger() if row.model in ("plain", "thinks")]
    assert all(row.status == "ok" and not row.estimated for row in rows)
    assert await platform.holds() == 0


def _check_errors(seen: dict[str, Any]) -> None:
    kinds = {
        "anthropic 401": ("AuthenticationError", 401),
        "anthropic 403": ("PermissionDeniedError", 403),
        "anthropic 404": ("NotFoundError", 404),
        "anthropic 429": ("RateLimitError", 429),
        "anthropic 529": ("OverloadedError", 529),
        "anthropic cut whole": ("InternalServerError", 502),
        "ollama 401": ("ResponseError", 401),
        "ollama 403": ("ResponseError", 403),
        "ollama 404": ("ResponseError", 404),
        "ollama 429": ("ResponseError", 429),
        "openai 401": ("AuthenticationError", 401),
        "openai 404": ("NotFoundError", 404),
        "openai 429": ("RateLimitError", 429),
    }
    assert {name: (seen[name].get("error"), seen[name].get("status")) for name in kinds} == kinds
    assert (seen["anthropic 429 attempts"], seen["openai 429 attempts"]) == (1, 1)
    broken = {name: each for name, each in seen.items() if name.endswith(("cut", "cut in a line", "ends early"))}
    assert len(broken) == 10
    for name, each in broken.items():
        assert isinstance(each, dict), f"{name} looked like a clean end: {each}"
        assert CUT in each["message"], f"{name}: {each}"


def _refusal(status: int) -> Answer:
    error = {"type": "error", "error": {"type": "an_error", "message": f"said {status}"}}
    return Answer(status=status, error=error, headers={"x-should-retry": "false"})
