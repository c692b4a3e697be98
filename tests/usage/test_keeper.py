"""Roll-ups that the server makes of others: they always say the same as the hours they were made of."""

import asyncio
import time
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlmodel import Session, SQLModel, select

from tests import factories
from tests.usage.conftest import NOON, AddEntry, AddUser, entry
from vanilla.database import Database
from vanilla.models import (
    UsageDay,
    UsageFirstByte,
    UsageHour,
    UsageHourTotal,
    UsageMinute,
    UsageRefusal,
    utc_now,
)
from vanilla.usage.keeper import Keeper
from vanilla.usage.spans import DAY, EVERYTHING, HOUR, Filter, Span, minute_of
from vanilla.usage.sums import BUCKET, add_up, first_of, marks

NOW = minute_of(NOON)


@pytest.fixture
def keeper(database: Database) -> Keeper:
    return Keeper(database, clock=NOON.timestamp)


async def rows(database: Database, table: type[SQLModel]) -> list[Any]:
    return list(await database.read(lambda session: session.exec(select(table)).all()))


class TestCatchUp:
    async def test_rolls_up_what_is_over_and_nothing_else(
        self, database: Database, keeper: Keeper, add_user: AddUser, add_entry: AddEntry
    ) -> None:
        await add_user("mira")
        for hours in (0, 1, 2, 13, 37, 24 * 400):
            await add_entry(timestamp=NOON - timedelta(hours=hours))
        await keeper.catch_up()
        assert len(await rows(database, UsageHourTotal)) == 4
        assert sorted(row.day for row in await rows(database, UsageDay)) == [
            NOW // DAY - 400,
            NOW // DAY - 2,
            NOW // DAY - 1,
        ]
        known = await database.read(marks)
        assert (known["hours"], known["days"]) == ((NOW - 5) // HOUR, NOW // DAY)

    async def test_waits_for_calls_that_are_being_settled(
        self, database: Database, add_user: AddUser, add_entry: AddEntry
    ) -> None:
        await add_user("mira")
        await add_entry(timestamp=NOON - timedelta(minutes=10))
        await Keeper(database, clock=lambda: NOON.timestamp() + 240).catch_up()
        assert await rows(database, UsageHourTotal) == []
        await Keeper(database, clock=lambda: NOON.timestamp() + 300).catch_up()
        assert len(await rows(database, UsageHourTotal)) == 1

    async def test_what_comes_late_counts_at_once_and_is_rolled_up_again(
        self, database: Database, keeper: Keeper, add_user: AddUser, add_entry: AddEntry
    ) -> None:
        await add_user("mira")
        await add_entry(timestamp=NOON - timedelta(days=3))
        await keeper.catch_up()
        await add_entry(timestamp=NOON - timedelta(days=3))
        await add_entry(timestamp=NOON - timedelta(days=2), model="other")
        everything = Span(0, NOW, HOUR)

        def calls(session: Session, chosen: Filter) -> int:
            return add_up(session, (), everything, chosen, minute=NOW)[()][0]

        assert (await database.read(marks))["changes"] == 1  # the second lies beyond the mark that the first has moved
        for _ in range(2):
            assert await database.read(lambda session: calls(session, EVERYTHING)) == 3
            assert await database.read(lambda session: calls(session, Filter(user_id="mira"))) == 3
            await keeper.catch_up()
        assert (await database.read(marks))["days"] == NOW // DAY
        assert sum(row.calls for row in await rows(database, UsageDay)) == 3
        assert sum(row.calls for row in await rows(database, UsageHourTotal)) == 3

    async def test_more_users_than_fit_into_one_write_are_all_there(
        self, database: Database, keeper: Keeper, add_user: AddUser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vanilla.usage.keeper.USERS_AT_ONCE", 3)
        for number in range(8):
            await add_user(f"u{number}")
        yesterday = NOON - timedelta(days=1)
        await factories.record(database, *(entry(user_id=f"u{n}", timestamp=yesterday) for n in range(8)))
        await keeper.catch_up()
        assert {row.user_id for row in await rows(database, UsageDay)} == {f"u{n}" for n in range(8)}


async def test_every_way_to_add_up_says_the_same(database: Database, keeper: Keeper, add_user: AddUser) -> None:
    """Days, totals, hours, minutes and the ledger's own index: whichever of them answers, the sums are the ledger's."""
    for name in ("mira", "jon"):
        await add_user(name)
    now = utc_now()
    statuses = ("ok", "ok", "failed", "aborted", "recovered")
    entries = [
        entry(
            user_id=("mira", "jon")[n % 2],
            timestamp=now - timedelta(minutes=n * n),
            game_id=("", "dragon", "orbit")[n % 3],
            backend=("ollama", "anthropic")[n % 4 == 0],
            model=("llama3.2", "claude")[n % 4 == 0],
            status=statuses[n % 5],
            prompt_tokens=n + 1,
        )
        for n in range(120)
    ]
    await factories.record(database, *entries)
    minute = minute_of(now)
    filters = (
        EVERYTHING,
        Filter(user_id="mira"),
        Filter(game_id="dragon"),
        Filter(game_id=""),
        Filter(model="claude"),
        Filter(backend="ollama", user_id="jon"),
        Filter(status="ok"),
        Filter(status="failed"),
        Filter(status="ok", user_id="mira", game_id="orbit"),
        Filter(status="aborted", model="llama3.2"),
    )
    spans = (
        (Span(minute - 59, minute + 1, 1), True),
        (Span(minute - 700, minute - 100, 5), True),
        (Span(minute // HOUR * HOUR - 30 * HOUR, minute // HOUR * HOUR + HOUR, HOUR), False),
        (Span(minute // DAY * DAY - 11 * DAY, minute // DAY * DAY + DAY, DAY), False),
        (Span(minute // DAY * DAY - 200 * DAY, minute // DAY * DAY + DAY, DAY), True),
    )
    for kept in range(2):
        for span, is_fine in spans:
            for chosen in filters:
                for keys in ((), ("backend", "model"), ("user_id",), ("game_id",), (BUCKET, "backend")):
                    found = await database.read(
                        partial(add_up, keys=keys, span=span, chosen=chosen, minute=minute, is_fine=is_fine)
                    )
                    assert {key: counts[0] for key, counts in found.items()} == counted(entries, keys, span, chosen), (
                        kept,
                        span,
                        chosen,
                        keys,
                    )
        await Keeper(database).catch_up()


async def test_the_first_of_a_ranking_are_those_of_the_sums(
    database: Database, keeper: Keeper, add_user: AddUser
) -> None:
    for number in range(9):
        await add_user(f"u{number}")
    now = utc_now()
    entries = [
        entry(
            user_id=f"u{n % 9}",
            timestamp=now - timedelta(minutes=n * n * 7),
            status=("ok", "ok", "failed")[n % 3],
            model=("a", "b")[n % 2],
            prompt_tokens=n * 3 + 1,
        )
        for n in range(150)
    ]
    await factories.record(database, *entries)
    minute = minute_of(now)
    for _ in range(2):
        for span in (
            Span(minute - 500, minute + 1, 5),
            Span(minute // DAY * DAY - 364 * DAY, minute // DAY * DAY + DAY, DAY),
        ):
            for chosen in (EVERYTHING, Filter(model="a"), Filter(status="ok"), Filter(status="failed", model="b")):
                sums = await database.read(
                    partial(add_up, keys=("user_id",), span=span, chosen=chosen, minute=minute, is_fine=True)
                )
                top, number = await database.read(
                    partial(first_of, key="user_id", span=span, chosen=chosen, limit=4, minute=minute)
                )
                ranked = sorted(sums.items(), key=lambda item: (-item[1][3], item[0]))
                assert [(key, list(counts)) for key, counts in top] == [(key[0], counts) for key, counts in ranked[:4]]
                assert number == len(sums)
        await Keeper(database).catch_up()


def counted(entries: list[Any], keys: tuple[str, ...], span: Span, chosen: Filter) -> dict[tuple[Any, ...], int]:
    """Calls by the keys, counted one by one."""
    found: dict[tuple[Any, ...], int] = {}
    for row in entries:
        minute = minute_of(row.timestamp)
        wanted = {name: getattr(chosen, name) for name in ("user_id", "game_id", "backend", "model", "status")}
        if span.first <= minute < span.last and all(v is None or getattr(row, n) == v for n, v in wanted.items()):
            bucket = minute // span.step * span.step
            key = tuple(bucket if name == BUCKET else getattr(row, name) for name in keys)
            found[key] = found.get(key, 0) + 1
    return found


class TestForgetting:
    async def test_minutes_are_kept_two_days_and_hours_for_ever(
        self, database: Database, add_user: AddUser, add_entry: AddEntry
    ) -> None:
        await add_user("mira")
        for hours in (0, 47, 49, 1000):
            await add_entry(timestamp=utc_now() - timedelta(hours=hours))
        assert await Keeper(database).forget_old() == 2
        assert len(await rows(database, UsageMinute)) == 2
        assert len(await rows(database, UsageHour)) == 4

    async def test_refusals_and_first_bytes_become_hours_and_then_days(
        self, database: Database, keeper: Keeper
    ) -> None:
        def minute(**back: int) -> int:
            return minute_of(NOON - timedelta(**back))

        at = [
            minute(minutes=5),
            minute(hours=47, minutes=59),
            *(minute(days=3, minutes=n) for n in (0, 1, 2, 61)),
            *(minute(days=100, minutes=n) for n in (0, 1, 100)),
        ]

        def add(session: Session) -> None:
            for number in at:
                session.add(UsageRefusal(minute=number, backend="ollama", user_id="mira", reason="spent", calls=2))
                session.add(UsageFirstByte(minute=number, backend="ollama", model="m", up_to_ms=100, calls=2))

        await database.write(add)
        for _ in range(2):  # the second time there is nothing left to do
            await keeper.forget_old()
            for table in (UsageRefusal, UsageFirstByte):
                found = {row.minute: row.calls for row in await rows(database, table)}
                three_days, hundred = minute(days=3), minute(days=100)
                assert found == {
                    at[0]: 2,
                    at[1]: 2,
                    three_days: 2,
                    three_days - HOUR: 4,
                    three_days - 2 * HOUR: 2,
                    hundred // DAY * DAY: 6,
                }


async def test_a_keeper_goes_on_after_a_time_that_failed(
    database: Database, add_user: AddUser, add_entry: AddEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_user("mira")
    await add_entry(timestamp=datetime.fromtimestamp(time.time() - 7200, NOON.tzinfo))
    monkeypatch.setattr("vanilla.usage.keeper.LOOK_EVERY", 0.01)
    keeper = Keeper(database)
    catch_up, tries = keeper.catch_up, []

    async def fails_once() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("disk is full")
        await catch_up()

    monkeypatch.setattr(keeper, "catch_up", fails_once)
    task = asyncio.create_task(keeper.run())
    async with asyncio.timeout(5):
        while not await rows(database, UsageHourTotal):
            await asyncio.sleep(0.01)
    task.cancel()
