"""The rules of holds and limits, on the database alone."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session, select

from vanilla.accounts.periods import period_key
from vanilla.database import Database
from vanilla.errors import LimitReached, Unauthenticated
from vanilla.inference import holds
from vanilla.inference.meter import ONE_BY_ONE, Checkpoint, Meter, Wanted
from vanilla.models import GameDay, Hold, TokenUsage, UsageHour, UsageMinute, User, new_id, utc_now, utc_text
from vanilla.usage.ledger import Entry, Status

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def database(tmp_path: Path, migrated: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{shutil.copy(migrated, tmp_path)}")
    database.open()
    yield database
    database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def meter(database: Database, clock: Clock) -> Meter:
    return Meter(database, clock=clock)


async def add_user(database: Database, **fields: Any) -> str:
    user_id = new_id()

    def work(session: Session) -> None:
        session.add(
            User(
                id=user_id,
                username=user_id,
                username_key=user_id,
                password_hash="",
                created_at=utc_now(),
                updated_at=utc_now(),
                **fields,
            )
        )

    await database.write(work)
    return user_id


async def get_user(database: Database, user_id: str) -> User:
    return await database.read(lambda session: session.get_one(User, user_id))


def wanted(user_id: str, prompt: int = 10, cap: int = 90, **fields: Any) -> Wanted:
    return Wanted(
        id=new_id(),
        user_id=user_id,
        game_id="",
        backend="ollama",
        model="m",
        prompt_tokens=prompt,
        output_cap=cap,
        **fields,
    )


def entry(asked: Wanted, prompt: int = 10, completion: int = 5, status: Status = "ok", at: datetime = NOON) -> Entry:
    return Entry(
        id=asked.id,
        timestamp=at,
        user_id=asked.user_id,
        backend=asked.backend,
        model=asked.model,
        prompt_tokens=prompt,
        completion_tokens=completion,
        status=status,
    )


async def test_calls_that_come_one_by_one_wait_for_no_other_and_those_at_once_are_written_together(
    database: Database, meter: Meter
) -> None:
    user_id = await add_user(database, token_limit=10_000)

    async def settles_at_once() -> bool:
        await meter.hold(asked := wanted(user_id))
        settled = meter.settle(asked.id, entry(asked))
        is_done = settled.done()
        assert await settled
        return is_done

    with pytest.raises(LimitReached):
        await meter.hold(wanted(user_id, 20_000))
    one_by_one = [await settles_at_once() for _ in range(ONE_BY_ONE)]
    assert (one_by_one[0], one_by_one[-1]) == (False, True)
    await meter.hold(other := wanted(user_id))
    beside_another = [await settles_at_once() for _ in range(ONE_BY_ONE)]
    await meter.settle(other.id, None)
    afterwards = [await settles_at_once() for _ in range(ONE_BY_ONE)]
    assert not any(beside_another)
    assert (afterwards[0], afterwards[-1]) == (False, True)
    assert (await get_user(database, user_id)).tokens_held == 0


class TestHold:
    async def test_a_call_cannot_take_what_another_has_in_flight(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database, token_limit=150)
        await meter.hold(wanted(user_id, 10, 90))
        granted = await meter.hold(wanted(user_id, 10, 90))
        assert granted.output_cap == 40
        assert (await get_user(database, user_id)).tokens_held == 150

    async def test_fifty_at_once_never_hold_more_than_the_limit(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database, token_limit=1000)
        answers = await asyncio.gather(
            *(meter.hold(wanted(user_id, 10, 90)) for _ in range(50)), return_exceptions=True
        )
        refused = [answer for answer in answers if isinstance(answer, BaseException)]
        assert len(refused) == 40
        assert all(isinstance(answer, LimitReached) for answer in refused)
        assert (await get_user(database, user_id)).tokens_held == 1000

    async def test_without_a_limit_nothing_is_lowered(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database, token_limit=None)
        granted = await meter.hold(wanted(user_id, 10, 1_000_000))
        assert (granted.output_cap, granted.is_limited) == (1_000_000, False)

    async def test_spent_is_final_and_says_when_it_resets(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database, token_limit=100, limit_period="month", period="2026-11", tokens_used=95)
        with pytest.raises(LimitReached) as raised:
            await meter.hold(wanted(user_id, 10, 90))
        error = raised.value
        assert error.details == {"used": 95, "limit": 100, "remaining": 5, "resets_at": "2026-12-01T00:00:00Z"}
        assert error.headers["x-should-retry"] == "false"
        assert "retry-after" not in error.headers
        assert "95 of your 100 tokens this month" in error.message

    async def test_held_by_other_calls_may_be_tried_again(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database, token_limit=100)
        await meter.hold(wanted(user_id, 10, 90))
        with pytest.raises(LimitReached) as raised:
            await meter.hold(wanted(user_id, 10, 90))
        assert 1 <= int(raised.value.headers["retry-after"]) <= 60
        assert "x-should-retry" not in raised.value.headers

    async def test_the_cap_never_falls_below_a_thinking_budget(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database, token_limit=1000)
        with pytest.raises(LimitReached):
            await meter.hold(wanted(user_id, 10, 4000, least_output=1025))
        assert (await get_user(database, user_id)).tokens_held == 0

    async def test_a_limit_of_nothing_blocks(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database, token_limit=0)
        with pytest.raises(LimitReached):
            await meter.hold(wanted(user_id, 1, 1))

    async def test_is_refused_to_the_inactive_and_the_unknown(self, database: Database, meter: Meter) -> None:
        for user_id in (await add_user(database, is_active=False, token_limit=100), "nobody"):
            with pytest.raises(Unauthenticated):
                await meter.hold(wanted(user_id))
        assert await database.read(lambda session: session.exec(select(Hold)).all()) == []

    async def test_a_changed_limit_counts_for_the_next_call(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database, token_limit=50)
        with pytest.raises(LimitReached):
            await meter.hold(wanted(user_id, 60, 10))

        def raise_it(session: Session) -> None:
            session.get_one(User, user_id).token_limit = 500

        await database.write(raise_it)
        assert (await meter.hold(wanted(user_id, 60, 10))).output_cap == 10


class TestOwnLimit:
    @pytest.mark.parametrize(("hosts", "own", "holds"), [(100, 50, 50), (50, 100, 50), (None, 50, 50), (50, None, 50)])
    async def test_the_lower_of_the_two_holds(
        self, database: Database, meter: Meter, hosts: int | None, own: int | None, holds: int
    ) -> None:
        user_id = await add_user(database, token_limit=hosts, own_token_limit=own)
        granted = await meter.hold(wanted(user_id, 10, 500))
        assert (granted.output_cap, granted.is_limited) == (holds - 10, True)
        with pytest.raises(LimitReached) as raised:
            await meter.hold(wanted(user_id, 10, 500))
        assert raised.value.details["limit"] == holds
        assert (await get_user(database, user_id)).effective_limit == holds


class TestGameDay:
    def of(self, user_id: str, game_id: str = "g1", prompt: int = 10, cap: int = 90, game_cap: int = 100) -> Wanted:
        return wanted(user_id, prompt, cap)._replace(game_id=game_id, game_cap=game_cap)

    async def test_one_game_cannot_take_more_in_a_day_and_another_still_can(
        self, database: Database, meter: Meter, clock: Clock
    ) -> None:
        user_id = await add_user(database)
        first = self.of(user_id, cap=50)
        await meter.hold(first)
        second = self.of(user_id)
        assert (await meter.hold(second)).output_cap == 30
        with pytest.raises(LimitReached, match="in a day") as raised:
            await meter.hold(self.of(user_id))
        assert "retry-after" in raised.value.headers
        await meter.settle(first.id, entry(first, 10, 50))
        await meter.settle(second.id, entry(second, 10, 30))
        with pytest.raises(LimitReached) as raised:
            await meter.hold(self.of(user_id))
        assert raised.value.details == {
            "used": 100, "limit": 100, "remaining": 0, "resets_at": "2026-11-24T00:00:00Z"
        }  # fmt: skip
        assert "retry-after" not in raised.value.headers
        assert (await meter.hold(self.of(user_id, "g2"))).output_cap == 90
        assert (await meter.hold(wanted(user_id, 10, 500))).output_cap == 500
        clock.now += timedelta(days=1)
        assert (await meter.hold(self.of(user_id))).output_cap == 90

    async def test_fifty_at_once_stay_within_it(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database, token_limit=100_000)
        asked = [self.of(user_id, cap=20, game_cap=300) for _ in range(50)]
        answers = await asyncio.gather(*(meter.hold(each) for each in asked), return_exceptions=True)
        held = [each for each, answer in zip(asked, answers, strict=True) if not isinstance(answer, BaseException)]
        assert len(held) == 10
        assert (await get_user(database, user_id)).tokens_held == 300
        for each in held:
            await meter.settle(each.id, None)
        assert (await get_user(database, user_id)).tokens_held == 0
        assert (await meter.hold(self.of(user_id, cap=290, game_cap=300))).output_cap == 290

    async def test_a_refusal_of_the_users_limit_holds_nothing_of_the_game(
        self, database: Database, meter: Meter
    ) -> None:
        user_id = await add_user(database, token_limit=5)
        with pytest.raises(LimitReached, match="your 5 tokens"):
            await meter.hold(self.of(user_id))
        assert await database.read(lambda session: session.exec(select(GameDay)).all()) == []

    async def test_a_call_over_midnight_counts_on_the_day_it_settles(
        self, database: Database, meter: Meter, clock: Clock
    ) -> None:
        user_id = await add_user(database)
        asked = self.of(user_id, cap=50)
        await meter.hold(asked)
        clock.now += timedelta(hours=13)
        await meter.settle(asked.id, entry(asked, 10, 20, at=clock.now))
        days = await database.read(lambda session: session.exec(select(GameDay)).all())
        assert {day.day: (day.tokens_used, day.tokens_held) for day in days} == {
            "2026-11-23": (0, 0),
            "2026-11-24": (30, 0),
        }


class TestPeriods:
    @pytest.mark.parametrize(("limit_period", "later"), [("day", timedelta(days=1)), ("month", timedelta(days=8))])
    async def test_roll_over_with_the_first_call(
        self, database: Database, meter: Meter, clock: Clock, limit_period: str, later: timedelta
    ) -> None:
        user_id = await add_user(database, token_limit=100, limit_period=limit_period)
        first = wanted(user_id, 10, 90)
        await meter.hold(first)
        await meter.settle(first.id, entry(first, 10, 90))
        with pytest.raises(LimitReached):
            await meter.hold(wanted(user_id, 10, 1))
        clock.now += later
        assert (await meter.hold(wanted(user_id, 10, 90))).output_cap == 90
        user = await get_user(database, user_id)
        assert (user.tokens_used, user.tokens_held, user.total_tokens) == (0, 100, 100)

    async def test_a_total_never_resets(self, database: Database, meter: Meter, clock: Clock) -> None:
        user_id = await add_user(database, token_limit=100)
        first = wanted(user_id, 10, 90)
        await meter.hold(first)
        await meter.settle(first.id, entry(first, 10, 90))
        clock.now += timedelta(days=400)
        with pytest.raises(LimitReached) as raised:
            await meter.hold(wanted(user_id, 10, 1))
        assert raised.value.details["resets_at"] is None

    async def test_a_call_counts_in_the_period_in_which_it_settles(
        self, database: Database, meter: Meter, clock: Clock
    ) -> None:
        user_id = await add_user(database, token_limit=100, limit_period="day")
        first = wanted(user_id, 10, 50)
        await meter.hold(first)
        clock.now += timedelta(hours=13)
        await meter.settle(first.id, entry(first, 10, 20, at=clock.now))
        user = await get_user(database, user_id)
        assert (user.period, user.tokens_used, user.tokens_held) == ("2026-11-24", 30, 0)

    async def test_a_hold_outlives_the_period(self, database: Database, meter: Meter, clock: Clock) -> None:
        user_id = await add_user(database, token_limit=100, limit_period="day")
        await meter.hold(wanted(user_id, 10, 50))
        clock.now += timedelta(days=1)
        assert (await meter.hold(wanted(user_id, 10, 90))).output_cap == 30


class TestSettle:
    async def test_writes_ledger_and_roll_ups_and_gives_back_the_hold(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database)
        for _ in range(2):
            asked = wanted(user_id)
            await meter.hold(asked)
            assert await meter.settle(asked.id, entry(asked, 10, 5))
        rows = await database.read(lambda session: session.exec(select(TokenUsage)).all())
        assert [row.total_tokens for row in rows] == [15, 15]
        for table in (UsageHour, UsageMinute):
            (sums,) = await database.read(lambda session, table=table: session.exec(select(table)).all())  # type: ignore[misc]
            assert (sums.calls, sums.prompt_tokens, sums.completion_tokens, sums.total_tokens) == (2, 20, 10, 30)
        user = await get_user(database, user_id)
        assert (user.tokens_used, user.tokens_held, user.total_tokens) == (30, 0, 30)
        assert await database.read(lambda session: session.exec(select(Hold)).all()) == []

    async def test_twice_counts_once(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database)
        asked = wanted(user_id)
        await meter.hold(asked)
        answers = await asyncio.gather(*(meter.settle(asked.id, entry(asked)) for _ in range(10)))
        assert sorted(answers) == [False] * 9 + [True]
        assert (await get_user(database, user_id)).total_tokens == 15

    async def test_of_nothing_gives_back_the_hold_and_writes_no_row(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database, token_limit=100)
        asked = wanted(user_id)
        await meter.hold(asked)
        assert await meter.settle(asked.id, None)
        user = await get_user(database, user_id)
        assert (user.tokens_used, user.tokens_held) == (0, 0)
        assert await database.read(lambda session: session.exec(select(TokenUsage)).all()) == []

    async def test_that_fails_keeps_the_hold(
        self, database: Database, meter: Meter, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        user_id = await add_user(database)
        asked = wanted(user_id)
        await meter.hold(asked)

        def full(*_: object) -> None:
            raise OSError("disk full")

        monkeypatch.setattr("vanilla.usage.ledger.record", full)
        with pytest.raises(OSError, match="disk full"):
            await meter.settle(asked.id, entry(asked))
        monkeypatch.undo()
        assert (await get_user(database, user_id)).tokens_held == 100
        assert await meter.settle(asked.id, entry(asked))
        assert (await get_user(database, user_id)).tokens_held == 0

    async def test_a_failure_beside_it_does_not_touch_it(self, database: Database, meter: Meter) -> None:
        user_id = await add_user(database)
        asked = wanted(user_id)
        await meter.hold(asked)

        def break_it(session: Session) -> None:
            session.get_one(User, user_id).total_tokens = 999_999
            session.flush()
            raise RuntimeError("on purpose")

        answers = await asyncio.gather(
            database.write(break_it),
            meter.settle(asked.id, entry(asked)),
            database.write(break_it),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [RuntimeError, bool, RuntimeError]
        assert (await get_user(database, user_id)).total_tokens == 15


class TestRecover:
    async def test_what_a_dead_process_left_becomes_rows_with_its_last_checkpoint(
        self, database: Database, meter: Meter
    ) -> None:
        user_id = await add_user(database, token_limit=1000)
        asked = [wanted(user_id) for _ in range(3)]
        for each in asked:
            await meter.hold(each)
        await meter.checkpoint([Checkpoint(asked[0].id, 12, 34)])
        successor = Meter(database)
        entries = await successor.recover(everything=True)
        assert {(e.id, e.prompt_tokens, e.completion_tokens, e.status, e.estimated) for e in entries} == {
            (asked[0].id, 12, 34, "recovered", True),
            (asked[1].id, 10, 0, "recovered", True),
            (asked[2].id, 10, 0, "recovered", True),
        }
        user = await get_user(database, user_id)
        assert (user.tokens_held, user.tokens_used) == (0, 66)
        assert await successor.recover(everything=True) == []

    async def test_leaves_alone_what_a_living_process_refreshes(
        self, database: Database, meter: Meter, clock: Clock
    ) -> None:
        user_id = await add_user(database)
        living, dead = wanted(user_id), wanted(user_id)
        await meter.hold(living)
        await meter.hold(dead)
        clock.now += timedelta(minutes=9)
        await meter.checkpoint([Checkpoint(living.id, 10, 1)])
        clock.now += timedelta(minutes=2)
        entries = await meter.recover(everything=False)
        assert [each.id for each in entries] == [dead.id]


def test_the_periods_that_are_bound_are_those_of_accounts() -> None:
    for now in (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)):
        keys = {"day": period_key("day", now), "month": period_key("month", now)}
        assert holds._times(now) == {"now": utc_text(now), **keys}
