"""The connection is lost, and comes back: nobody has to load a page anew by hand."""

import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import launched
from tests.e2e.player import signed_in
from tests.factories import ADMIN_PASSWORD
from tests.servers import ServerProcess, server_process

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PATIENCE = 20_000  # milliseconds


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_open_pages_come_back_when_the_server_does(tmp_path: Path, how: signal.Signals) -> None:
    async with _open(tmp_path) as (server, page):
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        await page.get_by_label("A lower limit of your own").fill("4321")  # and not sent
        await page.get_by_label("New password").fill("never kept anywhere")
        await page.evaluate("window.isTheSame = true")
        await page.evaluate("scrollTo(0, 400)")

        await server.stop(how)
        popup = page.locator("#popup")
        await expect(popup).to_be_visible(timeout=PATIENCE)
        await expect(popup).to_have_text("The connection is lost. This page comes back by itself.", use_inner_text=True)
        await expect(page.get_by_role("status").filter(has_text="The connection is lost.")).to_have_count(1)

        await server.start()
        await page.wait_for_function("!window.isTheSame && window.did_handshake", timeout=PATIENCE)
        await expect(popup).to_be_hidden()
        await expect(page.get_by_role("heading", name="Account", level=1)).to_be_visible()
        await expect(page.get_by_label("A lower limit of your own")).to_have_value("4321")
        await expect(page.get_by_label("New password")).to_have_value("")
        assert 300 < await page.evaluate("scrollY") < 500, "about where it was"
        await page.get_by_role("button", name="Set limit").click()
        await expect(page.get_by_text("4,321 tokens is your limit")).to_be_visible()
        await page.reload()
        await expect(page.get_by_label("A lower limit of your own")).to_have_value("4321")
        assert problems == []


async def test_a_short_break_leaves_the_page_as_it_is(tmp_path: Path) -> None:
    async with _open(tmp_path) as (_, page):
        await page.evaluate("window.isTheSame = true")
        await page.evaluate("window.socket.io.engine.close()")
        await page.wait_for_function("window.socket.connected", timeout=PATIENCE)
        await page.get_by_role("button", name="7 days").click()
        await expect(page.get_by_text("No tokens used in 7 days")).to_be_visible()
        assert await page.evaluate("window.isTheSame")


async def test_a_silent_network_does_not_cost_the_page(tmp_path: Path) -> None:
    """The server answers nothing for longer than a connection may take, as where a phone has no reception."""
    async with _open(tmp_path) as (server, page):
        await page.evaluate("window.isTheSame = true; window.socket.io.timeout(500)")
        tried = "window.tries = 0; window.socket.on('connect_error', () => { window.tries += 1; })"
        await page.evaluate(tried)
        server.pause()
        await page.evaluate("window.socket.io.engine.close()")
        await page.wait_for_function("window.tries >= 3", timeout=PATIENCE)
        assert await page.evaluate("window.isTheSame"), "it was not loaded anew into the browser's own error page"
        server.go_on()
        await page.wait_for_function("window.socket.connected", timeout=PATIENCE)
        await expect(page.get_by_role("heading", name="Account", level=1)).to_be_visible()


@asynccontextmanager
async def _open(data: Path) -> AsyncIterator[tuple[ServerProcess, Page]]:
    """The account page of the admin, at a server that can be stopped."""
    settings = {
        "DATA_DIR": str(data),
        "ADMIN_PASSWORD": ADMIN_PASSWORD,
        "LOCAL_MODEL": "off",
        "OLLAMA_URL": "",
        "EXAMPLE_GAMES": "off",
    }
    async with server_process(**settings) as server, launched() as browser:
        context = await signed_in(browser, server.origin, "admin", password=ADMIN_PASSWORD)
        page = await context.new_page()
        await page.goto("/account")
        await page.wait_for_function("window.did_handshake")
        yield server, page
