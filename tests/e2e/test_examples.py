"""The example games in Chromium: played with a keyboard and with a finger, with both backends and without a model, and
gone on with in another browser."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from playwright.async_api import Browser, Frame, Page, expect

from tests.e2e.browser import launched
from tests.e2e.player import allow, opened, question, signed_in
from tests.factories import PASSWORD
from tests.fakes.model_servers import Answer, ModelServer
from tests.servers import serving
from vanilla.accounts.users import UserChanges
from vanilla.games import examples
from vanilla.services import Services
from vanilla.settings import Settings

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

CLAUDE, LLAMA = "claude-haiku-4-5", "llama3.2"
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
ENDLESS = Answer(pause=0.05, words=("Halt! ",) + ("word ",) * 10_000)
SPARTACUS = {
    "name": "Spartacus",
    "shape": "cloud",
    "colour": "mint",
    "pattern": "belly",
    "eyes": 4,
    "ears": "horns",
    "feet": "many",
    "mood": "happy",
    "eats": "bangers",
    "says": "I am your best friend!",
}


def in_pieces(text: str, size: int = 7) -> tuple[str, ...]:
    return tuple(text[at : at + size] for at in range(0, len(text), size))


@dataclass(frozen=True)
class Example:
    """How one of the games is played: `act` makes it ask its model, `answered` waits until its answer is shown."""

    name: str
    answer: tuple[str, ...]
    act: Callable[[Page, Frame], Awaitable[None]]
    tap: Callable[[Page, Frame], Awaitable[None]]
    answered: Callable[[Frame], Awaitable[None]]
    goes_on: Callable[[Frame], Awaitable[None]]
    is_kept: Callable[[Frame], Awaitable[None]]


async def speak(page: Page, frame: Frame) -> None:
    await frame.locator("#words").press_sequentially("Good evening, may I cross?")
    await page.keyboard.press("Enter")


async def give_jam(page: Page, frame: Frame) -> None:
    await frame.get_by_role("button", name="Give the jam").tap()


async def dragon_answered(frame: Frame) -> None:
    await expect(frame.locator(".dragon-says").last).to_have_text("Halt, who goes there?")
    await expect(frame.locator("#words")).to_be_enabled()


async def dragon_goes_on(frame: Frame) -> None:
    await expect(frame.locator("#words")).to_be_enabled()
    assert len(await frame.locator(".dragon-says").last.inner_text()) > 10


async def dragon_remembers(frame: Frame) -> None:
    """Ten lines make an evening, whatever they are; the next one begins with a dragon that knows its player."""
    while await frame.locator("#say").is_visible():
        await expect(frame.locator("#words, #bag button").first).to_be_enabled()
        await frame.evaluate("""() => {
            document.querySelector("#words").value = `Once upon a time ${Math.random()}`;
            document.querySelector("#say").requestSubmit();
        }""")
        await frame.wait_for_function("() => !document.body.classList.contains('speaking')")


async def whisper(page: Page, frame: Frame) -> None:
    await frame.locator("#words").press_sequentially("a grumpy toaster")
    await page.keyboard.press("Enter")


async def whisper_on_a_phone(page: Page, frame: Frame) -> None:
    await frame.locator("#words").tap()
    await page.keyboard.type("a grumpy toaster")
    await frame.get_by_role("button", name="Whisper").tap()


async def egg_answered(frame: Frame) -> None:
    await expect(frame.locator("#says")).to_contain_text("Spartacus is here. It eats bangers.")
    await frame.wait_for_selector("body:not(.waiting)")


async def egg_goes_on(frame: Frame) -> None:
    await expect(frame.locator(".creature").last).to_be_visible()
    await expect(frame.locator("#says")).to_contain_text("is here. It eats")
    await frame.wait_for_selector("body:not(.waiting)")


async def fly(page: Page, frame: Frame) -> None:
    await frame.locator("#go").press("Space")
    await frame.wait_for_selector("#card", state="hidden")
    await page.keyboard.press("ArrowUp")
    await expect(frame.locator("#says")).to_be_visible(timeout=40_000)


async def fly_with_a_finger(page: Page, frame: Frame) -> None:
    await frame.get_by_role("button", name="Start").tap()
    await page.touchscreen.tap(180, 500)
    await expect(frame.locator("#says")).to_be_visible(timeout=40_000)


async def scoop_answered(frame: Frame) -> None:
    await expect(frame.locator("#says")).to_have_text("Halt, who goes there?")


async def scoop_goes_on(frame: Frame) -> None:
    await expect(frame.locator("#says")).not_to_have_text("…")
    await expect(frame.locator("#go")).to_be_enabled()


async def nothing_more(frame: Frame) -> None:
    """What was played so far is kept."""


HALT = Answer().words
DRAGON = Example("dragon", HALT, speak, give_jam, dragon_answered, dragon_goes_on, dragon_remembers)
EGGS = Example(
    "eggs", in_pieces(json.dumps(SPARTACUS)), whisper, whisper_on_a_phone, egg_answered, egg_goes_on, nothing_more
)
ORBIT = Example("orbit", HALT, fly, fly_with_a_finger, scoop_answered, scoop_goes_on, nothing_more)
EVERY_EXAMPLE = pytest.mark.parametrize("example", [DRAGON, EGGS, ORBIT], ids=lambda example: example.name)


@dataclass
class Evening:
    """A served platform, and mira, who plays."""

    origin: str
    services: Services
    browser: Browser
    problems: list[str]

    async def play(self, example: Example, **device: Any) -> tuple[Page, Frame]:
        """A browser of mira's of its own, in it the game, ready."""
        found = (await self.services.catalogue.list(search="", mine=False))[0]
        titles = {"dragon": "Dragon at the Bridge", "eggs": "Odd Eggs", "orbit": "Tiny Orbit"}
        game = next(game for game in found if game.title == titles[example.name])
        context = await signed_in(self.browser, self.origin, "mira", **device)
        page = await context.new_page()
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        frame = await opened(page, game.play_url)
        await frame.wait_for_selector("body[data-ready], #words:enabled", state="attached")
        return page, frame


