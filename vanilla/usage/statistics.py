"""Reading usage: totals and series come from the roll-ups (vanilla.usage.sums), never from the whole ledger; single
calls from the ledger through its indexes (vanilla.usage.calls).

Ranges are `since` (inclusive) and `until` (exclusive), rounded outwards to whole hours. None is open.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, case, func, select
from sqlmodel import Session, col

from vanilla.database import Database
from vanilla.models import Game, UsageMinute, User, utc_now
from vanilla.usage import calls
from vanilla.usage.rows import (
    BackendTotals,
    DayTotals,
    GameTotals,
    LedgerRow,
    ModelTotals,
    NearLimit,
    Point,
    Totals,
    UserTotals,
)
from vanilla.usage.spans import DAY, EVERYTHING, HOUR, Filter, Span, minute_of, moment_of
from vanilla.usage.sums import BUCKET, COUNTS, Sums, add_up

__all__ = [
    "BackendTotals",
    "Bucket",
    "DayTotals",
    "GameTotals",
    "LedgerRow",
    "ModelTotals",
    "NearLimit",
    "Point",
    "Statistics",
    "Totals",
    "UserTotals",
    "bucket_of",
    "bucket_starts",
    "range_start",
]

Bucket = Literal["hour", "day"]


class Statistics:
    """Answers from the roll-ups and the ledger. What is asked of one user is asked of all for `user_id` None."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def totals(
        self,
        *,
        user_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        chosen: Filter = EVERYTHING,
    ) -> Totals:
        """Sums over everybody's calls, or one user's, or those that a filter lets through."""
        sums = await self._sums((), user_id, since, until, chosen)
        return Totals(**counts_of(sums.get((), [0] * len(COUNTS))))

    async def by_user(
        self, *, since: datetime | None = None, until: datetime | None = None, chosen: Filter = EVERYTHING
    ) -> list[UserTotals]:
        """Most tokens first, as in all lists of totals."""
        sums = ranked(await self._sums(("user_id",), None, since, until, chosen))
        names = await self.usernames([key[0] for key, _ in sums])
        return [UserTotals(user_id=key[0], username=names.get(key[0]), **counts_of(counts)) for key, counts in sums]

    async def by_backend(
        self,
        *,
        user_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        chosen: Filter = EVERYTHING,
    ) -> list[BackendTotals]:
        sums = await self._sums(("backend",), user_id, since, until, chosen)
        return [BackendTotals(backend=key[0], **counts_of(counts)) for key, counts in ranked(sums)]

    async def by_model(
        self,
        *,
        user_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        chosen: Filter = EVERYTHING,
    ) -> list[ModelTotals]:
        sums = await self._sums(("backend", "model"), user_id, since, until, chosen)
        return [ModelTotals(backend=key[0], model=key[1], **counts_of(counts)) for key, counts in ranked(sums)]

    async def by_game(
        self,
        *,
        user_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        chosen: Filter = EVERYTHING,
    ) -> list[GameTotals]:
        sums = ranked(await self._sums(("game_id",), user_id, since, until, chosen))
        titles = await self.titles([key[0] for key, _ in sums])
        return [GameTotals(game_id=key[0], title=titles.get(key[0]), **counts_of(counts)) for key, counts in sums]

    async def by_day(
        self, *, user_id: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> list[DayTotals]:
        """Oldest first; days without calls are left out."""
        sums = await self._sums((BUCKET,), user_id, since, until, EVERYTHING, DAY)
        return [
            DayTotals(day=moment_of(key[0]).date().isoformat(), **counts_of(counts))
            for key, counts in sorted(sums.items())
        ]

    async def series(
        self,
        bucket: Bucket,
        *,
        user_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        chosen: Filter = EVERYTHING,
    ) -> list[Point]:
        """Oldest first."""
        step = HOUR if bucket == "hour" else DAY
        sums = await self._sums((BUCKET, "backend"), user_id, since, until, chosen, step)
        return [
            Point(start=moment_of(key[0]), backend=key[1], **counts_of(counts)) for key, counts in sorted(sums.items())
        ]

    async def recent(
        self,
        limit: int,
        *,
        user_id: str | None = None,
        before: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        chosen: Filter = EVERYTHING,
    ) -> list[LedgerRow]:
        """The last `limit` calls, newest first: everybody's, or one user's, or those that a filter lets through; those
        older than the row with the id `before` (none when there is no such row). The range is exact."""
        chosen = _of_user(chosen, user_id)

        def work(session: Session) -> list[LedgerRow]:
            place = None
            if before is not None and (place := calls.place_of(session, before)) is None:
                return []
            return calls.page(session, chosen, limit, since=since, until=until, before=place)

        return await self._database.read(work)

    async def export(
        self,
        after: LedgerRow | None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        chosen: Filter = EVERYTHING,
    ) -> list[LedgerRow]:
        """The next rows of the ledger, oldest first, at most 1000 of them; start with `after` None, go on with the last
        row, end when none come."""
        place = None if after is None else (after.entry.timestamp, after.entry.id)
        return await self._database.read(
            lambda session: calls.export(session, chosen, since=since, until=until, after=place)
        )

    async def near_limit(self, limit: int = 5) -> tuple[NearLimit, ...]:
        """Active users with a limit who have used some of it, those nearest to it first."""
        now = utc_now()
        used = _used_now(now)
        lowest = _limit()
        statement = (
            select(col(User.id), col(User.username), used, lowest, col(User.limit_period))
            .where(col(User.is_active), lowest > 0, used > 0)
            .order_by((used * 1.0 / lowest).desc(), col(User.username))
            .limit(limit)
        )
        rows = await self._database.read(lambda session: session.execute(statement).all())
        return tuple(NearLimit(*row) for row in rows)

    async def minutes(self, first: int) -> list[tuple[int, str, int]]:
        """`(minute, backend, tokens)` from the minute roll-ups, from the minute `first` (Unix time / 60) on."""
        statement = (
            select(col(UsageMinute.minute), col(UsageMinute.backend), func.sum(col(UsageMinute.total_tokens)))
            .where(col(UsageMinute.minute) >= first)
            .group_by(col(UsageMinute.minute), col(UsageMinute.backend))
        )
        rows = await self._database.read(lambda session: session.execute(statement).all())
        return [(row[0], row[1], row[2]) for row in rows]

    async def titles(self, game_ids: Sequence[str]) -> dict[str, str]:
        """Titles of the games that are there, by id."""
        return await self._named(col(Game.id), col(Game.title), game_ids, col(Game.removed_at).is_(None))

    async def usernames(self, user_ids: Sequence[str]) -> dict[str, str]:
        """Names of the users that are there, by id."""
        return await self._named(col(User.id), col(User.username), user_ids, col(User.deleted_at).is_(None))

    async def user_called(self, key: str) -> str | None:
        """The id of the user with that name, as `vanilla.accounts.names.username_key` gives it."""
        statement = select(col(User.id)).where(col(User.username_key) == key, col(User.deleted_at).is_(None))
        return await self._database.read(lambda session: session.execute(statement).scalar())

    async def game_called(self, title: str) -> str | None:
        """The id of the game with that title; of several, the one that was played most."""
        same = func.lower(col(Game.title)) == title.lower()
        statement = select(col(Game.id)).where(same, col(Game.removed_at).is_(None)).order_by(col(Game.plays).desc())
        return await self._database.read(lambda session: session.execute(statement.limit(1)).scalar())

    async def _named(self, key: Any, name: Any, ids: Sequence[str], is_there: ColumnElement[bool]) -> dict[str, str]:
        found: dict[str, str] = {}
        for at in range(0, len(ids), calls.CHUNK):
            found.update(await self._database.read(_names_of(key, name, ids[at : at + calls.CHUNK], is_there)))
        return found

    async def _sums(
        self,
        keys: Sequence[str],
        user_id: str | None,
        since: datetime | None,
        until: datetime | None,
        chosen: Filter,
        step: int = HOUR,
    ) -> Sums:
        minute = minute_of(utc_now())
        first = 0 if since is None else minute_of(since)
        last = (minute // HOUR + 2) * HOUR if until is None else -(-int(until.timestamp()) // 60)
        chosen = _of_user(chosen, user_id)
        return await self._database.read(
            lambda session: add_up(session, keys, Span(first, last, step), chosen, minute=minute)
        )


def counts_of(counts: Sequence[int]) -> dict[str, int]:
    """Sums by their names, as Totals takes them."""
    return dict(zip(COUNTS, counts, strict=True))


def ranked(sums: Sums) -> list[tuple[tuple[Any, ...], list[int]]]:
    """Most tokens first."""
    return sorted(sums.items(), key=lambda item: (-item[1][COUNTS.index("total_tokens")], item[0]))


def range_start(days: int, now: datetime | None = None) -> datetime:
    """The start of the last `days` times 24 hours, the current hour included."""
    now = now or utc_now()
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=days * 24 - 1)


def bucket_of(days: int | None) -> Bucket:
    """How fine a series over so many days (None: all time) is: by hour up to a week."""
    return "hour" if days is not None and days <= 7 else "day"


def bucket_starts(since: datetime, until: datetime, bucket: Bucket) -> Iterator[datetime]:
    """The start of each bucket that touches the range."""
    step = timedelta(days=1) if bucket == "day" else timedelta(hours=1)
    start = since.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if bucket == "day":
        start = start.replace(hour=0)
    while start < until:
        yield start
        start += step


def _names_of(
    key: Any, name: Any, ids: Sequence[str], is_there: ColumnElement[bool]
) -> Callable[[Session], dict[str, str]]:
    statement = select(key, name).where(key.in_(ids), is_there)
    return lambda session: {row[0]: row[1] for row in session.execute(statement)}


def _of_user(chosen: Filter, user_id: str | None) -> Filter:
    if user_id is None:
        return chosen
    return Filter(
        user_id=user_id,
        game_id=chosen.game_id,
        backend=chosen.backend,
        model=chosen.model,
        status=chosen.status,
    )


def _limit() -> ColumnElement[int]:
    """The lower of the host's limit and the user's own."""
    host, own = col(User.token_limit), col(User.own_token_limit)
    return case((own < func.coalesce(host, own + 1), own), else_=host)


def _used_now(now: datetime) -> ColumnElement[int]:
    """Tokens used in the current period: what a row says of a past period counts as nothing."""
    period = case(
        (col(User.limit_period) == "day", now.strftime("%Y-%m-%d")),
        (col(User.limit_period) == "month", now.strftime("%Y-%m")),
        else_="total",
    )
    return case((col(User.period) == period, col(User.tokens_used)), else_=0).label("tokens_used")
