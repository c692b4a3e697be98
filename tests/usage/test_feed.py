"""The live feed: what happens now, and the ranges that end now."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest
from sqlmodel import Session

from tests import factories
from tests.usage.conftest import NOON, AddEntry, AddGame, AddUser, Clock, entry
from vanilla.database import Database
from vanilla.usage import feed as feed_module
from vanilla.usage.books import KEPT
from vanilla.usage.feed import Feed, LiveCall
from vanilla.usage.ledger import Entry
from vanilla.usage.metrics import Metrics
from vanilla.usage.outcomes import Outcomes
from vanilla.usage.past import Past, Pasts
from vanilla.usage.snapshot import LiveSnapshot
from vanilla.usage.spans import RANGES, Range
from vanilla.usage.standings import Standings
from vanilla.usage.statistics import Statistics

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def open_feed(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Feed]:
    monkeypatch.setattr(feed_module, "SECONDS_BETWEEN_PUSHES", 0.01)
    await feed.open()
    yield feed
    await feed.close()


def live_call(number: int = 1, **values: object) -> LiveCall:
    defaults: dict[str, object] = {
        "id": f"call-{number}",
        "user_id": "mira",
        "username": "mira",
        "game_id": "dragon",
        "backend": "ollama",
        "model": "llama3.2",
        "started_at": time.monotonic(),
        "wall_started": NOON,
        "prompt_tokens": 10,
    }
    return LiveCall(**{**defaults, **values})  # type: ignore[arg-type]


async def this_minute(feed: Feed) -> int:
    snapshot = await feed.current()
    assert snapshot.range.by_backend.get("ollama", (0,))[-1] == snapshot.minute.get("ollama", 0)
    return sum(snapshot.minute.values())


class TestCalls:
    async def test_nothing_has_happened_at_first(self, feed: Feed) -> None:
        snapshot = await feed.current()
        assert (snapshot.calls, snapshot.recent, snapshot.minute) == ((), (), {})
        shown = snapshot.range
        assert (shown.calls, shown.tokens, shown.users, shown.first_bytes, shown.failed) == (0, 0, (), (), 0)

    async def test_are_shown_while_they_run(self, feed: Feed) -> None:
        call = live_call(started_at=time.monotonic() - 6)
        feed.started(call)
        call.completion_tokens = 7
        (shown,) = (await feed.current()).calls
        assert (shown.username, shown.completion_tokens, shown.running_seconds) == ("mira", 7, 6)
        feed.ended(call, None)
        assert (await feed.current()).calls == ()

    async def test_the_peak_stays_when_they_end(self, feed: Feed) -> None:
        calls = [live_call(n) for n in range(3)]
        for call in calls:
            feed.started(call)
        for call in calls:
            feed.ended(call, None)
        feed.started(live_call(9))
        assert (await feed.current()).peak_calls_today == 3


class TestTokens:
    async def test_of_a_call_in_flight_count_at_once(self, feed: Feed) -> None:
        call = live_call()
        feed.started(call)
        call.completion_tokens = 20
        assert await this_minute(feed) == 30
        call.completion_tokens = 50
        assert await this_minute(feed) == 60
        snapshot = await feed.current()
        assert (snapshot.tokens_today, snapshot.range.tokens, snapshot.range.calls) == (60, 60, 0)
        assert [(used.id, used.tokens) for used in snapshot.range.games] == [("dragon", 60)]
        assert [(used.id, used.tokens) for used in snapshot.range.users] == [("mira", 60)]

    async def test_are_not_doubled_when_the_call_settles(
        self, feed: Feed, database: Database, add_user: AddUser
    ) -> None:
        await add_user("mira")
        call = live_call()
        feed.started(call)
        call.completion_tokens = 20
        await feed.current()
        row = entry(game_id="dragon", prompt_tokens=8, completion_tokens=21)
        await factories.record(database, row)
        feed.ended(call, row)
        snapshot = await feed.current()
        assert snapshot.minute == {"ollama": 29}
        assert (snapshot.tokens_today, snapshot.range.tokens, snapshot.range.calls) == (29, 29, 1)

    async def test_of_a_call_that_cost_nothing_are_gone_when_it_ends(self, feed: Feed) -> None:
        call = live_call()
        feed.started(call)
        assert await this_minute(feed) == 10
        feed.ended(call, None)
        snapshot = await feed.current()
        assert (snapshot.tokens_today, snapshot.minute, snapshot.range.games) == (0, {}, ())

    async def test_of_a_long_stream_stand_in_the_current_minute_until_it_settles(
        self, feed: Feed, database: Database, clock: Clock, add_user: AddUser
    ) -> None:
        await add_user("mira")
        call = live_call(prompt_tokens=0)
        feed.started(call)
        call.completion_tokens = 30
        assert (await feed.current()).range.by_backend["ollama"][-2:] == (0, 30)
        clock.now += 600
        call.completion_tokens = 50
        assert (await feed.current()).range.by_backend["ollama"][-11:] == (*[0] * 10, 50)
        row = entry(timestamp=clock.moment, prompt_tokens=0, completion_tokens=55)
        await factories.record(database, row)
        feed.ended(call, row)
        for minutes in range(KEPT + 3):  # whether they come from memory or from the roll-ups
            snapshot = await feed.current()
            assert (snapshot.range.by_backend["ollama"][-1 - minutes], snapshot.range.tokens) == (55, 55)
            assert snapshot.tokens_today == 55
            clock.now += 60

    async def test_a_new_day_begins_at_nothing_and_remembers_yesterday(self, feed: Feed, clock: Clock) -> None:
        feed.recorded(entry(), "mira")
        clock.now += 12 * 3600
        midnight = await feed.current()
        assert (midnight.tokens_today, midnight.tokens_yesterday) == (0, 0)
        clock.now += 12 * 3600
        assert (await feed.current()).tokens_yesterday == 15

    async def test_a_thousand_minutes_do_not_pile_up(self, feed: Feed, clock: Clock) -> None:
        for _ in range(1000):
            clock.now += 60
            feed.recorded(entry(timestamp=clock.moment), "mira")
        assert len(feed._books._books) <= KEPT + 1


class TestRanges:
    @pytest.mark.parametrize("key", RANGES)
    async def test_say_the_same_however_old_what_they_show_is(
        self, feed: Feed, database: Database, clock: Clock, add_user: AddUser, add_game: AddGame, key: str
    ) -> None:
        """Minute by minute, what settles stays one call with its tokens, in one step, until it falls out."""
        await add_user("mira")
        await add_game("dragon", "Dragon", "mira")
        of = RANGES[key]
        clock.now += 7 * 60  # in the middle of an hour
        row = entry(game_id="dragon", status="aborted", first_byte_ms=400, timestamp=clock.moment)
        await factories.record(database, row)
        feed.recorded(row, "mira")
        feed.refused("mira", "mira", "ollama", "spent")
        step = of.length
        for back in (0, 1, 1, 1, 4, of.length - of.step - 17):
            clock.now += max(0, back) * 60
            await feed._outcomes.write()
            shown = (await feed.current(key)).range
            series = shown.by_backend["ollama"]
            assert (shown.calls, shown.tokens, sum(series), max(series)) == (1, 15, 15, 15)
            assert [(used.name, used.tokens, used.calls) for used in shown.users] == [("mira", 15, 1)]
            assert [(used.name, used.tokens) for used in shown.games] == [("Dragon", 15)]
            ((used, values),) = shown.by_user
            assert (used.id, values) == ("mira", series)
            assert (shown.failures, shown.refusals) == ({"aborted": 1}, {"spent": 1})
            assert [(first.backend, first.model, first.calls) for first in shown.first_bytes] == [
                ("ollama", "", 1),
                ("ollama", "llama3.2", 1),
            ]
            assert len(series) == of.length // of.step
            place = series.index(15)
            assert place <= step
            step = place
        clock.now += (2 * of.step + 20) * 60
        gone = (await feed.current(key)).range
        assert (gone.calls, gone.tokens, gone.failed, gone.refused) == (0, 0, 0, 0)

    async def test_a_user_who_came_now_stands_beside_those_of_the_past(
        self, feed: Feed, database: Database, add_user: AddUser
    ) -> None:
        for name in ("mira", "jon", "li"):
            await add_user(name)
        await factories.record(
            database,
            entry(user_id="jon", timestamp=NOON - 30 * MINUTE, prompt_tokens=500),
            entry(user_id="li", timestamp=NOON - 30 * MINUTE, prompt_tokens=50),
        )
        feed.recorded(entry(prompt_tokens=100), "mira")
        shown = (await feed.current()).range
        assert [(used.name, used.tokens) for used in shown.users] == [("jon", 505), ("mira", 105), ("li", 55)]
        assert {used.id: sum(values) for used, values in shown.by_user} == {"jon": 505, "li": 55, "mira": 105}

    async def test_percentiles_are_those_of_each_backend_and_model(self, feed: Feed) -> None:
        for number in range(100):
            feed.recorded(entry(first_byte_ms=100 + number), "mira")
        feed.recorded(entry(backend="anthropic", model="claude", first_byte_ms=5000), "mira")
        firsts = {(first.backend, first.model): first for first in (await feed.current()).range.first_bytes}
        assert [*firsts] == [("anthropic", ""), ("ollama", ""), ("anthropic", "claude"), ("ollama", "llama3.2")]
        assert firsts["ollama", ""].p50_ms == pytest.approx(150, rel=0.12)
        assert firsts["ollama", "llama3.2"].p95_ms == pytest.approx(195, rel=0.12)
        assert firsts["anthropic", ""].p50_ms == pytest.approx(5000, rel=0.25)


class TestHistory:
    async def test_recent_calls_are_the_last_fifty_newest_first(self, feed: Feed) -> None:
        for number in range(60):
            feed.recorded(entry(id=str(number)), "mira")
        recent = (await feed.current()).recent
        assert len(recent) == 50
        assert (recent[0].entry.id, recent[0].username) == ("59", "mira")

    async def test_refusals_are_counted_by_reason(self, feed: Feed) -> None:
        for reason in ("spent", "held", "spent"):
            feed.refused("mira", "mira", "ollama", reason)
        assert (await feed.current()).range.refusals == {"spent": 2, "held": 1}

    async def test_comes_back_after_a_restart(
        self, feed: Feed, add_user: AddUser, add_game: AddGame, add_entry: AddEntry
    ) -> None:
        await add_user("mira", token_limit=100, tokens_used=15)
        await add_game("dragon", "Dragon", "mira")
        await add_entry(game_id="dragon", first_byte_ms=400, timestamp=NOON - MINUTE)
        await add_entry(timestamp=NOON - timedelta(hours=3))
        await add_entry(timestamp=NOON - timedelta(days=1), prompt_tokens=1, completion_tokens=1)
        await add_entry(timestamp=NOON - timedelta(hours=14), prompt_tokens=1000)
        feed.recorded(entry(), "mira")  # told too early: what the database knows is all there is
        await feed.open()
        await feed.close()
        snapshot = await feed.current()
        assert snapshot.range.by_backend["ollama"][-2:] == (15, 0)
        assert snapshot.range.tokens == 15
        assert (snapshot.tokens_today, snapshot.tokens_yesterday) == (30, 2)
        assert [call.entry.timestamp for call in snapshot.recent][:2] == [
            NOON - MINUTE,
            NOON - timedelta(hours=3),
        ]
        assert snapshot.recent[0].username == "mira"
        assert [near.username for near in snapshot.near_limit] == ["mira"]
        assert (await feed.current("24h")).range.calls == 3

    async def test_refusals_failures_and_first_bytes_come_back_too(
        self, feed: Feed, database: Database, statistics: Statistics, clock: Clock, add_user: AddUser
    ) -> None:
        await add_user("mira")
        await feed.open()
        row = entry(first_byte_ms=400, status="failed")
        await factories.record(database, row)
        feed.recorded(row, "mira")
        feed.refused("mira", "mira", "ollama", "spent")
        before = (await feed.current()).range
        await feed.close()
        again = Feed(statistics, Pasts(database, Standings()), Outcomes(database), clock=clock)
        await again.open()
        await again.close()
        after = (await again.current()).range
        assert (after.refusals, after.failures) == ({"spent": 1}, {"failed": 1})
        assert after.first_bytes == before.first_bytes

    async def test_a_call_that_is_recovered_later_is_told_with_its_users_name(
        self, feed: Feed, database: Database, add_user: AddUser
    ) -> None:
        await add_user("mira")
        metrics = Metrics()
        metrics.tell(feed)
        row = entry(status="recovered")
        await factories.record(database, row)
        metrics.recorded(row)
        snapshot = await feed.current()
        assert [(call.entry.id, call.username) for call in snapshot.recent] == [(row.id, "mira")]
        assert (snapshot.range.failures, snapshot.range.tokens) == ({"recovered": 1}, 15)
        metrics.ended("ollama", entry(id="other"), 0.1)  # which the relay tells the feed itself
        assert (await feed.current()).range.calls == 1

    async def test_what_a_model_server_said_is_a_refusal_of_its_own(self, feed: Feed) -> None:
        metrics = Metrics()
        metrics.tell(feed)
        for kind in ("529", "broken", "401"):
            metrics.upstream_failed("anthropic", kind)
        assert (await feed.current()).range.refusals == {"upstream 529": 1}


class Watcher:
    """Keeps the snapshots it was told, and can be waited for."""

    def __init__(self) -> None:
        self.seen: list[LiveSnapshot] = []
        self._told = asyncio.Event()

    def __call__(self, snapshot: LiveSnapshot) -> None:
        self.seen.append(snapshot)
        self._told.set()

    async def until(self, holds: Callable[[LiveSnapshot], bool]) -> LiveSnapshot:
        async with asyncio.timeout(5):
            while not (self.seen and holds(self.seen[-1])):
                self._told.clear()
                await self._told.wait()
        return self.seen[-1]


class TestWatching:
    async def test_a_watcher_sees_a_stream_grow(self, open_feed: Feed) -> None:
        watcher = Watcher()
        open_feed.subscribe(watcher)
        call = live_call()
        open_feed.started(call)
        await watcher.until(lambda snapshot: len(snapshot.calls) == 1)
        call.completion_tokens = 33  # nobody tells the feed: it looks
        await watcher.until(lambda snapshot: sum(snapshot.minute.values()) == 43)

    async def test_nothing_is_pushed_while_nothing_changes(self, open_feed: Feed) -> None:
        watcher = Watcher()
        open_feed.subscribe(watcher)
        await watcher.until(lambda _: True)
        before = len(watcher.seen)
        for _ in range(5):
            await asyncio.sleep(feed_module.SECONDS_BETWEEN_PUSHES)
        assert len(watcher.seen) == before

    async def test_many_changes_are_one_push(self, open_feed: Feed) -> None:
        watcher = Watcher()
        open_feed.subscribe(watcher)
        for number in range(500):
            open_feed.started(live_call(number))
        await watcher.until(lambda snapshot: len(snapshot.calls) == 500)
        assert len(watcher.seen) <= 2

    async def test_twenty_who_watch_cost_one_aggregation(
        self, open_feed: Feed, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reads: list[str] = []
        read = open_feed._pasts._read

        def counted(session: Session, of: Range, minute: int) -> Past:
            reads.append(of.key)
            return read(session, of, minute)

        monkeypatch.setattr(open_feed._pasts, "_read", counted)
        watchers = [Watcher() for _ in range(20)]
        for watcher in watchers:
            open_feed.subscribe(watcher)
        open_feed.started(live_call())
        for watcher in watchers:
            await watcher.until(lambda snapshot: len(snapshot.calls) == 1)
        assert open_feed.aggregations * 20 == open_feed.pushes
        assert all(watcher.seen[-1] is watchers[0].seen[-1] for watcher in watchers)
        assert reads.count("1h") == 1

    @pytest.mark.parametrize(("watchers", "times"), [(0, 1), (1, 1), (5, 1), (10, 2), (20, 4), (1_000, 4)])
    def test_many_are_told_less_often(self, watchers: int, times: float) -> None:
        assert feed_module.pauses(watchers) == times

    async def test_each_sees_the_range_it_asked_for(self, open_feed: Feed) -> None:
        hour, year = Watcher(), Watcher()
        open_feed.subscribe(hour)
        open_feed.subscribe(year, "1y")
        open_feed.recorded(entry(), "mira")
        assert (await hour.until(lambda snapshot: snapshot.range.tokens == 15)).range.range.key == "1h"
        assert (await year.until(lambda snapshot: snapshot.range.tokens == 15)).range.range.key == "1y"

    async def test_one_that_fails_does_not_hurt_the_others(
        self, open_feed: Feed, caplog: pytest.LogCaptureFixture
    ) -> None:
        def fails(_snapshot: LiveSnapshot) -> None:
            raise RuntimeError("page is gone")

        watcher = Watcher()
        open_feed.subscribe(fails)
        open_feed.subscribe(watcher)
        open_feed.started(live_call())
        await watcher.until(lambda snapshot: len(snapshot.calls) == 1)
        open_feed.refused("mira", "mira", "ollama", "spent")
        await watcher.until(lambda snapshot: bool(snapshot.range.refusals))
        assert caplog.text.count("A watcher of the live feed failed") == 1

    async def test_a_database_that_fails_for_a_while_ends_nothing(
        self, open_feed: Feed, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        watcher = Watcher()
        open_feed.subscribe(watcher)
        await watcher.until(lambda _: True)
        read = open_feed._pasts._read

        def fails(*_args: object) -> object:
            raise RuntimeError("disk is gone")

        monkeypatch.setattr(open_feed._pasts, "_read", fails)
        clock.now += 60
        async with asyncio.timeout(5):
            while "could not be read" not in caplog.text:
                await asyncio.sleep(0.01)
        monkeypatch.setattr(open_feed._pasts, "_read", read)
        open_feed.recorded(entry(timestamp=clock.moment), "mira")
        await watcher.until(lambda snapshot: snapshot.range.tokens == 15)

    async def test_one_that_left_is_told_nothing_more(self, open_feed: Feed) -> None:
        left, stays = Watcher(), Watcher()
        leave = open_feed.subscribe(left)
        open_feed.subscribe(stays)
        await stays.until(lambda _: True)
        leave()
        leave()
        told = len(left.seen)
        open_feed.started(live_call())
        await stays.until(lambda snapshot: len(snapshot.calls) == 1)
        assert (len(left.seen), open_feed.watchers) == (told, 1)

    async def test_sees_who_comes_near_a_limit(
        self, open_feed: Feed, add_user: AddUser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(feed_module, "SECONDS_BETWEEN_LIMITS", 0.0)
        watcher = Watcher()
        open_feed.subscribe(watcher)
        await add_user("mira", token_limit=100, tokens_used=99)
        open_feed.recorded(entry(), "mira")
        await watcher.until(lambda snapshot: [near.username for near in snapshot.near_limit] == ["mira"])

    async def test_sees_the_title_of_a_game_that_was_not_there_before(
        self, open_feed: Feed, add_user: AddUser, add_game: AddGame
    ) -> None:
        watcher = Watcher()
        open_feed.subscribe(watcher)
        await add_user("mira")
        await add_game("dragon", "Dragon at the Bridge", "mira")
        open_feed.started(live_call())
        snapshot = await watcher.until(lambda snapshot: len(snapshot.calls) == 1)
        assert snapshot.titles == {"dragon": "Dragon at the Bridge"}

    async def test_a_page_that_opens_sees_limits_as_they_are_now(self, feed: Feed, add_user: AddUser) -> None:
        await add_user("mira", token_limit=100, tokens_used=99)
        assert [near.username for near in (await feed.current()).near_limit] == ["mira"]

    async def test_snapshots_do_not_change_afterwards(self, feed: Feed) -> None:
        feed.recorded(entry(), "mira")
        snapshot = await feed.current()
        feed.recorded(entry(), "mira")
        feed.refused("mira", "mira", "ollama", "spent")
        assert (snapshot.range.tokens, snapshot.minute) == (15, {"ollama": 15})
        assert (snapshot.range.refusals, len(snapshot.recent)) == ({}, 1)


async def test_a_server_that_is_killed_loses_seconds_of_refusals_and_no_call(
    database: Database, statistics: Statistics, outcomes: Outcomes, clock: Clock, add_user: AddUser
) -> None:
    await add_user("mira")
    feed = Feed(statistics, Pasts(database, Standings()), outcomes, clock=clock)
    await feed.open()
    row: Entry = entry(first_byte_ms=400)
    await factories.record(database, row)
    feed.recorded(row, "mira")
    feed.refused("mira", "mira", "ollama", "spent")
    await outcomes.write()
    feed.refused("mira", "mira", "ollama", "spent")  # and no time to write that one
    again = Feed(statistics, Pasts(database, Standings()), Outcomes(database), clock=clock)
    await again.open()
    shown = (await again.current()).range
    assert (shown.calls, shown.tokens, shown.refusals) == (1, 15, {"spent": 1})
    for each in (again, feed):
        await each.close()
