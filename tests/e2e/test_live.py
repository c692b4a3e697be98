"""The live page in a real browser: it moves while calls run, keeps what one holds, and comes back as it was."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from tests.e2e.browser import launched
from tests.e2e.player import signed_in
from tests.factories import ADMIN_PASSWORD
from tests.fakes.model_servers import Answer, ModelServer
from tests.servers import ServerProcess, server_process

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PATIENCE = 20_000  # milliseconds
SLOW = Answer(pause=0.05, words=("word ",) * 100, prompt_tokens=50)
QUICK = Answer(words=("word ",) * 10, prompt_tokens=50)

# The chart as the browser has it: all figures of each line.
LINES = """() => {
  const place = document.querySelector(".chart-card .chart");  // which is another one in another range
  const chart = place && getElement(Number(place.id.slice(1)))?.chart;
  const series = chart?.getOption()?.series ?? [];
  return Object.fromEntries(series.map(({ id, data }) => [id, data.map((point) => point?.value ?? point)]));
}"""
# Whatever a reader would be told aloud, from now on.
LISTEN = """() => {
  window.spoken = [];
  const told = (records) => records.forEach((record) => window.spoken.push(record.target.textContent));
  for (const place of document.querySelectorAll("[role=status], [role=alert], [aria-live]:not([aria-live=off])")) {
    new MutationObserver(told).observe(place, { subtree: true, childList: true, characterData: true });
  }
}"""


@dataclass
class Platform:
    """A server, the model server behind it, an admin in front of it, and a program of a friend's."""

    server: ServerProcess
    models: ModelServer
    page: Page
    program: aiohttp.ClientSession

    async def call(self) -> None:
        """One call from its start to its end."""
        body = {"model": "llama3.2", "messages": [{"role": "user", "content": "Go on"}]}
        async with self.program.post("/api/inference/ollama/api/chat", json=body) as answer:
            assert answer.status == 200
            await answer.read()

    async def usage(self) -> dict[str, Any]:
        """The sums of everybody's usage."""
        answer = await self.page.request.get("/admin/api/usage")
        found: dict[str, Any] = (await answer.json())["totals"]
        return found

    async def figure(self, label: str) -> int:
        """The number on a tile."""
        tile = self.page.locator("a.stat").filter(has_text=label)
        return int((await tile.locator(".value").inner_text()).replace(",", ""))


async def test_it_moves_while_a_call_runs_and_nobody_loses_their_place(tmp_path: Path) -> None:
    async with opened(tmp_path) as platform:
        page = platform.page
        await platform.call()
        user = page.get_by_role("link", name="friend").first
        await expect(user).to_be_visible()
        await page.evaluate(LISTEN)
        await user.focus()
        await page.evaluate("window.held = document.activeElement")

        platform.models.default = SLOW
        call = asyncio.create_task(platform.call())
        await expect(page.locator("#calls-now td.running")).to_have_text("friend")
        seen: list[int] = []
        while not call.done():
            if (now := (await page.evaluate(LINES))["ollama"][-1]) not in seen[-1:]:
                seen.append(now)
            await asyncio.sleep(0.1)
        await call
        await expect(page.locator("#calls-now")).to_contain_text("No call is running.")
        assert len(seen) >= 4, "it grows with the stream"
        assert seen == sorted(seen)
        assert await page.evaluate("window.held.isConnected && document.activeElement === window.held")
        assert await page.evaluate("window.spoken") == []
        await expect(page.locator("a.stat").filter(has_text="Tokens, 1 h").locator(".value")).to_have_text(
            f"{(await platform.usage())['total_tokens']:,}"
        )


async def test_another_range_is_shown_in_place_and_its_chart_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path) as platform:
        page = platform.page
        await platform.call()
        await page.get_by_role("button", name="1 year").click()
        await expect(page.get_by_role("heading", name="Tokens a day")).to_be_visible()
        assert page.url.endswith("/admin?range=1y")
        await page.get_by_role("button", name="By user").click()
        await page.wait_for_function(f"Object.keys(({LINES})()).length === 2")  # the friend, and all others
        before = await platform.usage()
        await platform.call()
        twice = before["total_tokens"] * 2
        sums = f"Object.values(({LINES})()).map((line) => line.reduce((a, b) => a + b, 0)).reduce((a, b) => a + b, 0)"
        await page.wait_for_function(f"{sums} === {twice}", timeout=PATIENCE)
        await page.reload()
        await expect(page.get_by_role("button", name="1 year")).to_have_attribute("aria-pressed", "true")
        await expect(page.get_by_role("button", name="By user")).to_have_attribute("aria-pressed", "true")
        await page.wait_for_function(f"{sums} === {twice}", timeout=PATIENCE)


