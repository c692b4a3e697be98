"""What a page costs whoever opens it: bytes on the way, hosts asked, a second visit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import pytest
from playwright.async_api import BrowserContext, Page, Request

from tests.e2e import house
from tests.e2e.browser import launched
from tests.e2e.house import FRIEND, HOST
from tests.e2e.scenes import SCENES, Scene, arrive

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

MOST = 300_000  # bytes of a first load beyond NiceGUI's own files
MOST_AGAIN = 60_000  # of a second one: the page itself, and what may not be kept
PAGES = [scene for scene in SCENES if scene.act is None and not scene.in_empty_house and scene.status == 200]


@dataclass
class Load:
    """What a browser asked for while it opened a page: bytes of answers by address."""

    sizes: dict[str, int] = field(default_factory=dict)
    hosts: set[str] = field(default_factory=set)

    @property
    def ours(self) -> int:
        """Bytes beyond NiceGUI's own files."""
        return sum(size for address, size in self.sizes.items() if "/_nicegui" not in address)

    @property
    def niceguis(self) -> int:
        """Bytes of NiceGUI's own files."""
        return sum(size for address, size in self.sizes.items() if "/_nicegui/" in address)


async def test_no_page_is_heavy_or_asks_another_host(fresh: None) -> None:
    """Each page in a browser that has never been here."""
    heavy: dict[str, int] = {}
    async with house.lived_in() as home, launched() as browser:
        for scene in PAGES:
            async with house.visiting(browser, home, scene.who) as context:
                load = await _open(context, scene, home)
                assert load.hosts == {urlsplit(home.origin).netloc}, scene.name
                assert load.ours > 0
                if load.ours > MOST:
                    heavy[scene.name] = load.ours
    assert heavy == {}


async def test_a_full_page_of_games_is_light_enough(fresh: None) -> None:
    """24 covers, as many as a page shows, all looked at."""
    async with house.lived_in() as home, launched() as browser, house.visiting(browser, home, FRIEND) as context:
        page = await context.new_page()
        async with _watched(page) as load:
            await page.goto("/")
            await page.wait_for_selector(".covers")
            await page.evaluate("scrollTo(0, document.body.scrollHeight)")
            await page.wait_for_load_state("networkidle")
        covers = {address: size for address, size in load.sizes.items() if "/cover" in address}
        assert len(covers) >= 8
        assert load.ours + (24 - len(covers)) * sum(covers.values()) / len(covers) < MOST


async def test_what_does_not_change_is_not_sent_again(fresh: None) -> None:
    async with house.lived_in() as home, launched() as browser, house.visiting(browser, home, HOST) as context:
        scene = next(each for each in SCENES if each.name == "admin-live")
        first = await _open(context, scene, home)
        again = await _open(context, scene, home)
        assert first.niceguis > 400_000, "the measure sees them"
        assert again.niceguis < 5_000
        assert again.ours < MOST_AGAIN
        assert not any(".css" in address or ".woff2" in address for address, size in again.sizes.items() if size)


async def test_the_fonts_that_are_preloaded_are_used_and_come_once(fresh: None) -> None:
    async with house.lived_in() as home, launched() as browser, house.visiting(browser, home, FRIEND) as context:
        page = await context.new_page()
        complaints: list[str] = []
        page.on("console", lambda line: complaints.append(line.text) if "preload" in line.text else None)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if ".woff2" in request.url else None)
        await page.goto("/docs")
        await page.wait_for_load_state("networkidle")
        await page.evaluate("document.fonts.ready")
        ours = [address for address in asked if "/static/fonts/" in address]
        assert len(ours) == len(set(ours)) == 2
        assert [address for address in asked if "/_nicegui" in address] == [], "NiceGUI's fonts are not ours"
        assert complaints == []


async def _open(context: BrowserContext, scene: Scene, home: house.House) -> Load:
    page = await context.new_page()
    async with _watched(page) as load:
        await arrive(page, scene, home)
    await page.close()
    return load


@asynccontextmanager
async def _watched(page: Page) -> AsyncIterator[Load]:
    """Count what comes while this is open, compressed as it comes."""
    load, finished = Load(), list[Request]()
    page.on("request", lambda request: load.hosts.add(urlsplit(request.url).netloc))
    page.on("requestfinished", lambda request: finished.append(request))  # noqa: PLW0108 - wants a Python function
    yield load
    for request in finished:
        response = await request.response()
        if response is None or urlsplit(request.url).scheme not in {"http", "https"}:
            continue
        sizes = await request.sizes()
        load.sizes[request.url] = sizes["responseBodySize"] + sizes["responseHeadersSize"]