@pytest.fixture
def settings(settings: Settings, models: ModelServer) -> Settings:
    given = {"ollama_url": models.url, "anthropic_base_url": models.url, "anthropic_api_key": "sk-ant-test"}
    values = {**settings.model_dump(exclude={"cached"}), **given, "example_games": False}
    return Settings(**values)


@pytest.fixture
async def evening(app: FastAPI) -> AsyncIterator[Evening]:
    services: Services = app.state.services
    problems: list[str] = []
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(serving(app))
        browser = await stack.enter_async_context(launched("--autoplay-policy=no-user-gesture-required"))
        mira = await services.users.create(username="mira", password=PASSWORD, token_limit=100_000)
        await examples.publish(services.catalogue, mira.id)
        yield Evening(origin, services, browser, problems)
    assert problems == []


@EVERY_EXAMPLE
async def test_it_is_played_with_the_keyboard_and_gone_on_with_elsewhere(
    evening: Evening, models: ModelServer, example: Example
) -> None:
    models.default = Answer(words=example.answer)
    page, frame = await evening.play(example)
    await example.act(page, frame)
    await allow(page)
    await example.answered(frame)
    assert asked(models)["model"] == CLAUDE  # the quickest, where nothing is chosen
    await frame.locator("#model").select_option(LLAMA)
    await example.act(page, frame)
    await example.answered(frame)
    assert asked(models)["model"] == LLAMA
    await example.is_kept(frame)
    kept = await frame.evaluate("vanilla.storage.list().then((keys) => Promise.all(keys.map(vanilla.storage.get)))")
    assert kept

    async with page.expect_response(lambda response: "/saves" in response.url and response.request.method == "POST"):
        await frame.evaluate("vanilla.storage.set('last', 1)")
    _, other = await evening.play(example)
    await expect(other.locator("#model")).to_have_value(LLAMA)
    there = {
        "dragon": ".dragon-says >> text=/^You (again|came back)/",
        "eggs": "#says >> text=Welcome back. 2 of your creatures are here.",
        "orbit": "#told >> text=Welcome back.",
    }
    await expect(other.locator(there[example.name])).to_be_visible()


@EVERY_EXAMPLE
async def test_it_is_played_on_a_phone(evening: Evening, models: ModelServer, example: Example) -> None:
    models.default = Answer(words=example.answer)
    page, frame = await evening.play(example, **PHONE)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert await frame.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await example.tap(page, frame)
    await question(page).get_by_role("button", name="Allow").wait_for()
    await allow(page)
    await example.answered(frame)


