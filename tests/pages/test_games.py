"""The page of games: search, order, pages, the game on top."""

import asyncio
import html
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from nicegui.testing import User as Browser

from pages.wishes import Wish, wish_of
from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory, sign_in
from tests.pages.admin.conftest import PATIENCE, eventually
from vanilla.games.access import HOST, Someone
from vanilla.games.catalogue import GameChanges
from vanilla.games.views import GameView
from vanilla.services import Services


@pytest.fixture
async def mira(user: Browser, make: Factory) -> str:
    """Somebody signed in; gives the id."""
    mira = await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    return mira.id


async def test_where_nothing_is_yet_uploading_is_offered(user: Browser, mira: str) -> None:
    await user.open("/")
    await user.should_see("No games yet", retries=PATIENCE)
    await user.should_see("Upload a game", retries=PATIENCE)


async def test_somebody_new_is_shown_a_game_that_talks_to_begin_with(
    user: Browser, mira: str, services: Services, tmp_path: Path
) -> None:
    await _publish(services, mira, "Dragon", tmp_path, talks=True)
    await _publish(services, mira, "Hexfall", tmp_path)
    await user.open("/")
    await user.should_see("Start with this one", retries=PATIENCE)
    assert _covers(user).index("Dragon") < _covers(user).index("</section>")


async def test_the_game_played_last_stands_on_top(user: Browser, mira: str, services: Services, tmp_path: Path) -> None:
    hexfall = await _publish(services, mira, "Hexfall", tmp_path)
    await _publish(services, mira, "Orbit", tmp_path)
    await services.catalogue.record_play(mira, hexfall.id)
    await user.open("/")
    await user.should_see("Pick up where you left", retries=PATIENCE)
    assert _titles(user)[0] == "Hexfall"


async def test_search_narrows_as_one_types(user: Browser, mira: str, services: Services, tmp_path: Path) -> None:
    await _publish(services, mira, "<b>Word</b> Forge", tmp_path)
    await _publish(services, mira, "Orbit", tmp_path)
    await user.open("/")
    user.find(marker="search").trigger("input", "forge")
    await user.should_not_see("Orbit", retries=PATIENCE)
    await user.should_see("&lt;b&gt;Word&lt;/b&gt; Forge", retries=PATIENCE)
    assert _titles(user) == ["<b>Word</b> Forge"]
    user.find(marker="search").trigger("input", "no such game")
    await user.should_see("No game found", retries=PATIENCE)
    user.find(marker="search").trigger("input", "")
    await user.should_see("Orbit", retries=PATIENCE)


async def test_orders_and_pages(user: Browser, mira: str, services: Services, tmp_path: Path) -> None:
    games = [await _publish(services, mira, f"Game {number}", tmp_path) for number in range(25)]
    for _ in range(3):
        await services.catalogue.record_play(mira, games[7].id)
    await user.open("/?sort=new")
    assert _titles(user)[:2] == ["Game 24", "Game 23"]
    assert len(_titles(user)) == 24
    await user.should_see("Page 1 of 2", retries=PATIENCE)
    user.find("More games").click()
    await user.should_see("Page 2 of 2", retries=PATIENCE)
    assert _titles(user) == ["Game 0"]
    user.find("Popular").click()
    await user.should_see("Page 1 of 2", retries=PATIENCE)
    assert _titles(user)[0] == "Game 7"


async def test_a_link_shows_what_it_names(user: Browser, mira: str, services: Services, tmp_path: Path) -> None:
    for title in ("Tiny Orbit", "Hexfall"):
        await _publish(services, mira, title, tmp_path)
    await user.open("/?q=orbit&page=1")
    assert _titles(user) == ["Tiny Orbit"]
    await user.should_not_see("Start with this one", retries=PATIENCE)
    await user.open("/?page=9")
    await user.should_see("No games on this page", retries=PATIENCE)


async def test_a_tag_is_chosen_and_let_go_again(user: Browser, mira: str, services: Services, tmp_path: Path) -> None:
    await _publish(services, mira, "Hexfall", tmp_path, tags=["puzzle"])
    await _publish(services, mira, "Orbit", tmp_path, tags=["arcade"])
    await user.open("/")
    user.find("puzzle").click()
    await user.should_not_see("Orbit", retries=PATIENCE)
    assert _titles(user) == ["Hexfall"]
    user.find("puzzle").click()
    await user.should_see("Orbit", retries=PATIENCE)


async def test_a_search_after_sign_out_finds_nothing_and_closes_the_page(
    user: Browser, mira: str, services: Services, tmp_path: Path
) -> None:
    await _publish(services, mira, "Orbit", tmp_path)
    await user.open("/?q=nothing")
    assert user.client is not None
    user.client.storage.clear()  # as if the page had not been closed yet
    await services.sessions.close_all(mira)
    user.find(marker="search").trigger("input", "orbit")
    async with asyncio.timeout(1):
        await user.client._deleted_event.wait()
    assert _titles(user) == []


