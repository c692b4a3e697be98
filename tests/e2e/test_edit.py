"""The whole life of a game in a real browser: from a draft to its removal, and back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from playwright.async_api import BrowserContext, FilePayload, Page, expect

from tests.api.test_games import picture
from tests.e2e.browser import launched
from tests.factories import PASSWORD
from tests.games import archives
from tests.servers import serving
from vanilla.services import Services

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

FIRST = b"<!doctype html><title>Dragon</title><h1>The first dragon</h1>"
SECOND = b"<!doctype html><title>Dragon</title><h1>The second dragon</h1><script src='https://cdn.example.org/a.js'></script>"


@dataclass
class Friends:
    """Two people signed in, each in a browser of their own."""

    services: Services
    mira: Page
    sam: Page
    errors: list[str]


@pytest.fixture
async def friends(app: FastAPI) -> AsyncIterator[Friends]:
    async with serving(app) as origin, launched() as browser:
        services: Services = app.state.services
        errors: list[str] = []
        pages = []
        for name in ("mira", "sam"):
            await services.users.create(username=name, password=PASSWORD)
            context: BrowserContext = await browser.new_context(base_url=origin, reduced_motion="reduce")
            context.set_default_timeout(20_000)
            answer = await context.request.post("/auth/login", data={"username": name, "password": PASSWORD})
            assert answer.ok
            page = await context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            pages.append(page)
        mira, sam = pages
        yield Friends(services, mira, sam, errors)


def file(name: str, data: bytes) -> FilePayload:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": data}


async def test_a_game_lives_from_draft_to_removal_and_back(friends: Friends) -> None:
    mira, sam = friends.mira, friends.sam
    game = await _upload_a_draft(mira)
    assert (await sam.goto(f"/play/{game}")).status == 404  # type: ignore[union-attr]

    await mira.get_by_role("link", name="Edit").click()
    await expect(mira.get_by_role("heading", name="Edit Dragon", level=1)).to_be_visible()
    await expect(mira.get_by_text("This game is a draft.")).to_be_visible()
    await _preview(mira, "Play", "The first dragon")

    await _a_bad_version_is_explained(mira)
    await _save_a_preview(mira, game)
    await _preview(mira, "Preview: Version 2", "The second dragon")
    await mira.get_by_role("button", name="Publish: Version 2").click()
    await expect(mira.get_by_text("Everybody plays version 2 now.")).to_be_visible()
    assert await mira.evaluate("document.activeElement.dataset.version") == "2"
    await mira.get_by_role("button", name="Go back to this: Version 1").click()
    await expect(mira.get_by_text("Everybody plays version 1 now.")).to_be_visible()

    await _change_the_cover(mira)
    await mira.get_by_role("button", name="Share it with everybody").click()
    await expect(mira.get_by_text("This game is a draft.")).to_be_hidden()

    await sam.goto("/")
    heart = sam.get_by_role("listitem").get_by_role("button", name="Favourite: Dragon")
    await heart.focus()
    await sam.keyboard.press("Enter")
    await expect(heart).to_have_attribute("aria-pressed", "true")
    assert await heart.evaluate("element => element === document.activeElement")
    await sam.get_by_role("button", name="Favourites").click()
    await expect(sam).to_have_url("/?show=favourites")
    await sam.reload()
    await expect(sam.get_by_role("link", name="Dragon", exact=True)).to_be_visible()
    assert (await sam.goto(f"/games/{game}/edit")).status == 403  # type: ignore[union-attr]

    await _delete_and_undo(mira, sam, game)
    assert friends.errors == []


async def test_with_the_keyboard_alone_on_a_phone(friends: Friends) -> None:
    mira = friends.mira
    await mira.set_viewport_size({"width": 360, "height": 740})
    game = await _upload_a_draft(mira)
    await mira.goto(f"/games/{game}/edit")
    await mira.get_by_label("Title").focus()
    await mira.keyboard.press("End")
    await mira.keyboard.type(" at the Bridge")
    await mira.get_by_role("radio", name="Draft").focus()
    await mira.keyboard.press("ArrowDown")
    await mira.keyboard.press("Enter")
    await expect(mira.get_by_role("heading", name="Edit Dragon at the Bridge")).to_be_visible()
    await expect(mira.get_by_text("Secret link", exact=True)).to_be_visible()
    await expect(mira.locator(".secret code")).to_have_text(f"{await mira.evaluate('location.origin')}/play/{game}")
    await expect(mira.get_by_label("Title")).to_have_value("Dragon at the Bridge")
    await mira.get_by_label("Name of the host").focus()
    await mira.keyboard.type("localhost\n")
    await expect(mira.get_by_role("alert")).to_contain_text("private network")
    await mira.keyboard.press("Control+A")
    await mira.keyboard.type("fonts.example.org\n")
    await expect(mira.get_by_text("waits for an admin")).to_be_visible()
    assert await mira.evaluate("document.documentElement.scrollWidth") == 360
    unnamed = """[...document.querySelectorAll("main button, main input, .page button, .page input, .page textarea")]
        .filter(each => each.checkVisibility() && !each.labels?.length && !each.textContent.trim()
            && !each.getAttribute("aria-label")).map(each => each.outerHTML)"""
    assert await mira.evaluate(unnamed) == []
    assert friends.errors == []


async def _upload_a_draft(page: Page) -> str:
    await page.goto("/upload")
    await page.set_input_files("[data-upload] [name=file]", files=[file("dragon.html", FIRST)])
    await expect(page.get_by_label("Title")).to_have_value("Dragon")
    await page.get_by_role("button", name="Save as a draft").click()
    edit = page.get_by_role("link", name="Edit")
    await edit.wait_for()
    address = str(await edit.get_attribute("href"))
    return address.split("/")[2]


async def _preview(page: Page, name: str, heading: str) -> None:
    await page.get_by_role("link", name=name, exact=name == "Play").first.click()
    await expect(page.frame_locator("iframe").get_by_role("heading", name=heading)).to_be_visible()
    await page.go_back()
    await expect(page.get_by_role("heading", name="Edit Dragon", level=1)).to_be_visible()
    await expect(page.get_by_role("heading", name="Versions")).to_be_visible()


async def _a_bad_version_is_explained(page: Page) -> None:
    bad = archives.zipped({"../evil.html": b"<p>", "CON": b""})
    await page.set_input_files("[data-upload] [name=file]", files=[file("bad.zip", bad)])
    await page.get_by_role("button", name="Publish", exact=True).click()
    problems = page.locator("[data-problems] li")
    await problems.first.wait_for()
    assert (await problems.all_inner_texts())[0].startswith("../evil.html")
    await expect(page.get_by_role("heading", name="Version 2")).to_have_count(0)


async def _save_a_preview(page: Page, game: str) -> None:
    await page.set_input_files("[data-upload] [name=file]", files=[file("dragon.html", SECOND)])
    await page.get_by_label("What is new").fill("Two\nheads.")
    await page.get_by_role("button", name="Save as a preview").click()
    await expect(page.get_by_text("Version 2 waits as a preview")).to_be_visible()
    await expect(page.get_by_role("heading", name="Version 2")).to_be_visible()
    await expect(page.get_by_text("Two\nheads.")).to_be_visible()
    await expect(page.get_by_text("cdn.example.org")).to_be_visible()  # the warning, unfolded
    await expect(page.locator("[data-problems]")).to_be_hidden()
    await expect(page.get_by_label("What is new")).to_have_value("")
    assert page.url.endswith(f"/games/{game}/edit")


async def _change_the_cover(page: Page) -> None:
    shown = page.locator("[data-cover-now]")
    before = await shown.get_attribute("src")
    await page.set_input_files("[data-cover-choose] input", files=[file("cover.png", picture())])
    await expect(page.get_by_role("img", name="The chosen picture")).to_be_visible()
    await page.get_by_role("button", name="Cancel").locator("visible=true").click()
    await expect(page.get_by_role("img", name="The chosen picture")).to_be_hidden()
    await page.set_input_files("[data-cover-choose] input", files=[file("cover.png", b"no picture at all")])
    await page.get_by_role("button", name="Use this picture").click()
    await expect(page.locator("[data-cover-problem]")).to_contain_text("not a picture that can be read")
    await page.get_by_role("button", name="Cancel").locator("visible=true").click()
    await page.set_input_files("[data-cover-choose] input", files=[file("cover.png", picture())])
    await page.get_by_role("button", name="Use this picture").click()
    await expect(page.get_by_text("The cover is changed.")).to_be_visible()
    assert await shown.get_attribute("src") != before
    await expect(page.get_by_role("button", name="Remove the cover")).to_be_visible()


async def _delete_and_undo(mira: Page, sam: Page, game: str) -> None:
    delete = mira.get_by_role("button", name="Delete the game: Dragon")
    await delete.click()
    await mira.get_by_role("button", name="Delete it now: Dragon").click()
    await expect(mira.get_by_role("heading", name="Dragon is deleted")).to_be_visible()
    assert await mira.evaluate("'removed' in document.activeElement.dataset")
    assert (await sam.goto(f"/play/{game}")).status == 404  # type: ignore[union-attr]
    await sam.goto("/?show=favourites")
    await expect(sam.get_by_text("No favourites yet")).to_be_visible()
    await mira.goto("/?show=mine")
    await expect(mira.get_by_role("heading", name="Recently removed")).to_be_visible()
    await mira.goto(f"/games/{game}/edit")
    await mira.wait_for_function("window.did_handshake")  # what is pressed before that nobody hears
    await mira.get_by_role("button", name="Undo").click()
    await expect(mira.get_by_role("heading", name="Versions")).to_be_visible()
    await sam.reload()
    await expect(sam.get_by_role("link", name="Dragon", exact=True)).to_be_visible()
