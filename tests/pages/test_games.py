"""The page of games: search, order, pages, the game on top."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from nicegui.testing import User as Browser

from pages.games import Wish, wish_of
from tests.factories import PASSWORD, Factory, sign_in
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
    await user.should_see("No games yet")
    await user.should_see("Upload a game")


async def test_somebody_new_is_shown_a_game_that_talks_to_begin_with(
    user: Browser, mira: str, services: Services, tmp_path: Path
) -> None:
    await _publish(services, mira, "Dragon", tmp_path, talks=True)
    await _publish(services, mira, "Hexfall", tmp_path)
    await user.open("/")
    await user.should_see("Start with this one")
    assert user.client is not None
    (hero,) = [e for e in user.client.elements.values() if "hero" in e.classes]
    assert "Dragon" in [getattr(e, "text", "") for e in hero.descendants()]


async def test_the_game_played_last_stands_on_top(user: Browser, mira: str, services: Services, tmp_path: Path) -> None:
    hexfall = await _publish(services, mira, "Hexfall", tmp_path)
    await _publish(services, mira, "Orbit", tmp_path)
    await services.catalogue.record_play(mira, hexfall.id)
    await user.open("/")
    await user.should_see("Pick up where you left")
    assert _titles(user)[0] == "Hexfall"


async def test_search_narrows_as_one_types(user: Browser, mira: str, services: Services, tmp_path: Path) -> None:
    await _publish(services, mira, "<b>Word</b> Forge", tmp_path)
    await _publish(services, mira, "Orbit", tmp_path)
    await user.open("/")
    user.find(marker="search").trigger("input", "forge")
    await user.should_not_see("Orbit")
    await user.should_see("<b>Word</b> Forge")
    assert _titles(user) == ["<b>Word</b> Forge"]
    user.find(marker="search").trigger("input", "no such game")
    await user.should_see("No game found")
    user.find(marker="search").trigger("input", "")
    await user.should_see("Orbit")


async def test_orders_and_pages(user: Browser, mira: str, services: Services, tmp_path: Path) -> None:
    games = [await _publish(services, mira, f"Game {number}", tmp_path) for number in range(25)]
    for _ in range(3):
        await services.catalogue.record_play(mira, games[7].id)
    await user.open("/?sort=new")
    assert _titles(user)[:2] == ["Game 24", "Game 23"]
    assert len(_titles(user)) == 24
    await user.should_see("Page 1 of 2")
    user.find("More games").click()
    await user.should_see("Page 2 of 2")
    assert _titles(user) == ["Game 0"]
    user.find("Loved").click()
    await user.should_see("Page 1 of 2")
    assert _titles(user)[0] == "Game 7"


async def test_a_link_shows_what_it_names(user: Browser, mira: str, services: Services, tmp_path: Path) -> None:
    for title in ("Tiny Orbit", "Hexfall"):
        await _publish(services, mira, title, tmp_path)
    await user.open("/?q=orbit&page=1")
    assert _titles(user) == ["Tiny Orbit"]
    await user.should_not_see("Start with this one")
    await user.open("/?page=9")
    await user.should_see("No games on this page")


async def test_a_tag_is_chosen_and_let_go_again(user: Browser, mira: str, services: Services, tmp_path: Path) -> None:
    await _publish(services, mira, "Hexfall", tmp_path, tags=["puzzle"])
    await _publish(services, mira, "Orbit", tmp_path, tags=["arcade"])
    await user.open("/")
    user.find("puzzle").click()
    await user.should_not_see("Orbit")
    assert _titles(user) == ["Hexfall"]
    user.find("puzzle").click()
    await user.should_see("Orbit")


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


def test_a_wish_has_an_address_that_gives_it_back() -> None:
    assert Wish().address == "/"
    assert Wish("a b", "puzzle", "new", 3).address == "/?q=a+b&tag=puzzle&sort=new&page=3"
    assert wish_of("a b", "puzzle", "new", "3") == Wish("a b", "puzzle", "new", 3)


@pytest.mark.parametrize(("sort", "page"), [("drop table", "-1"), ("", "x"), ("NEW", "99999999999999999999")])
def test_an_address_without_sense_shows_the_first_page(sort: str, page: str) -> None:
    assert wish_of("", "", sort, page) == Wish()


async def _publish(
    services: Services, owner_id: str, title: str, folder: Path, *, talks: bool = False, tags: Sequence[str] = ()
) -> GameView:
    (folder / "game").mkdir(exist_ok=True)
    script = "<script>vanilla.chat('hello')</script>" if talks else ""
    (folder / "game" / "index.html").write_text(f"<!doctype html><title>A game</title>{script}")
    return await services.catalogue.publish_folder(
        owner_id, folder / "game", title=title, description="For a test.", tags=tags
    )


def _titles(user: Browser) -> list[str]:
    assert user.client is not None
    links = [e for e in user.client.elements.values() if "cover-link" in e.classes]
    return [str(getattr(link, "text", "")) for link in links]
