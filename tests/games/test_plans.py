"""How SQLite finds what the pages of games show: nothing that grows with every call or play is read from end to end."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, get_args

import pytest
from sqlalchemy import event

from tests.games.library import ADMIN, MIRA, Library
from vanilla.games.overview import OverviewShow, OverviewSort, Search
from vanilla.games.views import Sort

GROWING = ("token_usage", "usage_", "plays", "favourites", "saves", "consents", "audit")


@contextmanager
def statements(library: Library) -> Iterator[list[tuple[str, Any]]]:
    """What is asked of the database meanwhile."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(library.database.engine, "before_cursor_execute", note)
    yield asked
    event.remove(library.database.engine, "before_cursor_execute", note)


def plan(library: Library, statement: str, parameters: Any) -> list[str]:
    """The lines of SQLite's plan."""
    with library.database.engine.connect() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    return [str(row[3]) for row in rows]


def scans(library: Library, asked: list[tuple[str, Any]]) -> list[str]:
    """Lines of plans that read a growing table, or an index of it, from end to end."""
    lines = [line for statement, parameters in asked for line in plan(library, statement, parameters)]
    return [line for line in lines if re.match(rf"SCAN (?:{'|'.join(GROWING)})", line)]


async def test_a_scan_would_be_noticed(library: Library) -> None:
    assert scans(library, [("SELECT sum(plays) FROM plays", ()), ("SELECT 1 FROM usage_hours WHERE calls = 1", ())])


@pytest.mark.parametrize("sort", get_args(Sort))
async def test_the_page_of_games(library: Library, sort: Sort) -> None:
    await library.add("Dragon")
    with statements(library) as asked:
        for wish in ({}, {"favourites": True}, {"mine": True}, {"removed": True}, {"search": "a"}, {"tag": "b"}):
            await library.catalogue.list(viewer=MIRA, sort=sort, **wish)
    assert len(asked) > 10
    assert scans(library, asked) == []


@pytest.mark.parametrize("sort", get_args(OverviewSort))
async def test_the_admins_table_in_every_order(library: Library, sort: OverviewSort) -> None:
    game = await library.add("Dragon")
    await library.hosts.request(game.id, "a.example.org", MIRA)
    with statements(library) as asked:
        for show in get_args(OverviewShow):
            await library.catalogue.overview(ADMIN, Search(words="dragon", show=show, sort=sort))
        await library.hosts.waiting(ADMIN, 10)
    assert len(asked) > 10
    assert scans(library, asked) == []


async def test_the_edit_page(library: Library) -> None:
    game = await library.add("Dragon")
    with statements(library) as asked:
        await library.catalogue.get(game.id, MIRA)
        await library.versions.list(game.id, MIRA)
        await library.catalogue.storage("mira")
    assert scans(library, asked) == []


async def test_tokens_of_games_are_found_by_game_and_hour(library: Library) -> None:
    game = await library.add("Dragon")
    await library.catalogue.get(game.id, MIRA)  # hours that are over are added up once
    with statements(library) as asked:
        await library.catalogue.get(game.id, MIRA)
    (lately,) = [each for each in asked if "usage_hours" in each[0]]
    assert any("idx_usage_hours_game_id (game_id=? AND hour>?)" in line for line in plan(library, *lately))
