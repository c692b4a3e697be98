"""What happens right now, in memory: the relay reports calls here, pages that watch are told at most twice a second.

Reporting a call costs microseconds and no query. One aggregator task serves every watcher, and sleeps while nobody
watches: what a range shows is made once, for all who watch it. Minutes that are over come from the database, so that
after a restart everything is as it was but for the peak and, where it was killed, the last seconds of refusals.
"""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate

from vanilla.models import NO_GAME
from vanilla.usage.books import KEPT, Book, Books, bound_of
from vanilla.usage.ledger import Entry
from vanilla.usage.outcomes import Outcomes
from vanilla.usage.past import Past, Pasts
from vanilla.usage.plays import Plays
from vanilla.usage.present import shown
from vanilla.usage.snapshot import CallNow, LiveSnapshot, RecentCall
from vanilla.usage.standings import HELD
from vanilla.usage.statistics import NearLimit, Statistics

logger = logging.getLogger(__name__)

DAY = 24 * 60  # minutes
RECENT = 50
SPENT = "spent"  # why a call was refused: a limit had no room for it
USUAL_RANGE = "1h"
SECONDS_BETWEEN_PUSHES = 0.5
MANY_WATCHERS = 5  # to draw a page again takes about a millisecond of the event loop that relays: beyond so many, each
LONGEST_BETWEEN_PUSHES = 4  # is told less often, at most so many times the usual pause
SECONDS_BETWEEN_LIMITS = 2.0  # while calls settle
SECONDS_BEFORE_LIMITS_ANYWAY = 15.0  # an admin may have changed them

