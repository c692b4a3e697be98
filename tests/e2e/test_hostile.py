"""A hostile game and an admin who plays it: what each of its probes gets, and what is seen of it from outside."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import playwright.async_api as playwright
import pytest
from fastapi import FastAPI

from tests.e2e.firefox import Refused
from tests.e2e.visitors import HOME, Visitor, play, sign_in, until, upload, visiting
from tests.e2e.witness import Asked, OtherHost, Witnessed, elsewhere
from tests.factories import ADMIN_PASSWORD
from tests.rows import rows
from tests.servers import serving
from vanilla.games import sandbox
from vanilla.settings import Settings

pytestmark = pytest.mark.e2e

SESSION_COOKIE = "vanilla_session"
PLACES = [
    ("chromium", "localhost"),
    pytest.param(("firefox", "localhost"), marks=pytest.mark.slow),
    pytest.param(("chromium", "home"), marks=pytest.mark.slow),  # by a name and without https
    pytest.param(("firefox", "home"), marks=pytest.mark.slow),
]

# What reaches the platform without a credential, as from anybody in the world: the open routes, and names that look
# like a way up from them.
OPEN = {
    f"{name}{mode}"
    for name in (
        "usageWithCookies",
        "modelsWithCookies",
        "meWithCookies",
        "upwardsAsText",
        "upwardsAsBackslashes",
        "upwardsDoubly",
    )
    for mode in ("", "NoCors")
} | {"messagesWithCookiesNoCors"}

# The residue that the docs name: nothing that a server can say keeps a page in Firefox from these.
CONNECTS_AHEAD = ASKS_STUN_SERVERS = GOES_BACK = {"firefox"}

# Where everything is allowed these get nothing all the same, so that they prove nothing: a data: page is nobody's
# whatever its frame allows, a worker as the SDK makes it is nobody's too, and a message is just not answered.
UNPROVEN = {"cookie-data", "cookie-blob", "storage-data", "parent-data", "xsltFromElsewhere"}
UNPROVEN |= {f"platformSdkWorker{kind}" for kind in ("Fetch", "ModuleFetch", "Import", "ModuleImport", "OfWorker")}
UNPROVEN |= {"forgedSave", "forgedConsent", "forgedToken", "forgedShapes", "forgedFromWithin"}
# Counted apart, since what arrives of them has no name; of preconnections Chromium makes none without a screen.
UNPROVEN |= {"webRtc", "preconnect", "preconnectWithCookies"}
UNPROVEN_IN = {"chromium": UNPROVEN, "firefox": UNPROVEN | {"serviceWorker", "sharedWorker"}}

SPEAKS = """() => {
    const script = document.createElement("script");
    script.textContent = `
        document.cookie = "readable=1; path=/";
        window.heard = [];
        window.refused = 0;
        document.addEventListener("securitypolicyviolation", (event) => {
            if (event.effectiveDirective === "frame-src") refused += 1;
        });
        const channel = new BroadcastChannel("vanilla");
        channel.onmessage = ({ data }) => heard.push(data);
        setInterval(() => channel.postMessage("from the platform"), 50);`;
    document.head.append(script);
}"""


@dataclass
class Stage:
    """An admin who plays the hostile game, what it is after, and the witnesses."""

    admin: Visitor
    origin: str
    game: str
    target: dict[str, str]
    platform: Witnessed
    other_host: OtherHost
    database: Path

    async def attack(self, names: list[str], patience: float) -> dict[str, str]:
        """What each of these probes got within that many seconds."""
        order = {"names": names, "given": self.target, "patience": patience * 1000}
        got: dict[str, str] = await self.admin.in_game("(order) => attack(order)", order)
        return got

    def asked_by(self, probe: str) -> list[Asked]:
        """What reached the platform from a probe."""
        return [asked for asked in self.platform.asked if f"probe={probe}" in asked.query.split("&")]

    def is_effective(self, probe: str, got: str) -> bool:
        """Whether a probe got something, or was seen where it should not be."""
        return (
            not got.startswith(("failed: ", "nothing"))
            or any(probe in re.split("[ /?]", asked) for asked in self.other_host.asked)
            or any(asked.has_cookie for asked in self.asked_by(probe))
        )

    async def probes(self, *, leaves: bool) -> list[str]:
        """Their names: those that would take the page or the session away, or the others."""
        function = "(leaves) => Object.keys(probes).filter((name) => probes[name].leaves === leaves)"
        names: list[str] = await self.admin.in_game(function, leaves)
        return names

    async def watch(self, got: dict[str, str]) -> None:
        """Wait until each of these probes has been effective, whether by what it got or by what is seen."""
        idle = set(got)
        try:
            async with asyncio.timeout(20):
                while idle := {name for name in idle if not self.is_effective(name, got[name])}:
                    await asyncio.sleep(0.1)
        except TimeoutError as late:
            raise AssertionError({name: got[name] for name in idle}) from late

    def is_of_our_page(self, asked: Asked) -> bool:
        """Whether the play page asked, or it is the document of the frame, where a cookie counts for nothing."""
        if "probe=" in asked.query:
            return False
        if asked.path.startswith(f"/games/{self.game}/"):
            return asked.headers.get("sec-fetch-dest", "iframe") == "iframe" and "origin" not in asked.headers
        # Where browsers send no Sec-Fetch-Site, without https, the game's requests are told by their names alone.
        return asked.headers.get("sec-fetch-site", "same-origin") == "same-origin"


@pytest.mark.parametrize("place", PLACES, ids=" at ".join)
async def test_it_gets_at_nothing_of_an_admin_who_plays_it(
    place: tuple[str, str], app: FastAPI, settings: Settings
) -> None:
    browser = place[0]
    async with playing(*place, app, settings) as stage:
        admin, address = stage.admin, await stage.admin.address()
        # What it is after is there to be had: the page around it, signed in as admin, could have all of it.
        for path in ("/admin/api/users", f"/admin/api/usage/{stage.target['otherUser']}", stage.target["otherFiles"]):
            assert await admin.on_page("async (path) => (await fetch(path)).status", path) == 200
        cookies, kept, before = await admin.cookies(), rows(stage.database), len(stage.platform.asked)

        probes = [*await stage.probes(leaves=False), *await stage.probes(leaves=True)]
        assert len(probes) >= 40
        got = await stage.attack(probes, 2.5)
        assert [f"{name}: {result}" for name, result in got.items() if stage.is_effective(name, result)] == []

        # It cannot take its frame elsewhere either, with what it knows; and the player can begin anew.
        for way in range(await admin.in_game("() => leaving.length")):
            refused = await admin.on_page("() => refused")
            await admin.in_game("() => void (window.isOld = true)")
            await admin.in_game("(order) => leave(order)", {"way": way, "given": stage.target})
            await until(admin, "page", "(before) => refused > before", refused)
            await restart(stage)
        if browser not in GOES_BACK:
            await admin.in_game("() => history.go(-2)")

        # Seen from outside.
        assert await admin.address() == address
        assert await admin.windows() == 1
        assert await admin.cookies() == cookies
        assert await admin.on_page("() => window.heard") == []
        # What it said may be its own save of this player, and nothing else is other than it was.
        saves = await admin.on_page(
            "(path) => fetch(path).then((answer) => answer.text())", f"/api/games/{stage.game}/saves"
        )
        assert "fromWithin" not in saves
        changed = rows(stage.database)
        assert {row["game_id"] for row in changed.pop("saves")} <= {stage.game}
        assert kept.pop("saves") == []
        assert changed == kept
        assert stage.other_host.asked == []
        assert browser in CONNECTS_AHEAD or stage.other_host.knocks == 0
        assert browser in ASKS_STUN_SERVERS or stage.other_host.packets == 0
        asked = stage.platform.asked[before:]
        assert {name for name in probes if stage.asked_by(name)} <= OPEN
        assert [str(each) for each in asked if each.has_cookie and not stage.is_of_our_page(each)] == []


@pytest.mark.slow
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
class TestWhereEverythingIsAllowed:
    """Without the sandbox and the policies the same probes must be effective, or they would prove nothing above."""

    @pytest.fixture(autouse=True)
    def _allow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        more = "allow-same-origin allow-popups allow-popups-to-escape-sandbox allow-top-navigation"
        allowed = f"{sandbox.SANDBOX} {more} allow-storage-access-by-user-activation"
        monkeypatch.setattr(sandbox, "SANDBOX", allowed)
        monkeypatch.setattr(sandbox, "policy", lambda *_: f"sandbox {allowed}")
        monkeypatch.setattr(sandbox, "connections", lambda *_: '("*://*:*/*");webrtc=allow')
        monkeypatch.setattr(sandbox, "frame_source", lambda *_: "* data: blob:")

    async def test_each_probe_gets_something(self, browser: str, app: FastAPI, settings: Settings) -> None:
        async with playing(browser, "localhost", app, settings) as stage:
            probes = await stage.probes(leaves=False)
            assert {"webRtc", "preconnect"} | UNPROVEN_IN[browser] <= {*probes}
            got = await stage.attack(probes, 10)
            await stage.watch({name: got[name] for name in {*probes} - UNPROVEN_IN[browser]})
            assert stage.other_host.packets
            assert stage.other_host.knocks or browser not in CONNECTS_AHEAD

    async def test_each_way_to_take_the_page_away_does(self, browser: str, app: FastAPI, settings: Settings) -> None:
        async with playing(browser, "localhost", app, settings) as stage:
            page = await stage.admin.address()
            for name in await stage.probes(leaves=True):
                if SESSION_COOKIE not in await stage.admin.cookies():
                    await until(stage.admin, "page", "() => location.pathname === '/login'")  # it goes there by itself
                    await sign_in(stage.admin, stage.origin, "admin", ADMIN_PASSWORD)
                if await stage.admin.address() != page or stage.asked_by(name):
                    await play(stage.admin, stage.origin, stage.game)
                try:
                    result = (await stage.attack([name], 1))[name]
                except (playwright.Error, Refused):
                    result = "gone with the page"
                if await stage.admin.address() == page:
                    await stage.watch({name: result})


async def restart(stage: Stage) -> None:
    """Begin the game anew, as a player does whose game has gone: again, if the button was pressed too early."""
    for _ in range(10):
        await stage.admin.press("[data-play=restart]")
        try:
            await until(stage.admin, "game", "() => window.leave && !window.isOld", patience=3)
        except AssertionError:
            continue
        return
    raise AssertionError("the game did not begin anew")


@asynccontextmanager
async def playing(browser: str, place: str, app: FastAPI, settings: Settings) -> AsyncIterator[Stage]:
    """An admin, just signed in, with the hostile game before them."""
    platform = Witnessed(app)
    async with serving(platform) as local, elsewhere() as other_host, httpx.AsyncClient(base_url=local) as owner:
        origin = local if place == "localhost" else local.replace("127.0.0.1", HOME)
        signed_in = await owner.post("/auth/login", json={"username": "admin", "password": ADMIN_PASSWORD})
        assert signed_in.is_success
        mira = (await owner.post("/admin/api/users", json={"username": "mira", "password": ADMIN_PASSWORD})).json()
        neighbour = (await upload(owner, "friendly"))["id"]
        game = (await upload(owner, "hostile"))["id"]
        target = {
            "elsewhere": other_host.origin,
            "quiet": other_host.quiet,
            "stun": other_host.stun,
            "otherUser": mira["id"],
            "otherGame": neighbour,
            "otherFiles": (await owner.post(f"/api/games/{neighbour}/play", json={})).json()["url"],
            "spare": (await upload(owner, "friendly"))["id"],
            "game": game,
        }
        async with visiting(browser) as admin:
            await sign_in(admin, origin, "admin", ADMIN_PASSWORD)
            await play(admin, origin, game)
            await admin.on_page(SPEAKS)
            yield Stage(admin, origin, game, target, platform, other_host, settings.data_dir / "vanilla.db")
