"""Everything with the keyboard alone: no test here uses a pointer. Tab finds it, Enter or Space does it."""

import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.e2e import house
from tests.e2e.browser import launched
from tests.e2e.house import FRIEND, HOST, NEWCOMER, PASSWORD, House
from vanilla.errors import Conflict

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FARTHEST = 120  # presses of Tab to anything on a page


async def test_sign_in_search_and_play(fresh: None) -> None:
    async with _house() as (home, browser), house.visiting(browser, home) as context:
        page = await context.new_page()
        await page.goto("/")
        await expect(page.get_by_label("Username")).to_be_focused()
        await page.keyboard.type(FRIEND)
        await page.keyboard.press("Tab")
        await page.keyboard.type(PASSWORD)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", name="Games", level=1)).to_be_visible()

        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        await page.keyboard.press("Enter")
        await to(page, page.get_by_role("searchbox"))
        await page.keyboard.type("hexfall")
        await expect(page.locator(".covers > li")).to_have_count(1)
        await expect(page.get_by_role("searchbox")).to_be_focused()
        await to(page, page.get_by_role("link", name="Hexfall"))
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/play/**")
        await expect(page.locator("vanilla-play iframe")).to_be_attached()
        await expect(page.frame_locator("iframe").get_by_role("heading", name="Hexfall")).to_be_visible()


async def test_the_menu_opens_closes_and_gives_the_focus_back(fresh: None) -> None:
    async with _house() as (home, browser), house.visiting(browser, home, FRIEND) as context:
        page = await _open(context, "/")
        summary = page.locator("details.menu > summary")
        await press(page, summary)
        await expect(page.locator(".menu-sheet")).to_be_visible()
        await to(page, page.get_by_role("button", name="Dark"))
        await page.keyboard.press("Enter")
        assert await page.evaluate("document.documentElement.dataset.theme") == "dark"
        await page.keyboard.press("Escape")
        await expect(page.locator(".menu-sheet")).to_be_hidden()
        await expect(summary).to_be_focused()
        await press(page, summary)
        await press(page, page.get_by_role("button", name="Sign out"))
        await page.wait_for_url("**/login")  # and not back to here


