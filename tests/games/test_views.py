"""Lists of games: found by words, in the order asked for, with what each viewer may see of them."""

import asyncio
import time

import pytest

from tests.games.archives import PAGE
from tests.games.library import ADMIN, MIRA, SAM, Library
from vanilla.errors import NotFound
from vanilla.games.access import NOBODY
from vanilla.games.views import HostView
from vanilla.models import NO_GAME, UsageHour


async def test_a_game_is_found_by_any_of_its_words(library: Library) -> None:
    await library.add("Dragon at the Bridge", description="Talk your way across.", tags=["talking"])
    await library.add("Über Orbit 100%", owner=SAM, tags=["Größe", "one_button"])
    for search, found in {
        "DRAGON": ["Dragon at the Bridge"],
        "bridge across": ["Dragon at the Bridge"],
        "talking": ["Dragon at the Bridge"],
        "mira": ["Dragon at the Bridge"],
        "über": ["Über Orbit 100%"],
        "uber": ["Über Orbit 100%"],
        "ÜBER sam": ["Über Orbit 100%"],
        "Sám": ["Über Orbit 100%"],
        "größe": ["Über Orbit 100%"],
        "GROSSE": ["Über Orbit 100%"],
        "100%": ["Über Orbit 100%"],
        "1%0": [],
        "one_b": ["Über Orbit 100%"],
        "one-b": [],
        "dragon orbit": [],
        "' OR 1=1 --": [],
        "\ud800": ["Über Orbit 100%", "Dragon at the Bridge"],
        "  ": ["Über Orbit 100%", "Dragon at the Bridge"],
    }.items():
        assert await library.titles(search=search) == found, search


async def test_a_tag_is_meant_as_it_is_written(library: Library) -> None:
    for number, tag in enumerate(["Größe", "grosse", "one_button", "c#", "button"]):
        await library.add(f"Game {number}", tags=[tag])
    for tag, found in {
        "größe": ["Game 0"],
        "grosse": ["Game 1"],
        "#ONE_button": ["Game 2"],
        "one": [],
        "C#": ["Game 3"],
        "button": ["Game 4"],
    }.items():
        assert await library.titles(tag=tag) == found, tag
    assert ("größe", 1) in await library.catalogue.tags()


async def test_the_order_is_what_was_asked_for(library: Library) -> None:
    one, two, three = [await library.add(title) for title in ("One", "Two", "étage")]
    for player, game in (("mira", one), ("sam", two), ("sam", two), ("mira", two), ("mira", one), ("sam", one)):
        await asyncio.sleep(0.002)  # plays are told apart by the millisecond
        await library.catalogue.record_play(player, game.id)
    assert await library.titles(sort="new") == ["étage", "Two", "One"]
    assert await library.titles() == ["One", "Two", "étage"]
    assert await library.titles(NOBODY) == ["étage", "Two", "One"]
    assert await library.titles(sort="title") == ["étage", "One", "Two"]
    await library.catalogue.record_play("mira", two.id)
    assert await library.titles(sort="popular") == ["Two", "One", "étage"]
    assert await library.titles() == ["Two", "One", "étage"]
    seen = await library.catalogue.get(two.id, SAM)
    assert (seen.plays, seen.players) == (4, 2)
    assert seen.last_played_at is not None
    assert seen.my_last_played_at is not None
    assert seen.last_played_at > seen.my_last_played_at
    assert (await library.catalogue.get(three.id, SAM)).last_played_at is None
    page, total = await library.catalogue.list(sort="new", limit=1, offset=1)
    assert ([game.title for game in page], total) == (["Two"], 3)


async def test_a_list_is_narrowed_to_what_is_asked_for(library: Library) -> None:
    talking = await library.add("Dragon")
    await library.update(talking.id, b"", script=b"vanilla.chat()")
    loved = await library.add("Orbit", owner=SAM)
    await library.favourites.add(loved.id, MIRA)
    assert await library.titles(talks=True) == ["Dragon"]
    assert await library.titles(talks=False) == ["Orbit"]
    assert await library.titles(mine=True) == ["Dragon"]
    assert await library.titles(SAM, mine=True) == ["Orbit"]
    assert await library.titles(ADMIN, mine=True) == []
    assert await library.titles(favourites=True) == ["Orbit"]
    assert await library.titles(SAM, favourites=True) == []


async def test_who_sees_which_game(library: Library) -> None:
    games = {each: await library.add(each, visibility=each) for each in ("draft", "unlisted", "shared")}
    listed = {viewer: await library.titles(viewer, sort="title") for viewer in (NOBODY, SAM, MIRA, ADMIN)}
    everything = ["draft", "shared", "unlisted"]
    assert listed == {NOBODY: ["shared"], SAM: ["shared"], MIRA: everything, ADMIN: everything}
    for viewer in (NOBODY, SAM):
        with pytest.raises(NotFound):
            await library.catalogue.get(games["draft"].id, viewer)
        assert (await library.catalogue.get(games["unlisted"].id, viewer)).visibility == "unlisted"
    for viewer in (MIRA, ADMIN):
        assert (await library.catalogue.get(games["draft"].id, viewer)).visibility == "draft"


async def test_tags_are_those_of_shared_games(library: Library) -> None:
    await library.add("Dragon", tags=["talking", "bridge"])
    await library.add("Orbit", tags=["talking"])
    for visibility in ("draft", "unlisted"):
        await library.add(tags=["secret"], visibility=visibility)
    removed = await library.add(tags=["gone"])
    await library.removals.remove(removed.id, MIRA)
    assert await library.catalogue.tags() == [("talking", 2), ("bridge", 1)]
    assert await library.catalogue.tags(1) == [("talking", 2)]


async def test_a_view_is_the_viewers(library: Library) -> None:
    game = await library.add("Dragon", contents=bytes(100))
    await library.hosts.ask(game.id, ["fonts.example.org"], MIRA)
    await library.favourites.add(game.id, SAM)
    seen = {viewer: await library.catalogue.get(game.id, viewer) for viewer in (NOBODY, MIRA, SAM, ADMIN)}
    assert [each.is_mine for each in seen.values()] == [False, True, False, False]
    assert [each.may_change for each in seen.values()] == [False, True, False, True]
    assert [each.is_favourite for each in seen.values()] == [False, False, True, False]
    for each in seen.values():
        assert each.size_bytes == 100 + len(PAGE)
        assert each.hosts == (HostView("fonts.example.org", False),)


async def test_tokens_are_everybodys_and_of_each_game(library: Library) -> None:
    dragon, orbit = await library.add("Dragon"), await library.add("Orbit")

    def this_hour(user: str, game_id: str, tokens: int) -> UsageHour:
        hour = int(time.time()) // 3600
        return UsageHour(hour=hour, user_id=user, backend="ollama", model="m", game_id=game_id, total_tokens=tokens)

    used = [("mira", dragon.id, 5), ("sam", dragon.id, 6), ("sam", orbit.id, 7), ("sam", NO_GAME, 9)]
    rows = [this_hour(*each) for each in used]
    await library.database.write(lambda session: session.add_all(rows))
    games, _ = await library.catalogue.list(sort="title")
    assert [(game.title, game.tokens_used) for game in games] == [("Dragon", 11), ("Orbit", 7)]
