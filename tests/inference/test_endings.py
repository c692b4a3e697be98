"""Calls that do not end well: upstreams that break, callers who leave, users who are put out."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.conftest import Platform
from tests.inference.test_relay import ASK_CLAUDE, ASK_LLAMA, CHAT, MESSAGES
from vanilla.accounts.users import UserChanges
from vanilla.models import TokenUsage
from vanilla.settings import Settings


class TestBrokenUpstream:
    @pytest.mark.parametrize("path", [MESSAGES, CHAT])
    @pytest.mark.parametrize("fault", ["cut", "ends early"])
    async def test_never_looks_like_a_clean_end(
        self, platform: Platform, claude: ModelServer, llama: ModelServer, path: str, fault: str
    ) -> None:
        claude.default = llama.default = Answer(fault=fault, after=6)  # type: ignore[arg-type]
        user, token = await platform.friend()
        client = await platform.client(token)
        asked = {**(ASK_CLAUDE if path == MESSAGES else ASK_LLAMA), "stream": True}
        answer = await client.post(path, json=asked)
        assert answer.status_code == 200
        last = answer.text.strip().splitlines()[-1].removeprefix("data: ")
        assert "error" in json.loads(last)
        (row,) = await platform.ledger()
        assert (row.status, row.estimated) == ("failed", True)
        assert row.total_tokens > 0
        assert (await platform.user(user.id)).tokens_held == 0

    async def test_that_reports_an_error_in_the_stream_is_passed_on(
        self, platform: Platform, claude: ModelServer
    ) -> None:
        claude.default = Answer(fault="error event", after=5)
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(MESSAGES, json={**ASK_CLAUDE, "stream": True})
        assert answer.text.count("event: error") == 1
        (row,) = await platform.ledger()
        assert (row.status, row.prompt_tokens) == ("failed", 12)

    @pytest.mark.parametrize("fault", ["cut", "no headers"])
    async def test_before_the_answer_is_a_502(self, platform: Platform, claude: ModelServer, fault: str) -> None:
        claude.default = Answer(fault=fault)  # type: ignore[arg-type]
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(MESSAGES, json=ASK_CLAUDE)
        assert (answer.status_code, answer.json()["error"]["type"]) == (502, "api_error")
        (row,) = await platform.ledger()
        assert (row.status, row.estimated) == ("failed", True)

    async def test_that_says_garbage_is_settled_by_estimate(self, platform: Platform, claude: ModelServer) -> None:
        claude.default = Answer(fault="garbage")
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(MESSAGES, json=ASK_CLAUDE)
        assert answer.content == claude.sent[-1]
        (row,) = await platform.ledger()
        assert row.estimated

    @pytest.mark.parametrize(("status", "told"), [(200, 502), (301, 502), (404, 404), (429, 429), (503, 503)])
    @pytest.mark.parametrize("stream", [False, True])
    async def test_with_the_page_of_a_proxy_is_no_page_of_ours(
        self, platform: Platform, llama: ModelServer, status: int, told: int, stream: bool
    ) -> None:
        llama.default = Answer(fault="page", status=status, headers={"retry-after": "7"})
        user, token = await platform.friend()
        client = await platform.client(token)
        for answer in (
            await client.post(CHAT, json={**ASK_LLAMA, "stream": stream}),
            await client.get("/api/inference/ollama/v1/models/x"),
        ):
            assert (answer.status_code, answer.headers["content-type"]) == (told, "application/json")
            assert "is no model server" in json.dumps(answer.json()["error"])
            assert answer.headers["retry-after"] == "7"
        assert (await platform.user(user.id)).tokens_held == 0

    async def test_that_falls_silent_is_given_up(
        self, open_settings: Settings, platform: Platform, llama: ModelServer
    ) -> None:
        llama.default = Answer(fault="hangs")
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(CHAT, json=ASK_LLAMA)
        assert "silent" in answer.text.splitlines()[-1]
        assert llama.open == 0 or await asyncio.wait_for(llama.left.wait(), 2)
        (row,) = await platform.ledger()
        assert (row.status, row.estimated) == ("failed", True)

    @pytest.fixture
    def open_settings(self, open_settings: Settings) -> Settings:
        return open_settings.model_copy(update={"upstream_idle_seconds": 0.4})


class TestCallersWhoLeave:
    async def test_mid_stream_close_the_upstream_and_are_billed(self, platform: Platform, llama: ModelServer) -> None:
        llama.default = Answer(words=("word ",) * 500, pause=0.02)
        user, token = await platform.friend(token_limit=10_000)
        client = await platform.client(token)
        async with client.stream("POST", CHAT, json=ASK_LLAMA) as answer:
            lines = answer.aiter_lines()
            for _ in range(5):
                await anext(lines)
        async with asyncio.timeout(1):
            await llama.left.wait()
        row = await _settled(platform)
        assert (row.status, row.estimated) == ("aborted", True)
        assert 4 <= row.completion_tokens <= 60
        after = await platform.user(user.id)
        assert (after.tokens_held, after.tokens_used) == (0, row.total_tokens)

    async def test_before_a_whole_answer_are_billed_for_it(self, platform: Platform, llama: ModelServer) -> None:
        llama.default = Answer(pause=0.3)
        _, token = await platform.friend()
        client = await platform.client(token)
        with pytest.raises(httpx.ReadTimeout):
            await client.post(CHAT, json={**ASK_LLAMA, "stream": False}, timeout=0.1)
        row = await _settled(platform)
        assert (row.status, row.prompt_tokens, row.completion_tokens, row.estimated) == ("ok", 12, 8, False)


class TestDeactivation:
    async def test_cuts_the_stream_within_a_second(self, platform: Platform, claude: ModelServer) -> None:
        claude.default = Answer(words=("word ",) * 500, pause=0.02)
        user, token = await platform.friend()
        client = await platform.client(token)
        async with client.stream("POST", MESSAGES, json={**ASK_CLAUDE, "stream": True}) as answer:
            lines = answer.aiter_lines()
            await anext(lines)
            await platform.services.users.update(user.id, UserChanges(is_active=False))
            async with asyncio.timeout(1):
                rest = [line async for line in lines]
        assert "authentication_error" in rest[-1] or "authentication_error" in rest[-2]
        assert (await client.post(MESSAGES, json=ASK_CLAUDE)).status_code == 401
        row = await _settled(platform)
        assert row.status == "aborted"
        assert await platform.holds() == 0

    async def test_reaches_a_call_that_is_still_being_read(self, platform: Platform, llama: ModelServer) -> None:
        user, token = await platform.friend()
        client = await platform.client(token)
        going_on = asyncio.Event()
        raw = json.dumps(ASK_LLAMA).encode()

        async def slowly() -> AsyncIterator[bytes]:
            yield raw[:10]
            await going_on.wait()
            yield raw[10:]

        call = asyncio.create_task(client.post(CHAT, content=slowly()))
        async with asyncio.timeout(5):
            while not platform.services.relay.callers_admitted:
                await asyncio.sleep(0.01)
        tokens = await platform.services.api_tokens.list(user.id)
        await platform.services.api_tokens.revoke(user.id, tokens[0].id)
        going_on.set()
        answer = await call
        assert (answer.status_code, answer.json()) == (401, {"error": "You have been signed out."})
        assert llama.seen == []
        assert await platform.holds() == 0


async def _settled(platform: Platform) -> TokenUsage:
    """The one row, once it is there."""
    async with asyncio.timeout(3):
        while not (rows := await platform.ledger()):
            await asyncio.sleep(0.01)
    assert len(rows) == 1
    return rows[0]
