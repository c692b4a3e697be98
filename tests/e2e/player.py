"""What a player does: signs in, opens a game, and what there is on the play page around it."""

from typing import Any

from playwright.async_api import Browser, BrowserContext, Frame, Locator, Page

from tests.factories import PASSWORD


async def signed_in(
    browser: Browser, origin: str, username: str, *, password: str = PASSWORD, patience: int = 15_000, **device: Any
) -> BrowserContext:
    """A browser of this friend's own, that waits so many milliseconds for what it is asked to find."""
    context = await browser.new_context(base_url=origin, **device)
    context.set_default_timeout(patience)
    form: dict[str, str | float | bool] = {"username": username, "password": password}
    await context.request.post("/auth/login", form=form, headers={"origin": origin})
    return context


async def opened(page: Page, play_url: str) -> Frame:
    """The frame of the game at this address."""
    await page.goto(play_url)
    return await frame_in(page)


async def frame_in(page: Page) -> Frame:
    """The frame of the game that this page is about to show."""
    element = await page.wait_for_selector("vanilla-play iframe")
    assert element is not None
    frame = await element.content_frame()
    assert frame is not None
    return frame


def question(page: Page) -> Locator:
    """The panel that asks whether the game may use the player's tokens."""
    return page.get_by_role("dialog", name="use your tokens")


async def allow(page: Page) -> None:
    """Say yes to the game's first call, once it asks and takes an answer."""
    await question(page).get_by_role("button", name="Allow").click()
