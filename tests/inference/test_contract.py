"""The HTTP contract of calls to models: each API answers every refusal in its own shape, and tells what was used."""

from typing import Any

import pytest

from tests.api.shapes import ERROR, FLAG, INT, LEDGER_ROW, TEXT, USAGE, problems
from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.conftest import Platform
from vanilla.accounts.users import UserChanges

BASE = "/api/inference"
ASKED: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Who goes? 世界 🐉"}]}
CALLS: dict[str, dict[str, Any]] = {
    f"{BASE}/anthropic/messages": {**ASKED, "max_tokens": 50},
    f"{BASE}/anthropic/v1/messages": {**ASKED, "max_tokens": 50},
    f"{BASE}/ollama/chat": ASKED,
    f"{BASE}/ollama/api/chat": ASKED,
    f"{BASE}/ollama/generate": {"model": "m", "prompt": "Who goes?"},
    f"{BASE}/ollama/api/generate": {"model": "m", "prompt": "Who goes?"},
    f"{BASE}/ollama/api/embed": {"model": "m", "input": ["Who goes?"]},
    f"{BASE}/ollama/v1/chat/completions": ASKED,
}
OPENAI_ERROR = {"error": {"message": TEXT, "type": TEXT, "code": TEXT | None}}
LIMIT = {"used": INT, "limit": INT, "remaining": INT, "resets_at": TEXT | None}


def shape_at(path: str) -> dict[str, Any]:
    """The shape of errors at a path."""
    if path.startswith(f"{BASE}/ollama/v1/"):
        return OPENAI_ERROR
    return {"error": TEXT} if path.startswith(f"{BASE}/ollama") else ERROR


async def test_every_refusal_has_the_shape_of_its_api(platform: Platform, llama: ModelServer) -> None:
    (_, token), (_, blocked), (_, odd) = [await platform.friend(token_limit=limit) for limit in (None, 0, None)]
    friend, stranger = await platform.client(token), await platform.client("vk_wrong")
    spent, anonymous = await platform.client(blocked), await platform.client(None)
    both = await platform.client(odd, **{"x-api-key": "vk_another"})
    for path, asked in CALLS.items():
        refusals = [
            (401, await anonymous.post(path, json=asked)),
            (401, await stranger.post(path, json=asked)),
            (401, await both.post(path, json=asked)),
            (403, await anonymous.post(path, json=asked, headers={"origin": "null"})),
            (400, await friend.post(path, content=b"{")),
            (400, await friend.post(path, json=[])),
            (400, await friend.post(path, json={**asked, "model": 5})),
            (404, await friend.post(f"{path}/nothing", json=asked)),
            (405, await friend.get(path)),
            (429, await spent.post(path, json=asked)),
        ]
        for status, answer in refusals:
            assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json"), answer.text
            assert problems(answer.json(), shape_at(path)) == [], path
            assert answer.headers["access-control-allow-origin"] == "*"
            assert answer.headers["request-id"]
        limit = refusals[-1][1]
        told = limit.json() if shape_at(path) == {"error": TEXT} else limit.json()["error"]
        assert problems(told, LIMIT) == []
        assert (limit.headers["x-should-retry"], "retry-after" in limit.headers) == ("false", False)
    assert llama.seen == []
    assert await platform.ledger() == []


@pytest.mark.parametrize("path", CALLS)
async def test_every_call_is_one_row_and_moves_what_is_used(platform: Platform, path: str) -> None:
    user, token = await platform.friend(token_limit=10_000)
    client = await platform.client(token)
    answer = await client.post(path, json=CALLS[path])
    assert answer.status_code == 200, answer.text
    usage = (await client.get(f"{BASE}/usage")).json()
    assert problems(usage, USAGE) == []
    (row,) = await platform.ledger()
    assert problems(row.model_dump() | {"timestamp": "2026-11-23T00:00:00Z"}, LEDGER_ROW) == []
    assert (row.user_id, row.model, row.status) == (user.id, "m", "ok")
    assert usage["total_tokens"] == row.total_tokens == row.prompt_tokens + row.completion_tokens > 0
    assert usage["remaining_tokens"] == 10_000 - row.total_tokens
    stats = (await client.get(f"{BASE}/usage/stats")).json()
    assert [(each["backend"], each["total_tokens"]) for each in stats["by_backend"]] == [
        ("anthropic" if "anthropic" in path else "ollama", row.total_tokens)
    ]


async def test_usage_may_be_read_while_an_answer_streams(platform: Platform, llama: ModelServer) -> None:
    llama.default = Answer(words=("word ",) * 5, pause=0.05)
    _, token = await platform.friend(token_limit=10_000)
    client = await platform.client(token)
    async with client.stream("POST", f"{BASE}/ollama/chat", json=ASKED) as answer:
        lines = answer.aiter_lines()
        await anext(lines)
        usage = (await client.get(f"{BASE}/usage")).json()
        assert (usage["total_tokens"], usage["remaining_tokens"]) == (0, 10_000), "a call counts once it is settled"
        async for _line in lines:
            pass
    assert (await client.get(f"{BASE}/usage")).json()["total_tokens"] == 20


async def test_a_raised_limit_counts_from_the_next_call(platform: Platform) -> None:
    user, token = await platform.friend(token_limit=0)
    client = await platform.client(token)
    path = f"{BASE}/anthropic/messages"
    answers = [await client.post(path, json=CALLS[path])]
    for limit in (1000, None, 0):
        await platform.services.users.update(user.id, UserChanges(token_limit=limit))
        answers.append(await client.post(path, json=CALLS[path]))
    assert [answer.status_code for answer in answers] == [429, 200, 200, 429]


async def test_models_are_told_of_both_backends(platform: Platform) -> None:
    _, token = await platform.friend()
    body = (await (await platform.client(token)).get(f"{BASE}/models")).json()
    assert problems(body, {"items": [{"backend": TEXT, "model": TEXT, "name": TEXT, "embedded": FLAG}]}) == []
    assert {item["backend"] for item in body["items"]} == {"anthropic", "ollama"}
