"""How a friend comes to be here: invited, in, with a game of their own, at their limit and past it, in Chromium."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, FrameLocator, Page, expect

from tests.e2e.browser import launched
from tests.e2e.player import allow
from tests.e2e.test_first_evening import sign_in
from tests.fakes.model_servers import Answer, ModelServer
from tests.servers import ServerProcess, server_process

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "a friend's password"
A_CALL = 1_000  # tokens, however short

GAME = """<!doctype html><meta charset="utf-8"><title>One question</title>
<button id="ask">Ask</button><p id="said"></p><script>
let asked = 0;
ask.onclick = async () => {
  said.textContent = "";
  const number = ++asked;
  const answer = await fetch("/api/inference/ollama/chat", {
    method: "POST", headers: {"Content-Type": "application/json"},
    body: JSON.stringify({model: "llama3.2", stream: false, messages: [{role: "user", content: "Who goes?"}]}),
  });
  const body = await answer.json();
  said.textContent = number + ": " + (answer.ok ? "answered" : answer.status + " " + body.error);
};
</script>"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    """A server whose models take A_CALL tokens for every answer."""
    fake = ModelServer(Answer(prompt_tokens=A_CALL // 10, completion_tokens=A_CALL * 9 // 10))
    async with (
        fake.serving(),
        server_process(DATA_DIR=str(tmp_path), OLLAMA_URL=fake.url, LOCAL_MODEL="off", EXAMPLE_GAMES="false") as server,
    ):
        yield server


async def test_a_friend_is_invited_joins_uploads_plays_hits_the_limit_and_goes_on(
    browser: Browser, server: ServerProcess
) -> None:
    host = await browser.new_context()
    live = await sign_in(host, server, "admin", server.printed_password)
    users = await host.new_page()
    await users.goto(f"{server.origin}/admin/users")
    link = await invited(users, "Noor", limit=A_CALL)
    await live.goto(f"{server.origin}/admin")
    await expect(live.get_by_text("connected", exact=True)).to_be_visible()

    context = await browser.new_context()
    friend = await joined(context, link, "noor")
    game = await uploaded_and_played(friend, server)
    await game.get_by_role("button", name="Ask").click()
    await allow(friend)
    await expect(game.locator("#said")).to_have_text("1: answered", timeout=15_000)
    await expect(live.get_by_role("region", name="Recent calls").get_by_text("noor").first).to_be_visible()

    await game.get_by_role("button", name="Ask").click()
    await expect(game.locator("#said")).to_contain_text("2: 429 You have used 1,000 of your 1,000 tokens")
    await expect(live.get_by_text("spent").or_(live.get_by_text("limit", exact=False)).first).to_be_visible()

    await users.get_by_label("Search users by name").fill("noor")
    await expect(users.get_by_text("1,000 of 1,000")).to_be_visible()
    await users.get_by_role("button", name="Edit noor").click()
    await users.get_by_label("Token limit").fill("5,000")
    await users.get_by_role("button", name="Save").click()
    await expect(users.get_by_text("1,000 of 5,000")).to_be_visible()

    await game.get_by_role("button", name="Ask").click()  # the very page that was refused
    await expect(game.locator("#said")).to_have_text("3: answered", timeout=15_000)
    await expect(friend.locator("[data-tokens-left]")).to_contain_text("3,000")

    await users.goto(f"{server.origin}/admin/audit")
    raised = "admin raised noor's limit from 1,000 to 5,000 tokens"
    await expect(users.get_by_text(raised)).to_be_visible()
    await expect(users.get_by_text("noor came in by admin's invitation")).to_be_visible()

    await users.goto(f"{server.origin}/admin/users?q=noor")
    await users.get_by_role("button", name="Deactivate noor").click()
    await users.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
    await friend.wait_for_url(f"{server.origin}/login?next=*")

    again = await context.new_page()
    await again.goto(link)
    await expect(again.get_by_role("heading", name="Already used")).to_be_visible()


async def test_a_friend_joins_without_scripts(browser: Browser, server: ServerProcess) -> None:
    host = await browser.new_context()
    admin = await sign_in(host, server, "admin", server.printed_password)
    await admin.goto(f"{server.origin}/admin/users")
    link = await invited(admin, "Noor")
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(link)
    await page.get_by_label("Choose a name").fill("admin")
    await page.get_by_label("Choose a password").fill(PASSWORD)
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("alert")).to_have_text("Somebody has that name: choose another.")
    await page.get_by_label("Choose a name").fill("noor")
    await page.get_by_label("Choose a password").fill(PASSWORD)
    await page.get_by_role("button", name="Join").click()
    assert page.url == f"{server.origin}/"
    me = await context.request.get(f"{server.origin}/auth/me")
    assert (await me.json())["user"]["username"] == "noor"


async def test_open_pages_come_back_by_themselves_when_the_server_restarts(
    browser: Browser, server: ServerProcess
) -> None:
    host = await browser.new_context()
    live = await sign_in(host, server, "admin", server.printed_password)
    users = await host.new_page()
    await users.goto(f"{server.origin}/admin/users")
    friend = await joined(await browser.new_context(), await invited(users, "Noor"), "noor")
    await live.goto(f"{server.origin}/admin")
    await expect(live.get_by_text("connected", exact=True)).to_be_visible()
    game = await uploaded_and_played(friend, server)
    await game.get_by_role("button", name="Ask").click()
    await allow(friend)
    await expect(game.locator("#said")).to_have_text("1: answered", timeout=15_000)

    await server.stop()
    await server.start()

    search = users.get_by_label("Search users by name")
    async with asyncio.timeout(40):  # nobody touches the pages: they ask again by themselves
        for page in (users, live, friend):
            await page.wait_for_function("() => window.socket && window.socket.connected", timeout=40_000)
    await search.fill("noor")
    await expect(users.get_by_text("1 to 1 of 1")).to_be_visible(timeout=20_000)
    await expect(friend.get_by_role("heading", level=1)).to_be_attached()
    game = friend.frame_locator("vanilla-play iframe")
    await game.get_by_role("button", name="Ask").click()
    await expect(game.locator("#said")).to_contain_text("answered", timeout=20_000)
    await expect(live.get_by_role("region", name="Recent calls").locator("tbody tr:visible")).to_have_count(2)


async def test_the_whole_way_of_an_invitation_goes_by_the_keyboard(browser: Browser, server: ServerProcess) -> None:
    host = await browser.new_context(viewport={"width": 1280, "height": 800})
    page = await sign_in(host, server, "admin", server.printed_password)
    await page.goto(f"{server.origin}/admin/users")
    opener = page.get_by_role("button", name="Invite a friend")
    await expect(opener).to_be_visible()
    await tab_to(page, opener.and_(page.locator(":focus")))
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Invite a friend")
    await expect(dialog.get_by_label("For whom")).to_be_focused()
    for _ in range(12):  # round and round, and never out of the dialog
        await page.keyboard.press("Tab")
        assert await dialog.locator(":focus").count() == 1
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(opener).to_be_focused()

    await page.keyboard.press("Enter")
    await expect(dialog.get_by_label("For whom")).to_be_focused()
    await page.keyboard.type("Noor")
    await page.keyboard.press("Enter")
    shown = page.get_by_role("dialog", name="Send this link to Noor")
    await expect(shown.get_by_role("button", name="Done")).to_be_visible()
    await tab_to(page, shown.get_by_role("button", name="Done").and_(page.locator(":focus")))
    await page.keyboard.press("Enter")
    await expect(shown).to_have_count(0)
    await expect(opener).to_be_focused()

    await tab_to(page, page.get_by_role("button", name="Total tokens").and_(page.locator(":focus")))
    await page.keyboard.press("Enter")
    await expect(page.locator("th[aria-sort=descending]")).to_have_text("Total tokens")
    await expect(page.get_by_role("button", name="Total tokens")).to_be_focused()
    await tab_to(page, page.get_by_role("button", name="Edit admin").and_(page.locator(":focus")))
    await page.keyboard.press("Enter")
    edit = page.get_by_role("dialog", name="Edit admin")
    await expect(edit).to_be_visible()
    await tab_to(page, edit.get_by_role("button", name="Save").and_(page.locator(":focus")))
    await page.keyboard.press("Enter")
    await expect(edit).to_have_count(0)
    await expect(page.get_by_role("button", name="Edit admin")).to_be_focused()


async def invited(users: Page, note: str, limit: int | None = None) -> str:
    """Make an invitation on the page of users; gives its link."""
    await users.get_by_role("button", name="Invite a friend").click()
    await users.get_by_label("For whom").fill(note)
    await users.get_by_label("Token limit").fill("" if limit is None else str(limit))
    await users.get_by_role("button", name="Make the link").click()
    shown = users.get_by_role("dialog", name=f"Send this link to {note}")
    link = await shown.get_by_label("The link").input_value()
    await shown.get_by_role("button", name="Done").click()
    await expect(shown).to_have_count(0)
    return link


async def joined(context: BrowserContext, link: str, name: str) -> Page:
    """Come in by a link; gives the page, which shows the games."""
    page = await context.new_page()
    await page.goto(link)
    await page.get_by_label("Choose a name").fill(name)
    await page.get_by_label("Choose a password").fill(PASSWORD)
    await page.get_by_role("button", name="Join").click()
    await expect(page.get_by_role("heading", name="Games", level=1)).to_be_visible()
    return page


async def uploaded_and_played(page: Page, server: ServerProcess) -> FrameLocator:
    """Upload GAME by the page for that and play it; gives its frame."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("index.html", GAME)
    await page.goto(f"{server.origin}/upload")
    await page.set_input_files(
        "input[type=file]",
        {"name": "question.zip", "mimeType": "application/zip", "buffer": archive.getvalue()},
    )
    await page.get_by_label("Title").fill("One question")
    await page.get_by_role("button", name="Publish").click()
    await page.get_by_role("link", name="Play").click()
    game = page.frame_locator("vanilla-play iframe")
    await expect(game.get_by_role("button", name="Ask")).to_be_visible(timeout=15_000)
    return game


async def tab_to(page: Page, focused: object) -> None:
    """Press Tab until that has the focus."""
    for _ in range(80):
        if await focused.count():  # type: ignore[attr-defined]
            return
        await page.keyboard.press("Tab")
    raise AssertionError("the keyboard does not get there")