async def test_everything_on_the_account_page(fresh: None) -> None:
    async with _house() as (home, browser), house.visiting(browser, home, FRIEND) as context:
        page = await _open(context, "/account")
        await write(page, page.get_by_label("A lower limit of your own"), "5000", "Enter")
        await expect(page.get_by_text("5,000 tokens is your limit")).to_be_visible()
        await expect(page.get_by_label("A lower limit of your own")).to_be_focused()

        await press(page, page.get_by_role("button", name="7 days"))
        await expect(page).to_have_url("/account?days=7")
        await expect(page.get_by_role("button", name="7 days")).to_be_focused()
        await press(page, page.locator("summary", has_text="Show the figures"))
        await expect(page.locator(".figures-table")).to_be_visible()

        reset = page.get_by_role("button", name="Reset").first
        await press(page, reset)
        await page.keyboard.press("Enter")  # asked once more
        await expect(page.get_by_text("starts anew the next time")).to_be_visible()
        await _keeps_the_focus(page)

        await write(page, page.get_by_label("Name of the program"), "bot", "Enter")
        await expect(page.locator(".secret")).to_be_visible()
        await press(page, page.locator(".secret").get_by_role("button", name="Copy"))
        await press(page, page.get_by_role("button", name="Revoke: bot"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Revoke: bot")).to_have_count(0)
        await _keeps_the_focus(page)

        await press(page, page.get_by_role("button", name="Sign out: Safari on iPhone"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Safari on iPhone is signed out.")).to_be_visible()
        await _keeps_the_focus(page)
        await press(page, page.get_by_role("button", name="Sign out everywhere else"))
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Only this browser is signed in now.")).to_be_visible()
        await _keeps_the_focus(page)

        await write(page, page.get_by_label("Current password"), PASSWORD)
        await write(page, page.get_by_label("New password"), "another long password", "Enter")
        await expect(page.get_by_text("The password is changed.")).to_be_visible()


async def test_upload(fresh: None, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "keys.zip", "w") as bundle:
        bundle.writestr("index.html", "<!doctype html><html lang=en><title>Keys</title><h1>Keys</h1>")
    async with _house() as (home, browser), house.visiting(browser, home, FRIEND) as context:
        page = await _open(context, "/upload")
        async with page.expect_file_chooser() as choosing:
            await _reach_the_file(page)
        await (await choosing.value).set_files(tmp_path / "keys.zip")
        await expect(page.get_by_text("keys.zip")).to_be_visible()
        await press(
            page, page.get_by_role("button", name="Upload").or_(page.get_by_role("button", name="Publish")).first
        )
        await expect(page.get_by_role("link", name="Play").first).to_be_visible()
        await press(page, page.get_by_role("link", name="Play").first)
        await page.wait_for_url("**/play/**")


async def test_an_admin_makes_a_user_and_changes_their_limit(fresh: None) -> None:
    async with _house() as (home, browser), house.visiting(browser, home, HOST) as context:
        page = await _open(context, "/admin/users")
        opener = page.get_by_role("button", name="New user")
        await press(page, opener)
        dialog = page.get_by_role("dialog")
        await expect(dialog).to_be_visible()
        await _stays_within(page, dialog)
        await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
        await expect(opener).to_be_focused()

        await page.keyboard.press("Enter")
        await write(page, dialog.get_by_label("Username"), "nora")
        await write(page, dialog.get_by_label("Password").first, PASSWORD, "Enter")
        await expect(dialog).to_be_hidden()
        await expect(page.get_by_role("link", name="nora")).to_be_visible()
        await _keeps_the_focus(page)

        await write(page, page.get_by_role("searchbox"), "nora")
        edit = page.get_by_role("button", name="Edit")
        await expect(edit).to_have_count(1)
        await press(page, edit)
        await write(page, dialog.get_by_label("Token limit"), "1234", "Enter")
        await expect(dialog).to_be_hidden()
        await expect(page.get_by_text("1,234").first).to_be_visible()
        await _keeps_the_focus(page)
        assert (await home.services.users.list(search="nora"))[0][0].token_limit == 1234


async def test_an_admin_stops_all_inference(fresh: None) -> None:
    async with _house() as (home, browser), house.visiting(browser, home, HOST) as context:
        page = await _open(context, "/admin/settings")
        switch = page.get_by_role("switch", name="Models")
        await press(page, switch)
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("dialog")).to_be_hidden()
        await expect(switch).to_be_focused()
        await page.keyboard.press("Space")
        await press(page, page.get_by_role("dialog").get_by_role("button", name="Switch off"))
        await expect(page.get_by_text("Models are off").first).to_be_visible()
        assert not home.services.controls.now.inference_enabled
        await expect(switch).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Models are on").first).to_be_visible()
        assert home.services.controls.now.inference_enabled


async def test_live_data_leaves_the_focus_where_it_is(fresh: None) -> None:
    """Whatever is drawn anew, the keyboard goes on from where it was."""
    async with _house() as (home, browser), house.visiting(browser, home, HOST) as context:
        page = await _open(context, "/admin/users")
        await to(page, page.get_by_role("button", name="Edit").nth(2))
        before = await page.evaluate("document.activeElement.closest('tr').textContent")
        await page.evaluate(_DRAW_ANEW, ".table tbody")
        assert await page.evaluate("document.activeElement.closest('tr').textContent") == before

        await page.evaluate(_TAKE_AWAY, ".table tbody")
        assert await page.evaluate("document.activeElement.matches('[role=region]')"), "the nearest that has a name"


async def test_escape_closes_what_was_said_and_the_focus_returns(fresh: None) -> None:
    async with _house() as (home, browser), house.visiting(browser, home, NEWCOMER) as context:
        page = await _open(context, "/account")
        home.services.sessions.close_all = _refuse  # type: ignore[method-assign]
        other = await home.services.users.get(home.ids[NEWCOMER])
        await home.services.sessions.open(other, agent="curl/8.1")
        await page.reload()
        end = page.get_by_role("button", name="Sign out everywhere else")
        await press(page, end)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("Not now: try again.")
        await to(page, page.get_by_role("button", name="Close"))
        await page.keyboard.press("Escape")
        await expect(page.get_by_role("alert")).to_have_count(0)
        await expect(page.get_by_role("button", name="Change the password")).to_be_focused()  # the last before it


async def _refuse(*_: Any, **__: Any) -> None:
    raise Conflict("Not now: try again.")


async def to(page: Page, target: Locator) -> None:
    """Go there with the Tab key, from wherever the focus is."""
    await expect(target).to_be_visible()
    for _ in range(FARTHEST):
        if await target.evaluate("(element) => element === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{FARTHEST} presses of Tab do not lead to {target}")


async def press(page: Page, target: Locator) -> None:
    """Go there and press Enter."""
    await to(page, target)
    await page.keyboard.press("Enter")


async def write(page: Page, field: Locator, text: str, then: str = "") -> None:
    """Go there, write over what is in it, and press one more key."""
    await to(page, field)
    await page.keyboard.press("Control+A")
    await page.keyboard.type(text)
    if then:
        await page.keyboard.press(then)


async def _keeps_the_focus(page: Page) -> None:
    """The focus is on something that can be seen, not back at the top of the page."""
    await page.wait_for_function(
        "() => document.activeElement !== document.body && document.activeElement.checkVisibility()", timeout=2000
    )


async def _stays_within(page: Page, dialog: Locator) -> None:
    for key in ["Tab"] * 12 + ["Shift+Tab"] * 12:
        await page.keyboard.press(key)
        assert await dialog.evaluate("(element) => element.contains(document.activeElement)"), "the focus got out"


async def _reach_the_file(page: Page) -> None:
    for _ in range(FARTHEST):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.matches('input[type=file], [data-choose], .upload-choose')"):
            await page.keyboard.press("Enter")
            return
    raise AssertionError("the keyboard does not find where to choose a file")


async def _open(context: Any, path: str) -> Page:
    page: Page = await context.new_page()
    await page.goto(path)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await page.wait_for_function("window.did_handshake")
    return page


@asynccontextmanager
async def _house() -> AsyncIterator[tuple[House, Browser]]:
    async with house.lived_in() as home, launched() as browser:
        yield home, browser


# Replaces the contents by a copy, and takes them away, as an update of the page does.
_DRAW_ANEW = """async (selector) => {
  const place = document.querySelector(selector);
  const copy = place.cloneNode(true);
  place.replaceWith(copy);
  await new Promise((done) => setTimeout(done, 100));
}"""
_TAKE_AWAY = """async (selector) => {
  document.querySelector(selector).remove();
  await new Promise((done) => setTimeout(done, 100));
}"""
