"""What pages do in a real browser and no simulation shows: the form, the theme, copying, closing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from nicegui import Client
from playwright.async_api import Page, expect

from tests import factories
from tests.e2e.browser import launched
from tests.factories import PASSWORD
from tests.servers import serving
from vanilla.accounts.users import UserChanges
from vanilla.games import examples
from vanilla.models import User
from vanilla.services import Services

pytestmark = pytest.mark.e2e

LIGHT, DARK = "rgb(255, 250, 240)", "rgb(23, 18, 15)"


async def test_a_visit_from_signing_in_to_being_shown_out(app: FastAPI) -> None:
    async with _visit(app) as (page, services, mira):
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))

        await page.goto("/account")
        assert page.url.endswith("/login?next=/account")
        await page.fill("[name=username]", "mira")
        await page.fill("[name=password]", "wrong password")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("alert")).to_have_text("Wrong username or password.")
        await expect(page.get_by_label("Username")).to_have_value("mira")
        await expect(page.get_by_label("Password")).to_be_focused()
        await page.keyboard.type(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("heading", name="Account", level=1)).to_be_visible()
        assert page.url.endswith("/account")

        await page.keyboard.press("Tab")
        await expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()

        await expect(page.locator("header")).to_contain_text("100,000 tokens left")
        await factories.run_sql(services.database, "update users set tokens_used = 97000")
        await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as on coming back to the page
        await expect(page.locator("header")).to_contain_text("3,000 tokens left")

        await _choose_theme(page)
        await _make_and_copy_a_token(page)
        await _change_the_password(page)

        await services.users.update(mira.id, UserChanges(is_active=False))
        await page.wait_for_url("**/login?next=%2Faccount", timeout=1000)
        assert problems == []


async def test_a_phone_shows_everything_without_sideways_scrolling(app: FastAPI) -> None:
    async with _visit(app, width=360) as (page, _, _mira):
        await page.goto("/login")
        origin = {"origin": page.url.removesuffix("/login")}
        await page.request.post("/auth/login", form={"username": "mira", "password": PASSWORD}, headers=origin)
        for path in ("/", "/account", "/docs", "/upload"):
            await page.goto(path)
            await expect(page.get_by_role("heading", level=1)).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth") == 360, path
            await expect(page.get_by_role("link", name="Docs", exact=True)).to_be_in_viewport()


async def test_what_one_types_stays_while_its_results_come(app: FastAPI) -> None:
    async with _visit(app) as (page, services, mira):
        await examples.publish(services.catalogue, mira.id)
        await _sign_in(page)
        covers = page.locator(".covers > li")
        await expect(covers).to_have_count(len(examples.NAMES))
        await page.get_by_role("searchbox").press_sequentially("dragon", delay=20)
        await expect(covers).to_have_count(1)
        await expect(page.get_by_role("searchbox")).to_have_value("dragon")
        for _ in "dragon":
            await page.keyboard.press("Backspace")
        await expect(covers).to_have_count(len(examples.NAMES))


async def test_a_game_goes_on_when_the_server_has_forgotten_its_page(app: FastAPI) -> None:
    async with _visit(app) as (page, services, mira):
        await examples.publish(services.catalogue, mira.id)
        (game,) = (await services.catalogue.list(search="orbit"))[0]
        await _sign_in(page)
        await page.goto(game.play_url)
        await page.frame_locator("iframe").get_by_role("button", name="Start").click()
        await page.evaluate("window.isTheSame = true")
        await page.evaluate("document.querySelector('vanilla-play').setAttribute('patience', 0)")
        Client.instances.clear()  # not by `clients.drop`, which takes away what the page shows as well
        async with page.expect_request("**/play/extend"):
            await page.evaluate("window.socket.io.engine.close()")
        await expect(page.locator("#popup")).to_be_hidden()
        assert await page.evaluate("window.isTheSame && !window.socket.active")
        await expect(page.frame_locator("iframe").get_by_role("button")).to_be_hidden()


async def _sign_in(page: Page) -> None:
    await page.goto("/login")
    await page.fill("[name=username]", "mira")
    await page.fill("[name=password]", PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Games", level=1)).to_be_visible()


async def _choose_theme(page: Page) -> None:
    assert await _background(page) == LIGHT
    await page.get_by_label("Account of mira").click()
    await page.get_by_role("button", name="Dark").click()
    assert await _background(page) == DARK
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Dark")).to_be_hidden()
    await page.reload(wait_until="commit")
    await page.wait_for_selector("body", state="attached")
    assert await _background(page) == DARK, "dark before anything is drawn"
    await expect(page.get_by_role("heading", level=1)).to_be_visible()


async def _make_and_copy_a_token(page: Page) -> None:
    await page.get_by_label("Name of the program").fill("bot")
    await page.get_by_role("button", name="Make a token").click()
    secret = await page.locator(".secret code").inner_text()
    await page.locator(".secret").get_by_role("button", name="Copy").click()
    await expect(page.locator(".secret button")).to_have_text("Copied")
    assert await page.evaluate("navigator.clipboard.readText()") == secret
    await expect(page.get_by_label("Name of the program")).to_have_value("")


async def _change_the_password(page: Page) -> None:
    await page.get_by_label("Current password").fill("wrong password")
    await page.get_by_label("New password").fill("another long password")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_text("The current password is wrong.")).to_be_visible()
    await page.get_by_label("Current password").fill(PASSWORD)
    await page.get_by_label("New password").fill("another long password")
    await page.get_by_role("button", name="Change the password").click()
    await expect(page.get_by_text("The password is changed.")).to_be_visible()
    await expect(page.get_by_text("You have no tokens.")).to_be_visible()


async def _background(page: Page) -> str:
    colour: str = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    return colour


@asynccontextmanager
async def _visit(app: FastAPI, width: int = 1280) -> AsyncIterator[tuple[Page, Services, User]]:
    """A browser at the served application, and somebody called mira who may sign in."""
    services: Services = app.state.services
    async with serving(app) as origin, launched() as browser:
        mira = await services.users.create(username="mira", password=PASSWORD, token_limit=100_000)
        context = await browser.new_context(
            base_url=origin,
            viewport={"width": width, "height": 800},
            color_scheme="light",
            permissions=["clipboard-read", "clipboard-write"],
        )
        context.set_default_timeout(10_000)
        yield await context.new_page(), services, mira
