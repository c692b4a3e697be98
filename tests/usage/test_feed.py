import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from tests.usage.conftest import NOON, AddEntry, AddGame, AddUser, entry
from vanilla.usage import feed as feed_module
from vanilla.usage.feed import Feed, LiveCall
from vanilla.usage.snapshot import LiveSnapshot
from vanilla.usage.statistics import Statistics


class Clock:
    """Unix seconds that move when told to."""

    def __init__(self) -> None:
        self.now = NOON.timestamp()

    def __call__(self) -> float:
        return self.now

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def feed(statistics: Statistics, clock: Clock) -> Feed:
    return Feed(statistics, clock=clock)


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


def this_minute(feed: Feed) -> int:
    return feed.snapshot().minutes[-1].total


class TestCalls:
    def test_nothing_has_happened_at_first(self, feed: Feed) -> None:
        snapshot = feed.snapshot()
        assert snapshot.calls == ()
        assert len(snapshot.minutes) == 60
        assert snapshot.minutes[-1].start == NOON
        assert snapshot.first_byte_ms is None

    def test_are_shown_while_they_run(self, feed: Feed) -> None:
        call = live_call(started_at=time.monotonic() - 6)
        feed.started(call)
        call.completion_tokens = 7
        (shown,) = feed.snapshot().calls
        assert (shown.username, shown.completion_tokens, shown.running_seconds) == ("mira", 7, 6)
        feed.ended(call, None)
        assert feed.snapshot().calls == ()

    def test_the_peak_stays_when_they_end(self, feed: Feed) -> None:
        calls = [live_call(n) for n in range(3)]
        for call in calls:
            feed.started(call)
        for call in calls:
            feed.ended(call, None)
        feed.started(live_call(9))
        assert feed.snapshot().peak_calls_today == 3


class TestTokens:
    def test_of_a_call_in_flight_count_at_once(self, feed: Feed) -> None:
        call = live_call()
        feed.started(call)
        call.completion_tokens = 20
        assert this_minute(feed) == 30
        call.completion_tokens = 50
        assert this_minute(feed) == 60
        assert feed.snapshot().tokens_today == 60
        assert feed.snapshot().games_today == {"dragon": 60}

    def test_are_not_doubled_when_the_call_settles(self, feed: Feed) -> None:
        call = live_call()
        feed.started(call)
        call.completion_tokens = 20
        feed.snapshot()
        feed.ended(call, entry(game_id="dragon", prompt_tokens=8, completion_tokens=21))
        snapshot = feed.snapshot()
        assert snapshot.minutes[-1].tokens == {"ollama": 29}
        assert (snapshot.tokens_today, snapshot.games_today) == (29, {"dragon": 29})

    def test_of_a_call_that_cost_nothing_are_taken_back(self, feed: Feed) -> None:
        call = live_call()
        feed.started(call)
        feed.snapshot()
        feed.ended(call, None)
        snapshot = feed.snapshot()
        assert (snapshot.tokens_today, snapshot.minutes[-1].tokens, snapshot.games_today) == (0, {}, {})

    def test_of_a_long_stream_stay_in_the_minutes_in_which_they_came(self, feed: Feed, clock: Clock) -> None:
        call = live_call(prompt_tokens=0)
        feed.started(call)
        call.completion_tokens = 30
        feed.snapshot()
        clock.now += 60
        call.completion_tokens = 50
        assert [minute.total for minute in feed.snapshot().minutes[-2:]] == [30, 20]
        clock.now += 60
        feed.ended(call, entry(timestamp=clock.moment, prompt_tokens=0, completion_tokens=55))
        snapshot = feed.snapshot()
        assert snapshot.tokens_today == 55
        assert [minute.total for minute in snapshot.minutes[-3:-1]] == [30, 20]
        assert snapshot.minutes[-1].total == 5

    def test_never_fall_below_zero_in_a_minute(self, feed: Feed, clock: Clock) -> None:
        call = live_call(prompt_tokens=1000)
        feed.started(call)
        feed.snapshot()
        clock.now += 60
        feed.ended(call, entry(timestamp=clock.moment, prompt_tokens=10, completion_tokens=0))
        snapshot = feed.snapshot()
        assert snapshot.minutes[-1].total == 0
        assert snapshot.tokens_today == 10

    def test_are_kept_apart_by_backend_and_the_window_moves(self, feed: Feed, clock: Clock) -> None:
        feed.recorded(entry(), "mira")
        feed.recorded(entry(backend="anthropic", prompt_tokens=100), "mira")
        clock.now += 59 * 60
        assert feed.snapshot().minutes[0].tokens == {"ollama": 15, "anthropic": 105}
        clock.now += 60
        assert sum(minute.total for minute in feed.snapshot().minutes) == 0
        assert feed.snapshot().tokens_today == 120

    def test_a_new_day_begins_at_nothing_and_remembers_yesterday(self, feed: Feed, clock: Clock) -> None:
        feed.recorded(entry(), "mira")
        feed.refused("mira", "mira", "ollama", "spent")
        clock.now += 12 * 3600
        midnight = feed.snapshot()
        assert (midnight.tokens_today, midnight.tokens_yesterday, midnight.refusals_today) == (0, 0, {})
        clock.now += 12 * 3600
        assert feed.snapshot().tokens_yesterday == 15

    def test_a_thousand_minutes_do_not_pile_up(self, feed: Feed, clock: Clock) -> None:
        for _ in range(1000):
            clock.now += 60
            feed.recorded(entry(timestamp=clock.moment), "mira")
        assert len(feed._minutes) <= 2 * feed_module.MINUTES + 1


