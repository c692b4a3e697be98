"""Every example of the guide is run: those for games in a game in Chromium, those for programs as programs, against
model servers that answer as Anthropic and Ollama do. And the guide itself: trying a model, copying, finding one's way.
"""

import asyncio
import io
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Frame, Page, expect

from pages.docs import snippets
from tests import npm
from tests.e2e.browser import launched
from tests.e2e.player import opened, signed_in
from tests.factories import PASSWORD
from tests.fakes.model_servers import Answer, ModelServer
from tests.servers import ROOT, serving
from vanilla.accounts.users import UserChanges
from vanilla.models import User
from vanilla.operations.controls import ControlsChange
from vanilla.services import Services
from vanilla.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SAID = "Halt, who goes there?"
JSON_ANSWER = '{"weather": "rain", "visitors": 3, "news": "The goose is back."}'
# What each example for a game leaves on its page.
IN_A_GAME = {
    "sdk-player.js": "",
    "sdk-chat.js": SAID,
    "sdk-stream.js": SAID,
    "sdk-json.js": "rain: The goose is back.",
    "sdk-models.js": SAID,
    "sdk-usage.js": "of 100000 tokens left",
    "sdk-storage.js": "hero",
    "sdk-errors.js": SAID,
    "claude.js": SAID,
    "claude-stream.js": SAID,
    "ollama.js": SAID,
    "ollama-stream.js": SAID,
    "models.js": "anthropic: claude-haiku-4-5, ollama: llama3.2",
    "usage.js": "in thirty days",
    "me.js": "mira",
    "limits.js": SAID,
}
BUNDLED = ("client-anthropic.js", "client-ollama.js", "client-openai.js")
PROGRAMS = ("python-anthropic.txt", "python-ollama.txt", "python-openai.txt")
# The others, and where they are tried.
ELSEWHERE = {"gatekeeper.html", "curl.sh", "upload.sh"} | {
    "prompt.md",  # its facts, in tests/pages/test_docs.py
    "meta.json",
    "limit-error.json",
}


def test_no_example_is_left_out() -> None:
    assert {*IN_A_GAME, *BUNDLED, *PROGRAMS, *ELSEWHERE} == set(snippets.names())


@dataclass
class Stage:
    """A served platform, and mira at a browser, signed in."""

    origin: str
    services: Services
    browser: Browser
    mira: User
    problems: list[str]

    async def page(self, **device: Any) -> Page:
        context = await signed_in(self.browser, self.origin, "mira", **device)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        return page

    async def game(self, folder: Path) -> tuple[Page, Frame]:
        """A folder as a game of mira's, which may use her tokens, in its frame."""
        game = await self.services.catalogue.publish_folder(self.mira.id, folder, title="Snippets", description="")
        await self.services.consents.decide(self.mira.id, game.id, True)
        page = await self.page()
        frame = await opened(page, game.play_url)
        await frame.wait_for_load_state("load")
        return page, frame

    async def limit(self, tokens: int) -> None:
        await self.services.users.update(self.mira.id, UserChanges(token_limit=tokens))

    async def token(self) -> str:
        secret, _ = await self.services.api_tokens.create(self.mira.id, "test")
        return secret

    async def source(self, name: str) -> str:
        """An example as somebody copies it who has made a token."""
        return snippets.snippet(name).source.replace("ORIGIN", self.origin).replace("vk_your_token", await self.token())


@pytest.fixture
def settings(settings: Settings, models: ModelServer) -> Settings:
    given = {"ollama_url": models.url, "anthropic_base_url": models.url, "anthropic_api_key": "sk-ant-test"}
    return Settings(**{**settings.model_dump(), **given})


@pytest.fixture
async def stage(app: FastAPI) -> AsyncIterator[Stage]:
    services: Services = app.state.services
    problems: list[str] = []
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(serving(app))
        browser = await stack.enter_async_context(launched())
        mira = await services.users.create(
            username="mira", password=PASSWORD, token_limit=100_000, limit_period="month"
        )
        yield Stage(origin, services, browser, mira, problems)
    assert problems == []


RUN = "async (file) => { document.body.replaceChildren(); await import(file); return document.body.textContent; }"


