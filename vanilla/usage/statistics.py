"""Reading usage: totals and series come from the hourly roll-ups, never from the whole ledger; the last calls come from
the ledger through its indexes.

Ranges are `since` (inclusive) and `until` (exclusive); roll-ups round them outwards to whole hours. None is open.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar

from sqlalchemy import ColumnElement, Row, Select, case, func, select, tuple_
from sqlmodel import Session, col

from vanilla.database import Database
from vanilla.models import Game, TokenUsage, UsageHour, UsageMinute, User, utc_now
from vanilla.usage.ledger import Entry

Bucket = Literal["hour", "day"]
Query = Select[*tuple[Any, ...]]
AnyRow = Row[*tuple[Any, ...]]
HOUR = 3600
CHUNK = 1000  # ledger rows read at once for an export


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over some calls. `prompt_tokens` includes cache reads and writes."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTotals(Totals):
    """`username` is None for a user who was deleted."""

    user_id: str
    username: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendTotals(Totals):
    backend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTotals(Totals):
    backend: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GameTotals(Totals):
    """`game_id` is "" for calls outside any game; `title` is None for those, and for a game that is gone."""

    game_id: str
    title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTotals(Totals):
    """`day` is a UTC day such as 2026-11-23."""

    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(Totals):
    """One bucket of a series for one backend; buckets without calls are left out."""

    start: datetime
    backend: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of the ledger with the names that go with it (None where user or game are gone)."""

    entry: Entry
    username: str | None
    title: str | None


@dataclass(frozen=True, slots=True)
class NearLimit:
    """How much of their limit a user has used in the current period."""

    user_id: str
    username: str
    tokens_used: int
    token_limit: int
    limit_period: str

    @property
    def share(self) -> float:
        return self.tokens_used / self.token_limit


_T = TypeVar("_T", bound=Totals)


