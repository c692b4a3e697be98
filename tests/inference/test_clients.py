"""The official Python clients, unchanged, with nothing but a base URL and an API token."""

import json
from typing import Any

import anthropic
import ollama
import openai
import pytest

from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.conftest import Platform
from tests.inference.test_relay import ASK_CLAUDE, ASK_LLAMA

TEXT = "".join(Answer().words)
LOOK = ("look", {"direction": "north"})
CLAUDE: Any = ASK_CLAUDE
LLAMA: Any = ASK_LLAMA
CUTS: tuple[Any, ...] = ("cut", "cut in a line", "half a line", "ends early")
REFUSALS = [
    (400, anthropic.BadRequestError, openai.BadRequestError),
    (404, anthropic.NotFoundError, openai.NotFoundError),
    (429, anthropic.RateLimitError, openai.RateLimitError),
    (529, anthropic.InternalServerError, openai.InternalServerError),
]


def refusal(status: int) -> Answer:
    """An upstream's own, which is not to be tried again."""
    error = {"type": "error", "error": {"type": "an_error", "message": f"said {status}", "code": None}}
    return Answer(status=status, error=error, headers={"x-should-retry": "false"})


class TestAnthropic:
    @pytest.fixture
    async def client(self, platform: Platform) -> Any:
        _, token = await platform.friend()
        return await platform.stack.enter_async_context(
            anthropic.AsyncAnthropic(api_key=token, base_url=f"{platform.origin}/api/inference/anthropic")
        )

    async def test_creates(self, client: Any, platform: Platform) -> None:
        message = await client.messages.create(**CLAUDE)
        assert message.content[0].text == TEXT
        assert (message.usage.input_tokens, message.usage.output_tokens) == (12, 8)
        assert len(await platform.ledger()) == 1

    async def test_streams(self, client: Any, platform: Platform) -> None:
        async with client.messages.stream(**CLAUDE) as stream:
            words = [word async for word in stream.text_stream]
            final = await stream.get_final_message()
        assert "".join(words) == TEXT
        assert final.usage.output_tokens == 8
        (row,) = await platform.ledger()
        assert (row.prompt_tokens, row.completion_tokens, row.estimated) == (12, 8, False)

    async def test_calls_tools_and_thinks(self, client: Any, claude: ModelServer) -> None:
        claude.default = Answer(thinking="A stranger.", tool=LOOK)
        asked: dict[str, Any] = {
            **CLAUDE,
            "max_tokens": 5000,
            "system": [{"type": "text", "text": "You guard a bridge.", "cache_control": {"type": "ephemeral"}}],
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "tools": [{"name": "look", "input_schema": {"type": "object", "properties": {"direction": {}}}}],
        }
        message = await client.messages.create(**asked)
        async with client.messages.stream(**asked) as stream:
            streamed = await stream.get_final_message()
        for answer in (message, streamed):
            thought, text, tool = answer.content
            assert (thought.type, text.type, tool.type) == ("thinking", "text", "tool_use")
            assert (thought.thinking, thought.signature) == ("A stranger.", "c2lnbmVk")
            assert (tool.name, tool.input, answer.stop_reason) == (*LOOK, "tool_use")
        assert [seen.body == asked for seen in claude.seen] == [True, False]
        assert claude.seen[1].body == {**asked, "stream": True}

    async def test_is_counted_and_marked_when_only_the_middle_of_thoughts_and_tools_came(
        self, client: Any, claude: ModelServer, platform: Platform
    ) -> None:
        thought = "The stranger at the bridge looks friendly enough to me. " * 20
        claude.default = Answer(thinking=thought, words=("Hm.",), tool=LOOK, fault="cut", after=10)
        with pytest.raises(anthropic.APIStatusError):
            async with client.messages.stream(**CLAUDE) as stream:
                await stream.get_final_message()
        (row,) = await platform.ledger()
        assert (row.status, row.estimated, row.prompt_tokens) == ("failed", True, 12)
        assert 150 < row.completion_tokens < 400

    async def test_counts_and_lists(self, client: Any) -> None:
        count = await client.messages.count_tokens(model="m", messages=ASK_CLAUDE["messages"])
        assert count.input_tokens == 7
        assert [model.id async for model in client.models.list()] == ["claude-haiku-4-5"]
        assert (await client.models.retrieve("claude-haiku-4-5")).display_name == "Claude Haiku 4.5"

    async def test_sees_its_own_errors(self, client: Any, platform: Platform) -> None:
        with pytest.raises(anthropic.AuthenticationError):
            await client.with_options(api_key="vk_wrong").messages.create(**CLAUDE)
        _, token = await platform.friend(token_limit=0)
        with pytest.raises(anthropic.RateLimitError, match="tokens"):
            await client.with_options(api_key=token).messages.create(**CLAUDE)

    async def test_sees_the_upstreams_errors(self, client: Any, claude: ModelServer) -> None:
        for status, kind, _ in REFUSALS:
            for stream in (False, True):
                claude.default = refusal(status)
                claude.seen.clear()
                with pytest.raises(kind, match=f"said {status}") as raised:
                    await client.messages.create(**CLAUDE, stream=stream)
                assert (raised.value.status_code, len(claude.seen)) == (status, 1)

    async def test_sees_what_is_forbidden(self, client: Any) -> None:
        tool = {"type": "web_search_20250305", "name": "web_search"}
        with pytest.raises(anthropic.PermissionDeniedError, match="web_search"):
            await client.messages.create(**CLAUDE, tools=[tool])

    async def test_tries_a_spent_limit_once(self, client: Any, platform: Platform) -> None:
        _, token = await platform.friend(token_limit=5)
        with pytest.raises(anthropic.RateLimitError):
            await client.with_options(api_key=token, max_retries=5).messages.create(**CLAUDE)
        assert (await platform.services.feed.current()).range.refusals == {"spent": 1}

    async def test_sees_an_error_in_the_stream(self, client: Any, claude: ModelServer) -> None:
        claude.default = Answer(fault="error event", after=6)
        with pytest.raises(anthropic.APIStatusError, match="Busy"):
            async with client.messages.stream(**CLAUDE) as stream:
                await stream.get_final_message()

    async def test_sees_a_cut_as_an_error(self, client: Any, claude: ModelServer) -> None:
        for fault in CUTS:
            claude.default = Answer(fault=fault, after=6)
            with pytest.raises(anthropic.APIStatusError, match="broke"):
                async with client.messages.stream(**CLAUDE) as stream:
                    await stream.get_final_message()


