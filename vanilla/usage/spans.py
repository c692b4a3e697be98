"""Which calls are meant: a span of time in whole minutes, and what else is asked of them."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Literal

MINUTE, HOUR, DAY = 1, 60, 24 * 60  # minutes
NOT_OK = ("aborted", "failed", "recovered")
NOT_OK_AT_ALL = "not-ok"  # as the status of a filter: any of them
MINUTES_KEPT = 47 * HOUR  # how far back the roll-up by minute may be relied on

RangeKey = Literal["15m", "1h", "6h", "24h", "7d", "30d", "1y"]


@dataclass(frozen=True, slots=True)
class Range:
    """A span that ends now, and how fine its chart is; both in minutes. The current step is the last one."""

    key: RangeKey
    name: str  # `15 min`
    words: str  # `the last 15 minutes`
    length: int
    step: int

    def span(self, minute: int) -> "Span":
        """The span, as of that minute (Unix time / 60)."""
        end = minute // self.step * self.step + self.step
        return Span(end - self.length, end, self.step)


RANGES: dict[str, Range] = {
    found.key: found
    for found in (
        Range("15m", "15 min", "the last 15 minutes", 15, MINUTE),
        Range("1h", "1 h", "the last hour", HOUR, MINUTE),
        Range("6h", "6 h", "the last 6 hours", 6 * HOUR, 5),
        Range("24h", "24 h", "the last 24 hours", DAY, 15),
        Range("7d", "7 d", "the last 7 days", 7 * DAY, HOUR),
        Range("30d", "30 d", "the last 30 days", 30 * DAY, DAY),
        Range("1y", "1 year", "the last year", 365 * DAY, DAY),
    )
}
MOST_POINTS = 400  # of a chart
_STEPS = (MINUTE, 5, 15, HOUR, DAY, 7 * DAY)


@dataclass(frozen=True, slots=True)
class Span:
    """From the minute `first` until before the minute `last` (Unix time / 60), charted in steps of that many."""

    first: int
    last: int
    step: int

    @classmethod
    def between(cls, since: datetime, until: datetime, now: datetime) -> "Span":
        """The minutes that a range touches, in steps that give a readable chart; coarser ones, and whole hours, where
        the roll-up by minute is gone."""
        first, last = minute_of(since), max(minute_of(since) + 1, -(-_seconds(until) // 60))
        kept = first > minute_of(now) - MINUTES_KEPT
        steps = [step for step in _STEPS if (kept or step >= HOUR) and (last - first) / step <= MOST_POINTS / 4]
        step = steps[0] if steps else _STEPS[-1]
        if not kept:
            first, last = first // HOUR * HOUR, -(-last // HOUR) * HOUR
        return cls(first, last, step)

    @property
    def since(self) -> datetime:
        return moment_of(self.first)

    @property
    def until(self) -> datetime:
        return moment_of(self.last)

    def starts(self) -> Iterator[int]:
        """The first minute of each step that it touches."""
        return iter(range(self.first // self.step * self.step, self.last, self.step))


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What calls have in common; None is anything. The game "" is none; the status may be NOT_OK_AT_ALL."""

    user_id: str | None = None
    game_id: str | None = None
    backend: str | None = None
    model: str | None = None
    status: str | None = None

    @property
    def bad_statuses(self) -> tuple[str, ...]:
        """The statuses that it lets through, where it lets none through that is ok; else none."""
        if self.status in (None, "ok"):
            return ()
        return NOT_OK if self.status == NOT_OK_AT_ALL else (str(self.status),)

    @property
    def is_open(self) -> bool:
        """Whether it lets everything through."""
        return all(getattr(self, field.name) is None for field in fields(self))


EVERYTHING = Filter()


def minute_of(moment: datetime) -> int:
    """Unix time / 60."""
    return _seconds(moment) // 60


def moment_of(minute: int) -> datetime:
    """When a minute begins, in UTC."""
    return datetime.fromtimestamp(minute * 60, UTC)


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp() // 1)
