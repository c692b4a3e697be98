"""`window.vanilla` in a real browser, against model servers that answer as Anthropic and Ollama do."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Frame

from tests.e2e.player import allow
from tests.e2e.test_sandbox import PASSWORD, platform
from tests.fakes.model_servers import Answer, ModelServer

pytestmark = pytest.mark.e2e

CLAUDE = {"model": "claude-haiku-4-5", "system": "Be brief.", "maxTokens": 50}
LLAMA = {"model": "llama3.2", "system": "Be brief.", "maxTokens": 50, "temperature": 0.5}


async def test_it_talks_to_both_backends_and_explains_every_failure(tmp_path: Path) -> None:
    async with ModelServer().serving() as models:
        upstream = {"ANTHROPIC_BASE_URL": models.url, "ANTHROPIC_API_KEY": "sk-ant-test", "OLLAMA_URL": models.url}
        async with platform(tmp_path, **upstream) as admin:
            game = await admin.upload("talking")
            page, frame = await admin.play(game)
            words = list(Answer().words)

            # Pieces as they come, from both, with the options where each API has them.
            first, _ = await asyncio.gather(told(frame, CLAUDE), allow(page))
            assert first == {"pieces": words}
            sent = models.seen[-1].body
            assert (sent["max_tokens"], sent["system"], sent["stream"]) == (50, "Be brief.", True)
            assert sent["messages"] == [{"role": "user", "content": "Who goes there?"}]
            assert await told(frame, LLAMA) == {"pieces": words}
            sent = models.seen[-1].body
            assert sent["options"]["num_predict"] == 50
            assert sent["options"]["temperature"] == 0.5
            assert sent["messages"][0] == {"role": "system", "content": "Be brief."}

            # JSON of a shape, asked for as each API does.
            shape = {"type": "object", "properties": {"name": {"type": "string"}}}
            await told(frame, {**CLAUDE, "schema": shape})
            assert models.seen[-1].body["output_config"] == {"format": {"type": "json_schema", "schema": shape}}
            await told(frame, {**LLAMA, "schema": shape})
            assert models.seen[-1].body["format"] == shape

            # The whole answer, from the model that is taken where none is named: a quick one.
            assert await frame.evaluate("vanilla.chat('Halt')") == "".join(words)
            assert "haiku" in models.seen[-1].body["model"]
            backends = await frame.evaluate("vanilla.models().then((all) => all.map((model) => model.backend))")
            assert set(backends) == {"anthropic", "ollama"}
            assert (await frame.evaluate("vanilla.usage()"))["total_tokens"] > 0

            # A game that stops listening ends the call.
            models.left.clear()
            models.answers.append(Answer(pause=0.05, words=("word ",) * 400))
            assert await frame.evaluate("(options) => leftAfterOne('Halt', options)", CLAUDE) == "word "
            async with asyncio.timeout(5):
                await models.left.wait()

            # An answer that breaks is never taken for a whole one.
            for options, fault in ((CLAUDE, "error event"), (LLAMA, "error event"), (CLAUDE, "cut"), (LLAMA, "cut")):
                models.answers.append(Answer(fault=fault))  # type: ignore[arg-type]
                broken = await told(frame, options)
                assert broken["pieces"] != words
                assert broken["message"]
            missing = await told(frame, {"model": "nothing"})
            assert missing["status"] == 404
            assert "llama3.2" in missing["message"]

            # Spent: the game learns how much, and when there will be more.
            user = (await admin.get("/auth/me"))["user"]
            assert isinstance(user, dict)
            limit = {"token_limit": 10, "limit_period": "day"}
            changed = await admin.context.request.put(f"{admin.origin}/admin/api/users/{user['id']}", data=limit)
            assert changed.ok
            await frame.evaluate(
                "() => { window.met = []; window.leave = vanilla.onLimit(({limit}) => met.push(limit)); }"
            )
            for options in (CLAUDE, LLAMA):
                spent = await told(frame, options)
                assert (spent["name"], spent["isLimit"], spent["isOurs"]) == ("LimitError", True, True)
                assert (spent["status"], spent["type"], spent["limit"]) == (429, "rate_limit_error", 10)
                assert spent["used"] > 10
                assert spent["resetsAt"] is not None
                assert spent["retryAfter"] is None
            assert await frame.evaluate("leave() && met") == [10, 10]
            await told(frame, LLAMA)
            assert await frame.evaluate("met") == [10, 10]
            await page.close()


async def test_the_dragon_is_polite_about_limits_and_goes_on(tmp_path: Path) -> None:
    async with ModelServer().serving() as models:
        async with platform(tmp_path, OLLAMA_URL=models.url, EXAMPLE_GAMES="true") as admin:
            found = (await admin.get("/api/games?search=dragon"))["items"]
            assert isinstance(found, list)
            mira = await admin.post("/admin/api/users", {"username": "mira", "password": PASSWORD, "token_limit": 60})
            assert mira["username"] == "mira"
            await admin.context.clear_cookies()
            await admin.post("/auth/login", {"username": "mira", "password": PASSWORD})
            page, frame = await admin.play(found[0]["id"])
            await asyncio.gather(say(frame, "I will fight you with my sword"), allow(page))
            assert "speaks from memory" in await frame.inner_text("#note")
            assert "of your 60 tokens are used" in await frame.inner_text("#note")
            assert await frame.evaluate("document.body.dataset.mood") == "cross"
            await say(frame, "I am sorry. I was afraid, because my mother is ill.")
            last = await frame.inner_text("#talk li:last-child")
            assert last not in ("", "…")
            assert await frame.evaluate("document.body.dataset.mood") != "cross"


async def told(frame: Frame, options: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = await frame.evaluate("(options) => told('Who goes there?', options)", options)
    return answer


async def say(frame: Frame, text: str) -> None:
    await frame.fill("#words", text)
    await frame.press("#words", "Enter")
    await frame.wait_for_function("!document.getElementById('words').disabled")
