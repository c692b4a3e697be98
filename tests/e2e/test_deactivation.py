"""A friend who is switched off is out: the page they look at, the game that is talking, and their programs."""

import asyncio
import time
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect

from tests.e2e.player import allow
from tests.e2e.test_sandbox import PASSWORD, Admin, platform
from tests.fakes.model_servers import Answer, ModelServer

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

SECONDS = 2.0  # the promise is one; a busy machine gets another

# The game counts the pieces of an answer that goes on for minutes, and says how it ended.
LISTEN = """() => {
  window.heard = 0;
  (async () => { for await (const piece of vanilla.stream("Go on", {model: "llama3.2"})) window.heard += 1; })();
}"""


async def test_whom_an_admin_switches_off_is_out_at_once(tmp_path: Path) -> None:
    endless = Answer(pause=0.05, words=("word ",) * 10_000)
    async with ModelServer(endless).serving() as models, platform(tmp_path, OLLAMA_URL=models.url) as admin:
        game = await admin.upload("talking")
        await admin.post("/admin/api/users", {"username": "mira", "password": PASSWORD})
        users = await admin.context.new_page()
        await users.goto(f"{admin.origin}/admin/users")

        browser = admin.context.browser
        assert browser is not None
        friend = Admin(admin.origin, await browser.new_context())
        await friend.post("/auth/login", {"username": "mira", "password": PASSWORD})
        token = (await friend.post("/api/tokens", {"name": "bot"}))["token"]
        page, frame = await friend.play(game)
        await frame.evaluate(LISTEN)
        await allow(page)
        await frame.wait_for_function("window.heard > 3")

        headers = {"authorization": f"Bearer {token}"}
        body = {"model": "llama3.2", "messages": [{"role": "user", "content": "Go on"}]}
        async with (
            aiohttp.ClientSession(admin.origin, headers=headers) as program,
            program.post("/api/inference/ollama/api/chat", json=body) as answer,
        ):
            await answer.content.readline()
            assert models.open == 2

            await users.get_by_role("button", name="Deactivate mira").click()
            dialog = users.get_by_role("dialog")
            await expect(dialog).to_contain_text("signed out at once")
            await dialog.get_by_role("button", name="Deactivate").click()
            started = time.monotonic()

            async with asyncio.timeout(SECONDS):
                last = b""
                async for line in answer.content:  # to the end of the stream, which says why
                    last = line
                assert b"signed out" in last
                await page.wait_for_url(f"{admin.origin}/login?next=*")
                while models.open:  # nobody pays for an answer that nobody hears
                    await asyncio.sleep(0.02)
            async with program.get("/auth/me") as refused:
                assert refused.status == 401
        assert (await friend.context.request.get(f"{admin.origin}/auth/me")).status == 401
        assert time.monotonic() - started < SECONDS + 1

        await expect(users.get_by_text("mira is switched off.")).to_be_visible()
        await page.get_by_label("Username").fill("mira")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page.get_by_role("alert")).to_be_visible()
        usage = await admin.get("/admin/api/usage")
        assert [row["status"] for row in usage["recent"]] == ["aborted", "aborted"]  # type: ignore[attr-defined]
