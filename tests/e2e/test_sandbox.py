"""Games in their sandbox in a real browser: one runs as it would anywhere else, and its play page looks after it."""

import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import BrowserContext, Frame, Page

from tests.e2e.browser import launched
from tests.servers import server_process

pytestmark = pytest.mark.e2e

GAMES = Path(__file__).parent / "games"
PASSWORD = "the admin's own password"


class TestGameInATab:
    async def test_opened_as_a_tab_it_is_taken_to_its_play_page(self, tmp_path: Path) -> None:
        async with platform(tmp_path) as admin:
            game = await admin.upload("friendly")
            files = (await admin.post(f"/api/games/{game}/play"))["url"]
            page = await admin.context.new_page()
            await page.goto(f"{admin.origin}{files}index.html")
            assert page.url == f"{admin.origin}/play/{game}"


class TestFriendlyGame:
    async def test_it_runs_unmodified(self, tmp_path: Path) -> None:
        async with platform(tmp_path) as admin:
            game = await admin.upload("friendly")
            page, frame = await admin.play(game)
            await frame.wait_for_function("window.results")
            assert await frame.evaluate("window.results") == {
                "style": "rgb(1, 2, 3)",
                "module": "loaded late",
                "fetch": 2,
                "xhr": "cellar",
                "image": [179, 18, 63],
                "markedImage": [179, 18, 63],
                "audio": 400,
                "range": 206,
                "storage": {
                    "best": "7",
                    "missing": None,
                    "has": True,
                    "keys": ["started", "best"],
                    "length": 2,
                    "first": "started",
                    "text": "[object Storage]",
                    "json": '{"a":"1"}',
                    "isStorage": True,
                },
                "quota": "QuotaExceededError null",
                "cookie": "chosen=1",
                "ownName": "a game of my own",
                "features": [False, False],
                "usage": "number",
                "usageByRequest": "number",
                "usageByXhr": "number",
                "me": ["id", "username"],
                "sdkUser": "admin",
                "worker": ["classic", "shared by a script", 2, 200, True],
                "moduleWorker": ["module", "loaded late", 200],
                "blobWorker": [admin.origin, 200],
            }

            # Another page of the game, in the same frame: the same player, the same storage.
            await frame.evaluate("location.href = 'pages/second.html'")
            await frame.wait_for_function("document.title === 'Second page' && window.results")
            second = {"best": "7", "session": "1", "ownName": "a game of my own", "user": "admin", "usage": 200}
            assert await frame.evaluate("window.results") == second

            await page.click("[data-play=restart]")
            await frame.wait_for_function("document.title === 'Friendly' && window.results")
            assert await frame.evaluate("window.vanilla.user.username") == "admin"


class TestPlayPage:
    @pytest.mark.slow
    async def test_a_token_that_ran_out_is_replaced_in_the_running_game(self, tmp_path: Path) -> None:
        async with platform(tmp_path) as admin:
            page, frame = await admin.play(await admin.upload("friendly"))
            await frame.wait_for_function("window.results")
            play = "document.querySelector('vanilla-play')"
            old = await page.evaluate(f"{play}.token")
            await page.evaluate(f"{play}.token = 'vp_ran_out'; {play}.extend()")
            await page.wait_for_function(f"{play}.token !== 'vp_ran_out'")
            new = await page.evaluate(f"{play}.token")
            async with page.expect_request("**/api/inference/usage") as asked:
                assert await frame.evaluate("fetch('/api/inference/usage').then((answer) => answer.status)") == 200
            assert new != old
            assert (await (await asked.value).all_headers())["authorization"] == f"Bearer {new}"

    @pytest.mark.slow
    async def test_it_says_so_when_the_game_is_removed_and_leaves_when_the_player_signs_out(
        self, tmp_path: Path
    ) -> None:
        async with platform(tmp_path) as admin:
            removed, kept = await admin.upload("friendly"), await admin.upload("hostile")
            page, _ = await admin.play(removed)
            await page.click("[data-play=about]")
            about = await page.inner_text("dialog")
            assert "never type your password" in about
            assert "uploaded by admin" in about
            await page.click("dialog [type=submit]")

            answer = await admin.context.request.delete(f"{admin.origin}/api/games/{removed}")
            assert answer.status == 204
            await page.wait_for_selector("text=This game is not here any more")
            assert await page.query_selector("iframe") is None

            page, _ = await admin.play(kept)
            assert (await admin.context.request.post(f"{admin.origin}/auth/logout")).ok
            await page.wait_for_url(f"{admin.origin}/login?next=*")


@dataclass
class Admin:
    """The admin of a running platform, signed in to it with a browser."""

    origin: str
    context: BrowserContext

    async def get(self, path: str) -> dict[str, object]:
        answer = await self.context.request.get(self.origin + path)
        assert answer.ok, await answer.text()
        found: dict[str, object] = await answer.json()
        return found

    async def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, str]:
        answer = await self.context.request.post(self.origin + path, data=body or {})
        assert answer.ok, await answer.text()
        made: dict[str, str] = await answer.json()
        return made

    async def upload(self, name: str) -> str:
        """The id of one of the games beside this file, uploaded as a zip."""
        file = {"name": f"{name}.zip", "mimeType": "application/zip", "buffer": zipped(GAMES / name)}
        answer = await self.context.request.post(f"{self.origin}/api/games", multipart={"file": file})  # type: ignore[dict-item]
        assert answer.status == 201, await answer.text()
        game: str = (await answer.json())["id"]
        return game

    async def play(self, game: str) -> tuple[Page, Frame]:
        """The play page in a tab, and the game in its frame."""
        page = await self.context.new_page()
        await page.goto(f"{self.origin}/play/{game}")
        element = await page.wait_for_selector("iframe")
        assert element is not None
        frame = await element.content_frame()
        assert frame is not None
        await frame.wait_for_url("**/games/**")
        return page, frame


@asynccontextmanager
async def platform(folder: Path, **environment: str) -> AsyncIterator[Admin]:
    """A server of one's own, and a browser in which its admin is signed in."""
    settings = {
        "DATA_DIR": str(folder),
        "ADMIN_PASSWORD": PASSWORD,
        "LOCAL_MODEL": "off",
        "OLLAMA_URL": "",
        "EXAMPLE_GAMES": "false",
        "MIN_FREE_DISK_MB": "0",
        **environment,
    }
    async with server_process(**settings) as server, launched() as browser:
        context = await browser.new_context()
        context.set_default_timeout(15_000)
        admin = Admin(server.origin, context)
        await admin.post("/auth/login", {"username": "admin", "password": PASSWORD})
        yield admin


def zipped(folder: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder))
    return archive.getvalue()