class TestFavourites:
    async def test_a_heart_keeps_a_game_at_hand_and_lets_it_go(
        self, user: Browser, mira: str, services: Services, tmp_path: Path
    ) -> None:
        game = await _publish(services, mira, "Hexfall", tmp_path)
        await _publish(services, mira, "Orbit", tmp_path)
        await services.catalogue.record_play(mira, game.id)
        await user.open("/")
        assert _hearts(user, game.id) == [("Favourite: Hexfall", "false")] * 2  # on top, and among all
        _press_heart(user, game.id)
        await _until_favourites_are(services, mira, 1)
        user.find("Favourites").click()
        await user.should_not_see("Orbit", retries=PATIENCE)
        assert _titles(user) == ["Hexfall"]
        assert _hearts(user, game.id) == [("Favourite: Hexfall", "true")]
        user.find("All games").click()
        await eventually(lambda: _hearts(user, game.id) == [("Favourite: Hexfall", "true")] * 2)
        _press_heart(user, game.id)
        await _until_favourites_are(services, mira, 0)
        assert len(_titles(user)) == 2  # it does not vanish from under the pointer
        await user.open("/?show=favourites")
        await user.should_see("No favourites yet", retries=PATIENCE)

    async def test_a_heart_beats_no_more_after_sign_out(
        self, user: Browser, mira: str, services: Services, tmp_path: Path
    ) -> None:
        game = await _publish(services, mira, "Orbit", tmp_path)
        await user.open("/")
        page = user.client
        assert page is not None
        page.storage.clear()
        await services.sessions.close_all(mira)
        _press_heart(user, game.id)
        await eventually(lambda: page.is_deleted)
        assert (await services.catalogue.list(viewer=Someone(mira), favourites=True))[1] == 0

    async def test_what_became_a_draft_meanwhile_is_told(
        self, user: Browser, mira: str, make: Factory, services: Services, tmp_path: Path
    ) -> None:
        sam = await make.user("sam")
        game = await _publish(services, sam.id, "Orbit", tmp_path)
        await user.open("/")
        await services.catalogue.change(game.id, GameChanges(visibility="draft"), Someone(sam.id))
        _press_heart(user, game.id)
        await user.should_see("There is no such game.", retries=PATIENCE)
        assert _hearts(user, game.id)[0][1] == "false"

    @pytest.mark.parametrize("sent", ["nothing", "", None, {"id": 1}, "'); alert(1); ('"])
    async def test_a_heart_of_a_game_that_is_not_shown_is_passed_over(
        self, user: Browser, mira: str, services: Services, tmp_path: Path, sent: object
    ) -> None:
        await user.open("/")
        hidden = await _publish(services, mira, "Orbit", tmp_path)
        for each in (sent, hidden.id):
            user.find(marker="covers").trigger("click", each)
        user.find("New").click()
        await eventually(lambda: _titles(user) == ["Orbit"])
        assert (await services.catalogue.list(viewer=Someone(mira), favourites=True))[1] == 0


class TestMine:
    async def test_drafts_are_marked_and_every_game_leads_to_its_edit_page(
        self, user: Browser, mira: str, make: Factory, services: Services, tmp_path: Path
    ) -> None:
        games = [await _publish(services, mira, title, tmp_path) for title in ("Hexfall", "Orbit", "Dragon")]
        other = await _publish(services, (await make.user("sam")).id, "Other", tmp_path)
        await services.catalogue.change(games[0].id, GameChanges(visibility="draft"), Someone(mira))
        await services.catalogue.change(games[1].id, GameChanges(visibility="unlisted"), Someone(mira))
        await services.catalogue.change(other.id, GameChanges(visibility="draft"), HOST)
        await services.catalogue.record_play(mira, games[2].id)
        await user.open("/")
        user.find("Mine").click()
        await eventually(lambda: "Edit Orbit" in _covers(user))
        await user.should_see("draft", retries=PATIENCE)
        await user.should_see("unlisted", retries=PATIENCE)
        await user.should_see("1 player, last just now", retries=PATIENCE)
        await user.should_see("not played yet", retries=PATIENCE)
        assert set(_titles(user)) == {"Hexfall", "Orbit", "Dragon"}
        links = set(re.findall(r'href="([^"]*)"', _covers(user)))
        assert {f"/games/{game.id}/edit" for game in games} <= links
        assert f"/games/{other.id}/edit" not in links

    async def test_what_was_removed_comes_back_by_undo(
        self, user: Browser, mira: str, services: Services, tmp_path: Path
    ) -> None:
        game = await _publish(services, mira, "Hexfall", tmp_path)
        await services.removals.remove(game.id, Someone(mira))
        await user.open("/?show=mine")
        await user.should_see("You have no game here yet", retries=PATIENCE)
        await user.should_see("Recently removed", retries=PATIENCE)
        user.find(marker=f"undo-{game.id}").click()
        await user.should_see("Hexfall is back.", retries=PATIENCE)
        assert _titles(user) == ["Hexfall"]
        await user.should_not_see("Recently removed", retries=PATIENCE)

    async def test_undo_does_nothing_for_who_is_signed_out(
        self, user: Browser, mira: str, services: Services, tmp_path: Path
    ) -> None:
        game = await _publish(services, mira, "Hexfall", tmp_path)
        await services.removals.remove(game.id, Someone(mira))
        await user.open("/?show=mine")
        page = user.client
        assert page is not None
        page.storage.clear()
        await services.sessions.close_all(mira)
        user.find(marker=f"undo-{game.id}").click()
        await eventually(lambda: page.is_deleted)
        assert (await services.catalogue.list(viewer=Someone(mira)))[1] == 0

    async def test_of_others_nothing_removed_is_shown(
        self, user: Browser, mira: str, make: Factory, services: Services, tmp_path: Path
    ) -> None:
        game = await _publish(services, (await make.user("sam")).id, "Hexfall", tmp_path)
        await services.removals.remove(game.id, HOST)
        await sign_in(user.http_client, "admin", ADMIN_PASSWORD)
        for address in ("/", "/?show=mine", "/?show=favourites"):
            await user.open(address)
            await user.should_not_see("Hexfall", retries=1)


