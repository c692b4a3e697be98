"""What a player does on the play page, around the game."""

from playwright.async_api import Locator, Page


def question(page: Page) -> Locator:
    """The panel that asks whether the game may use the player's tokens."""
    return page.get_by_role("dialog", name="use your tokens")


async def allow(page: Page) -> None:
    """Say yes to the game's first call, once it asks and takes an answer."""
    await question(page).get_by_role("button", name="Allow").click()
