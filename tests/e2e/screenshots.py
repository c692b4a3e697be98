"""Pictures of every page, to be looked at: `python -m tests.e2e.screenshots FOLDER [name ...]`.

Serves a house with a past and an empty one, both made up in temporary folders, and shoots each scene at 360, 768 and
1440 px, light and dark. Names pick scenes by their beginnings, such as `games` or `admin`; a number picks a width,
`light` or `dark` a theme.
"""

import asyncio
import logging
import multiprocessing
import sys
from functools import partial
from itertools import product
from pathlib import Path

from playwright.async_api import Browser, Error, Page

from tests.e2e import house
from tests.e2e.browser import launched
from tests.e2e.house import House
from tests.e2e.scenes import SCENES, Scene, arrive

WIDTHS = (1440, 768, 360)
THEMES = ("light", "dark")


def shoot(folder: Path, wanted: list[str]) -> None:
    """Take all pictures, or those of the scenes that are wanted."""
    folder.mkdir(parents=True, exist_ok=True)
    for is_empty in (False, True):  # each in a process of its own: NiceGUI serves one application in a process
        process = multiprocessing.get_context("spawn").Process(target=_shoot_in, args=(folder, wanted, is_empty))
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(f"Not all pictures were taken: the process ended with {process.exitcode}.")


def _shoot_in(folder: Path, wanted: list[str], is_empty: bool) -> None:
    logging.disable()  # of the page that is made to break
    asyncio.run(_shoot_all(folder, wanted, is_empty))


async def _shoot_all(folder: Path, wanted: list[str], is_empty: bool) -> None:
    widths = [width for width in WIDTHS if str(width) in wanted] or WIDTHS
    themes = [theme for theme in THEMES if theme in wanted] or THEMES
    names = tuple(word for word in wanted if word not in {*map(str, WIDTHS), *THEMES})
    scenes = [each for each in SCENES if each.in_empty_house == is_empty and (not names or each.name.startswith(names))]
    if not scenes:
        return
    async with house.empty() if is_empty else house.lived_in() as home, launched() as browser:
        for scene, width, theme in product(scenes, widths, themes):
            await _shoot(browser, home, scene, folder / f"{scene.name}-{width}-{theme}.png", width, theme)


async def _shoot(browser: Browser, home: House, scene: Scene, path: Path, width: int, theme: str) -> None:
    async with house.visiting(browser, home, scene.who, width=width, theme=theme) as context:
        page = await context.new_page()
        page.on("pageerror", partial(_tell_error, scene.name))
        try:
            await arrive(page, scene, home)
        except (AssertionError, Error) as error:
            _tell(f"{path.name}: {str(error).splitlines()[0]}")
        await _see_everything(page)
        needed = await page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            _tell(f"{path.name}: {needed} px wide")
        await page.screenshot(path=path, full_page=not scene.is_as_high_as_the_window)


async def _see_everything(page: Page) -> None:
    """Scroll through, so that what loads late has loaded, and back."""
    await page.evaluate(
        "async () => { for (let y = 0; y < document.body.scrollHeight; y += 600)"
        " { scrollTo(0, y); await new Promise((done) => setTimeout(done, 20)); } scrollTo(0, 0); }"
    )


def _tell_error(title: str, error: Error) -> None:
    _tell(f"{title}: {error}")


def _tell(words: str) -> None:
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("Say where the pictures go: python -m tests.e2e.screenshots FOLDER [name ...]")
    shoot(Path(sys.argv[1]), sys.argv[2:])
