"""The part of a live range that is over: read from the roll-ups once a minute, however many watch it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlmodel import Session, col

from vanilla.database import Database
from vanilla.models import TokenUsage
from vanilla.usage.books import Book, FirstByte
from vanilla.usage.outcomes import first_bytes_of, minutes_of, refusals_of
from vanilla.usage.spans import EVERYTHING, NOT_OK, RANGES, Filter, Range, Span, moment_of
from vanilla.usage.standings import Ranking, Standings
from vanilla.usage.sums import BUCKET, COUNTS, Sums, add_up, not_ok

RANKED = 30  # users and games that are remembered: what happens now may bring them forward
CHARTED = 4  # users with a line of their own
OPEN = 2  # minutes, the current one included, that are not read here: they may still change
_TOKENS = COUNTS.index("total_tokens")


@dataclass(frozen=True, slots=True)
class Past:
    """A range as of one minute, without the last OPEN minutes. Sums are lists of COUNTS."""

    range: Range
    minute: int
    span: Span
    models: Sums  # by backend and model
    series: Mapping[tuple[int, str], int]  # tokens by step and backend
    users: Ranking
    games: Ranking
    user_series: Mapping[str, Mapping[int, int]]  # tokens by step, of those who used most
    failures: Mapping[str, int]
    refusals: Mapping[str, int]
    first_bytes: tuple[tuple[FirstByte, int], ...]

    @property
    def end(self) -> int:
        """The first minute that is not in it."""
        return self.span.last


class Pasts:
    """Those that are asked for, each read at most once a minute."""

    def __init__(self, database: Database, standings: Standings) -> None:
        self._database = database
        self._standings = standings
        self._known: dict[str, Past] = {}
        self._locks = {key: asyncio.Lock() for key in RANGES}

    async def of(self, key: str, minute: int) -> Past:
        """The past of a range, as of that minute (Unix time / 60)."""
        async with self._locks[key]:
            known = self._known.get(key)
            if known is None or known.minute != minute:
                known = await self._database.read(lambda session: self._read(session, RANGES[key], minute))
                self._known[key] = known
            return known

    async def books(self, since: int) -> dict[int, Book]:
        """What is known of the minutes from that one on: for a feed that begins."""
        return await self._database.read(lambda session: _books(session, since))

    def _read(self, session: Session, of: Range, minute: int) -> Past:
        whole = of.span(minute)
        span = Span(whole.first, minute + 1 - OPEN, whole.step)

        def sums(*keys: str, chosen: Filter = EVERYTHING) -> Sums:
            return add_up(session, keys, span, chosen, minute=minute, is_fine=True)

        users = self._standings.ranking(session, "user_id", span, RANKED, minute=minute)
        series = {
            user_id: {key[0]: counts[_TOKENS] for key, counts in sums(BUCKET, chosen=Filter(user_id=user_id)).items()}
            for user_id, _ in users.top[:CHARTED]
        }
        return Past(
            range=of,
            minute=minute,
            span=span,
            models=sums("backend", "model"),
            series={(key[0], key[1]): counts[_TOKENS] for key, counts in sums(BUCKET, "backend").items()},
            users=users,
            games=self._standings.ranking(session, "game_id", span, RANKED, minute=minute),
            user_series=series,
            failures=failures_of(session, span),
            refusals=refusals_of(session, span, EVERYTHING),
            first_bytes=tuple(first_bytes_of(session, span)),
        )


def failures_of(session: Session, span: Span) -> dict[str, int]:
    """Calls of a span that did not end well, by status."""
    status, time = col(TokenUsage.status), col(TokenUsage.timestamp)
    statement = (
        select(status, func.count())
        .where(not_ok(), status.in_(NOT_OK), time >= moment_of(span.first), time < moment_of(span.last))
        .group_by(status)
    )
    return {row[0]: row[1] for row in session.execute(statement)}


def _books(session: Session, since: int) -> dict[int, Book]:
    span = Span(since, since + 24 * 60, 1)
    books: dict[int, Book] = {}
    keys = (BUCKET, "user_id", "game_id", "backend", "model")
    for (minute, *used), counts in add_up(session, keys, span, EVERYTHING, minute=since, is_fine=True).items():
        books.setdefault(minute, Book()).use(used[0], used[1], used[2], used[3], counts[0], counts[_TOKENS])
    for status in NOT_OK:
        for key, counts in add_up(session, (BUCKET,), span, Filter(status=status), minute=since).items():
            books.setdefault(key[0], Book()).failures[status] += counts[0]
    for minute, refused, first_byte, calls in minutes_of(session, span):
        book = books.setdefault(minute, Book())
        if refused is not None:
            book.refusals[refused] += calls
        elif first_byte is not None:
            book.first_bytes[first_byte] += calls
    return books
