"""What the admin's usage page and API show of a span: sums, a series, who and what used most."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from sqlmodel import Session

from vanilla.database import Database
from vanilla.models import NO_GAME, utc_now
from vanilla.usage.rows import BackendTotals, GameTotals, ModelTotals, Totals, UserTotals
from vanilla.usage.spans import Filter, Span, minute_of
from vanilla.usage.standings import Ranking, Standings, ranking_of
from vanilla.usage.statistics import Statistics, counts_of, ranked
from vanilla.usage.sums import BUCKET, COUNTS, Sums, add_up

TOP = 20  # users and games listed
AT_ONCE = 2  # reads, of the database's four: a filter over a year may take a second, and pages do not wait for it
T = TypeVar("T")
_TOKENS = COUNTS.index("total_tokens")


@dataclass(frozen=True, slots=True)
class Report:
    """The calls of a span that a filter lets through. Lists have those with most tokens first, and at most TOP users
    and games: `users` and `games` say how many there are."""

    span: Span
    chosen: Filter
    totals: Totals
    series: Mapping[str, tuple[int, ...]]  # tokens by backend, a figure for each step of the span
    by_user: tuple[UserTotals, ...]
    users: int
    by_game: tuple[GameTotals, ...]
    games: int
    by_model: tuple[ModelTotals, ...]
    by_backend: tuple[BackendTotals, ...]


class Reports:
    """Made of a few short reads at once."""

    def __init__(self, database: Database, statistics: Statistics, standings: Standings) -> None:
        self._database = database
        self._statistics = statistics
        self._standings = standings
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def of(self, span: Span, chosen: Filter) -> Report:
        """The report of a span, to the minute as far back as minutes are kept."""
        minute = minute_of(utc_now())

        def sums(*keys: str) -> Callable[[Session], Sums]:
            return lambda session: add_up(session, keys, span, chosen, minute=minute, is_fine=True)

        def ranking(dimension: Literal["user_id", "game_id"]) -> Callable[[Session], Ranking]:
            if chosen.is_open:
                return lambda session: self._standings.ranking(session, dimension, span, TOP, minute=minute)
            return lambda session: ranking_of(session, dimension, span, chosen, TOP, minute=minute)

        models, series, users, games = await asyncio.gather(
            self._read(sums("backend", "model")),
            self._read(sums(BUCKET, "backend")),
            self._read(ranking("user_id")),
            self._read(ranking("game_id")),
        )
        names = await self._statistics.usernames([key for key, _ in users.top])
        titles = await self._statistics.titles([key for key, _ in games.top if key != NO_GAME])
        return Report(
            span=span,
            chosen=chosen,
            totals=Totals(**counts_of(_together(models))),
            series=charted(series, span),
            by_user=tuple(
                UserTotals(user_id=key, username=names.get(key), **counts_of(counts)) for key, counts in users.top
            ),
            users=users.number,
            by_game=tuple(
                GameTotals(game_id=key, title=titles.get(key), **counts_of(counts)) for key, counts in games.top
            ),
            games=games.number,
            by_model=tuple(
                ModelTotals(backend=key[0], model=key[1], **counts_of(counts)) for key, counts in ranked(models)
            ),
            by_backend=tuple(
                BackendTotals(backend=key[0], **counts_of(counts)) for key, counts in ranked(_by_backend(models))
            ),
        )

    async def _read(self, work: Callable[[Session], T]) -> T:
        async with self._turns:
            return await self._database.read(work)


def charted(series: Sums, span: Span) -> dict[str, tuple[int, ...]]:
    """Tokens by the second key, a figure for each step of the span; the sums are by BUCKET and that key."""
    place = {start: position for position, start in enumerate(span.starts())}
    found: dict[str, list[int]] = {}
    for (start, name), counts in sorted(series.items()):
        if start in place:
            found.setdefault(name, [0] * len(place))[place[start]] += counts[_TOKENS]
    return {name: tuple(values) for name, values in found.items()}


def _together(sums: Sums) -> list[int]:
    return [sum(counts) for counts in zip(*sums.values(), strict=True)] if sums else [0] * len(COUNTS)


def _by_backend(models: Sums) -> Sums:
    found: Sums = {}
    for (backend, _), counts in models.items():
        known = found.setdefault((backend,), [0] * len(COUNTS))
        for place, count in enumerate(counts):
            known[place] += count
    return found
