"""What a host and a friend do on the first evening, in a real browser against a real server process."""

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from tests.e2e.browser import launched
from tests.e2e.player import allow
from tests.fakes.model_servers import Answer, ModelServer
from tests.servers import ServerProcess, server_process
from vanilla.inference.local.process import LocalModel

pytestmark = pytest.mark.e2e

LINES = (
    "Good evening. I brought you a story about the sea, a long one.",
    "Tell me about the river, and the fish in it, and the moon above it.",
    "What do you dream of when nobody crosses your bridge all day?",
    "I like your horns. Where did you find such fine ones?",
    "Tell me everything that you know about cheese.",
)

# What each line of the admin's chart has come to in the last two minutes, so that a turn of the minute does not matter.
LATELY = """() => {
  const chart = [...document.querySelectorAll('.chart')].map(each => getElement(Number(each.id.slice(1))).chart)[0];
  const figure = item => {
    const value = item !== null && typeof item === 'object' && 'value' in item ? item.value : item;
    return Array.isArray(value) ? value[1] : value;
  };
  return Object.fromEntries(
    chart.getOption().series.map(line => [line.name, line.data.slice(-2).map(figure).reduce((a, b) => a + b, 0)])
  );
}"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest.mark.model
@pytest.mark.skipif(not LocalModel.is_installed(), reason="the embedded model has no package for this platform")
async def test_a_talking_game_moves_the_admins_chart_while_it_streams(browser: Browser, tmp_path: Path) -> None:
    async with server_process(DATA_DIR=str(tmp_path)) as server:
        context = await browser.new_context()
        page = await sign_in(context, server, "admin", server.printed_password)
        admin = await context.new_page()
        await admin.goto(f"{server.origin}/admin")
        await expect(admin.get_by_text("connected", exact=True)).to_be_visible()

        await page.get_by_role("link", name="Dragon at the Bridge").first.click()
        game = page.frame_locator("iframe")
        await expect(game.get_by_text("Halt. My bridge.")).to_be_visible(timeout=15_000)
        calls = 0
        moves: list[int] = []
        while len(moves) < 3 and calls < len(LINES):  # a short line can be over between two pushes
            await expect(game.get_by_role("button", name="Say it")).to_be_enabled(timeout=30_000)
            await game.get_by_placeholder("Say something").fill(LINES[calls])
            calls += 1
            watching = asyncio.create_task(moves_until_settled(admin, "ollama", calls))
            # By the keyboard: on a busy machine Chromium may not know yet that a click there is the frame's.
            await game.get_by_placeholder("Say something").press("Enter")
            if calls == 1:
                await allow(page)
            try:
                moves = await watching
            except TimeoutError:
                says = await game.locator("body").inner_text()
                pytest.fail(f"no call settled; the game says: {says}\n{server.output[-6000:]}")
        assert len(moves) >= 3, moves  # what there was, some while it streamed, and what it came to
        await expect(game.locator("#talk li").last).not_to_be_empty()
        row = admin.get_by_role("region", name="Recent calls").locator("tbody tr:visible").first
        await expect(row).to_contain_text("Dragon at the Bridge")
        await expect(row).to_contain_text("admin")
        usage = await (await context.request.get(f"{server.origin}/admin/api/usage")).json()
        assert len(usage["recent"]) == calls
        for call in usage["recent"]:
            assert (call["backend"], call["model"]) == ("ollama", "smollm2:135m")
            assert call["status"] in ("ok", "aborted")  # the game hangs up once the dragon has said two sentences
            assert call["completion_tokens"] > 0
        assert 0 < moves[-1] <= usage["totals"]["total_tokens"]


PAGE = """<!doctype html><meta charset="utf-8"><title>Two voices</title><pre id="out"></pre><script>
const ask = (path, body) => fetch(path, {
  method: "POST", credentials: "include", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body),
});
(async () => {
  const claude = await ask("/api/inference/anthropic/messages", {
    model: "claude-haiku-4-5", max_tokens: 64, messages: [{role: "user", content: "Who goes?"}],
  });
  const llama = await ask("/api/inference/ollama/chat", {
    model: "llama3.2", stream: true, messages: [{role: "user", content: "Who goes?"}],
  });
  const said = (await claude.json()).content[0].text;
  let words = "";
  const reader = llama.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part; !(part = await reader.read()).done;) words += part.value;
  const text = words.trim().split("\\n").map(line => JSON.parse(line).message.content).join("");
  const me = await (await fetch("/auth/me", {credentials: "include"})).json();
  const usage = await (await fetch("/api/inference/usage", {credentials: "include"})).json();
  out.textContent = JSON.stringify({said, text, me: me.user.username, used: usage.total_tokens});
})().catch(error => { out.textContent = "failed: " + error; });
</script>"""


async def test_an_uploaded_page_calls_both_backends_by_the_plans_paths(browser: Browser, tmp_path: Path) -> None:
    async with (
        ModelServer(Answer(prompt_tokens=12, completion_tokens=8)).serving() as fake,
        server_process(
            DATA_DIR=str(tmp_path),
            ANTHROPIC_API_KEY="sk-ant-the-hosts-own-key",
            ANTHROPIC_BASE_URL=fake.url,
            OLLAMA_URL=fake.url,
            LOCAL_MODEL="off",
        ) as server,
    ):
        host = await browser.new_context()
        admin = await sign_in(host, server, "admin", server.printed_password)
        made = await host.request.post(
            f"{server.origin}/admin/api/users", data={"username": "mira", "password": "a friend's password"}
        )
        assert made.status == 201
        await admin.goto(f"{server.origin}/admin")
        await expect(admin.get_by_text("connected", exact=True)).to_be_visible()

        friend = await browser.new_context()
        page = await sign_in(friend, server, "mira", "a friend's password")
        await page.goto(f"{server.origin}/upload")
        archive = {"name": "voices.zip", "mimeType": "application/zip", "buffer": zipped({"index.html": PAGE})}
        await page.set_input_files("input[type=file]", archive)  # type: ignore[arg-type]
        await page.get_by_label("Title").fill("Two voices")
        await page.get_by_role("button", name="Publish").click()
        await page.get_by_role("link", name="Play").click()
        await allow(page)
        out = page.frame_locator("iframe").locator("#out")
        await expect(out).not_to_be_empty(timeout=15_000)
        text = "".join(Answer().words)
        assert json.loads(await out.inner_text()) == {"said": text, "text": text, "me": "mira", "used": 40}

        recent = admin.get_by_role("region", name="Recent calls").locator("tbody tr:visible")
        await expect(recent).to_have_count(2, timeout=5_000)
        for backend in ("anthropic", "ollama"):
            assert (await admin.evaluate(LATELY))[backend] == 20
        usage = await (await host.request.get(f"{server.origin}/admin/api/usage")).json()
        assert sorted((row["backend"], row["total_tokens"], row["username"]) for row in usage["recent"]) == [
            ("anthropic", 20, "mira"),
            ("ollama", 20, "mira"),
        ]
        assert {row["title"] for row in usage["by_game"]} == {"Two voices"}


async def sign_in(context: BrowserContext, server: ServerProcess, username: str, password: str) -> Page:
    """Sign in by the form, as a person does; gives the page, which shows the games."""
    page = await context.new_page()
    await page.goto(server.origin)
    await page.get_by_label("Username").fill(username)
    await page.get_by_label("Password").fill(password)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", name="Games", level=1)).to_be_visible()
    return page


async def moves_until_settled(admin: Page, backend: str, calls: int) -> list[int]:
    """The values that a line takes on at its end until that many calls have settled."""
    rows = admin.get_by_role("region", name="Recent calls").locator("tbody tr:visible", has_text="smollm2:135m")
    moves = [(await admin.evaluate(LATELY))[backend]]
    async with asyncio.timeout(40):
        while await rows.count() < calls:
            if (value := (await admin.evaluate(LATELY))[backend]) != moves[-1]:
                moves.append(value)
            await asyncio.sleep(0.05)
    if (value := (await admin.evaluate(LATELY))[backend]) != moves[-1]:
        moves.append(value)
    return moves


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()
