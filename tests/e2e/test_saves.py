"""Saves in a real browser: what a game stores is there after a reload, in another tab and in another browser."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Frame, Page, Route

from tests.e2e.browser import launched
from tests.e2e.player import frame_in
from tests.e2e.test_sandbox import PASSWORD, Admin
from tests.e2e.visitors import play, sign_in, until, visiting
from tests.servers import server_process

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]

LARGE = 4 * 1024 * 1024  # UTF-16 code units

# What the game finds of what it filled its databases with.
WORLD = {
    "version": 3,
    "stores": ["any", "things"],
    "indexes": ["kind", "tags"],
    "trees": [1, 3],
    "tagged": 2,
    "keys": ["Number", "Number", "Date", "String", "String", "ArrayBuffer", "Array"],
    "date": True,
    "bytes": "1,255",
    "list": "1,a",
    "names": [["empty", 7], ["full", 3]],
    "is": [True, True, True],
}
FORGED = """{ vanilla: "save", batch: 9, changes: { local: { clear: true, texts: new Map([["forged", "1"]]) } } }"""
ODD = (
    "null",
    "'save'",
    "{ vanilla: 'save' }",
    "{ vanilla: 'save', changes: { local: 5 } }",
    "{ vanilla: 'save', changes: { local: { texts: new Map([[1, {}], ['a', 2]]) }, other: {} } }",
    "{ vanilla: 'save-databases', bytes: 'x' }",
    "{ vanilla: 'save-databases', bytes: new ArrayBuffer(3) }",
)
# Ten minutes pass for what a page could not send.
AGE = """() => {
    const key = Object.keys(localStorage).find((key) => key.startsWith("vanilla-unsaved"));
    const kept = JSON.parse(localStorage[key]);
    localStorage[key] = JSON.stringify({ ...kept, at: kept.at - 600000 });
}"""


class Players:
    """Browsers of one person, on one server."""

    def __init__(self, origin: str, browser: Browser) -> None:
        self.origin = origin
        self._browser = browser

    async def another(self) -> Admin:
        """A browser of their own, signed in, with nothing in it."""
        context = await self._browser.new_context()
        context.set_default_timeout(15_000)
        admin = Admin(self.origin, context)
        await admin.post("/auth/login", {"username": "admin", "password": PASSWORD})
        return admin


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def players(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Players]:
    settings = {
        "DATA_DIR": str(tmp_path_factory.mktemp("saves")),
        "ADMIN_PASSWORD": PASSWORD,
        "LOCAL_MODEL": "off",
        "OLLAMA_URL": "",
        "EXAMPLE_GAMES": "false",
        "MIN_FREE_DISK_MB": "0",
    }
    async with server_process(**settings) as server, launched() as browser:
        yield Players(server.origin, browser)


@pytest_asyncio.fixture(loop_scope="module")
async def player(players: Players) -> AsyncIterator[Admin]:
    player = await players.another()
    yield player
    await player.context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def game(player: Admin) -> str:
    return await player.upload("keeping")


async def again(page: Page) -> Frame:
    """The game after a reload of its play page."""
    await page.reload()
    frame = await frame_in(page)
    await frame.wait_for_url("**/games/**")
    await frame.wait_for_function("document.readyState === 'complete'")
    return frame


async def kept(player: Admin, game: str, area: str = "local") -> Any:
    answer: Any = await player.get(f"/api/games/{game}/saves")
    return answer["contents"][area]


async def until_kept(player: Admin, game: str, texts: dict[str, str], within: float = 10.0) -> None:
    """Wait until the server has exactly these texts in localStorage."""
    async with asyncio.timeout(within):
        while await kept(player, game) != texts:
            await asyncio.sleep(0.02)


class TestTexts:
    async def test_every_form_is_there_after_a_reload_and_in_another_browser(
        self, players: Players, player: Admin, game: str
    ) -> None:
        page, frame = await player.play(game)
        await frame.evaluate("""() => {
            localStorage.setItem("method", 1);
            localStorage.property = { toString: () => "object" };
            localStorage["ü😀"] = "\\ud800\\0";
            Object.defineProperty(localStorage, "defined", { value: 2 });
            Object.assign(localStorage, { assigned: "3", gone: "4", removed: "5", __proto__: null });
            localStorage.setItem("", "");
            localStorage.setItem("__proto__", "own");
            delete localStorage.gone;
            localStorage.removeItem("removed");
            sessionStorage.tab = "mine";
            document.cookie = "plain=1";
            document.cookie = "kept=a=b; max-age=1000; path=/; SameSite=Lax";
            document.cookie = "short=1; max-age=1000";
            document.cookie = "short=; max-age=0";
            document.cookie = "old=1; expires=Thu, 01 Jan 1970 00:00:00 GMT";
        }""")
        await frame.evaluate("vanilla.storage.set('hero', { level: 3 }).then(() => vanilla.storage.set('gone', 1))")
        await frame.evaluate("vanilla.storage.delete('gone')")
        texts = {"method": "1", "property": "object", "ü😀": "\ud800\0", "defined": "2", "assigned": "3", "": ""}
        texts["__proto__"] = "own"
        await until_kept(player, game, texts, within=1.0)

        other = await players.another()
        _, elsewhere = await other.play(game)
        for place, session in ((await again(page), {"tab": "mine"}), (elsewhere, {})):
            found = await place.evaluate("""async () => ({
                local: Object.entries(atStart.local), session: atStart.session, cookie: atStart.cookie,
                hero: await vanilla.storage.get("hero"), none: await vanilla.storage.get("gone"),
                list: await vanilla.storage.list("h"), own: localStorage.getItem("__proto__"),
                odd: localStorage["ü😀"] === "\\ud800\\0",
            })""")
            assert dict(found["local"]).keys() - {"__proto__"} == texts.keys() - {"__proto__"}
            assert found["odd"]
            assert (found["own"], found["session"]) == ("own", session)
            assert found["cookie"] == "plain=1; kept=a=b"
            assert (found["hero"], found["none"], found["list"]) == ({"level": 3}, None, ["hero"])
        await other.context.close()

    async def test_another_game_and_another_tab_have_a_session_of_their_own(self, player: Admin, game: str) -> None:
        page, frame = await player.play(game)
        await frame.evaluate("localStorage.a = sessionStorage.a = 'first'")
        await until_kept(player, game, {"a": "first"})
        other = await player.upload("keeping")
        await page.goto(f"{player.origin}/play/{other}")
        assert await (await again(page)).evaluate("[atStart.local, atStart.session]") == [{}, {}]
        _, tab = await player.play(game)
        assert await tab.evaluate("[atStart.local, atStart.session]") == [{"a": "first"}, {}]

    async def test_a_full_storage_says_so_as_browsers_do_and_keeps_what_it_had(self, player: Admin, game: str) -> None:
        page, frame = await player.play(game)
        assert (
            await frame.evaluate("""() => {
            localStorage.a = "x".repeat(5 * 1024 * 1024 - 1);
            const tries = [() => (localStorage.b = ""), () => localStorage.setItem("a", localStorage.a + "x")];
            return tries.map((attempt) => {
                try { attempt(); return "stored"; }
                catch (error) { return [error instanceof DOMException, error.name, error.code, localStorage.length]; }
            });
        }""")
            == [[True, "QuotaExceededError", 22, 1]] * 2
        )
        assert await frame.evaluate("vanilla.storage.set('c', 1).catch((error) => error.name)") == "QuotaExceededError"
        async with asyncio.timeout(10):
            while len((await kept(player, game)).get("a", "")) < 5 * 1024 * 1024 - 1:
                await asyncio.sleep(0.05)
        assert await (await again(page)).evaluate("atStart.local.a.length") == 5 * 1024 * 1024 - 1

    async def test_four_megabytes_arrive_whole(self, players: Players, player: Admin, game: str) -> None:
        _, frame = await player.play(game)
        await frame.evaluate("(size) => (localStorage.large = 'xy'.repeat(size / 2 - 1) + 'ü漢')", LARGE)
        async with asyncio.timeout(10):
            while "large" not in await kept(player, game):
                await asyncio.sleep(0.05)
        other = await players.another()
        _, frame = await other.play(game)
        whole = "(size) => (atStart.local ?? atStart).large === 'xy'.repeat(size / 2 - 1) + 'ü漢'"
        assert await frame.evaluate(whole, LARGE)
        await frame.evaluate("location.href = 'next.html'")  # it travels in the frame's name
        await frame.wait_for_url("**/next.html")
        assert await frame.evaluate(whole, LARGE)
        await other.context.close()


class TestTabs:
    async def test_two_tabs_see_each_other_and_lose_nothing(self, player: Admin, game: str) -> None:
        (one_page, one), (_, two) = await player.play(game), await player.play(game)
        for frame, name in ((one, "a"), (two, "b")):
            await frame.evaluate("writeTexts", {"name": name, "times": 100, "pause": 7})
        for frame in (one, two):
            await frame.wait_for_function("localStorage.length === 200")
        await until_kept(player, game, {f"{name}{n}": name for name in "ab" for n in range(100)})
        assert await one.evaluate("events.length") == 100
        assert sorted(await two.evaluate("events"))[0] == ["a0", None, "a", True]
        assert len(await (await again(one_page)).evaluate("Object.keys(atStart.local)")) == 200

    async def test_the_last_write_to_a_key_holds_everywhere(self, player: Admin, game: str) -> None:
        (_, one), (_, two) = await player.play(game), await player.play(game)
        for frame, name in ((one, "a"), (two, "b")):
            await frame.evaluate("writeTexts", {"name": name, "times": 40, "pause": 25, "key": "same"})
        for frame in (one, two):
            await frame.wait_for_function("/39$/.test(localStorage.same)")
        async with asyncio.timeout(5):
            while await one.evaluate("localStorage.same") != await two.evaluate("localStorage.same"):
                await asyncio.sleep(0.05)
            while await kept(player, game) != {"same": await one.evaluate("localStorage.same")}:
                await asyncio.sleep(0.05)

    async def test_clearing_is_seen_and_does_not_take_what_came_later(self, player: Admin, game: str) -> None:
        (_, one), (_, two) = await player.play(game), await player.play(game)
        await one.evaluate("localStorage.a = localStorage.b = 1")
        await two.wait_for_function("localStorage.length === 2")
        await two.evaluate("(localStorage.clear(), (localStorage.c = 2))")
        await one.wait_for_function("localStorage.length === 1 && localStorage.c === '2'")
        await until_kept(player, game, {"c": "2"})

    async def test_another_device_is_heard_at_the_next_write_and_a_reset_too(
        self, players: Players, player: Admin, game: str
    ) -> None:
        _, here = await player.play(game)
        other = await players.another()
        _, there = await other.play(game)
        await there.evaluate("localStorage.there = 1")
        await until_kept(player, game, {"there": "1"})
        await here.evaluate("localStorage.here = 1")
        await here.wait_for_function("localStorage.there === '1'")
        await until_kept(player, game, {"there": "1", "here": "1"})
        await player.context.request.delete(f"{player.origin}/api/games/{game}/saves")
        await here.evaluate("localStorage.fresh = 1")
        await here.wait_for_function("localStorage.length === 1")
        await until_kept(player, game, {"fresh": "1"})
        await other.context.close()


class TestLeaving:
    async def test_what_is_written_last_is_there_when_one_comes_back(self, player: Admin, game: str) -> None:
        page, frame = await player.play(game)
        await frame.evaluate("addEventListener('beforeunload', () => (localStorage.going = 'gone'))")
        await frame.evaluate("localStorage.last = 'written'")
        frame = await again(page)
        assert await frame.evaluate("atStart.local") == {"last": "written", "going": "gone"}
        await frame.evaluate("localStorage.last = 'before closing'")
        await page.close(run_before_unload=False)
        _, frame = await player.play(game)
        assert await frame.evaluate("atStart.local.last") == "before closing"

    async def test_the_next_page_of_the_game_finds_it_at_once(self, player: Admin, game: str) -> None:
        _, frame = await player.play(game)
        await frame.evaluate("""() => {
            addEventListener("beforeunload", () => (localStorage.going = "gone"));
            addEventListener("pagehide", () => (localStorage.hidden = "late"));
            localStorage.now = "1";
            location.href = "next.html";
        }""")
        await frame.wait_for_url("**/next.html")
        assert {"now": "1", "going": "gone"}.items() <= (await frame.evaluate("atStart")).items()
        await frame.wait_for_function("localStorage.hidden === 'late'")
        await until_kept(player, game, {"now": "1", "going": "gone", "hidden": "late"})

    async def test_more_than_can_be_sent_as_a_page_goes_is_kept_here_and_sent_later(
        self, player: Admin, game: str
    ) -> None:
        page, frame = await player.play(game)
        await frame.evaluate("localStorage.small = 1")
        await until_kept(player, game, {"small": "1"})
        await frame.evaluate("localStorage.large = 'x'.repeat(3000000)")
        frame = await again(page)
        assert await frame.evaluate("atStart.local.large.length") == 3_000_000
        await until_kept(player, game, {"small": "1", "large": "x" * 3_000_000})
        async with asyncio.timeout(5):
            while await page.evaluate("Object.keys(localStorage).some((key) => key.startsWith('vanilla-unsaved'))"):
                await asyncio.sleep(0.05)

    async def test_offline_it_says_so_and_saves_when_that_is_over(self, player: Admin, game: str) -> None:
        page, frame = await player.play(game)
        await player.context.set_offline(True)
        await frame.evaluate("localStorage.a = localStorage.b = 1")
        line = page.get_by_text("Not saved: You are offline.")
        await line.wait_for()
        await frame.evaluate("localStorage.b = 2")
        await player.context.set_offline(False)
        await until_kept(player, game, {"a": "1", "b": "2"})
        await line.wait_for(state="hidden")

    async def test_what_was_never_sent_does_not_undo_what_came_after_it_elsewhere(
        self, player: Admin, game: str
    ) -> None:
        page, frame = await player.play(game)

        async def fail(route: Route) -> None:
            await route.abort()

        await page.route("**/saves", fail)
        await frame.evaluate("localStorage.score = 'old'")
        await page.get_by_text("Not saved:").wait_for()
        await page.goto(f"{player.origin}/docs")
        await page.evaluate(AGE)
        change = {"batch": "phone", "changes": {"local": {"set": {"score": "new"}}}}
        await player.post(f"/api/games/{game}/saves", change)
        _, frame = await player.play(game)
        assert await frame.evaluate("atStart.local") == {"score": "new"}
        assert await kept(player, game) == {"score": "new"}


class TestDatabases:
    async def test_everything_is_there_after_a_reload_and_in_another_browser(
        self, players: Players, player: Admin, game: str
    ) -> None:
        page, frame = await player.play(game)
        before = await frame.evaluate("fillWorld()")
        assert before["depth"] == 1000
        await self.stored(page, frame)
        other = await players.another()
        frame = await again(page)
        assert await frame.evaluate("foundWorld()") == {**WORLD, "everything": before, "next": 4}
        await self.stored(page, frame)
        _, elsewhere = await other.play(game)
        found = await elsewhere.evaluate("foundWorld()")
        assert found == {**WORLD, "everything": before, "next": 5}
        await other.context.close()

    async def test_an_upgrade_a_clear_and_an_abort_are_kept_as_they_ended(self, player: Admin, game: str) -> None:
        page, frame = await player.play(game)
        assert await frame.evaluate("upheaval()") == "aborted"
        await self.stored(page, frame)
        assert await (await again(page)).evaluate("foundUpheaval()") == {
            "cleared": [["n"], ["new"], []],
            "kept": [["k"], ["kept"], ["i"]],
            "named": [["k"], ["renamed"], []],
        }

    async def test_two_tabs_see_and_keep_each_others_records(self, player: Admin, game: str) -> None:
        (page, one), (_, two) = await player.play(game), await player.play(game)
        await one.evaluate("writeRecords('first')")
        await self.until(two, "count()", 30)
        await asyncio.gather(one.evaluate("writeRecords('a')"), two.evaluate("writeRecords('b')"))
        for frame in (one, two):
            await self.until(frame, "count()", 90)
        assert await (await again(page)).evaluate("count()") == 90

    async def test_records_written_last_are_there_when_one_comes_back(self, player: Admin, game: str) -> None:
        (page, frame), (_, other) = await player.play(game), await player.play(game)
        await frame.evaluate("writeRecords('a')")
        await other.evaluate("localStorage.busy = 'elsewhere'")  # which keeps what this tab has not sent yet
        assert await (await again(page)).evaluate("count()") == 30

    async def test_it_is_loaded_only_by_games_that_look_for_it(self, player: Admin, game: str) -> None:
        asked: list[str] = []
        player.context.on("request", lambda request: asked.append(request.url))
        _, frame = await player.play(game)
        await frame.evaluate("localStorage.a = 1")
        assert not any("vanilla-databases.js" in url or url.endswith("/saves/databases") for url in asked)
        assert await frame.evaluate("typeof IDBKeyRange.bound(1, 2)") == "object"
        assert sum("vanilla-databases.js" in url for url in asked) == 1

    @staticmethod
    async def until(frame: Frame, expression: str, wanted: object) -> None:
        async with asyncio.timeout(10):
            while await frame.evaluate(expression) != wanted:
                await asyncio.sleep(0.05)

    @staticmethod
    async def stored(page: Page, frame: Frame) -> None:
        """Wait until the play page has heard all that the game changed, and has stored it."""
        await frame.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # the SDK tells at once
        async with asyncio.timeout(10):
            for _ in range(2):  # what was changed while the first was on its way comes after it
                await frame.evaluate("new Promise((resolve) => setTimeout(resolve, 100))")
                while not await page.evaluate("document.querySelector('vanilla-play').saves.databases.isStored()"):
                    await asyncio.sleep(0.02)


class TestFrame:
    async def test_nobody_but_the_game_in_the_frame_is_heard(self, player: Admin, game: str) -> None:
        page, frame = await player.play(game)
        await page.evaluate(f"window.postMessage({FORGED}, '*')")
        await frame.evaluate(f"""() => {{
            const inner = document.body.appendChild(document.createElement("iframe"));
            inner.srcdoc = `<script>parent.parent.postMessage({FORGED}, "*")</` + `script>`;
            return new Promise((resolve) => (inner.onload = resolve));
        }}""")
        for odd in ODD:
            await frame.evaluate(f"parent.postMessage({odd}, '*')")
        await frame.evaluate("localStorage.genuine = 1")
        await until_kept(player, game, {"genuine": "1"})

    async def test_what_has_its_own_files_fetched_with_cors(self, player: Admin, game: str) -> None:
        _, frame = await player.play(game)
        assert await frame.evaluate("late") == "late"
        assert await frame.evaluate("""() => {
            const made = ["script", "video", "audio", "link", "img"].map((name) => document.createElement(name));
            for (const element of made) element.localName === "link" ? (element.href = "a.css") : (element.src = "a");
            const far = Object.assign(document.createElement("script"), { src: "https://far.example/a.js" });
            const set = document.createElement("video");
            set.setAttribute("SRC", "a.mp4");
            document.body.insertAdjacentHTML("beforeend", "<video id=v><source src=b.mp4></video>");
            const all = [...made, new Audio("a.mp3"), set, document.querySelector("video"), far, new Audio()];
            return [...all.map((element) => element.crossOrigin), new Audio() instanceof HTMLAudioElement];
        }""") == [*["anonymous"] * 8, None, None, True]
        await frame.wait_for_function("document.getElementById('v').crossOrigin === 'anonymous'")


async def test_firefox_keeps_all_of_it_too(players: Players, player: Admin, game: str) -> None:
    async with visiting("firefox") as fox:
        await sign_in(fox, players.origin, "admin", PASSWORD)
        await play(fox, players.origin, game)
        await fox.in_game("() => { localStorage.a = 1; sessionStorage.tab = 'mine'; document.cookie = 'c=1'; }")
        before = await fox.in_game("() => fillWorld()")
        assert await fox.in_game("() => upheaval()") == "aborted"
        await play(fox, players.origin, game)
        assert await fox.in_game("() => atStart") == {"local": {"a": "1"}, "session": {"tab": "mine"}, "cookie": "c=1"}
        names = [["empty", 7], ["full", 3], ["upheaval", 2]]
        assert await fox.in_game("() => foundWorld()") == {**WORLD, "names": names, "everything": before, "next": 4}
        assert (await fox.in_game("() => foundUpheaval()"))["kept"] == [["k"], ["kept"], ["i"]]

        await fox.in_game("(size) => { localStorage.large = 'x'.repeat(size); location.href = 'next.html'; }", LARGE)
        await until(fox, "game", "() => location.pathname.endsWith('next.html') && window.atStart")
        assert await fox.in_game("() => atStart.large.length") == LARGE
        await fox.in_game("() => { addEventListener('beforeunload', () => (localStorage.going = 'gone')); }")
        await play(fox, players.origin, game)
        assert await fox.in_game("() => [atStart.local.large.length, atStart.local.going]") == [LARGE, "gone"]