@EVERY_EXAMPLE
async def test_it_says_kindly_that_a_limit_is_reached_and_goes_on(
    evening: Evening, models: ModelServer, example: Example
) -> None:
    mira = (await evening.services.users.list("mira"))[0][0]
    await evening.services.users.update(mira.id, UserChanges(token_limit=5, limit_period="month"))
    page, frame = await evening.play(example)
    await example.act(page, frame)
    await allow(page)
    await example.goes_on(frame)
    await expect(frame.locator("#note")).to_contain_text("of your 5 tokens are used. They are back on")
    assert [seen for seen in models.seen if seen.method == "POST"] == []


@EVERY_EXAMPLE
async def test_it_goes_on_after_a_no_and_after_a_stop(evening: Evening, models: ModelServer, example: Example) -> None:
    models.default = ENDLESS
    page, frame = await evening.play(example)
    await example.act(page, frame)
    await allow(page)
    await page.get_by_role("button", name="Stop").click()
    await expect(frame.locator("#note")).to_contain_text("Stopped")
    await example.goes_on(frame)

    await page.get_by_role("button", name="About").click()
    await page.get_by_role("button", name="Take that back").click()
    await page.keyboard.press("Escape")
    await frame.locator("body").focus()
    await example.act(page, frame)
    await expect(frame.locator("#note")).to_contain_text("You have not allowed this game to use your tokens.")
    await example.goes_on(frame)


class TestWithoutAnyModel:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"ollama_url": "", "anthropic_api_key": type(settings.anthropic_api_key)("")})

    @EVERY_EXAMPLE
    async def test_it_says_so_and_goes_on(self, evening: Evening, example: Example) -> None:
        page, frame = await evening.play(example)
        await expect(frame.locator("#model option").first).to_have_text("no model")
        await example.act(page, frame)
        await example.goes_on(frame)
        await expect(frame.locator("#note")).to_contain_text("The host has not set up a model yet.")


NONSENSE = (
    "",
    "Sure! Here is your creature: a toaster.",
    '{"name": "Bo", "eyes": 99, "shape": ["round"], "colour": "<script>alert(1)</script>", "says": null}',
    '{"name": "Half of it", "shape": "pear", "eyes": 2, "says": "I was cut o',
    "[1, 2, 3]",
    '{"name": "<img src=x onerror=alert(1)>", "eats": "' + "long " * 400 + '"}',
)


async def test_whatever_a_model_answers_something_hatches(evening: Evening, models: ModelServer) -> None:
    page, frame = await evening.play(EGGS)
    made = await frame.evaluate(
        """async (answers) => {
            const { read, TRAITS } = await import("./js/creature.js");
            const isKnown = (made) => Object.entries(TRAITS).every(([trait, values]) => values.includes(made[trait]));
            return answers.map((answer) => ({ ...read(answer, "a toaster"), isKnown: isKnown(read(answer, "x")) }));
        }""",
        NONSENSE,
    )
    for creature in made:
        assert creature["isKnown"]
        assert creature["name"]
        assert creature["eats"]
        assert len(creature["eats"]) < 50
        assert creature["says"]
    assert [creature["name"] for creature in made[2:4]] == ["Bo", "Half of it"]

    models.answers.append(Answer(words=in_pieces(NONSENSE[-1])))
    await whisper(page, frame)
    await allow(page)
    await egg_goes_on(frame)
    await expect(frame.locator(".creature")).to_have_count(1)
    assert await frame.locator("img, script:not([src])").count() == 0
    await frame.locator(".creature").click(force=True)
    await frame.locator("#talk-words").fill("How are you?")
    await page.keyboard.press("Enter")
    await expect(frame.locator("#card-says")).to_have_text("Halt, who goes there?")
    await frame.get_by_role("button", name="Let it go").click()
    await expect(frame.locator(".creature")).to_have_count(0)


async def test_the_egg_asks_both_backends_for_json(evening: Evening, models: ModelServer) -> None:
    models.default = Answer(words=EGGS.answer)
    page, frame = await evening.play(EGGS)
    await whisper(page, frame)
    await allow(page)
    await egg_answered(frame)
    shape = asked(models)["output_config"]["format"]["schema"]
    await frame.locator("#model").select_option(LLAMA)
    await whisper(page, frame)
    await egg_answered(frame)
    assert asked(models)["format"] == shape
    assert set(shape["required"]) == set(shape["properties"]) == set(SPARTACUS)


def asked(models: ModelServer) -> Any:
    """The last prompt that went up."""
    return [seen for seen in models.seen if seen.method == "POST"][-1].body