class TestOpenAI:
    @pytest.fixture
    async def client(self, platform: Platform) -> Any:
        _, token = await platform.friend()
        return await platform.stack.enter_async_context(
            openai.AsyncOpenAI(api_key=token, base_url=f"{platform.origin}/api/inference/ollama/v1")
        )

    async def test_completes_and_calls_tools(self, client: Any, llama: ModelServer, platform: Platform) -> None:
        llama.default = Answer(tool=LOOK)
        parameters = {"type": "object", "properties": {"direction": {"type": "string"}}}
        answer = await client.chat.completions.create(
            **LLAMA,
            tools=[{"type": "function", "function": {"name": "look", "parameters": parameters}}],
        )
        assert answer.choices[0].message.content == TEXT
        (call,) = answer.choices[0].message.tool_calls
        assert (call.function.name, json.loads(call.function.arguments)) == LOOK
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (12, 8)
        assert len(await platform.ledger()) == 1

    async def test_streams(self, client: Any, platform: Platform) -> None:
        for options in ({}, {"stream_options": {"include_usage": True}}, {"stream_options": {"include_usage": False}}):
            asked = bool(options.get("stream_options", {}).get("include_usage"))
            stream = await client.chat.completions.create(**LLAMA, **options, stream=True)
            chunks: list[Any] = [chunk async for chunk in stream]
            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
            assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage is not None] == ([20] if asked else [])
            assert all(chunk.choices for chunk in chunks) is (not asked)
        rows = await platform.ledger()
        assert [(row.prompt_tokens, row.completion_tokens, row.estimated) for row in rows] == [(12, 8, False)] * 3

    async def test_lists_models(self, client: Any) -> None:
        assert [model.id async for model in client.models.list()] == ["claude-haiku-4-5"]
        assert (await client.models.retrieve("llama3.2")).owned_by == "library"

    async def test_sees_its_own_errors(self, client: Any, platform: Platform) -> None:
        with pytest.raises(openai.AuthenticationError):
            await client.with_options(api_key="vk_wrong").chat.completions.create(**LLAMA)
        _, token = await platform.friend(token_limit=0)
        with pytest.raises(openai.RateLimitError, match="tokens"):
            await client.with_options(api_key=token).chat.completions.create(**LLAMA)
        assert (await platform.services.feed.current()).range.refusals["spent"] == 1

    async def test_sees_the_upstreams_errors(self, client: Any, llama: ModelServer) -> None:
        for status, _, kind in REFUSALS:
            llama.default = refusal(status)
            llama.seen.clear()
            with pytest.raises(kind, match=f"said {status}"):
                await client.chat.completions.create(**LLAMA, stream=True)
            assert len(llama.seen) == 1

    async def test_sees_a_cut_as_an_error(self, client: Any, llama: ModelServer) -> None:
        for fault in CUTS:
            for asked in (True, False):
                llama.default = Answer(fault=fault, after=4)
                # Half an event is no JSON, which this client reports as it finds it.
                seen = (openai.APIError, json.JSONDecodeError) if "line" in fault and asked else openai.APIError
                stream = await client.chat.completions.create(
                    **LLAMA, stream=True, stream_options={"include_usage": asked}
                )
                with pytest.raises(seen):
                    [chunk async for chunk in stream]


