"""What /metrics counts of calls: the same as the ledger, and what the ledger does not have."""

import asyncio

import pytest

from tests.api.test_metrics import values
from tests.fakes.model_servers import Answer, ModelServer
from tests.fakes.protocols import Fault
from tests.inference.conftest import Platform
from tests.inference.test_relay import ASK_CLAUDE, ASK_LLAMA, CHAT, MESSAGES
from vanilla.inference.meter import Wanted
from vanilla.models import NO_GAME


async def figures(platform: Platform) -> dict[str, float]:
    """What a scraper on this machine reads."""
    client = await platform.client(None)
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    return values(answer.text)


async def test_calls_tokens_and_times_are_those_of_the_ledger(platform: Platform, claude: ModelServer) -> None:
    claude.default = Answer(cache_read=100)
    _, token = await platform.friend()
    client = await platform.client(token)
    for stream in (True, False):
        assert (await client.post(MESSAGES, json={**ASK_CLAUDE, "stream": stream})).status_code == 200
    assert (await client.post(CHAT, json=ASK_LLAMA)).status_code == 200
    found = await figures(platform)
    assert found["vanilla_calls_total,anthropic,ok"] == 2
    assert found["vanilla_calls_total,ollama,ok"] == 1
    rows = [row for row in await platform.ledger() if row.backend == "anthropic"]
    assert found["vanilla_tokens_total,anthropic,prompt"] == sum(row.prompt_tokens for row in rows) == 224
    assert found["vanilla_tokens_total,anthropic,completion"] == sum(row.completion_tokens for row in rows) == 16
    assert found["vanilla_tokens_total,anthropic,cache_read"] == 200
    assert found["vanilla_tokens_total,ollama,prompt"] == 12
    for stage in ("admission", "settle"):
        assert found[f"vanilla_relay_overhead_seconds_count,{stage}"] == 3
        assert found[f"vanilla_relay_overhead_seconds_bucket,+Inf,{stage}"] == 3
        assert 0 < found[f"vanilla_relay_overhead_seconds_sum,{stage}"] < 3
    assert found["vanilla_first_byte_seconds_count,anthropic"] == 2
    assert not [name for name in found if "refusals" in name or "upstream_errors" in name]


async def test_what_is_set_aside_and_running_is_read_as_it_stands(platform: Platform, llama: ModelServer) -> None:
    llama.default = Answer(words=("word ",) * 200, pause=0.02)
    _, token = await platform.friend(token_limit=1000)
    client = await platform.client(token)
    async with client.stream("POST", CHAT, json={**ASK_LLAMA, "options": {"num_predict": 50}}) as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        found = await figures(platform)
        assert found["vanilla_calls_in_flight,ollama"] == found["vanilla_holds_open"] == 1
        assert 50 < found["vanilla_tokens_held"] < 100
    async with asyncio.timeout(5):
        while (await figures(platform))["vanilla_calls_in_flight,ollama"]:
            await asyncio.sleep(0.01)
    found = await figures(platform)
    assert found["vanilla_holds_open"] == found["vanilla_tokens_held"] == 0
    assert found["vanilla_calls_total,ollama,aborted"] == 1


async def test_refusals_are_counted_by_reason(platform: Platform) -> None:
    _, token = await platform.friend(token_limit=0)
    client = await platform.client(token)
    for _ in range(2):
        assert (await client.post(CHAT, json=ASK_LLAMA)).status_code == 429
    assert (await client.post(MESSAGES, content=b"{")).status_code == 400
    found = await figures(platform)
    assert found["vanilla_refusals_total,ollama,spent"] == 2
    assert found["vanilla_refusals_total,anthropic,malformed"] == 1
    assert found["vanilla_calls_total,ollama,unbilled"] == 0
    assert found["vanilla_relay_overhead_seconds_count,admission"] == 0


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("cut", "broken"), ("ends early", "broken"), ("error event", "error event"), ("no headers", "broken")],
)
async def test_what_a_model_server_does_wrong_is_counted_by_kind(
    platform: Platform, claude: ModelServer, fault: Fault, kind: str
) -> None:
    claude.default = Answer(fault=fault)
    _, token = await platform.friend()
    client = await platform.client(token)
    await client.post(MESSAGES, json={**ASK_CLAUDE, "stream": True})
    found = await figures(platform)
    assert {name: count for name, count in found.items() if "upstream_errors" in name} == {
        f"vanilla_upstream_errors_total,anthropic,{kind}": 1
    }
    assert found["vanilla_calls_total,anthropic,failed"] == 1


async def test_a_model_server_that_refuses_or_is_not_there_bills_nothing(
    platform: Platform, claude: ModelServer
) -> None:
    claude.default = Answer(
        status=529, error={"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}
    )
    _, token = await platform.friend()
    client = await platform.client(token)
    assert (await client.post(MESSAGES, json=ASK_CLAUDE)).status_code == 529
    claude.default = Answer(
        status=401, error={"type": "error", "error": {"type": "authentication_error", "message": "No"}}
    )
    assert (await client.post(MESSAGES, json=ASK_CLAUDE)).status_code == 502
    assert (await client.post("/api/inference/anthropic/v1/messages/count_tokens", json=ASK_CLAUDE)).status_code == 200
    found = await figures(platform)
    assert {name: count for name, count in found.items() if "upstream_errors" in name} == {
        "vanilla_upstream_errors_total,anthropic,529": 1,
        "vanilla_upstream_errors_total,anthropic,401": 1,
    }
    assert found["vanilla_calls_total,anthropic,unbilled"] == 2
    assert found["vanilla_tokens_total,anthropic,prompt"] == 0


async def test_one_that_cannot_be_reached_is_counted(platform: Platform, claude: ModelServer) -> None:
    _, token = await platform.friend()
    client = await platform.client(token)
    backend = platform.services.relay.backends["anthropic"]
    backend.base_url = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    assert (await client.post(MESSAGES, json=ASK_CLAUDE)).status_code == 502
    assert (await figures(platform))["vanilla_upstream_errors_total,anthropic,unreached"] == 1


async def test_calls_that_a_dead_process_left_are_counted_by_the_next(platform: Platform) -> None:
    user, _ = await platform.friend()
    services = platform.services
    await services.meter.hold(
        Wanted(
            id="left",
            user_id=user.id,
            game_id=NO_GAME,
            backend="ollama",
            model="llama3.2",
            prompt_tokens=40,
            output_cap=60,
        )
    )
    services.meter.process_id = "the next"
    await services.relay.close(0)
    await services.relay.open()
    found = await figures(platform)
    assert found["vanilla_calls_total,ollama,recovered"] == 1
    assert found["vanilla_tokens_total,ollama,prompt"] == 40
    assert found["vanilla_holds_open"] == 0
