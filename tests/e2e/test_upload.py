"""Uploading in a real browser: problems listed, a game published, the page looked at on a phone and in the dark."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.async_api import BrowserContext, FilePayload, Page

from tests.e2e.browser import launched
from tests.factories import ADMIN_PASSWORD
from tests.games import archives
from tests.servers import serving

pytestmark = pytest.mark.e2e


@pytest.fixture
async def visitor(app: FastAPI) -> AsyncIterator[BrowserContext]:
    """Someone signed in, with a phone at night."""
    async with serving(app) as origin, launched() as browser:
        context = await browser.new_context(
            base_url=origin, viewport={"width": 360, "height": 740}, color_scheme="dark", reduced_motion="reduce"
        )
        context.set_default_timeout(20_000)
        answer = await context.request.post("/auth/login", data={"username": "admin", "password": ADMIN_PASSWORD})
        assert answer.ok
        yield context
        await context.close()


async def choose(page: Page, name: str, data: bytes) -> None:
    file: FilePayload = {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    await page.set_input_files("[data-upload] input[name=file]", files=[file])


async def test_a_bad_game_is_explained_and_a_good_one_published(visitor: BrowserContext, app: FastAPI) -> None:
    page = await visitor.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    await page.goto("/upload")
    problems, done = page.locator("[data-problems]"), page.locator("[data-done]")

    await page.get_by_role("button", name="Publish").click()
    assert await problems.inner_text() == "Choose a .zip or a single .html file first."

    await choose(page, "<b>game</b>.rar", b"Rar!")
    await page.get_by_role("button", name="Publish").click()
    assert await problems.inner_text() == "<b>game</b>.rar is neither a .zip nor an .html file."

    bad = archives.zipped({"../<img src=x onerror=document.title='evil'>": b"", "CON": b""})
    await choose(page, "bad.zip", bad)
    assert await problems.is_hidden()
    await page.get_by_role("button", name="Publish").click()
    await problems.locator("li").first.wait_for()
    listed = await problems.locator("li").all_inner_texts()
    assert listed[0].startswith("../<img src=x")
    assert listed[1] == "CON has a name that Windows keeps for devices."
    assert listed[2].startswith("There is no index.html")
    assert "evil" not in await page.title()
    assert await problems.evaluate("element => element === document.activeElement")

    await choose(page, "good.zip", archives.zipped({"game/index.html": archives.PAGE, "__MACOSX/x": b""}))
    await page.get_by_label("Title").fill("Hexfall <i>")
    await page.get_by_label("Tags").fill("Puzzle, hex")
    await page.get_by_label("Title").press("Enter")
    await done.wait_for()
    assert await done.get_by_role("heading").inner_text() == "Hexfall <i>"
    assert "__MACOSX/x" in await done.inner_text()
    games, _ = await app.state.services.catalogue.list(search="Hexfall")
    assert (games[0].title, games[0].tags) == ("Hexfall <i>", ["puzzle", "hex"])
    assert await done.get_by_role("link").get_attribute("href") == f"/play/{games[0].id}"
    await page.wait_for_function("document.querySelector('[data-done-cover]').naturalWidth > 0")

    await done.get_by_role("button", name="Upload another").click()
    assert await page.get_by_label("Title").input_value() == ""
    assert await page.evaluate("document.activeElement.name") == "file"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert errors == []


async def test_a_file_can_be_dropped_anywhere_on_the_page(visitor: BrowserContext) -> None:
    page = await visitor.new_page()
    await page.goto("/upload")
    await page.locator("[data-upload]").wait_for()
    transfer = await page.evaluate_handle(
        "() => { const data = new DataTransfer(); data.items.add(new File(['<p>'], 'dropped.html')); return data; }"
    )
    await page.dispatch_event("h1", "drop", {"dataTransfer": transfer})
    assert await page.locator("[data-file-name]").inner_text() == "dropped.html"
    await page.get_by_role("button", name="Publish").click()
    await page.locator("[data-done]").wait_for()


async def test_an_upload_can_be_cancelled(visitor: BrowserContext, app: FastAPI, tmp_path: Path) -> None:
    page = await visitor.new_page()
    await page.goto("/upload")
    session = await visitor.new_cdp_session(page)
    await session.send("Network.enable")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 400_000}
    await session.send("Network.emulateNetworkConditions", slow)
    large = tmp_path / "large.html"
    large.write_bytes(b"<p>" * 1_500_000)
    await page.set_input_files("[data-upload] input[name=file]", large)
    await page.get_by_role("button", name="Publish").click()
    await page.wait_for_function("document.querySelector('[data-progress-words]').textContent.includes(' of ')")
    await page.get_by_role("button", name="Cancel").click()
    await page.get_by_text("Cancelled. Nothing was published.").wait_for(state="attached")
    assert await page.locator("[data-progress]").is_hidden()
    assert (await app.state.services.catalogue.list(search="large"))[1] == 0