@pytest.mark.parametrize(
    ("address", "title", "way_out"),
    [
        ("/?show=favourites", "No favourites yet", "/"),
        ("/?show=mine", "You have no game here yet", "/upload"),
        ("/?show=mine&q=zzz", "No game found", "/?show=mine"),
        ("/?show=favourites&tag=zzz", "No game found", "/?show=favourites"),
        ("/?q=zzz", "No game found", "/"),
        ("/?show=favourites&page=4", "No games on this page", "/?show=favourites"),
    ],
)
async def test_where_nothing_is_it_says_what_to_do(
    user: Browser, mira: str, address: str, title: str, way_out: str
) -> None:
    await user.open(address)
    await user.should_see(title, retries=PATIENCE)
    assert user.client is not None
    (block,) = [e for e in user.client.elements.values() if "empty" in e.classes]
    assert way_out in [e.props.get("href") for e in block.descendants()]


def test_a_wish_has_an_address_that_gives_it_back() -> None:
    assert Wish().address == "/"
    assert Wish("a b", "puzzle", "new", 3).address == "/?q=a+b&tag=puzzle&sort=new&page=3"
    assert wish_of("a b", "puzzle", "new", "3") == Wish("a b", "puzzle", "new", 3)
    assert Wish(shelf="mine").address == "/?show=mine"
    assert wish_of(show="favourites", sort="title") == Wish(sort="title", shelf="favourites")


@pytest.mark.parametrize(("sort", "page"), [("drop table", "-1"), ("", "x"), ("NEW", "99999999999999999999")])
def test_an_address_without_sense_shows_the_first_page(sort: str, page: str) -> None:
    assert wish_of("", "", sort, page, sort) == Wish()


async def _publish(
    services: Services, owner_id: str, title: str, folder: Path, *, talks: bool = False, tags: Sequence[str] = ()
) -> GameView:
    (folder / "game").mkdir(exist_ok=True)
    script = "<script>vanilla.chat('hello')</script>" if talks else ""
    (folder / "game" / "index.html").write_text(f"<!doctype html><title>A game</title>{script}")
    return await services.catalogue.publish_folder(
        owner_id, folder / "game", title=title, description="For a test.", tags=tags
    )


async def _until_favourites_are(services: Services, user_id: str, many: int) -> None:
    async with asyncio.timeout(5):
        while (await services.catalogue.list(viewer=Someone(user_id), favourites=True))[1] != many:
            await asyncio.sleep(0.01)


def _covers(user: Browser) -> str:
    """The covers as HTML; nothing where the page is gone."""
    assert user.client is not None
    shown = [e.props["innerHTML"] for e in user.client.elements.values() if "covers" in e._markers]
    return str(shown[0]) if shown else ""


def _press_heart(user: Browser, game_id: str) -> None:
    user.find(marker="covers").trigger("click", game_id)


def _hearts(user: Browser, game_id: str) -> list[tuple[str, str]]:
    found = re.findall(rf'aria-label="([^"]*)" aria-pressed="(\w+)" data-heart="{game_id}"', _covers(user))
    return [(html.unescape(name), pressed) for name, pressed in found]


def _titles(user: Browser) -> list[str]:
    return [html.unescape(title) for title in re.findall(r'class="cover-link">(.*?)</a>', _covers(user))]