class TestHistory:
    def test_recent_calls_are_the_last_fifty_newest_first(self, feed: Feed) -> None:
        for number in range(60):
            feed.recorded(entry(id=str(number)), "mira")
        recent = feed.snapshot().recent
        assert len(recent) == 50
        assert (recent[0].entry.id, recent[0].username) == ("59", "mira")

    def test_first_byte_is_the_median(self, feed: Feed) -> None:
        for milliseconds in (100, 900, 300, None):
            feed.recorded(entry(first_byte_ms=milliseconds), "mira")
        assert feed.snapshot().first_byte_ms == 300

    def test_refusals_are_counted_by_reason(self, feed: Feed) -> None:
        for reason in ("spent", "held", "spent"):
            feed.refused("mira", "mira", "ollama", reason)
        assert feed.snapshot().refusals_today == {"spent": 2, "held": 1}

    async def test_comes_back_after_a_restart(
        self, feed: Feed, add_user: AddUser, add_game: AddGame, add_entry: AddEntry
    ) -> None:
        await add_user("mira", token_limit=100, tokens_used=15)
        await add_game("dragon", "Dragon", "mira")
        await add_entry(game_id="dragon", first_byte_ms=400, timestamp=NOON - timedelta(minutes=1))
        await add_entry(timestamp=NOON - timedelta(hours=3))
        await add_entry(timestamp=NOON - timedelta(days=1), prompt_tokens=1, completion_tokens=1)
        await add_entry(timestamp=NOON - timedelta(hours=14), prompt_tokens=1000)
        await feed.open()
        await feed.close()
        snapshot = feed.snapshot()
        assert snapshot.minutes[-2].tokens == {"ollama": 15}
        assert sum(minute.total for minute in snapshot.minutes) == 15
        assert (snapshot.tokens_today, snapshot.tokens_yesterday) == (30, 2)
        assert snapshot.games_today == {"dragon": 15, "": 15}
        assert [call.entry.timestamp for call in snapshot.recent][:2] == [
            NOON - timedelta(minutes=1),
            NOON - timedelta(hours=3),
        ]
        assert snapshot.recent[0].username == "mira"
        assert snapshot.first_byte_ms == 400
        assert [near.username for near in snapshot.near_limit] == ["mira"]


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
        await watcher.until(lambda snapshot: snapshot.minutes[-1].total == 43)

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
        await watcher.until(lambda snapshot: bool(snapshot.refusals_today))
        assert caplog.text.count("A watcher of the live feed failed") == 1

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
        assert len(left.seen) == told

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
        snapshot = feed.snapshot()
        feed.recorded(entry(), "mira")
        feed.refused("mira", "mira", "ollama", "spent")
        assert snapshot.minutes[-1].total == 15
        assert (snapshot.refusals_today, len(snapshot.recent)) == ({}, 1)