async def test_a_figure_leads_to_the_calls_behind_it(tmp_path: Path) -> None:
    async with opened(tmp_path) as platform:
        page = platform.page
        for _ in range(3):
            await platform.call()
        user = page.locator(".meter-row").filter(has_text="in 3 calls").get_by_role("link", name="friend")
        await user.click()
        await page.wait_for_url("**/admin/usage?range=1h&user=*")
        rows = page.get_by_role("region", name="Calls").locator("tbody tr")
        await expect(rows).to_have_count(3)
        await expect(page.get_by_role("link", name="Not only friend")).to_be_visible()

        await page.go_back()
        await page.get_by_text("Show the figures").first.click()
        latest = page.locator(".figures-table tbody tr").first.get_by_role("link")  # with the keyboard, as with a click
        await expect(latest).to_be_visible()
        await page.wait_for_function(f"({LINES})().ollama?.some((tokens) => tokens > 0)")
        place = await page.evaluate(f"({LINES})().ollama.findIndex((tokens) => tokens > 0)")
        box = await page.locator(".chart-card .chart").bounding_box()
        assert box is not None
        at = await page.evaluate(
            "(place) => getElement(Number(document.querySelector('.chart-card .chart').id.slice(1))).chart"
            ".convertToPixel('grid', [place, 0])",
            place,
        )
        await page.mouse.click(box["x"] + at[0], box["y"] + box["height"] / 2)
        await page.wait_for_url("**/admin/usage?from=*&to=*")
        assert 1 <= await rows.count() <= 3
        await expect(page.get_by_role("link", name="Not only this span of time")).to_be_visible()


async def test_after_the_server_was_killed_it_comes_back_without_gaps_or_doubles(tmp_path: Path) -> None:
    async with opened(tmp_path) as platform:
        page = platform.page
        await platform.call()
        platform.models.default = SLOW
        call = asyncio.create_task(platform.call())
        await expect(page.locator("#calls-now td.running")).to_have_text("friend")
        await page.wait_for_timeout(2500)  # a checkpoint or two: what the crash is billed

        await platform.server.stop(signal.SIGKILL)
        with pytest.raises(aiohttp.ClientError):
            await call
        await expect(page.locator("[data-connection]")).to_have_text("reconnecting", timeout=PATIENCE)
        await platform.server.start()
        await expect(page.locator("[data-connection]")).to_have_text("connected", timeout=PATIENCE)
        await page.wait_for_function("window.did_handshake", timeout=PATIENCE)
        await expect(page.get_by_role("table").last).to_contain_text("recovered")

        platform.models.default = QUICK
        for calls in (2, 3):
            ledger = await platform.usage()
            assert ledger["calls"] == calls
            total = f"{ledger['total_tokens']:,}"
            await expect(page.locator("a.stat").filter(has_text="Tokens, 1 h").locator(".value")).to_have_text(total)
            lines = await page.evaluate(LINES)
            assert sum(map(sum, lines.values())) == ledger["total_tokens"]
            await expect(page.locator("a.stat").filter(has_text="Calls now").locator(".value")).to_have_text("0")
            await platform.call()


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[Platform]:
    """An admin in front of the live page."""
    async with ModelServer(QUICK).serving() as models:
        settings = {
            "DATA_DIR": str(data),
            "ADMIN_PASSWORD": ADMIN_PASSWORD,
            "LOCAL_MODEL": "off",
            "OLLAMA_URL": models.url,
            "EXAMPLE_GAMES": "off",
        }
        async with server_process(**settings) as server, launched() as browser:
            wide = {"width": 1280, "height": 900}
            headers = {"origin": server.origin}
            context = await signed_in(
                browser, server.origin, "admin", password=ADMIN_PASSWORD, patience=PATIENCE, viewport=wide
            )
            friend = {"username": "friend", "password": "a long password"}
            await context.request.post("/admin/api/users", data=friend, headers=headers)
            page = await context.new_page()
            problems: list[str] = []
            page.on("pageerror", lambda error: problems.append(str(error)))
            await page.goto("/admin")
            await page.wait_for_function("window.did_handshake")
            jar = aiohttp.CookieJar(unsafe=True)  # the server is an address without a name
            async with aiohttp.ClientSession(server.origin, cookie_jar=jar) as program:
                async with program.post("/auth/login", json=friend) as answer:
                    assert answer.status == 200
                async with program.post("/api/tokens", json={"name": "bot"}) as answer:
                    program.headers["authorization"] = f"Bearer {(await answer.json())['token']}"
                program.cookie_jar.clear()
                yield Platform(server, models, page, program)
            assert problems == []
