"""What happens right now, in memory: the relay reports calls here, pages that watch are told at most twice a second.

Reporting a call costs microseconds and no query. One aggregator task serves every watcher, and sleeps while nobody
watches. After a restart the minutes, totals and recent calls come back from the database; refusals, the peak and first
bytes start anew.
"""

import asyncio
import contextlib
import logging
import statistics
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from vanilla.models import NO_GAME
from vanilla.usage.ledger import Entry
from vanilla.usage.plays import Plays
from vanilla.usage.snapshot import CallNow, LiveSnapshot, Minute, RecentCall
from vanilla.usage.statistics import NearLimit, Statistics

logger = logging.getLogger(__name__)

MINUTES = 60  # that the chart shows, the current one included
DAY = 24 * 60  # minutes
RECENT = 50
FIRST_BYTES = 200  # calls that the median looks back on
SPENT = "spent"  # why a call was refused: a limit had no room for it
SECONDS_BETWEEN_PUSHES = 0.5
SECONDS_BETWEEN_LIMITS = 2.0  # while calls settle
SECONDS_BEFORE_LIMITS_ANYWAY = 15.0  # an admin may have changed them


@dataclass(slots=True)
class LiveCall:
    """A call in flight. The relay raises `completion_tokens` as chunks pass, and corrects `prompt_tokens` when the
    upstream reports it."""

    id: str
    user_id: str
    username: str
    game_id: str
    backend: str
    model: str
    started_at: float  # time.monotonic()
    wall_started: datetime
    prompt_tokens: int
    completion_tokens: int = 0
    first_byte_ms: int | None = None


