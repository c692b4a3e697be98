"""Who used most in a long range: remembered, and always what adding it all up would give."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event
from sqlmodel import Session

from tests import factories
from tests.usage.conftest import NOON, AddEntry, AddUser, entry
from vanilla.database import Database
from vanilla.usage.keeper import Keeper
from vanilla.usage.spans import DAY, EVERYTHING, HOUR, RANGES, Span, minute_of
from vanilla.usage.standings import Dimension, Ranking, Standings
from vanilla.usage.sums import add_up

NOW = minute_of(NOON)


async def ranking(
    database: Database, standings: Standings, key: str, minute: int, dimension: Dimension = "user_id"
) -> Ranking:
    span = RANGES[key].span(minute)
    return await database.read(lambda session: standings.ranking(session, dimension, span, 5, minute=minute))


async def expected(database: Database, key: str, minute: int) -> list[tuple[str, tuple[int, ...]]]:
    def work(session: Session) -> list[tuple[str, tuple[int, ...]]]:
        sums = add_up(session, ("user_id",), RANGES[key].span(minute), EVERYTHING, minute=minute, is_fine=True)
        return sorted(((k[0], tuple(counts)) for k, counts in sums.items()), key=lambda item: (-item[1][3], item[0]))

    return await database.read(work)


@pytest.mark.parametrize("key", ["7d", "30d", "1y"])
async def test_they_follow_time_hour_by_hour(
    database: Database, add_user: AddUser, add_entry: AddEntry, key: str
) -> None:
    dice = random.Random(11)
    for number in range(12):
        await add_user(f"u{number}")
    start = NOON - timedelta(minutes=RANGES[key].length + 3 * DAY)
    await factories.record(
        database,
        *(
            entry(
                user_id=f"u{dice.randrange(12)}",
                timestamp=start + timedelta(minutes=dice.randrange(RANGES[key].length + 3 * DAY)),
                prompt_tokens=dice.randrange(1, 10**6),
            )
            for _ in range(600)
        ),
    )
    standings, minute = Standings(), NOW - 2 * DAY
    for step in (0, 20, 60, 61, 59, 5, 24 * 60, 300, 1000):
        minute += step
        await Keeper(database, clock=datetime.fromtimestamp(minute * 60, UTC).timestamp).catch_up()
        found = await ranking(database, standings, key, minute)
        wanted = await expected(database, key, minute)
        assert (list(found.top), found.number) == (wanted[:5], len(wanted))


async def test_a_call_of_now_and_one_that_comes_late_are_in_them(
    database: Database, add_user: AddUser, add_entry: AddEntry
) -> None:
    for name in ("mira", "jon", "li"):
        await add_user(name)
    await add_entry(timestamp=NOON - timedelta(days=3))
    keeper, standings = Keeper(database, clock=NOON.timestamp), Standings()
    await keeper.catch_up()
    assert [key for key, _ in (await ranking(database, standings, "7d", NOW)).top] == ["mira"]
    await add_entry(user_id="jon", prompt_tokens=500)
    assert [key for key, _ in (await ranking(database, standings, "7d", NOW)).top] == ["jon", "mira"]
    await add_entry(user_id="li", prompt_tokens=50, timestamp=NOON - timedelta(days=2))
    found = await ranking(database, standings, "7d", NOW)
    assert ([key for key, _ in found.top], found.number) == (["jon", "li", "mira"], 3)


async def test_what_was_added_up_is_not_read_again(database: Database, add_user: AddUser, add_entry: AddEntry) -> None:
    await add_user("mira")
    for days in range(20):
        await add_entry(timestamp=NOON - timedelta(days=days))
    await Keeper(database, clock=NOON.timestamp).catch_up()
    standings = Standings()
    spans: list[object] = []

    def note(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if "usage_hours" in statement and "GROUP BY" in statement:
            spans.append(parameters)

    event.listen(database.engine, "before_cursor_execute", note)
    for dimension in ("user_id", "game_id"):
        await ranking(database, standings, "30d", NOW, dimension)
    first = len(spans)
    for minutes in range(5):
        for dimension in ("user_id", "game_id"):
            await ranking(database, standings, "30d", NOW + minutes, dimension)  # type: ignore[arg-type]
    event.remove(database.engine, "before_cursor_execute", note)
    for parameters in spans[first:]:
        values = [value for value in parameters if isinstance(value, int)]  # type: ignore[attr-defined]
        assert min(values) >= NOW // HOUR - 2, "only the last hours"


async def test_a_span_of_ones_own_is_added_up_as_it_is(
    database: Database, add_user: AddUser, add_entry: AddEntry
) -> None:
    await add_user("mira")
    await add_entry(timestamp=NOON - timedelta(days=3))
    span = Span(NOW - 4 * DAY, NOW - 2 * DAY, HOUR)
    found = await database.read(lambda session: Standings().ranking(session, "user_id", span, 5, minute=NOW))
    assert [(key, counts[0]) for key, counts in found.top] == [("mira", 1)]