class TestExamplesForGames:
    async def test_do_what_they_say(self, stage: Stage, models: ModelServer, tmp_path: Path) -> None:
        await asyncio.to_thread(_write, tmp_path / "game", IN_A_GAME)
        _, frame = await stage.game(tmp_path / "game")
        for name, left in IN_A_GAME.items():
            if name == "sdk-json.js":
                models.answers.append(Answer(words=tuple(re.findall(r".{1,9}", JSON_ANSWER))))
            assert left in await frame.evaluate(RUN, f"./{name}"), name

    async def test_say_kindly_what_is_refused(self, stage: Stage, models: ModelServer, tmp_path: Path) -> None:
        told = ("sdk-errors.js", "limits.js", "sdk-json.js")
        await asyncio.to_thread(_write, tmp_path / "game", told)
        _, frame = await stage.game(tmp_path / "game")
        models.answers.append(Answer(words=("I am ", "no JSON.")))
        assert await frame.evaluate(RUN, "./sdk-json.js") == "sun: Nothing happened."

        busy = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}
        models.answers.append(Answer(status=429, error=busy, headers={"retry-after": "1"}))
        assert await frame.evaluate(RUN, "./limits.js") == SAID  # after a second

        await stage.limit(2)
        assert "No more words until" in await frame.evaluate(RUN, "./limits.js?spent")
        words = await frame.evaluate(RUN, "./sdk-errors.js")
        assert "of 2 tokens are used, until" in words
        assert "No more words today." in words

        await stage.limit(100_000)
        await stage.services.controls.change(ControlsChange(inference_enabled=False), by=stage.mira.id)
        words = await frame.evaluate(RUN, "./sdk-errors.js?off")
        assert "switched models off" in words
        assert "(503 api_error, 60)" in words

    @npm.needs_node
    async def test_with_official_clients_do_what_they_say(self, stage: Stage, tmp_path: Path) -> None:
        clients = await npm.install(tmp_path / "clients")
        (tmp_path / "sources").mkdir()
        (tmp_path / "game").mkdir()
        for name in BUNDLED:
            (tmp_path / "sources" / name).write_text(snippets.snippet(name).source)
            built = await npm.bundle(clients, tmp_path / "sources" / name)
            shutil.copy(built / name, tmp_path / "game" / name)
        (tmp_path / "game" / "index.html").write_text("<!doctype html><title>Clients</title>")
        _, frame = await stage.game(tmp_path / "game")
        for name in BUNDLED:
            assert await frame.evaluate(RUN, f"./{name}") == SAID, name


class TestTheGameToCopy:
    async def test_is_pasted_uploaded_and_played(self, stage: Stage, models: ModelServer, tmp_path: Path) -> None:
        page = await stage.page(permissions=["clipboard-read", "clipboard-write"])
        await page.goto("/docs")
        block = page.locator(".code").filter(has_text="The Gatekeeper").first
        await block.get_by_role("button", name="Copy").click()
        await expect(block.get_by_role("button")).to_have_text("Copied")
        pasted = await page.evaluate("navigator.clipboard.readText()")
        (tmp_path / "index.html").write_text(pasted)

        headers = {"origin": stage.origin}
        upload: Any = {"file": {"name": "index.html", "mimeType": "text/html", "buffer": pasted.encode()}}
        answer = await page.request.post("/api/games", multipart=upload, headers=headers)
        assert answer.status == 201, await answer.text()
        game = await answer.json()
        assert (game["title"], game["talks"], game["warnings"]) == ("The Gatekeeper", True, [])
        await stage.services.consents.decide(stage.mira.id, game["id"], True)

        models.answers.append(Answer(words=("Ha ", "ha. ", "OPEN")))
        await page.goto(game["play_url"])
        frame = page.frame_locator("vanilla-play iframe")
        await frame.get_by_label("What you say").fill("Knock knock")
        await page.keyboard.press("Enter")
        await expect(frame.locator("#said")).to_have_text("Ha ha. OPEN")
        await expect(frame.locator("#score")).to_have_text("You have passed 1 times.")
        await frame.get_by_label("What you say").fill("Again?")
        await page.keyboard.press("Enter")
        await expect(frame.locator("#said")).to_have_text(SAID)
        assert [message["role"] for message in models.seen[-1].body["messages"]] == ["user", "assistant", "user"]

        async with page.expect_response(lambda response: response.url.endswith("/play")):
            await page.reload()
        await expect(frame.locator("#score")).to_have_text("You have passed 1 times.")
        await stage.limit(2)
        await frame.get_by_label("What you say").fill("Still there?")
        await page.keyboard.press("Enter")
        await expect(frame.locator("#said")).to_contain_text("The guard has fallen asleep until")


class TestExamplesForPrograms:
    @pytest.mark.parametrize("name", PROGRAMS)
    async def test_in_python_do_what_they_say(self, stage: Stage, name: str) -> None:
        pytest.importorskip(name.removeprefix("python-").removesuffix(".txt"))
        status, output = await run(sys.executable, "-c", await stage.source(name))
        assert (status, output.strip()) == (0, SAID)

    @pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
    async def test_with_curl_does_what_it_says(self, stage: Stage) -> None:
        status, output = await run("sh", "-c", (await stage.source("curl.sh")).replace("curl ", "curl -s ", 1))
        assert status == 0, output
        assert json.loads(output)["content"][0]["text"] == SAID

    async def test_on_the_command_line_upload_a_game_and_its_next_version(self, stage: Stage, tmp_path: Path) -> None:
        (tmp_path / "my-game").mkdir()
        page = tmp_path / "my-game" / "index.html"
        page.write_text("<!doctype html><title>My game</title><p>One")
        *settings, first, second = (
            (await stage.source("upload.sh")).replace("./my-game", str(tmp_path / "my-game")).split("\n")
        )
        for command, words in ((first, "One"), (second, "Two")):
            page.write_text(f"<!doctype html><title>My game</title><p>{words}")
            script = "\n".join([*settings, command.replace("python ", f"{sys.executable} ", 1)])
            status, output = await run("sh", "-c", script)
            assert status == 0, output
        (game,), total = await stage.services.catalogue.list(search="my game")
        assert (total, game.version, game.owner) == (1, 2, "mira")


