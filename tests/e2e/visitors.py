"""Someone at a browser, Chromium or Firefox, told the same things: sign in, play a game, look into its frame."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import httpx
import playwright.async_api as playwright

from tests.e2e import browser as chromium
from tests.e2e import firefox

GAMES = Path(__file__).parent / "games"
BROWSERS = ("chromium", "firefox")
PATIENCE = 30.0  # seconds
HOME = "games.test"  # this machine by a name as in somebody's network: without https no secure context

# A game needs what a player's browser has: WebGL, drawn without a graphics card here, and sound without a click.
CHROMIUM_FLAGS = (
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--autoplay-policy=no-user-gesture-required",
    f"--host-resolver-rules=MAP {HOME} 127.0.0.1",
)


class Visitor(Protocol):
    """One person with one browser, and one tab in front of them. Functions are JavaScript, and take one argument."""

    async def go(self, address: str) -> None:
        """Load it, and wait until it has loaded."""

    async def address(self) -> str:
        """Where the tab is."""

    async def on_page(self, function: str, argument: Any = None) -> Any:
        """What it gives in the page of the tab."""

    async def in_game(self, function: str, argument: Any = None) -> Any:
        """What it gives in the frame of the game."""

    async def press(self, selector: str) -> None:
        """Click on it."""

    async def type(self, selector: str, text: str) -> None:
        """Type into it."""

    async def cookies(self) -> dict[str, str]:
        """The cookies of the tab's site: names and values."""

    async def windows(self) -> int:
        """How many tabs and windows are open."""


class InChromium:
    """A visitor with a context of their own in Chromium."""

    def __init__(self, page: playwright.Page) -> None:
        self.page = page

    async def go(self, address: str) -> None:
        await self.page.goto(address)

    async def address(self) -> str:
        return self.page.url

    async def on_page(self, function: str, argument: Any = None) -> Any:
        return await self.page.evaluate(function, argument)

    async def in_game(self, function: str, argument: Any = None) -> Any:
        element = await self.page.query_selector("vanilla-play iframe")
        frame = await element.content_frame() if element else None
        if frame is None:
            raise playwright.Error("There is no game in the page.")
        return await frame.evaluate(function, argument)

    async def press(self, selector: str) -> None:
        await self.page.click(selector)

    async def type(self, selector: str, text: str) -> None:
        await self.page.type(selector, text)

    async def cookies(self) -> dict[str, str]:
        return {cookie["name"]: cookie["value"] for cookie in await self.page.context.cookies()}

    async def windows(self) -> int:
        return len(self.page.context.pages)


class InFirefox:
    """A visitor with a Firefox of their own."""

    def __init__(self, browser: firefox.Firefox) -> None:
        self.browser = browser

    async def go(self, address: str) -> None:
        await self.browser.go(address)

    async def address(self) -> str:
        return str(await self.browser.run("() => location.href"))

    async def on_page(self, function: str, argument: Any = None) -> Any:
        return await self.browser.run(function, argument)

    async def in_game(self, function: str, argument: Any = None) -> Any:
        return await self.browser.run(function, argument, frame="vanilla-play iframe")

    async def press(self, selector: str) -> None:
        await self.browser.press(selector)

    async def type(self, selector: str, text: str) -> None:
        await self.browser.type(selector, text)

    async def cookies(self) -> dict[str, str]:
        await self.browser.tell("WebDriver:SwitchToFrame", id=None)
        cookies = await self.browser.tell("WebDriver:GetCookies")
        return {cookie["name"]: cookie["value"] for cookie in cookies}

    async def windows(self) -> int:
        return len(await self.browser.tell("WebDriver:GetWindowHandles"))


@asynccontextmanager
async def visiting(browser: str) -> AsyncIterator[Visitor]:
    """Somebody who has just opened a browser of that name, one of BROWSERS, for the first time."""
    if browser == "firefox":
        async with firefox.launched() as fox:
            yield InFirefox(fox)
        return
    async with chromium.launched(*CHROMIUM_FLAGS) as launched:
        context = await launched.new_context()
        context.set_default_timeout(PATIENCE * 1000)
        yield InChromium(await context.new_page())


async def until(visitor: Visitor, place: str, function: str, argument: Any = None, patience: float = PATIENCE) -> Any:
    """What a function gives, once that is true. `place` is "page" or "game", which may not be there yet."""
    run = visitor.in_game if place == "game" else visitor.on_page
    problem: Exception | None = None
    try:
        async with asyncio.timeout(patience):
            while True:
                try:
                    if found := await run(function, argument):
                        return found
                    problem = None
                except (playwright.Error, firefox.Refused) as error:
                    problem = error
                await asyncio.sleep(0.05)
    except TimeoutError as late:
        raise AssertionError(f"{function} gave nothing in the {place} for {patience} s ({problem})") from late


async def sign_in(visitor: Visitor, origin: str, username: str, password: str) -> None:
    """Through the form, as a person does."""
    await visitor.go(f"{origin}/login")
    await visitor.type("input[name=username]", username)
    await visitor.type("input[name=password]", password)
    await visitor.press("form button")
    await until(visitor, "page", "() => location.pathname === '/'")


async def play(visitor: Visitor, origin: str, game: str) -> None:
    """Open the play page of a game and wait until the game is in its frame."""
    await visitor.go(f"{origin}/play/{game}")
    await until(visitor, "game", "() => location.pathname.startsWith('/games/') && document.readyState === 'complete'")


async def allow(visitor: Visitor) -> None:
    """Say yes to the question whether the game may use tokens, once it is asked and takes an answer."""
    asked = """() => {
        const buttons = [...document.querySelectorAll("play-question button")];
        const yes = buttons.find((button) => button.textContent.includes("Allow") && button.checkVisibility());
        if (yes) yes.dataset.answer = "yes";
        return Boolean(yes);
    }"""
    gone = "() => !document.querySelector('play-question')?.checkVisibility()"
    await until(visitor, "page", asked)
    for _ in range(20):  # a click that comes too soon was meant for the game, and is passed over
        await visitor.press("[data-answer=yes]")
        try:
            await until(visitor, "page", gone, patience=1)
        except AssertionError:
            continue
        return
    raise AssertionError("the question took no answer")


async def upload(owner: httpx.AsyncClient, name: str, *folders: Path) -> dict[str, Any]:
    """Upload one of the games beside this file, with the script that they report through; gives the Game. Further
    `folders` lie in it under their own names."""
    file = {"file": (f"{name}.zip", bundle(GAMES / name, GAMES / "report.js", *folders), "application/zip")}
    answer = await owner.post("/api/games", files=file, data={"title": name})
    assert answer.status_code == 201, answer.text
    game: dict[str, Any] = answer.json()
    return game


def bundle(root: Path, *beside: Path) -> bytes:
    """A zip of a folder's contents, and of files and folders `beside` them."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for place, top in ((root, root), *((path, path.parent) for path in beside)):
            for path in sorted([place, *place.rglob("*")]):
                if path.is_file():
                    file.write(path, path.relative_to(top))
    return archive.getvalue()
