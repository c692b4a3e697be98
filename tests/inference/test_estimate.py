"""Estimates: near the truth, never below it by much, and never an exception for any text."""

import asyncio
import inspect

import pytest
import tiktoken_ext.openai_public  # type: ignore[import-untyped]

from vanilla.inference import estimate


class TestCount:
    def test_is_tiktokens(self) -> None:
        assert estimate.count("Who goes there?") == 4
        source = inspect.getsource(tiktoken_ext.openai_public.cl100k_base)
        assert estimate.PATTERN in source
        assert estimate.DATA_SHA256 in source

    @pytest.mark.parametrize(
        ("text", "least"),
        [
            (" " * 1_000_000, 1000),
            ("a" * 250_000, 10_000),
            ("<|endoftext|>", 5),
            ("\ud800 lone surrogate", 3),
            ("\x00\n\r\t", 1),
            ("日本語" * 1000, 2000),
            ("x" * 1_000_001, 1_000_001),
        ],
    )
    def test_any_text_is_just_text(self, text: str, least: int) -> None:
        assert estimate.count(text) >= least


class TestPromptTokens:
    async def test_counts_every_string_that_is_prompt(self) -> None:
        messages = [{"role": "user", "content": [{"type": "text", "text": "one two three four five"}]}]
        tools = [{"name": "look", "input_schema": {"type": "object", "properties": {"direction": {"type": "string"}}}}]
        alone = await estimate.prompt_tokens([messages])
        both = await estimate.prompt_tokens([messages, tools, "You are a dragon."])
        assert 15 < alone < 40
        assert both > alone + 10

    async def test_is_on_the_safe_side(self) -> None:
        text = "The dragon looks at you. " * 200
        assert await estimate.prompt_tokens([text]) > estimate.count(text) * 1.15

    async def test_allows_for_images_and_not_for_their_bytes(self) -> None:
        block = {"type": "image", "source": {"type": "base64", "data": "A" * 500_000}}
        assert estimate.IMAGE_TOKENS <= await estimate.prompt_tokens([[block]]) < estimate.IMAGE_TOKENS + 100
        ollama = [{"role": "user", "content": "look", "images": ["A" * 500_000, "B"]}]
        assert 2 * estimate.IMAGE_TOKENS <= await estimate.prompt_tokens(ollama) < 2 * estimate.IMAGE_TOKENS + 100

    async def test_allows_for_documents_and_counts_those_of_text(self) -> None:
        pdf = {"type": "document", "source": {"type": "base64", "data": "A" * 1000}}
        text = {"type": "document", "source": {"type": "text", "data": "a few words"}}
        assert await estimate.prompt_tokens([pdf]) >= estimate.DOCUMENT_TOKENS
        assert await estimate.prompt_tokens([text]) < 100

    async def test_deep_json_does_not_exhaust_the_stack(self) -> None:
        deep: object = "word"
        for _ in range(10_000):
            deep = [deep]
        assert await estimate.prompt_tokens(deep) > 0

    async def test_a_prompt_of_many_parts_counts_as_much_as_its_parts(self) -> None:
        message = {"role": "user", "content": "word"}
        few = await estimate.prompt_tokens([[message] * 1000])
        many = await estimate.prompt_tokens([[message] * 100_000])  # walked on a thread
        overhead = estimate.OVERHEAD_TOKENS
        assert abs((many - overhead) - 100 * (few - overhead)) < 300

    async def test_parts_that_are_no_text_do_not_stop_the_loop(self) -> None:
        estimating = asyncio.create_task(estimate.prompt_tokens([[None, []] * 200_000]))
        steps = 0
        while not estimating.done():
            await asyncio.sleep(0)
            steps += 1
        assert estimating.result() == estimate.OVERHEAD_TOKENS
        assert steps > 2  # else all of it was one


class TestMemory:
    async def test_a_text_counts_the_same_the_second_time(self) -> None:
        parts = [
            {"role": "user", "content": f"{word} said the dragon, and then it said nothing more " * 5} for word in "ab"
        ]
        first = await estimate.prompt_tokens(parts)
        assert await estimate.prompt_tokens(parts) == first

    async def test_only_what_is_new_is_counted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        counted: list[str] = []
        count = estimate.count

        def counting(text: str) -> int:
            counted.append(text)
            return count(text)

        monkeypatch.setattr(estimate, "count", counting)
        rules, move, answer = (
            "the rules of this game are long " * 9,
            "the player opens the door " * 9,
            "it creaks " * 9,
        )
        await estimate.prompt_tokens([rules, move])
        counted.clear()
        await estimate.prompt_tokens([rules, move, answer])
        assert [text for text in counted if text] == [answer]

    async def test_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(estimate, "REMEMBERED", len(estimate._counts) + 3)
        for number in range(10):
            await estimate.prompt_tokens(f"a text of some length, with the number {number} at its end")
        assert len(estimate._counts) == estimate.REMEMBERED
