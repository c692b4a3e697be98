"""What a player sees and decides around a game, in a real browser: may it use tokens, what it uses, and stop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from nicegui import Client
from playwright.async_api import Browser, Frame, Page, expect

from tests.e2e.browser import launched
from tests.e2e.player import allow, opened, question, signed_in
from tests.factories import PASSWORD
from tests.fakes.model_servers import Answer, ModelServer
from tests.servers import serving
from vanilla.games import bundles
from vanilla.games.access import HOST
from vanilla.games.views import GameView
from vanilla.models import User
from vanilla.services import Services
from vanilla.settings import Settings

pytestmark = pytest.mark.e2e

GAME = """<!doctype html><title>Chat</title><button onclick="ask()">Ask</button><p id="out"></p><script>
addEventListener("keydown", (event) => { out.dataset.pressed = event.key; });
async function ask() {
  out.textContent = "";
  try {
    for await (const piece of vanilla.stream("Who goes?")) out.textContent += piece;
    out.textContent += "finished";
  } catch (error) {
    out.textContent += `failed ${error.status} ${error.type}: ${error.message}`;
  }
}
</script>"""
ENDLESS = Answer(pause=0.05, words=("word ",) * 10_000)


@dataclass
class Evening:
    """A served platform, a game on it, and friends who play it."""

    origin: str
    services: Services
    browser: Browser
    game: GameView

    async def friend(self, username: str) -> User:
        return await self.services.users.create(username=username, password=PASSWORD, token_limit=10_000)

    async def play(self, username: str, pages: int = 1) -> list[tuple[Page, Frame]]:
        """So many tabs of one browser, in each of them the game."""
        context = await signed_in(self.browser, self.origin, username, patience=10_000)
        return [await self._tab(await context.new_page()) for _ in range(pages)]

    async def _tab(self, page: Page) -> tuple[Page, Frame]:
        frame = await opened(page, self.game.play_url)
        await expect(frame.get_by_role("button", name="Ask")).to_be_visible()
        return page, frame


@pytest.fixture
def settings(settings: Settings, models: ModelServer) -> Settings:
    return settings.model_copy(update={"ollama_url": models.url})


@pytest.fixture
async def evening(app: FastAPI, tmp_path: Path) -> AsyncIterator[Evening]:
    services: Services = app.state.services
    async with AsyncExitStack() as stack:
        origin = await stack.enter_async_context(serving(app))
        browser = await stack.enter_async_context(launched())
        ada = await services.users.create(username="ada", password=PASSWORD)
        (tmp_path / "chat").mkdir()
        (tmp_path / "chat" / "index.html").write_text(GAME)
        game = await services.catalogue.publish_folder(ada.id, tmp_path / "chat", title="Chat", description="")
        yield Evening(origin, services, browser, game)


async def ask(frame: Frame) -> None:
    """Let the game call a model, without waiting for the answer."""
    await frame.evaluate("void ask()")


async def test_a_player_is_asked_sees_what_is_used_and_stops_it(evening: Evening, models: ModelServer) -> None:
    models.default = ENDLESS
    mira = await evening.friend("mira")
    [(page, frame)] = await evening.play("mira")
    asked_for_usage: list[str] = []
    page.on("request", lambda request: asked_for_usage.append(request.url) if "usage" in request.url else None)

    await ask(frame)
    panel = question(page)
    await expect(panel).to_contain_text("May Chat use your tokens?")
    await expect(panel).to_contain_text("by ada")
    await expect(panel).to_contain_text("10,000 of your 10,000 tokens are left.")
    assert [seen.path for seen in models.seen if seen.method == "POST"] == []
    await allow(page)
    await expect(panel).to_be_hidden()

    shown = page.locator(".play-used")
    await expect(frame.locator("#out")).to_contain_text("word word")
    await expect(shown).to_contain_text("tokens this visit")
    before = await shown.inner_text()
    await expect(shown).not_to_have_text(before)  # it moves while the call runs
    await expect(page.locator("header")).not_to_contain_text("10,000 tokens left")
    assert asked_for_usage == []

    await page.get_by_role("button", name="Stop").click()
    async with asyncio.timeout(1):
        await models.left.wait()
    await expect(frame.locator("#out")).to_contain_text("stopped this answer")
    await expect(page.get_by_text("Stopped.")).to_be_visible()
    await expect(page.get_by_role("button", name="Stop")).to_be_hidden()
    usage = await evening.services.statistics.by_game(user_id=mira.id)
    row = (await evening.services.statistics.recent(1))[0].entry
    assert (row.status, row.game_id, row.user_id) == ("aborted", evening.game.id, mira.id)
    await expect(shown).to_contain_text(f"{usage[0].total_tokens:,} tokens this visit")
    assert (await evening.services.users.get(mira.id)).tokens_held == 0


@pytest.mark.slow
async def test_a_no_holds_until_it_is_changed_under_about(evening: Evening) -> None:
    await evening.friend("mira")
    [(page, frame)] = await evening.play("mira")
    await ask(frame)
    await question(page).get_by_role("button", name="Not now").click()
    await expect(frame.locator("#out")).to_contain_text("failed 403 permission_error: You have not allowed")
    await expect(page.get_by_text("Tokens not allowed")).to_be_visible()
    await ask(frame)
    await expect(frame.locator("#out")).to_contain_text("failed 403")
    await expect(question(page)).to_be_hidden()

    await page.get_by_role("button", name="About").click()
    sheet = page.get_by_role("dialog", name="About Chat")
    await expect(sheet).to_contain_text("You have not allowed it to use your tokens.")
    await sheet.get_by_role("button", name="Allow").click()
    await expect(sheet).to_contain_text("You have allowed it to use your tokens.")
    await sheet.get_by_role("button", name="Close").click()
    await ask(frame)
    await expect(frame.locator("#out")).to_contain_text("finished")


@pytest.mark.slow
async def test_taking_a_yes_back_ends_what_runs(evening: Evening, models: ModelServer) -> None:
    models.default = ENDLESS
    await evening.friend("mira")
    [(page, frame)] = await evening.play("mira")
    await ask(frame)
    await allow(page)
    await expect(frame.locator("#out")).to_contain_text("word")
    await page.get_by_role("button", name="About").click()
    await page.get_by_role("button", name="Take that back").click()
    async with asyncio.timeout(2):
        await models.left.wait()
    await page.keyboard.press("Escape")
    await ask(frame)
    await expect(frame.locator("#out")).to_contain_text("failed 403")


@pytest.mark.slow
async def test_the_question_stands_on_every_page_of_the_player_and_on_no_other(evening: Evening) -> None:
    for name in ("mira", "ben"):
        await evening.friend(name)
    ben = (await evening.services.users.list("ben"))[0][0]
    [(first, frame), (second, other)] = await evening.play("mira", pages=2)
    [(bens, _)] = await evening.play("ben")
    await ask(frame)
    for page in (first, second):
        await expect(question(page)).to_be_visible()
    await ask(other)
    await allow(second)
    for page in (first, second):
        await expect(question(page)).to_be_hidden()
    for waited in (frame, other):
        await expect(waited.locator("#out")).to_contain_text("finished")
    await expect(question(bens)).to_be_hidden()
    assert (await evening.services.consents.standing(ben.id, evening.game.id)).is_allowed is None


@pytest.mark.slow
async def test_a_page_that_comes_later_shows_the_question_too(evening: Evening) -> None:
    await evening.friend("mira")
    [(page, frame)] = await evening.play("mira")
    await ask(frame)
    await expect(question(page)).to_be_visible()
    later = await page.context.new_page()
    await later.goto(evening.game.play_url)
    await allow(later)
    await expect(frame.locator("#out")).to_contain_text("finished")


@pytest.mark.slow
async def test_the_keyboard_is_enough_and_comes_back_to_the_game(evening: Evening) -> None:
    await evening.friend("mira")
    [(page, frame)] = await evening.play("mira")
    await page.keyboard.press("a")
    await expect(frame.locator("#out")).to_have_attribute("data-pressed", "a")
    await ask(frame)
    await expect(question(page)).to_be_focused()
    await page.keyboard.press("Enter")  # typed on, as one does: it answers nothing
    await expect(question(page)).to_be_visible()
    await page.keyboard.press("Tab")
    yes = question(page).get_by_role("button", name="Allow")
    await expect(yes).to_be_focused()
    await expect(yes).to_be_enabled()
    await page.keyboard.press("Enter")
    await expect(frame.locator("#out")).to_contain_text("finished")
    await expect(page.locator("iframe")).to_be_focused()
    await frame.wait_for_function("document.hasFocus()")
    await page.keyboard.press("b")
    await expect(frame.locator("#out")).to_have_attribute("data-pressed", "b")


@pytest.mark.slow
async def test_clicks_that_were_meant_for_the_game_answer_nothing(evening: Evening) -> None:
    await evening.friend("mira")
    [(page, frame)] = await evening.play("mira")
    # Somebody clicks five times a second, from the moment at which the panel slides under the pointer.
    clicking = page.evaluate(
        """() => new Promise(done => {
          const panel = document.querySelector("play-question");
          const [yes] = panel.querySelectorAll("button");
          new MutationObserver((_, observer) => {
            if (panel.classList.contains("hidden")) return;
            observer.disconnect();
            for (let n = 0; n < 6; n++) setTimeout(() => yes.click(), n * 200);
            setTimeout(() => done(yes.ariaDisabled), 1050);
          }).observe(panel, {attributes: true});
        })"""
    )
    watching = asyncio.create_task(clicking)
    await asyncio.sleep(0)
    await ask(frame)
    assert await watching == "true"
    await expect(question(page)).to_be_visible()
    assert await frame.inner_text("#out") == ""
    await allow(page)
    await expect(frame.locator("#out")).to_contain_text("finished")


@pytest.mark.slow
async def test_fullscreen_shows_the_question_too(evening: Evening) -> None:
    await evening.friend("mira")
    [(page, frame)] = await evening.play("mira")
    await page.get_by_role("button", name="Fullscreen").click()
    await page.wait_for_function("document.fullscreenElement !== null")
    await ask(frame)
    await expect(question(page)).to_be_in_viewport()
    await allow(page)
    await expect(frame.locator("#out")).to_contain_text("finished")


@pytest.mark.slow
async def test_its_owner_tries_a_version_that_others_do_not_play_yet(evening: Evening, tmp_path: Path) -> None:
    services, game = evening.services, evening.game
    (tmp_path / "next").mkdir()
    (tmp_path / "next" / "index.html").write_text(f"{GAME}<p>the next one")
    async with services.files.staging() as staging:
        bundle = bundles.copy(tmp_path / "next", staging / "unpacked", bundles.Limits.of(services.settings))
        await services.versions.add(game.id, bundle, HOST, publish=False)
    [(page, frame)] = await evening.play("ada")
    await expect(frame.get_by_text("the next one")).to_be_hidden()
    await page.goto(f"{game.play_url}?version=2")
    await expect(page.get_by_text("by ada, version 2")).to_be_visible()
    inner = page.frame_locator("vanilla-play iframe")
    await expect(inner.get_by_text("the next one")).to_be_visible()
    await page.evaluate("document.querySelector('vanilla-play').extend()")
    await inner.get_by_role("button", name="Ask").click()
    await allow(page)
    await expect(inner.locator("#out")).to_contain_text("finished")
    assert (await services.catalogue.get(game.id)).plays == 1


@pytest.mark.slow
async def test_a_game_that_is_removed_is_over_at_once(evening: Evening) -> None:
    await evening.friend("mira")
    [(page, frame)] = await evening.play("mira")
    await ask(frame)
    await expect(question(page)).to_be_visible()
    await evening.services.removals.remove(evening.game.id, HOST)
    await expect(page.get_by_role("alert").filter(has_text="not here any more")).to_be_visible(timeout=1000)
    await expect(question(page)).to_be_hidden()
    await expect(page.locator("iframe")).to_have_count(0)


@pytest.mark.slow
async def test_a_page_without_its_connection_says_so_and_asks_often_whether_it_may_go_on(evening: Evening) -> None:
    await evening.friend("mira")
    [(page, _)] = await evening.play("mira")
    await page.evaluate("document.querySelector('vanilla-play').setAttribute('patience', 0)")
    Client.instances.clear()  # not by `clients.drop`, which takes away what the page shows as well
    async with page.expect_response("**/play/extend"):
        await page.evaluate("window.socket.io.engine.close()")
    await expect(page.get_by_text("lost its live connection")).to_be_visible()
    wait = "document.querySelector('vanilla-play').due - Date.now()"
    await page.wait_for_function(f"{wait} <= 30_000")
    assert await page.evaluate(wait) > 20_000
    await evening.services.removals.remove(evening.game.id, HOST)
    await page.evaluate("document.querySelector('vanilla-play').extend()")  # as it does by itself after that time
    await expect(page.get_by_role("alert").filter(has_text="not here any more")).to_be_visible()
    await expect(page.get_by_text("lost its live connection")).to_be_hidden()


@pytest.mark.slow
@pytest.mark.parametrize("width", [360, 1280])
async def test_nothing_of_it_needs_sideways_scrolling(evening: Evening, models: ModelServer, width: int) -> None:
    models.default = ENDLESS
    await evening.friend("a-name-of-some-length")
    [(page, frame)] = await evening.play("a-name-of-some-length")
    await page.set_viewport_size({"width": width, "height": 640})
    await ask(frame)
    for label in ("Allow", "Not now"):
        await expect(question(page).get_by_role("button", name=label)).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    await allow(page)
    for label in ("Stop", "Restart", "Fullscreen", "About"):
        await expect(page.get_by_role("button", name=label)).to_be_in_viewport(ratio=1)
    assert await page.evaluate("document.documentElement.scrollWidth") == width
    await expect(page.locator(".play-used")).to_be_in_viewport()
    assert await page.locator(".top").evaluate("(header) => header.offsetHeight") < 80
