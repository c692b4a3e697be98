"""Draws the covers of the example games anew, from the games themselves: `python -m tests.e2e.covers [name ...]`.

Each game is opened in Chromium without the platform around it, brought to a scene worth a picture, and stripped of what
is not picture. The files lie in the games' folders, and are looked at before they are committed.
"""

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal

from aiohttp import web
from PIL import Image
from playwright.async_api import Page

from tests.e2e.browser import launched
from tests.fakes.serving import served
from vanilla.games import examples

SIZE = (960, 720)
QUALITY = 84


async def draw(names: list[str]) -> None:
    async with _served() as origin, launched() as browser:
        for name in names:
            page = await browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]}, color_scheme=_LIGHT[name])
            await page.goto(f"{origin}/{name}/index.html")
            await page.evaluate("document.fonts.ready")
            await _SCENES[name](page)
            picture = Image.open(io.BytesIO(await page.screenshot(type="png"))).convert("RGB")
            await asyncio.to_thread(picture.save, examples.FOLDER / name / "cover.webp", quality=QUALITY, method=6)
            await page.close()


async def _dragon(page: Page) -> None:
    await page.evaluate("""() => {
        document.body.dataset.mood = "fond";
        document.querySelector("main").remove();
        const scene = document.querySelector("#scene");
        scene.setAttribute("viewBox", "22 -8 300 198");
        scene.setAttribute("preserveAspectRatio", "xMidYMax slice");
        scene.style.flex = "1";
    }""")
    await page.wait_for_timeout(1500)


async def _orbit(page: Page) -> None:
    await page.wait_for_selector("body[data-ready]")
    await page.add_style_tag(content="#card, #score { visibility: hidden }")
    await page.evaluate("document.querySelector('#go').click()")
    await page.wait_for_timeout(1700)


async def _eggs(page: Page) -> None:
    await page.wait_for_selector("body[data-ready]")
    for words in ("a drum", "old maps", "honey", "a grumpy toaster", "jam", "pancakes"):
        await page.fill("#words", words)
        await page.press("#words", "Enter")
        await page.wait_for_selector("body.waiting", state="detached")
    await page.add_style_tag(
        content="""
        header, #says, #whisper, footer { display: none !important } * { transition: none !important }
        #nest { bottom: 20%; height: 44% } .creature { width: calc(190px * (1 - var(--depth) * .35)) }
    """
    )
    await page.evaluate("""() => {
        const places = [[8, 0.1], [30, 0], [66, 0], [92, 0.15], [20, 0.75], [80, 0.8]];
        document.querySelectorAll(".creature").forEach((creature, at) => {
            const [across, depth] = places[at];
            creature.style.cssText += `--across:${across};--depth:${depth};z-index:${100 - depth * 90}`;
        });
    }""")
    await page.wait_for_timeout(300)


_LIGHT: dict[str, Literal["light", "dark"]] = {"dragon": "light", "orbit": "dark", "eggs": "light"}
_SCENES: dict[str, Callable[[Page], Awaitable[None]]] = {"dragon": _dragon, "orbit": _orbit, "eggs": _eggs}


@asynccontextmanager
async def _served() -> AsyncIterator[str]:
    """The folder of the examples on a socket: modules do not load from files."""
    app = web.Application()
    app.router.add_static("/", examples.FOLDER)
    async with served(app) as url:
        yield url


if __name__ == "__main__":
    asyncio.run(draw(sys.argv[1:] or list(_SCENES)))
