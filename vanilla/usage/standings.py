"""Who and which games used most in the last week, month and year, without adding up all of it each time.

The hours that are rolled up are added up once and remembered, and from then on only what comes and what falls out of
the range: a few milliseconds an hour, whatever the length of the range. Where an hour that was over changes after all,
its mark says so (vanilla.rollups), and everything is added up anew.
"""

import threading
from dataclasses import dataclass
from heapq import nlargest
from typing import Literal

from sqlmodel import Session

from vanilla.usage.spans import DAY, EVERYTHING, HOUR, RANGES, Filter, Range, Span
from vanilla.usage.sums import COUNTS, Sums, add_up, first_of, marks

Dimension = Literal["user_id", "game_id"]
HELD = tuple(found for found in RANGES.values() if found.length >= 7 * DAY)
TOP = 50  # remembered in order
_TOKENS = COUNTS.index("total_tokens")


@dataclass(frozen=True, slots=True)
class Ranking:
    """Those who used most tokens, the first ones with their sums (COUNTS), and how many there are in all."""

    top: tuple[tuple[str, tuple[int, ...]], ...]
    number: int


class Standings:
    """Ranges that are asked for again and again. Called on the database's reading threads."""

    def __init__(self) -> None:
        self._held: dict[tuple[Dimension, str], _Standing] = {}
        self._lock = threading.Lock()

    def ranking(self, session: Session, dimension: Dimension, span: Span, limit: int, *, minute: int) -> Ranking:
        """The first `limit` (at most TOP) of everybody's calls in a span. `minute` is the current one."""
        of = _held(span, minute)
        if of is None:
            return ranking_of(session, dimension, span, EVERYTHING, limit, minute=minute)
        with self._lock:
            standing = self._held.setdefault((dimension, of.key), _Standing(dimension))
        with standing.lock:
            end = standing.move(session, span, minute)
            rest = Span(end * HOUR, span.last, HOUR)
            tail = add_up(session, (dimension,), rest, EVERYTHING, minute=minute, is_fine=True)
            return standing.with_tail(tail, limit)


class _Standing:
    """The sums of the hours `first` until before `end`."""

    def __init__(self, dimension: Dimension) -> None:
        self.lock = threading.Lock()
        self._dimension = dimension
        self._first = self._end = self._changes = 0
        self._sums: dict[str, list[int]] = {}
        self._top: list[str] = []

    def move(self, session: Session, span: Span, minute: int) -> int:
        """Make it the rolled up hours of a span; gives the hour from which the rest is to be added."""
        known = marks(session)
        first, end = span.first // HOUR, max(span.first // HOUR, known["hours"])
        if self._changes != known["changes"] or not self._first <= first <= self._end <= end:
            self._first = self._end = first
            self._changes, self._sums = known["changes"], {}
        elif (first, end) == (self._first, self._end):
            return end
        self._add(self._sums_of(session, self._end, end, minute), 1)
        self._add(self._sums_of(session, self._first, first, minute), -1)
        self._first, self._end = first, end
        self._top = nlargest(TOP, self._sums, key=self._rank)
        return end

    def with_tail(self, tail: Sums, limit: int) -> Ranking:
        """The ranking once the sums of the last hours are added."""
        late = {str(key[0]): counts for key, counts in tail.items()}
        nothing = [0] * len(COUNTS)
        # Whoever is not in the tail, nor among the first without it, cannot be among the first with it.
        candidates = {
            key: [
                known + more for known, more in zip(self._sums.get(key, nothing), late.get(key, nothing), strict=True)
            ]
            for key in {*self._top, *late}
        }
        number = len(self._sums) + sum(key not in self._sums for key in late)
        return Ranking(_first_of(candidates, limit), number)

    def _sums_of(self, session: Session, first: int, end: int, minute: int) -> Sums:
        if first >= end:
            return {}
        return add_up(session, (self._dimension,), Span(first * HOUR, end * HOUR, HOUR), EVERYTHING, minute=minute)

    def _add(self, sums: Sums, sign: int) -> None:
        for (key,), counts in sums.items():
            known = self._sums.setdefault(key, [0] * len(COUNTS))
            for place, count in enumerate(counts):
                known[place] += sign * count
            if not known[0]:
                del self._sums[key]

    def _rank(self, key: str) -> tuple[int, str]:
        return self._sums[key][_TOKENS], key


def _held(span: Span, minute: int) -> Range | None:
    """The range that a span is: its start, until now or almost."""
    if span.last < minute - 1:
        return None
    return next((of for of in HELD if of.span(minute).first == span.first), None)


def ranking_of(
    session: Session, dimension: Dimension, span: Span, chosen: Filter, limit: int, *, minute: int
) -> Ranking:
    """The same of calls that a filter lets through, added up anew."""
    top, number = first_of(session, dimension, span, chosen, limit, minute=minute)
    return Ranking(tuple(top), number)


def _first_of(sums: dict[str, list[int]], limit: int) -> tuple[tuple[str, tuple[int, ...]], ...]:
    first = nlargest(limit, sums.items(), key=lambda item: (item[1][_TOKENS], item[0]))
    return tuple((key, tuple(counts)) for key, counts in first)
