"""Limits as callers meet them: over HTTP, in each API's own shape."""

import asyncio

from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.conftest import Platform
from tests.inference.test_relay import ASK_CLAUDE, ASK_LLAMA, CHAT, MESSAGES


class TestLimits:
    async def test_fifty_calls_at_once_stay_within_a_thousand_tokens(
        self, platform: Platform, claude: ModelServer
    ) -> None:
        claude.default = Answer(prompt_tokens=20, completion_tokens=80, pause=0.01)
        user, token = await platform.friend(token_limit=1000)
        client = await platform.client(token)
        answers = await asyncio.gather(
            *(client.post(MESSAGES, json={**ASK_CLAUDE, "stream": number % 2 == 0}) for number in range(50))
        )
        rows = await platform.ledger()
        assert sum(row.total_tokens for row in rows) <= 1000
        passed = [answer for answer in answers if answer.status_code == 200]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(passed) == len(rows) >= 5
        assert len(passed) + len(refused) == 50
        assert all(answer.json()["error"]["type"] == "rate_limit_error" for answer in refused)
        after = await platform.user(user.id)
        assert (after.tokens_held, await platform.holds()) == (0, 0)
        assert after.tokens_used == sum(row.total_tokens for row in rows)

    async def test_what_is_left_becomes_the_output_cap(
        self, platform: Platform, claude: ModelServer, llama: ModelServer
    ) -> None:
        _, token = await platform.friend(token_limit=100)
        client = await platform.client(token)
        assert (await client.post(MESSAGES, json={**ASK_CLAUDE, "max_tokens": 5000})).status_code == 200
        assert 10 < claude.seen[-1].body["max_tokens"] < 90
        assert (await client.post(CHAT, json=ASK_LLAMA)).status_code == 200
        assert 10 < llama.seen[-1].body["options"]["num_predict"] < 70

    async def test_without_a_limit_no_cap_is_sent(self, platform: Platform, llama: ModelServer) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        await client.post(CHAT, json=ASK_LLAMA)
        assert "options" not in llama.seen[-1].body

    async def test_a_missing_cap_is_set_for_who_has_a_limit(self, platform: Platform, llama: ModelServer) -> None:
        _, token = await platform.friend(token_limit=1_000_000)
        client = await platform.client(token)
        await client.post(CHAT, json=ASK_LLAMA)
        assert llama.seen[-1].body["options"]["num_predict"] == 2048

    async def test_spent_is_429_in_the_shape_of_each_api(self, platform: Platform, claude: ModelServer) -> None:
        _, token = await platform.friend(token_limit=10, limit_period="day")
        client = await platform.client(token)
        answer = await client.post(MESSAGES, json=ASK_CLAUDE)
        assert answer.status_code == 429
        body = answer.json()
        assert (body["type"], body["error"]["type"]) == ("error", "rate_limit_error")
        assert body["error"]["limit"] == 10
        assert body["error"]["resets_at"].endswith("T00:00:00Z")
        assert answer.headers["x-should-retry"] == "false"
        assert "retry-after" not in answer.headers
        assert answer.headers["access-control-allow-origin"] == "*"
        ollama = await client.post(CHAT, json=ASK_LLAMA)
        assert ollama.status_code == 429
        assert "tokens today" in ollama.json()["error"]
        openai = await client.post("/api/inference/ollama/v1/chat/completions", json=ASK_LLAMA)
        assert openai.status_code == 429
        assert openai.json()["error"]["type"] == "rate_limit_error"
        assert claude.seen == []
