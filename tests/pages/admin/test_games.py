"""The admin's page of games: the table, what is removed and comes back, hosts that are decided."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from nicegui.testing import User as Browser
from sqlmodel import Session, col, select

from pages.admin.games import Wish, wish_of
from tests.factories import Factory
from tests.games import archives
from tests.pages.admin.conftest import PATIENCE, eventually
from tests.pages.admin.test_users import the_admin
from vanilla.games.access import HOST
from vanilla.games.hosts import MOST_HOSTS
from vanilla.games.overview import Search
from vanilla.models import AuditEntry, User
from vanilla.services import Services

PAGE = "/admin/games"
FONTS = "fonts.example.org"


async def upload(client: httpx.AsyncClient, title: str, **fields: str) -> str:
    file = {"file": ("a.html", archives.PAGE)}
    answer = await client.post("/api/games", files=file, data={"title": title, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def table(browser: Browser) -> str:
    """The rows as HTML."""
    return str(next(iter(browser.find(marker="body").elements)).props["innerHTML"])


def press(browser: Browser, act: str, of: str) -> None:
    browser.find(marker="rows").trigger("click", {"act": act, "of": of})


async def actions(services: Services) -> list[tuple[str, str]]:
    entries = select(AuditEntry).order_by(col(AuditEntry.id))
    rows = await services.database.read(lambda session: session.exec(entries).all())
    return [(row.action, row.subject) for row in rows if row.action.startswith(("game", "host"))]


class TestAccess:
    async def test_who_is_not_signed_in_is_sent_to_sign_in(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={PAGE}")

    async def test_a_friend_is_told_that_it_is_for_admins(self, make: Factory) -> None:
        answer = await (await make.signed_in()).get(PAGE)
        assert answer.status_code == 403
        assert "for admins" in answer.text

    @pytest.mark.parametrize("act", ["remove", "restore", "allow", "refuse", "search", "sort"])
    async def test_a_page_left_open_does_nothing_for_who_is_no_longer_an_admin(
        self, admin: Browser, make: Factory, services: Services, act: str
    ) -> None:
        owner = await make.signed_in()
        game = await upload(owner, "Dragon")
        await owner.put(f"/api/games/{game}/hosts", json=[FONTS])
        if act == "restore":
            await owner.delete(f"/api/games/{game}")
        await admin.open(f"{PAGE}?show=removed" if act == "restore" else PAGE)
        page = admin.client
        assert page is not None
        me = await the_admin(services)

        def demote(session: Session) -> None:  # behind the platform's back, as another process would
            session.get_one(User, me.id).is_admin = False

        asked: dict[str, Callable[[], object]] = {
            "remove": lambda: press(admin, "remove", game),
            "restore": lambda: press(admin, "restore", game),
            "allow": lambda: admin.find(marker=f"allow-{game}-{FONTS}").click(),
            "refuse": lambda: admin.find(marker=f"refuse-{game}-{FONTS}").click(),
            "search": lambda: admin.find(marker="search").trigger("input", "dragon"),
            "sort": lambda: admin.find(marker="sort-title").click(),
        }
        if act == "remove":  # the dialog is open already, and its button is what remains to be pressed
            press(admin, "remove", game)
            await admin.should_see(marker="ask", retries=PATIENCE)
            asked["remove"] = lambda: admin.find(marker="ask").trigger("submit", {})
        await services.database.write(demote)
        asked[act]()
        async with asyncio.timeout(3):
            await page._deleted_event.wait()
        if act == "restore":
            assert (await services.removals.find(game, HOST)).title == "Dragon"
        else:
            seen = await services.catalogue.get(game, HOST)
            assert [(host.is_approved, host.is_refused) for host in seen.hosts] == [(False, False)]
        assert await actions(services) == []


class TestTable:
    async def test_tells_of_every_game_whose_it_is_and_how_it_fares(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        mira = await make.user("mira")
        owner = await make.signed_in(mira)
        game = await upload(owner, "Dragon <b>", visibility="draft")
        await owner.post(f"/api/games/{game}/versions", files={"file": ("a.html", archives.PAGE + b"2" * 2000)})
        await services.catalogue.record_play(mira.id, game)
        await admin.open(PAGE)
        rows = table(admin)
        assert "Dragon &lt;b&gt;" in rows
        assert f'href="/games/{game}/edit"' in rows
        assert f'href="/admin/users/{mira.id}"' in rows
        for label, words in (("Versions", "2"), ("Size", "2 kB"), ("Players", "1"), ("Plays", "1"), ("Tokens", "0")):
            assert f'data-label="{label}">{words}<' in rows
        assert ">draft<" in rows
        assert "just now" in rows

    async def test_is_searched_ordered_and_turned_on_the_server(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        mira = await make.user("mira")
        for number in range(51):
            await make.game(mira, f"Game {number:02}", search_text=f"game {number:02}\n\n#\nmira")
        await admin.open(f"{PAGE}?sort=title")
        await admin.should_see("1 to 50 of 51", retries=PATIENCE)
        assert "Game 00" in table(admin)
        assert "Game 50" not in table(admin)
        admin.find("Next").click()
        await admin.should_see("51 to 51 of 51", retries=PATIENCE)
        assert "Game 50" in table(admin)
        admin.find(marker="sort-title").click()  # the other way around, from the first page
        await eventually(lambda: "Game 49" in table(admin))
        assert "Game 00" not in table(admin)
        admin.find(marker="search").trigger("input", "mira 07")
        await admin.should_see("1 to 1 of 1", retries=PATIENCE)
        assert "Game 07" in table(admin)
        admin.find(marker="search").trigger("input", "zzz")
        await eventually(lambda: "No game has these words" in table(admin))
        admin.find(marker="search").trigger("input", "")
        admin.find("Drafts").click()
        await eventually(lambda: "There is no game of this kind yet." in table(admin))


class TestRemoval:
    async def test_a_game_is_removed_by_a_dialog_and_comes_back_by_undo(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        game = await upload(await make.signed_in(await make.user("mira")), "Dragon")
        await admin.open(PAGE)
        press(admin, "remove", game)
        await admin.should_see("It is mira's.", retries=PATIENCE)
        admin.find(marker="ask").trigger("submit", {})
        await eventually(lambda: "Dragon" not in table(admin))
        assert (await services.removals.find(game, HOST)).title == "Dragon"
        admin.find(marker="undo").click()
        await admin.should_see("Dragon is back.", retries=PATIENCE)
        assert "Dragon" in table(admin)
        assert await actions(services) == [("game.remove", game), ("game.restore", game)]

    async def test_what_others_removed_is_listed_and_comes_back(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        owner = await make.signed_in()
        game = await upload(owner, "Dragon")
        await owner.delete(f"/api/games/{game}")
        await admin.open(PAGE)
        assert "Dragon" not in table(admin)
        admin.find("Removed").click()
        await eventually(lambda: "Dragon" in table(admin))
        assert "removed, goes" in table(admin)
        press(admin, "restore", game)
        await eventually(lambda: "No game was removed lately." in table(admin))
        assert (await owner.get(f"/api/games/{game}")).status_code == 200

    @pytest.mark.parametrize("act", ["remove", "restore", "drop table", ""])
    async def test_what_is_not_shown_cannot_be_pressed(
        self, admin: Browser, make: Factory, services: Services, act: str
    ) -> None:
        await admin.open(PAGE)
        game = await upload(await make.signed_in(), "Dragon")
        press(admin, act, game)
        await admin.should_not_see("Remove Dragon", retries=1)
        assert await actions(services) == []


class TestWaiting:
    async def test_hosts_are_allowed_and_refused_with_what_the_game_says_of_itself(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        owner = await make.signed_in(await make.user("mira"))
        game = await upload(owner, "Dragon", description="Talks <b>a lot</b>.")
        await owner.put(f"/api/games/{game}/hosts", json=[FONTS, "cdn.example.org"])
        await admin.open(PAGE)
        for words in ("2 hosts to decide", FONTS, "Talks <b>a lot</b>.", " by mira, "):
            await admin.should_see(words, retries=PATIENCE)
        admin.find(marker=f"allow-{game}-{FONTS}").click()
        await admin.should_see(f"Dragon may use {FONTS}.", retries=PATIENCE)
        await admin.should_see("1 host to decide", retries=PATIENCE)
        admin.find(marker=f"refuse-{game}-cdn.example.org").click()
        await admin.should_see("Dragon may not use cdn.example.org.", retries=PATIENCE)
        await admin.should_not_see("to decide", retries=PATIENCE)
        hosts = (await services.catalogue.get(game)).hosts
        assert [(host.host, host.is_approved, host.is_refused) for host in hosts] == [
            ("cdn.example.org", False, True),
            (FONTS, True, False),
        ]
        assert await actions(services) == [("host.approve", game), ("host.refuse", game)]

    async def test_what_was_withdrawn_meanwhile_is_told(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        owner = await make.signed_in()
        game = await upload(owner, "Dragon")
        await owner.put(f"/api/games/{game}/hosts", json=[FONTS])
        await admin.open(PAGE)
        await owner.put(f"/api/games/{game}/hosts", json=[])
        admin.find(marker=f"allow-{game}-{FONTS}").click()
        await admin.should_see(f"This game has not asked for {FONTS}.", retries=PATIENCE)

    async def test_only_some_are_shown_at_a_time(self, admin: Browser, make: Factory) -> None:
        owner = await make.signed_in()
        for title in ("Dragon", "Orbit"):
            game = await upload(owner, title)
            hosts = [f"h{number}.{title.lower()}.example.org" for number in range(MOST_HOSTS)]
            await owner.put(f"/api/games/{game}/hosts", json=hosts)
        await admin.open(PAGE)
        await admin.should_see("20 hosts to decide", retries=PATIENCE)
        await admin.should_see("And 10 more, once these are decided.", retries=PATIENCE)


def test_a_wish_has_an_address_that_gives_it_back() -> None:
    assert Wish().address == PAGE
    wish = Wish(Search("a b", "draft", "size", is_reversed=True), 3)
    assert wish.address == f"{PAGE}?q=a+b&show=draft&sort=size&order=back&page=3"
    assert wish_of("a b", "draft", "size", "back", "3") == wish


@pytest.mark.parametrize("nonsense", ["'; drop table games", "", "-1", "ALL"])
def test_an_address_without_sense_shows_the_first_page(nonsense: str) -> None:
    assert wish_of("", nonsense, nonsense, nonsense, nonsense) == Wish()
