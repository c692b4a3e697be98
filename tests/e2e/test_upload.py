"""Uploading in a real browser: problems listed, a game published, the page looked at on a phone and in the dark."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.async_api import BrowserContext, FilePayload, Page

from tests.api.test_games import picture
from tests.e2e.browser import launched
from tests.factories import ADMIN_PASSWORD
from tests.games import archives
from tests.servers import serving
from vanilla.games.access import HOST

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
    assert await problems.inner_text() == "Choose a .zip, a single .html or a folder first."

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
    assert await problems.locator("li code").all_inner_texts() == [listed[0].split(" points")[0], "CON"]
    assert "evil" not in await page.title()
    assert await problems.evaluate("element => element === document.activeElement")

    await choose(page, "good.zip", archives.zipped({"game/index.html": archives.PAGE, "__MACOSX/x": b""}))
    await page.get_by_label("Title").fill("Hexfall <i>")
    await page.get_by_label("Tags").fill("Puzzle, hex")
    await page.get_by_label("Title").press("Enter")
    await done.wait_for()
    assert await done.get_by_role("heading", level=2).inner_text() == "Hexfall <i>"
    assert "__MACOSX/x" in await done.locator("li").inner_text()
    games, _ = await app.state.services.catalogue.list(search="Hexfall")
    assert (games[0].title, games[0].tags) == ("Hexfall <i>", ["puzzle", "hex"])
    for name, href in (("Play", f"/play/{games[0].id}"), ("Edit", f"/games/{games[0].id}/edit")):
        assert await done.get_by_role("link", name=name).get_attribute("href") == href
    await page.wait_for_function("document.querySelector('[data-done-cover]').naturalWidth > 0")

    await done.get_by_role("button", name="Upload another").click()
    assert await page.get_by_label("Title").input_value() == ""
    assert await page.evaluate("document.activeElement.name") == "file"
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert errors == []


@pytest.mark.slow
async def test_a_file_can_be_dropped_anywhere_on_the_page(visitor: BrowserContext) -> None:
    page = await visitor.new_page()
    await page.goto("/upload")
    await page.locator("[data-upload]").wait_for()
    transfer = await page.evaluate_handle(
        "() => { const data = new DataTransfer(); data.items.add(new File(['<p>'], 'dropped.html')); return data; }"
    )
    await page.dispatch_event("h1", "drop", {"dataTransfer": transfer})
    await page.get_by_text("dropped.html").wait_for()
    await page.get_by_role("button", name="Publish").click()
    await page.locator("[data-done]").wait_for()


def a_folder(tmp_path: Path) -> Path:
    """A game as it lies on its author's disk."""
    folder = tmp_path / "Snail Räce"
    meta = {"title": "Snail Rally", "description": "The slowest.", "tags": ["race", "slow"], "cover": "art/c.png"}
    script = b"// long enough to be compressed\n" * 100
    for name, data in {
        "index.html": b"<!doctype html><title>Not this</title><img src='/art/c.png'><script src=js/a.js></script>",
        "meta.json": json.dumps(meta).encode(),
        "js/a.js": script,
        "art/c.png": picture(),
        "empty.txt": b"",
        ".git/config": b"secret",
        ".git/objects/aa": b"secret",
        ".DS_Store": b"x",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


async def drop(page: Page, path: Path) -> None:
    """Drag a file or a folder of the disk onto the page, as a person does."""
    session = await page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        await session.send("Input.dispatchDragEvent", {"type": kind, "x": 180, "y": 300, "data": data})


@pytest.mark.slow
@pytest.mark.parametrize("way", ["dropped", "chosen"])
async def test_a_folder_becomes_a_game(visitor: BrowserContext, app: FastAPI, tmp_path: Path, way: str) -> None:
    folder = a_folder(tmp_path)
    page = await visitor.new_page()
    await page.goto("/upload")
    await page.locator("[data-upload]").wait_for()
    if way == "dropped":
        await drop(page, folder)
    else:
        await page.set_input_files("[name=folder]", folder)
    await page.get_by_text("Snail Räce", exact=True).wait_for()
    hint = await page.locator("[data-file-hint]").inner_text()
    assert "5 files" in hint
    assert ".git" in hint
    await page.get_by_text("Filled in from the game").wait_for()
    assert await page.get_by_label("Title").input_value() == "Snail Rally"
    assert await page.get_by_label("Tags").input_value() == "race, slow"
    await page.get_by_label("Description").fill("My own words.")
    await page.get_by_role("button", name="Publish").click()
    done = page.locator("[data-done]")
    await done.wait_for()
    assert "/art/c.png (index.html)" in await done.locator("li").inner_text()
    services = app.state.services
    (game,), _ = await services.catalogue.list(search="Snail Rally")
    assert (game.title, game.description, game.tags) == ("Snail Rally", "My own words.", ["race", "slow"])
    assert game.has_cover
    manifest = await services.files.manifest(game.id, 1)
    assert manifest.files == {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and "." not in path.relative_to(folder).parts[0][:1]
    }
    stored = await services.files.find(game.id, 1, "js/a.js")
    assert stored.path.read_bytes() == (folder / "js" / "a.js").read_bytes()


@pytest.mark.slow
async def test_a_page_is_asked_for_and_the_chosen_one_opens(
    visitor: BrowserContext, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await visitor.new_page()
    await page.goto("/upload")
    data = archives.zipped({"w/about.html": archives.PAGE, "w/play.html": b"<title>Play</title>", "w/a/b.html": b"<p>"})
    await choose(page, "two.zip", data)
    question = page.get_by_role("group", name="Which page opens the game?")
    await question.wait_for()
    assert await question.get_by_role("radio").count() == 3
    assert await question.get_by_label("about.html").is_checked()
    await question.get_by_label("play.html").check()
    await page.get_by_role("button", name="Save as a draft").click()
    await page.get_by_text("Saved as a draft: only you see it").wait_for()
    (game,), _ = await app.state.services.catalogue.list(viewer=HOST)
    assert (game.visibility, (await app.state.services.files.manifest(game.id, 1)).entry) == ("draft", "play.html")
    assert await page.get_by_role("link", name="Try it: ").get_attribute("href") == f"/play/{game.id}"


@pytest.mark.slow
async def test_the_server_asks_where_the_browser_could_not_read_the_archive(
    visitor: BrowserContext, app: FastAPI
) -> None:
    page = await visitor.new_page()
    await page.goto("/upload")
    await page.locator("[data-upload]").wait_for()
    await page.evaluate(
        "() => { window.vanillaSources.ofFile = async (file) => ({ name: file.name, size: file.size, files: null,"
        " leftOut: [], pages: [], candidates: [], about: async () => ({ title: '', description: '', tags: '' }),"
        " toSend: async () => [file, file.name] }); }"
    )
    await choose(page, "deep.zip", archives.zipped({"x.js": b"", "game/play.html": archives.PAGE}))
    await page.get_by_role("button", name="Publish").click()
    question = page.get_by_role("group", name="Which page opens the game?")
    await question.get_by_label("game/play.html").wait_for()
    assert await question.get_by_role("radio").evaluate("radio => radio === document.activeElement")
    await page.get_by_role("button", name="Publish").click()
    await page.locator("[data-done]").wait_for()
    (game,), _ = await app.state.services.catalogue.list()
    assert (await app.state.services.files.manifest(game.id, 1)).entry == "game/play.html"


@pytest.mark.slow
async def test_what_somebody_typed_stays_when_another_game_is_chosen(visitor: BrowserContext) -> None:
    page = await visitor.new_page()
    await page.goto("/upload")
    title, tags = page.get_by_label("Title"), page.get_by_label("Tags")
    first = {"index.html": b"<title>First &amp; last</title>", "meta.json": b'{"tags": ["one"]}'}
    await choose(page, "first.zip", archives.zipped(first))
    await page.wait_for_function("document.querySelector('[name=title]').value")
    assert (await title.input_value(), await tags.input_value()) == ("First & last", "one")
    await title.fill("Mine")
    await choose(page, "second.html", b"<title>Second</title>")
    await page.get_by_text("second.html").wait_for()
    await page.wait_for_function("document.querySelector('[name=tags]').value === ''")
    assert await title.input_value() == "Mine"


@pytest.mark.slow
async def test_a_folder_with_far_too_many_files_is_not_even_packed(
    visitor: BrowserContext, app: FastAPI, tmp_path: Path
) -> None:
    folder = tmp_path / "modules"
    folder.mkdir()
    for number in range(2105):
        (folder / f"{number}.html").write_bytes(b"")
    (folder / "index.html").write_bytes(b"<p>")
    page = await visitor.new_page()
    await page.goto("/upload")
    await page.locator("[data-upload]").wait_for()
    await drop(page, folder)
    await page.get_by_text("modules", exact=True).wait_for()
    await page.get_by_role("button", name="Publish").click()
    assert "more than 2,000 files" in await page.locator("[data-problems]").inner_text()
    assert (await app.state.services.catalogue.list())[1] == 0


@pytest.mark.slow
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
