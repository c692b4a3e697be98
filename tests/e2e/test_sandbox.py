"""Games in a real browser: a hostile one gets at nothing, a friendly one runs as it would anywhere else."""

import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import BrowserContext, Frame, Page

from tests.e2e.browser import launched
from tests.servers import server_process

pytestmark = pytest.mark.e2e

GAMES = Path(__file__).parent / "games"
SESSION_COOKIE = "vanilla_session"
PASSWORD = "the admin's own password"


class TestHostileGame:
    async def test_it_gets_at_nothing_of_an_admin_who_plays_it(self, tmp_path: Path) -> None:
        async with platform(tmp_path) as admin, elsewhere() as other_host:
            other = (await admin.post("/admin/api/users", {"username": "mira", "password": PASSWORD}))["id"]
            neighbour = await admin.upload("friendly")
            neighbour_files = (await admin.post(f"/api/games/{neighbour}/play"))["url"]
            game = await admin.upload("hostile")
            page, frame = await admin.play(game)
            target = {"other": other, "game": game, "otherFiles": neighbour_files, "elsewhere": other_host.origin}

            # What it is after is there to be had: the page around it, signed in as admin, could have all of it.
            for address in ("/admin/api/users", f"/admin/api/usage/{other}", neighbour_files):
                assert await page.evaluate("async (address) => (await fetch(address)).status", address) == 200

            got = await frame.evaluate("(target) => attack(target)", target)

            # Told by their effect, below: they give nothing back, or a browser's polite lie.
            silent = dict.fromkeys(("formToTop", "otherHostPrefetch"), "undefined")
            silent["otherHostBeacon"] = "queued"
            # Asked without any credential, as anybody in the world may.
            refused = {"usageWithoutToken": "401"}
            for name, result in got.items():
                expected = (refused.get(name, "failed: "), silent.get(name, "failed: "))
                assert result.startswith(expected), f"{name}: {result}"
            assert len(got) >= 30

            # It cannot leave its frame either, with what it knows; and the player can begin anew.
            for leave in ("submitted('/auth/logout', '_self')", f"void (location.href = '{other_host.origin}/?data')"):
                await frame.evaluate(leave)
                await frame.wait_for_url("chrome-error://**")
                await page.click("[data-play=restart]")
                await frame.wait_for_url("**/games/**")
            assert await admin.is_signed_in()
            assert page.url.endswith(f"/play/{game}")
            assert len(admin.context.pages) == 1
            assert [cookie["name"] for cookie in await admin.context.cookies()] == [SESSION_COOKIE]
            assert (await admin.get("/api/tokens"))["items"] == []
            assert other_host.asked == []

    async def test_opened_as_a_tab_it_is_taken_to_its_play_page(self, tmp_path: Path) -> None:
        async with platform(tmp_path) as admin:
            game = await admin.upload("hostile")
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
                "cookie": "",
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

    async def is_signed_in(self) -> bool:
        return (await self.context.request.get(f"{self.origin}/admin/api/users")).status == 200


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


@dataclass
class OtherHost:
    """A server that anybody may read, and that notes what it was asked."""

    origin: str
    asked: list[str]


@asynccontextmanager
async def elsewhere() -> AsyncIterator[OtherHost]:
    """Another host, as far as browsers are concerned: another origin."""
    host = OtherHost("", [])

    async def answer(request: web.Request) -> web.Response:
        host.asked.append(f"{request.method} {request.path_qs}")
        return web.Response(text="1", headers={"access-control-allow-origin": "*", "content-type": "text/javascript"})

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield host
    finally:
        await runner.cleanup()


def zipped(folder: Path) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                file.write(path, path.relative_to(folder))
    return archive.getvalue()
