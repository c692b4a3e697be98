"""All games as an admin looks after them."""

import asyncio
import time

import pytest

from tests.games.library import ADMIN, MIRA, SAM, Library
from vanilla.errors import Forbidden
from vanilla.games.overview import Search
from vanilla.models import UsageHour


async def titles(library: Library, **wanted: object) -> list[str]:
    entries, total = await library.catalogue.overview(ADMIN, Search(**wanted))  # type: ignore[arg-type]
    assert total == len(entries)
    return [entry.game.title for entry in entries]


async def test_is_for_admins_alone(library: Library) -> None:
    for by in (MIRA, SAM):
        with pytest.raises(Forbidden):
            await library.catalogue.overview(by, Search())


async def test_has_everybodys_games_whoever_may_see_them_and_the_removed_ones_apart(library: Library) -> None:
    for title, owner, visibility in (("A", MIRA, "draft"), ("B", SAM, "unlisted"), ("C", SAM, "shared")):
        await library.add(title, owner=owner, visibility=visibility)
    gone = await library.add("D")
    await library.removals.remove(gone.id, MIRA)
    assert await titles(library, sort="title") == ["A", "B", "C"]
    assert await titles(library, show="draft") == ["A"]
    assert await titles(library, show="unlisted") == ["B"]
    assert await titles(library, show="shared") == ["C"]
    assert await titles(library, show="removed") == ["D"]
    assert await titles(library, words="sam b") == ["B"]
    (entry,), _ = await library.catalogue.overview(ADMIN, Search(show="removed"))
    assert entry.game.purged_at is not None


async def test_counts_every_version_that_is_kept(library: Library) -> None:
    game = await library.add("A", contents=b"x" * 100)
    await library.update(game.id, b"y" * 1000)
    (entry,), _ = await library.catalogue.overview(ADMIN, Search())
    sizes = [version.size_bytes for version in await library.versions.list(game.id, MIRA)]
    assert (entry.versions, entry.stored_bytes) == (2, sum(sizes))


async def test_each_order_is_what_it_says_and_turns_around(library: Library) -> None:
    games = {}
    for title, owner, size in (("B", SAM, 300), ("C", MIRA, 100), ("A", MIRA, 200)):
        games[title] = await library.add(title, owner=owner, contents=b"x" * size)
        await asyncio.sleep(0.002)
    await library.update(games["C"].id, b"")
    for play in ("sam A", "mira B", "sam B", "sam B", "sam A", "sam A", "sam A"):
        player, title = play.split()
        await asyncio.sleep(0.002)  # plays are told apart by the millisecond
        await library.catalogue.record_play(player, games[title].id)
    hour = int(time.time()) // 3600
    used = [
        UsageHour(hour=hour, user_id="sam", backend="ollama", model="m", game_id=games[title].id, total_tokens=tokens)
        for title, tokens in (("C", 9), ("B", 3))
    ]
    await library.database.write(lambda session: session.add_all(used))
    for sort, expected in {
        "title": "ABC",
        "owner": "ACB",
        "new": "ACB",
        "plays": "ABC",
        "players": "BAC",
        "played": "ABC",
        "tokens": "CBA",
        "size": "BAC",
    }.items():
        assert "".join(await titles(library, sort=sort)) == expected, sort
        # Where two are equal, the newest comes first both ways.
        backwards = {"owner": "BAC"}.get(sort, expected[::-1])
        assert "".join(await titles(library, sort=sort, is_reversed=True)) == backwards, sort
    assert (await titles(library, sort="versions"))[0] == "C"


@pytest.mark.parametrize("sort", ["title", "owner", "versions", "size", "players", "plays", "tokens", "played", "new"])
async def test_pages_go_on_where_the_one_before_ended(library: Library, sort: str) -> None:
    for number in range(5):
        await library.add(f"Game {number}")
    wanted = Search(sort=sort)  # type: ignore[arg-type]
    everything = [entry.game.id for entry in (await library.catalogue.overview(ADMIN, wanted))[0]]
    pages = [await library.catalogue.overview(ADMIN, wanted, limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [entry.game.id for entries, total in pages for entry in entries if total == 5] == everything
