"""The official Python clients, unchanged, with nothing but a base URL and an API token."""

import anthropic
import ollama
import pytest

from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.conftest import Platform
from tests.inference.test_relay import ASK_CLAUDE, ASK_LLAMA

TEXT = "".join(Answer().words)


class TestAnthropic:
    @pytest.fixture
    async def client(self, platform: Platform) -> anthropic.AsyncAnthropic:
        _, token = await platform.friend()
        return await platform.stack.enter_async_context(
            anthropic.AsyncAnthropic(api_key=token, base_url=f"{platform.origin}/api/inference/anthropic")
        )

    async def test_creates(self, client: anthropic.AsyncAnthropic, platform: Platform) -> None:
        message = await client.messages.create(**ASK_CLAUDE)  # type: ignore[call-overload]
        assert message.content[0].text == TEXT
        assert (message.usage.input_tokens, message.usage.output_tokens) == (12, 8)
        assert len(await platform.ledger()) == 1

    async def test_streams(self, client: anthropic.AsyncAnthropic, platform: Platform) -> None:
        async with client.messages.stream(**ASK_CLAUDE) as stream:  # type: ignore[arg-type]
            words = [word async for word in stream.text_stream]
            final = await stream.get_final_message()
        assert "".join(words) == TEXT
        assert final.usage.output_tokens == 8
        (row,) = await platform.ledger()
        assert (row.prompt_tokens, row.completion_tokens, row.estimated) == (12, 8, False)

    async def test_counts_and_lists(self, client: anthropic.AsyncAnthropic) -> None:
        count = await client.messages.count_tokens(model="m", messages=ASK_CLAUDE["messages"])  # type: ignore[arg-type]
        assert count.input_tokens == 7
        assert [model.id async for model in client.models.list()] == ["claude-haiku-4-5"]

    async def test_sees_its_own_errors(self, client: anthropic.AsyncAnthropic, platform: Platform) -> None:
        with pytest.raises(anthropic.AuthenticationError):
            await client.with_options(api_key="vk_wrong").messages.create(**ASK_CLAUDE)  # type: ignore[call-overload]
        _, token = await platform.friend(token_limit=0)
        with pytest.raises(anthropic.RateLimitError, match="tokens"):
            await client.with_options(api_key=token).messages.create(**ASK_CLAUDE)  # type: ignore[call-overload]

    async def test_sees_a_cut_as_an_error(self, client: anthropic.AsyncAnthropic, claude: ModelServer) -> None:
        claude.default = Answer(fault="cut", after=6)
        with pytest.raises(anthropic.APIStatusError, match="broke"):
            async with client.messages.stream(**ASK_CLAUDE) as stream:  # type: ignore[arg-type]
                await stream.get_final_message()


class TestOllama:
    @pytest.fixture
    async def client(self, platform: Platform) -> ollama.AsyncClient:
        _, token = await platform.friend()
        headers = {"authorization": f"Bearer {token}"}
        client = ollama.AsyncClient(host=f"{platform.origin}/api/inference/ollama", headers=headers)
        platform.stack.push_async_callback(client.close)
        return client

    async def test_chats(self, client: ollama.AsyncClient, platform: Platform) -> None:
        answer = await client.chat(**ASK_LLAMA)  # type: ignore[call-overload]
        assert answer.message.content == TEXT
        assert (answer.prompt_eval_count, answer.eval_count) == (12, 8)
        assert len(await platform.ledger()) == 1

    async def test_streams(self, client: ollama.AsyncClient, platform: Platform) -> None:
        parts = [part async for part in await client.chat(**ASK_LLAMA, stream=True)]  # type: ignore[call-overload]
        assert "".join(part.message.content for part in parts) == TEXT
        assert parts[-1].done
        assert len(await platform.ledger()) == 1

    async def test_generates_embeds_lists_and_shows(self, client: ollama.AsyncClient) -> None:
        assert (await client.generate("llama3.2", "Who goes?")).response == TEXT
        assert (await client.embed("minilm", "text")).embeddings == [[0.1, 0.2]]
        assert [model.model for model in (await client.list()).models] == ["llama3.2"]
        assert (await client.ps()).models == []
        assert (await client.show("llama3.2")).details.family == "llama"  # type: ignore[union-attr]

    async def test_sees_its_own_errors(self, client: ollama.AsyncClient, llama: ModelServer) -> None:
        llama.default = Answer(fault="cut", after=2)
        with pytest.raises(ollama.ResponseError, match="broke"):
            async for _ in await client.chat(**ASK_LLAMA, stream=True):  # type: ignore[call-overload]
                pass
        with pytest.raises(ollama.ResponseError) as raised:
            await client.delete("llama3.2")
        assert raised.value.status_code == 403