class TestTryingAModel:
    async def test_streams_tells_the_cost_and_stops(self, stage: Stage, models: ModelServer) -> None:
        page = await stage.page()
        await page.goto("/docs#try-it")
        await page.get_by_label("Model", exact=True).select_option(label="llama3.2")
        await page.get_by_role("textbox", name="Prompt", exact=True).fill("Who goes there?")
        await page.get_by_role("button", name="Ask").click()
        await expect(page.locator("#try-answer")).to_have_text(SAID)
        await expect(page.locator("#try-cost")).to_contain_text(
            "This took 20 tokens. 99,980 of your 100,000 are left, until"
        )
        await expect(page.locator("header")).to_contain_text("99,980 tokens left")
        assert models.seen[-1].body["options"] == {"num_predict": 150}

        await page.get_by_label("Model", exact=True).select_option(label="Claude Haiku 4.5")
        await page.get_by_label("At most").fill("3")
        await page.get_by_role("button", name="Ask").click()
        await expect(page.locator("#try-answer")).to_have_text("Halt, who")
        await expect(page.locator("#try-cost")).to_contain_text("This took 15 tokens.")

        models.default = Answer(pause=0.05, words=("word ",) * 2000)
        await page.get_by_label("At most").fill("2000")
        await page.get_by_role("button", name="Ask").click()
        await expect(page.locator("#try-answer")).to_contain_text("word word")
        await page.get_by_role("button", name="Stop").click()
        await expect(page.locator("#try-cost")).to_contain_text("Stopped.")
        async with asyncio.timeout(5):
            await models.left.wait()
        await expect(page.get_by_role("button", name="Ask")).to_be_enabled()

    async def test_says_what_went_wrong(self, stage: Stage, models: ModelServer) -> None:
        page = await stage.page()
        await page.goto("/docs")
        cost, ask = page.locator("#try-cost"), page.get_by_role("button", name="Ask")
        await page.get_by_label("Model", exact=True).select_option(label="llama3.2")
        for fault in ("cut", "error event"):
            models.answers.append(Answer(fault=fault))
            await ask.click()
            await expect(cost).to_contain_text(re.compile(r"\w.*\. .*are left"))
            await expect(page.locator("#try-answer")).to_have_text("Halt, who")
        await stage.limit(2)
        await ask.click()
        await expect(cost).to_contain_text("and this call needs at least")
        await expect(cost).to_contain_text("0 of your 2 are left")
        assert await page.locator("#try-answer").is_hidden()

    async def test_is_closed_where_no_model_is(self, stage: Stage) -> None:
        await stage.services.controls.change(
            ControlsChange(allowed_models={"anthropic": [], "ollama": []}), by=stage.mira.id
        )
        page = await stage.page()
        await page.goto("/docs")
        await expect(page.get_by_label("Model", exact=True)).to_contain_text("There is no model")
        await expect(page.get_by_role("button", name="Ask")).to_be_disabled()


class TestFindingOnesWay:
    async def test_in_the_guide_with_the_keyboard_and_on_a_phone(self, stage: Stage) -> None:
        page = await stage.page(viewport={"width": 360, "height": 740})
        for path in ("/docs", "/docs/examples/eggs", "/api/docs"):
            await page.goto(path)
            await expect(page.locator(".contents a").first).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") == 360, path
        await page.goto("/docs")
        await page.get_by_role("link", name="The sandbox").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="The sandbox")).to_be_in_viewport()
        await expect(page.locator(".contents a[aria-current]")).to_have_text("The sandbox")

    async def test_among_the_routes(self, stage: Stage) -> None:
        page = await stage.page()
        others: list[str] = []
        page.on(
            "request", lambda request: others.append(request.url) if not request.url.startswith(stage.origin) else None
        )
        await page.goto("/api/docs")
        await page.get_by_label("Find a route").fill("games cover put")
        shown = page.locator("[data-words]:visible")
        await expect(shown).to_have_count(1)
        await shown.locator("summary").focus()
        await page.keyboard.press("Enter")
        await page.get_by_role("link", name="Game", exact=True).click()
        await page.get_by_label("Find a route").fill("nothing at all")
        await expect(page.get_by_text("Nothing here is called that.")).to_be_visible()
        await page.get_by_label("Find a route").fill("")
        await expect(page.locator("#Game")).to_be_visible()
        await page.goto("/api/docs#Version")
        await expect(page.locator("#Version[open]")).to_be_in_viewport()
        assert others == []


def _write(folder: Path, names: Any) -> None:
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>Snippets</title>")
    for name in names:
        shutil.copy(snippets.FOLDER / name, folder / name)


async def run(*command: str) -> tuple[int | None, str]:
    """A program from the root of the repository, to its end: its status and what it wrote."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "NO_PROXY": "*"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = io.BytesIO()
    async with asyncio.timeout(60):
        output.write((await process.communicate())[0])
    return process.returncode, output.getvalue().decode()