class TestOllama:
    @pytest.fixture
    async def client(self, platform: Platform) -> Any:
        _, token = await platform.friend()
        headers = {"authorization": f"Bearer {token}"}
        client = ollama.AsyncClient(host=f"{platform.origin}/api/inference/ollama", headers=headers)
        platform.stack.push_async_callback(client.close)
        return client

    async def test_chats(self, client: Any, platform: Platform) -> None:
        answer = await client.chat(**LLAMA)
        assert answer.message.content == TEXT
        assert (answer.prompt_eval_count, answer.eval_count) == (12, 8)
        assert len(await platform.ledger()) == 1

    async def test_streams(self, client: Any, platform: Platform) -> None:
        parts = [part async for part in await client.chat(**LLAMA, stream=True)]
        assert "".join(part.message.content for part in parts) == TEXT
        assert parts[-1].done
        assert len(await platform.ledger()) == 1

    async def test_calls_tools_and_thinks(self, client: Any, llama: ModelServer) -> None:
        llama.default = Answer(thinking="A stranger.", tool=LOOK)
        answer = await client.chat(**LLAMA, think=True)
        (call,) = answer.message.tool_calls
        assert (call.function.name, call.function.arguments, answer.message.thinking) == (*LOOK, "A stranger.")
        parts = [part async for part in await client.chat(**LLAMA, stream=True)]
        assert [part.message.thinking for part in parts if part.message.thinking] == ["A stranger."]
        assert sum(len(part.message.tool_calls or ()) for part in parts) == 1

    async def test_sees_the_upstreams_errors(self, client: Any, llama: ModelServer) -> None:
        for status in (400, 404, 429, 529):
            llama.default = Answer(status=status, error={"error": f"said {status}"})
            llama.seen.clear()
            with pytest.raises(ollama.ResponseError, match=f"said {status}") as raised:
                await client.chat(**LLAMA)
            assert raised.value.status_code == status
            stream = await client.chat(**LLAMA, stream=True)
            with pytest.raises(ollama.ResponseError, match=f"said {status}") as raised:
                [part async for part in stream]
            assert (raised.value.status_code, len(llama.seen)) == (status, 2)

    async def test_generates_embeds_lists_and_shows(self, client: Any) -> None:
        assert (await client.generate("llama3.2", "Who goes?")).response == TEXT
        assert (await client.embed("minilm", "text")).embeddings == [[0.1, 0.2]]
        assert [model.model for model in (await client.list()).models] == ["llama3.2"]
        assert (await client.ps()).models == []
        assert (await client.show("llama3.2")).details.family == "llama"

    async def test_sees_its_own_errors(self, client: Any, llama: ModelServer) -> None:
        llama.default = Answer(fault="cut", after=2)
        with pytest.raises(ollama.ResponseError, match="broke"):
            async for _ in await client.chat(**LLAMA, stream=True):
                pass
        with pytest.raises(ollama.ResponseError) as raised:
            await client.delete("llama3.2")
        assert raised.value.status_code == 403

    async def test_sees_who_is_not_let_in(self, platform: Platform) -> None:
        _, spent = await platform.friend(token_limit=0)
        for token, status in (("vk_wrong", 401), (spent, 429)):
            headers = {"authorization": f"Bearer {token}"}
            client = ollama.AsyncClient(host=f"{platform.origin}/api/inference/ollama", headers=headers)
            platform.stack.push_async_callback(client.close)
            with pytest.raises(ollama.ResponseError) as raised:
                await client.chat(**LLAMA)
            assert raised.value.status_code == status