Callback = Callable[[LiveSnapshot], None]


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

    def __init__(
        self, statistics: Statistics, pasts: Pasts, outcomes: Outcomes, *, clock: Callable[[], float] = time.time
    ) -> None:
        """`clock` gives Unix seconds."""
        self._statistics = statistics
        self._pasts = pasts
        self._outcomes = outcomes
        self._clock = clock
        self._calls: dict[str, LiveCall] = {}
        self.plays = Plays(self._calls)
        self._books = Books()
        self._recent: deque[RecentCall] = deque(maxlen=RECENT)
        self._today = _Day(int(clock()) // 60 // DAY)
        self._yesterday: list[int] = [0] * DAY  # running totals at the end of each minute
        self._near_limit: tuple[NearLimit, ...] = ()
        self._titles: dict[str, str | None] = {NO_GAME: None}
        self._names: dict[str, str | None] = {}
        self._limits_changed = True
        self._changes = 0
        self._subscribers: dict[object, tuple[str, Callback]] = {}
        self._watched = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.aggregations = 0  # how often a range was added up for those who watch it
        self.pushes = 0  # how often a watcher was told

    @property
    def watchers(self) -> int:
        """How many are told now."""
        return len(self._subscribers)

    async def open(self) -> None:
        """Take up where the database stands, then serve subscribers until `close()`."""
        await self._load()
        self._tasks = [
            asyncio.create_task(self.run(), name="live feed"),
            asyncio.create_task(self.plays.run(), name="plays"),
            asyncio.create_task(self._outcomes.run(), name="outcomes"),
            asyncio.create_task(self._warm_up(), name="pasts of long ranges"),
        ]

    async def close(self) -> None:
        """End the aggregators, and write what is still to be written."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._tasks = []
        try:
            await self._outcomes.write()
        except Exception:
            logger.exception("The last refusals and first bytes could not be written")

    def started(self, call: LiveCall) -> None:
        """A call was admitted."""
        self._turn()
        self._calls[call.id] = call
        self._names[call.user_id] = call.username
        self._today.peak = max(self._today.peak, len(self._calls))
        self._changes += 1
        self.plays.started(call)

    def ended(self, call: LiveCall, entry: Entry | None) -> None:
        """A call is over; `entry` is its ledger row, or None when it cost nothing."""
        self._calls.pop(call.id, None)
        if entry is not None:
            self.recorded(entry, call.username)
        self._changes += 1
        self.plays.ended(call, entry)

    def recorded(self, entry: Entry, username: str = "") -> None:
        """A row was written to the ledger: at the end of a call, or for one that a dead process left behind."""
        self._turn()
        minute, tokens = _minute_of(entry), entry.total_tokens
        self._books[minute].record(entry)
        if entry.first_byte_ms is not None:
            self._outcomes.answered(minute, entry.backend, entry.model, bound_of(entry.first_byte_ms))
        self._today.add(minute, tokens)
        self._recent.appendleft(RecentCall(entry, username))
        self._limits_changed = True
        self._changes += 1

    def refused(self, user_id: str, username: str, backend: str, reason: str) -> None:
        """A call was not answered. `reason` is one of a few short words, such as `spent`; `user_id` may be ""."""
        self._turn()
        minute = self._minute()
        self._books[minute].refusals[backend, user_id, reason] += 1
        self._outcomes.refused(minute, backend, user_id, reason)
        self._changes += 1
        if reason == SPENT:
            self.plays.refused(user_id)

    def upstream_failed(self, backend: str, kind: str) -> None:
        """A model server did not do as asked. Where its own words were passed on, such as those of a 529, nobody else
        counts it."""
        if kind.isdigit() and kind not in ("401", "403"):
            self.refused("", "", backend, f"upstream {kind}")

    def subscribe(self, callback: Callback, key: str = USUAL_RANGE) -> Callable[[], None]:
        """Call `callback` with a snapshot of a range (a key of RANGES) when something has changed, at most twice a
        second, and less often where many watch. The returned function ends that. One that raises is logged and
        dropped."""
        subscriber = object()
        self._subscribers[subscriber] = key, callback
        self._watched.set()

        def unsubscribe() -> None:
            self._subscribers.pop(subscriber, None)
            if not self._subscribers:
                self._watched.clear()

        return unsubscribe

    async def current(self, key: str = USUAL_RANGE) -> LiveSnapshot:
        """How things stand, with limits and names as they are now: for a page that is being built."""
        past = await self._pasts.of(key, self._minute())
        await self._read_limits()
        await self._read_names([past])
        return self._snapshot(past)

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
                await self._publish()
            await asyncio.sleep(SECONDS_BETWEEN_PUSHES * pauses(self.watchers))

    def _state(self) -> object:
        """Something that differs whenever a snapshot would."""
        tokens = sum(call.prompt_tokens + call.completion_tokens for call in self._calls.values())
        seconds = int(time.monotonic()) if self._calls else 0  # calls in flight grow older
        return self._changes, self._minute(), tokens, seconds, frozenset(self._subscribers)

    async def _publish(self) -> None:
        pasts: dict[str, Past] = {}
        for key in {key for key, _ in self._subscribers.values()}:
            try:
                pasts[key] = await self._pasts.of(key, self._minute())
            except Exception:
                logger.exception("The past of the live page could not be read")
        await self._read_names(list(pasts.values()))
        snapshots = {key: self._snapshot(past) for key, past in pasts.items()}
        self.aggregations += len(snapshots)
        for subscriber, (key, callback) in list(self._subscribers.items()):
            if key not in snapshots:
                continue
            self.pushes += 1
            try:
                callback(snapshots[key])
            except Exception:
                logger.exception("A watcher of the live feed failed and is dropped")
                self._subscribers.pop(subscriber, None)

    def _snapshot(self, past: Past) -> LiveSnapshot:
        self._turn()
        minute, now = self._minute(), time.monotonic()
        running = Book()
        for call in self._calls.values():
            tokens = call.prompt_tokens + call.completion_tokens
            running.use(call.user_id, call.game_id, call.backend, call.model, 0, tokens)
        running_tokens = sum(tokens for _, tokens in running.models.values())
        this_minute = Book()
        this_minute.add(self._books[minute])
        this_minute.add(running)
        by_backend: dict[str, int] = {}
        for (backend, _), (_, tokens) in this_minute.models.items():
            by_backend[backend] = by_backend.get(backend, 0) + tokens
        calls = sorted(self._calls.values(), key=lambda call: call.started_at)
        return LiveSnapshot(
            at=datetime.fromtimestamp(self._clock(), UTC),
            calls=tuple(_call_now(call, now) for call in calls),
            peak_calls_today=self._today.peak,
            minute={backend: tokens for backend, tokens in by_backend.items() if tokens},
            tokens_today=self._today.total + running_tokens,
            tokens_yesterday=self._yesterday[minute % DAY],
            recent=tuple(
                call if call.username else RecentCall(call.entry, self._names.get(call.entry.user_id) or "")
                for call in self._recent
            ),
            near_limit=self._near_limit,
            titles={game_id: title for game_id, title in self._titles.items() if title is not None},
            range=shown(past, self._books, running, minute, self._names, self._titles),
        )

    async def _warm_up(self) -> None:
        """Add up the long ranges before somebody asks for them: of a busy year that takes a second."""
        try:
            for of in HELD:
                await self._pasts.of(of.key, self._minute())
        except Exception:
            logger.exception("The long ranges could not be added up beforehand")

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

    async def _read_names(self, pasts: list[Past]) -> None:
        """Learn the names of users and the titles of games that were not asked for yet today."""
        self._turn()
        games = {call.game_id for call in self._calls.values()} | {call.entry.game_id for call in self._recent}
        users = {call.entry.user_id for call in self._recent if not call.username}
        for past in pasts:
            games.update(game_id for game_id, _ in past.games.top)
            users.update(user_id for user_id, _ in past.users.top)
        for _, book in self._books.since(0):
            games.update(book.games)
            users.update(book.users)
        try:
            if unknown := [game_id for game_id in games if game_id not in self._titles]:
                titles = await self._statistics.titles(unknown)
                self._titles.update({game_id: titles.get(game_id) for game_id in unknown})
            if unknown := [user_id for user_id in users if user_id not in self._names]:
                names = await self._statistics.usernames(unknown)
                self._names.update({user_id: names.get(user_id) for user_id in unknown})
        except Exception:
            logger.exception("Reading the names of users and games failed")

    async def _load(self) -> None:
        minute = self._minute()
        first = (minute // DAY - 1) * DAY
        yesterday = [0] * DAY
        self._today = _Day(minute // DAY)
        for number, _, tokens in await self._statistics.minutes(first):
            if number < first + DAY:
                yesterday[number - first] += tokens
            else:
                self._today.add(number, tokens)
        self._yesterday = list(accumulate(yesterday))
        self._books = Books()
        for number, book in (await self._pasts.books(minute - KEPT + 1)).items():
            self._books[number].add(book)
        self._recent.clear()
        for row in reversed(await self._statistics.recent(RECENT)):
            self._recent.appendleft(RecentCall(row.entry, row.username or ""))

    def _minute(self) -> int:
        return int(self._clock()) // 60

    def _turn(self) -> None:
        """Begin a new day when it has come, and forget minutes that are read from the database."""
        minute = self._minute()
        self._books.turn(minute)
        day = minute // DAY
        if day != self._today.number:
            follows = day == self._today.number + 1
            self._yesterday = list(accumulate(self._today.minutes)) if follows else [0] * DAY
            self._today = _Day(day)
            self._today.peak = len(self._calls)
            self._titles = {NO_GAME: None}
            self._names = {call.user_id: call.username for call in self._calls.values()}
            self._changes += 1


class _Day:
    """Counts of one UTC day."""

    def __init__(self, number: int) -> None:
        self.number = number  # days since 1970
        self.minutes = [0] * DAY
        self.total = 0
        self.peak = 0

    def add(self, minute: int, tokens: int) -> None:
        if minute // DAY == self.number:
            self.minutes[minute % DAY] += tokens
            self.total += tokens


def pauses(watchers: int) -> float:
    """How many times the usual pause lies between two pushes: those who watch do not slow the calls that they watch."""
    return min(LONGEST_BETWEEN_PUSHES, max(1.0, watchers / MANY_WATCHERS))


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