class Feed:
    """Live state of this process. All methods are called on the event loop."""

    def __init__(self, statistics: Statistics, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds."""
        self._statistics = statistics
        self._clock = clock
        self._calls: dict[str, LiveCall] = {}
        self.plays = Plays(self._calls)
        self._counted: dict[str, int] = {}  # tokens of a call in flight that already stand in a minute
        self._minutes: dict[int, Counter[str]] = {}
        self._recent: deque[RecentCall] = deque(maxlen=RECENT)
        self._first_bytes: deque[int] = deque(maxlen=FIRST_BYTES)
        self._today = _Day(int(clock()) // 60 // DAY)
        self._yesterday: list[int] = [0] * DAY  # running totals at the end of each minute
        self._near_limit: tuple[NearLimit, ...] = ()
        self._titles: dict[str, str | None] = {NO_GAME: None}
        self._limits_changed = True
        self._changes = 0
        self._subscribers: dict[object, Callable[[LiveSnapshot], None]] = {}
        self._watched = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Take up where the database stands, then serve subscribers until `close()`."""
        await self._load()
        self._tasks = [
            asyncio.create_task(self.run(), name="live feed"),
            asyncio.create_task(self.plays.run(), name="plays"),
        ]

    async def close(self) -> None:
        """End the aggregators."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    def started(self, call: LiveCall) -> None:
        """A call was admitted."""
        self._turn()
        self._calls[call.id] = call
        self._today.peak = max(self._today.peak, len(self._calls))
        self._changes += 1
        self.plays.started(call)

    def ended(self, call: LiveCall, entry: Entry | None) -> None:
        """A call is over; `entry` is its ledger row, or None when it cost nothing."""
        self._turn()
        self._calls.pop(call.id, None)
        counted = self._counted.pop(call.id, 0)
        if counted:
            minute = self._minute() if entry is None else _minute_of(entry)
            self._add(minute, call.backend, call.game_id, -counted)
        if entry is not None:
            self.recorded(entry, call.username)
        self._changes += 1
        self.plays.ended(call, entry)

    def recorded(self, entry: Entry, username: str) -> None:
        """A row was written to the ledger: at the end of a call, or for one that a dead process left behind."""
        self._turn()
        self._add(_minute_of(entry), entry.backend, entry.game_id, entry.total_tokens)
        self._recent.appendleft(RecentCall(entry, username))
        if entry.first_byte_ms is not None:
            self._first_bytes.append(entry.first_byte_ms)
        self._limits_changed = True
        self._changes += 1

    def refused(self, user_id: str, username: str, backend: str, reason: str) -> None:
        """A call was not admitted. `reason` is one of a few short words, such as `spent`."""
        self._turn()
        self._today.refusals[reason] += 1
        self._changes += 1
        if reason == SPENT:
            self.plays.refused(user_id)

    def subscribe(self, callback: Callable[[LiveSnapshot], None]) -> Callable[[], None]:
        """Call `callback` with a snapshot when something has changed, at most twice a second. The returned function
        ends that. One that raises is logged and dropped."""
        key = object()
        self._subscribers[key] = callback
        self._watched.set()

        def unsubscribe() -> None:
            self._subscribers.pop(key, None)
            if not self._subscribers:
                self._watched.clear()

        return unsubscribe

    def snapshot(self) -> LiveSnapshot:
        """How things stand."""
        self._turn()
        self._count_calls_in_flight()
        minute = self._minute()
        now = time.monotonic()
        calls = sorted(self._calls.values(), key=lambda call: call.started_at)
        return LiveSnapshot(
            at=datetime.fromtimestamp(self._clock(), UTC),
            calls=tuple(_call_now(call, now) for call in calls),
            peak_calls_today=self._today.peak,
            minutes=tuple(
                Minute(datetime.fromtimestamp(number * 60, UTC), dict(+self._minutes.get(number, Counter())))
                for number in range(minute - MINUTES + 1, minute + 1)
            ),
            tokens_today=self._today.total,
            tokens_yesterday=self._yesterday[minute % DAY],
            games_today=dict((+self._today.games).most_common()),
            first_byte_ms=round(statistics.median(self._first_bytes)) if self._first_bytes else None,
            refusals_today=dict(self._today.refusals),
            recent=tuple(self._recent),
            near_limit=self._near_limit,
            titles={game_id: title for game_id, title in self._titles.items() if title is not None},
        )

    async def current(self) -> LiveSnapshot:
        """How things stand, with the limits as they are now: for a page that is being built."""
        await self._read_limits()
        await self._read_titles()
        return self.snapshot()

    async def run(self) -> None:
        """The aggregator: tells subscribers what changed, until cancelled."""
        told: object = None
        limits_read = 0.0
        while True:
            await self._watched.wait()
            wait = SECONDS_BETWEEN_LIMITS if self._limits_changed else SECONDS_BEFORE_LIMITS_ANYWAY
            if time.monotonic() - limits_read >= wait:
                limits_read = time.monotonic()
                await self._read_limits()
            state = self._state()
            if state != told:
                told = state
                await self._read_titles()
                self._publish(self.snapshot())
            await asyncio.sleep(SECONDS_BETWEEN_PUSHES)

    def _state(self) -> object:
        """Something that differs whenever a snapshot would."""
        tokens = sum(call.prompt_tokens + call.completion_tokens for call in self._calls.values())
        seconds = int(time.monotonic()) if self._calls else 0  # calls in flight grow older
        return self._changes, self._minute(), tokens, seconds

    def _publish(self, snapshot: LiveSnapshot) -> None:
        for key, callback in list(self._subscribers.items()):
            try:
                callback(snapshot)
            except Exception:
                logger.exception("A watcher of the live feed failed and is dropped")
                self._subscribers.pop(key, None)

    async def _read_limits(self) -> None:
        self._limits_changed = False
        try:
            near_limit = await self._statistics.near_limit()
        except Exception:
            logger.exception("Reading who is near a limit failed; the last figures stay")
            return
        if near_limit != self._near_limit:
            self._near_limit = near_limit
            self._changes += 1

    async def _read_titles(self) -> None:
        """Learn the titles of games that were not asked for yet today."""
        shown = {call.game_id for call in self._calls.values()} | {call.entry.game_id for call in self._recent}
        unknown = [game_id for game_id in shown | set(self._today.games) if game_id not in self._titles]
        if not unknown:
            return
        try:
            titles = await self._statistics.titles(unknown)
        except Exception:
            logger.exception("Reading the titles of games failed")
            return
        self._titles.update({game_id: titles.get(game_id) for game_id in unknown})

    async def _load(self) -> None:
        minute = self._minute()
        first = (minute // DAY - 1) * DAY
        yesterday = [0] * DAY
        for number, backend, tokens in await self._statistics.minutes(first):
            if number < first + DAY:
                yesterday[number - first] += tokens
            else:
                self._today.minutes[number % DAY] += tokens
                self._today.total += tokens
            if number > minute - MINUTES:
                self._minutes.setdefault(number, Counter())[backend] += tokens
        self._yesterday = list(accumulate(yesterday))
        midnight = datetime.fromtimestamp((first + DAY) * 60, UTC)
        for game in await self._statistics.by_game(since=midnight):
            self._today.games[game.game_id] = game.total_tokens
        for row in reversed(await self._statistics.recent(RECENT)):
            self._recent.appendleft(RecentCall(row.entry, row.username or ""))
            if row.entry.first_byte_ms is not None:
                self._first_bytes.append(row.entry.first_byte_ms)
        await self._read_limits()
        await self._read_titles()

    def _minute(self) -> int:
        return int(self._clock()) // 60

    def _turn(self) -> None:
        """Begin a new day when it has come, and forget minutes that no chart shows."""
        minute = self._minute()
        day = minute // DAY
        if day != self._today.number:
            follows = day == self._today.number + 1
            self._yesterday = list(accumulate(self._today.minutes)) if follows else [0] * DAY
            self._today = _Day(day)
            self._today.peak = len(self._calls)
            self._titles = {NO_GAME: None}
            self._changes += 1
        if len(self._minutes) > 2 * MINUTES:
            self._minutes = {number: tokens for number, tokens in self._minutes.items() if number > minute - MINUTES}

    def _count_calls_in_flight(self) -> None:
        """Put what calls in flight have used since the last look into the current minute."""
        minute = self._minute()
        for call in self._calls.values():
            used = call.prompt_tokens + call.completion_tokens
            if used != (counted := self._counted.get(call.id, 0)):
                self._counted[call.id] = used
                self._add(minute, call.backend, call.game_id, used - counted)

    def _add(self, minute: int, backend: str, game_id: str, tokens: int) -> None:
        """Add tokens, or take away ones that were counted too early or too high."""
        bucket = self._minutes.setdefault(minute, Counter())
        bucket[backend] += tokens
        if minute // DAY == self._today.number:
            self._today.minutes[minute % DAY] += tokens
            self._today.total += tokens
            self._today.games[game_id] += tokens


class _Day:
    """Counts of one UTC day."""

    def __init__(self, number: int) -> None:
        self.number = number  # days since 1970
        self.minutes = [0] * DAY
        self.total = 0
        self.peak = 0
        self.games: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()


def _minute_of(entry: Entry) -> int:
    return int(entry.timestamp.timestamp()) // 60


def _call_now(call: LiveCall, now: float) -> CallNow:
    return CallNow(
        id=call.id,
        user_id=call.user_id,
        username=call.username,
        game_id=call.game_id,
        backend=call.backend,
        model=call.model,
        running_seconds=max(0, int(now - call.started_at)),
        prompt_tokens=call.prompt_tokens,
        completion_tokens=call.completion_tokens,
    )