class Statistics:
    """Answers from the roll-ups and the ledger."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def totals(
        self, *, user_id: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> Totals:
        """Sums over everybody's calls, or one user's."""
        statement = select(*_SUMS).where(*_within(user_id, since, until))
        return (await self._rows(statement, Totals))[0]

    async def by_user(self, *, since: datetime | None = None, until: datetime | None = None) -> list[UserTotals]:
        """Most tokens first, as in all lists of totals."""
        sums = select(col(UsageHour.user_id), *_SUMS).where(*_within(None, since, until))
        grouped = sums.group_by(col(UsageHour.user_id)).subquery()
        statement = (
            select(*grouped.c, col(User.username))
            .outerjoin(User, col(User.id) == grouped.c.user_id)
            .order_by(grouped.c.total_tokens.desc(), grouped.c.user_id)
        )
        return await self._rows(statement, UserTotals)

    async def by_backend(
        self, *, user_id: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> list[BackendTotals]:
        return await self._rows(_grouped([col(UsageHour.backend)], user_id, since, until), BackendTotals)

    async def by_model(
        self, *, user_id: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> list[ModelTotals]:
        keys = [col(UsageHour.backend), col(UsageHour.model)]
        return await self._rows(_grouped(keys, user_id, since, until), ModelTotals)

    async def by_game(
        self, *, user_id: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> list[GameTotals]:
        sums = select(col(UsageHour.game_id), *_SUMS).where(*_within(user_id, since, until))
        grouped = sums.group_by(col(UsageHour.game_id)).subquery()
        statement = (
            select(*grouped.c, _title())
            .outerjoin(Game, col(Game.id) == grouped.c.game_id)
            .order_by(grouped.c.total_tokens.desc(), grouped.c.game_id)
        )
        return await self._rows(statement, GameTotals)

    async def by_day(
        self, *, user_id: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> list[DayTotals]:
        """Oldest first; days without calls are left out."""
        day = (col(UsageHour.hour) // 24).label("day")
        statement = select(day, *_SUMS).where(*_within(user_id, since, until)).group_by(day).order_by(day)
        rows = await self._read(statement)
        return [DayTotals(**{**row._mapping, "day": _moment(row.day * 24).date().isoformat()}) for row in rows]

    async def series(
        self,
        bucket: Bucket,
        *,
        user_id: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[Point]:
        """Tokens over time by backend, oldest first."""
        width = 24 if bucket == "day" else 1
        start = (col(UsageHour.hour) // width).label("start")
        backend = col(UsageHour.backend)
        statement = (
            select(start, backend, *_SUMS)
            .where(*_within(user_id, since, until))
            .group_by(start, backend)
            .order_by(start, backend)
        )
        rows = await self._read(statement)
        return [Point(**{**row._mapping, "start": _moment(row.start * width)}) for row in rows]

    async def recent(
        self, limit: int, *, user_id: str | None = None, before: str | None = None, since: datetime | None = None
    ) -> list[LedgerRow]:
        """The last `limit` calls, newest first: everybody's, or one user's; those older than the row with the id
        `before` (none when there is no such row)."""
        statement = _ledger().order_by(col(TokenUsage.timestamp).desc(), col(TokenUsage.id).desc()).limit(limit)
        if user_id is not None:
            statement = statement.where(col(TokenUsage.user_id) == user_id)
        if since is not None:
            statement = statement.where(col(TokenUsage.timestamp) >= since)
        if before is not None:
            place = select(col(TokenUsage.timestamp)).where(col(TokenUsage.id) == before).scalar_subquery()
            older = tuple_(col(TokenUsage.timestamp), col(TokenUsage.id)) < tuple_(place, before)
            statement = statement.where(older)
        return [_ledger_row(row) for row in await self._read(statement)]

    async def export(
        self, after: LedgerRow | None, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[LedgerRow]:
        """The next rows of the ledger, oldest first, at most 1000 of them; start with `after` None, go on with the last
        row, end when none come."""
        statement = _ledger().order_by(col(TokenUsage.timestamp), col(TokenUsage.id)).limit(CHUNK)
        if since is not None:
            statement = statement.where(col(TokenUsage.timestamp) >= since)
        if until is not None:
            statement = statement.where(col(TokenUsage.timestamp) < until)
        if after is not None:
            here = tuple_(col(TokenUsage.timestamp), col(TokenUsage.id))
            statement = statement.where(here > (after.entry.timestamp, after.entry.id))
        return [_ledger_row(row) for row in await self._read(statement)]

    async def near_limit(self, limit: int = 5) -> tuple[NearLimit, ...]:
        """Active users with a limit who have used some of it, those nearest to it first."""
        now = utc_now()
        used = _used_now(now)
        statement = (
            select(col(User.id), col(User.username), used, col(User.token_limit), col(User.limit_period))
            .where(col(User.is_active), col(User.token_limit) > 0, used > 0)
            .order_by((used * 1.0 / col(User.token_limit)).desc(), col(User.username))
            .limit(limit)
        )
        return tuple(NearLimit(*row) for row in await self._read(statement))

    async def minutes(self, first: int) -> list[tuple[int, str, int]]:
        """`(minute, backend, tokens)` from the minute roll-ups, from the minute `first` (Unix time / 60) on."""
        statement = (
            select(col(UsageMinute.minute), col(UsageMinute.backend), func.sum(col(UsageMinute.total_tokens)))
            .where(col(UsageMinute.minute) >= first)
            .group_by(col(UsageMinute.minute), col(UsageMinute.backend))
        )
        return [(row[0], row[1], row[2]) for row in await self._read(statement)]

    async def titles(self, game_ids: Sequence[str]) -> dict[str, str]:
        """Titles of the games that are there, by id."""
        statement = select(col(Game.id), col(Game.title)).where(
            col(Game.id).in_(game_ids), col(Game.removed_at).is_(None)
        )
        if not game_ids:
            return {}
        return {row.id: row.title for row in await self._read(statement)}

    async def _read(self, statement: Query) -> Sequence[AnyRow]:
        def work(session: Session) -> Sequence[AnyRow]:
            return session.connection().execute(statement).all()

        return await self._database.read(work)

    async def _rows(self, statement: Query, kind: type[_T]) -> list[_T]:
        return [kind(**row._mapping) for row in await self._read(statement)]


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


def _sum(column: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(column), 0).label(column.key)


_SUMS = [
    _sum(col(UsageHour.calls)),
    _sum(col(UsageHour.prompt_tokens)),
    _sum(col(UsageHour.completion_tokens)),
    _sum(col(UsageHour.total_tokens)),
    _sum(col(UsageHour.cache_read_tokens)),
    _sum(col(UsageHour.cache_write_tokens)),
]

_ENTRY_FIELDS = Entry._fields
_LEDGER = [TokenUsage.__table__.columns[name] for name in _ENTRY_FIELDS]  # type: ignore[attr-defined]


def _within(user_id: str | None, since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if user_id is not None:
        conditions.append(col(UsageHour.user_id) == user_id)
    if since is not None:
        conditions.append(col(UsageHour.hour) >= int(since.timestamp()) // HOUR)
    if until is not None:
        conditions.append(col(UsageHour.hour) < -(-int(until.timestamp()) // HOUR))
    return conditions


def _grouped(keys: list[Any], user_id: str | None, since: datetime | None, until: datetime | None) -> Query:
    statement = select(*keys, *_SUMS).where(*_within(user_id, since, until)).group_by(*keys)
    return statement.order_by(func.sum(col(UsageHour.total_tokens)).desc(), *keys)


def _ledger() -> Query:
    return (
        select(*_LEDGER, col(User.username), _title())
        .outerjoin(User, col(User.id) == col(TokenUsage.user_id))
        .outerjoin(Game, col(Game.id) == col(TokenUsage.game_id))
    )


def _title() -> ColumnElement[str | None]:
    """A removed game's row is still there; its title is not to be shown."""
    return case((col(Game.removed_at).is_(None), col(Game.title))).label("title")


def _ledger_row(row: AnyRow) -> LedgerRow:
    return LedgerRow(Entry(**dict(zip(_ENTRY_FIELDS, row, strict=False))), row.username, row.title)


def _used_now(now: datetime) -> ColumnElement[int]:
    """Tokens used in the current period: what a row says of a past period counts as nothing."""
    period = case(
        (col(User.limit_period) == "day", now.strftime("%Y-%m-%d")),
        (col(User.limit_period) == "month", now.strftime("%Y-%m")),
        else_="total",
    )
    return case((col(User.period) == period, col(User.tokens_used)), else_=0).label("tokens_used")


def _moment(hour: int) -> datetime:
    return datetime.fromtimestamp(hour * HOUR, UTC)
