"""What has no row in the ledger: calls that were refused, and how soon answers began. Noted in memory, written every
few seconds: a server that is killed loses the last of them."""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlmodel import Session, SQLModel, col

from vanilla.database import Database
from vanilla.models import UsageFirstByte, UsageRefusal, User
from vanilla.usage.books import FirstByte, Refused
from vanilla.usage.rows import RefusalRow
from vanilla.usage.spans import Filter, Span

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_WRITES = 5.0
ROWS_AT_ONCE = 500


class Outcomes:
    """One for a server. Noting is done on the event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._refusals: Counter[tuple[int, *Refused]] = Counter()
        self._first_bytes: Counter[tuple[int, *FirstByte]] = Counter()

    def refused(self, minute: int, backend: str, user_id: str, reason: str) -> None:
        """A call was not answered; `minute` is Unix time / 60."""
        self._refusals[minute, backend, user_id, reason] += 1

    def answered(self, minute: int, backend: str, model: str, bound: int) -> None:
        """An answer began within `bound` milliseconds, one of `vanilla.usage.books.BOUNDS`."""
        self._first_bytes[minute, backend, model, bound] += 1

    async def run(self) -> None:
        """Write them until cancelled."""
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_WRITES)
            try:
                await self.write()
            except Exception:
                logger.exception("Refusals and first bytes could not be written yet")

    async def write(self) -> None:
        """Write what was noted since the last time. What cannot be written stays noted."""
        await self._write(UsageRefusal, self._refusals)
        await self._write(UsageFirstByte, self._first_bytes)

    async def _write(self, table: type[SQLModel], noted: Counter[Any]) -> None:
        columns = table.__table__.columns  # type: ignore[attr-defined]
        names = [column.name for column in columns]
        while some := list(noted.items())[:ROWS_AT_ONCE]:
            rows = [dict(zip(names, (*key, calls), strict=True)) for key, calls in some]

            def work(session: Session, rows: list[dict[str, int | str]] = rows) -> None:
                statement = upsert(table).values(rows)
                total = columns["calls"] + statement.excluded["calls"]
                session.execute(statement.on_conflict_do_update(index_elements=names[:-1], set_={"calls": total}))

            await self._database.write(work)
            for key, calls in some:
                noted[key] -= calls
                if not noted[key]:
                    del noted[key]

    async def refusals(
        self, span: Span, chosen: Filter, limit: int, *, reason: str = "", before: RefusalRow | None = None
    ) -> list[RefusalRow]:
        """The last refusals of a span, newest first, those alike in a minute (hour, day) as one row; of the filter only
        user and backend are looked at. Go on with those `before` the last row."""
        await self.write()
        key = tuple_(*(col(name) for name in _ROW))
        statement = (
            select(*(col(name) for name in _ROW), col(UsageRefusal.calls), col(User.username))
            .outerjoin(User, col(User.id) == col(UsageRefusal.user_id))
            .where(*_within(UsageRefusal, span), *_chosen(chosen))
            .order_by(*(col(name).desc() for name in _ROW))
            .limit(limit)
        )
        if reason:
            statement = statement.where(col(UsageRefusal.reason) == reason)
        if before is not None:
            statement = statement.where(key < (before.minute, before.backend, before.user_id, before.reason))
        rows = await self._database.read(lambda session: session.execute(statement).all())
        return [RefusalRow(*row) for row in rows]


_ROW = (UsageRefusal.minute, UsageRefusal.backend, UsageRefusal.user_id, UsageRefusal.reason)


def refusals_of(session: Session, span: Span, chosen: Filter) -> dict[str, int]:
    """Refused calls of a span by reason, most first; only user and backend are looked at."""
    total = func.sum(col(UsageRefusal.calls))
    statement = (
        select(col(UsageRefusal.reason), total)
        .where(*_within(UsageRefusal, span), *_chosen(chosen))
        .group_by(col(UsageRefusal.reason))
        .order_by(total.desc(), col(UsageRefusal.reason))
    )
    return {row[0]: row[1] for row in session.execute(statement)}


def first_bytes_of(session: Session, span: Span) -> list[tuple[FirstByte, int]]:
    """How soon the answers of a span began: how many within each bound, by backend and model."""
    keys = col(UsageFirstByte.backend), col(UsageFirstByte.model), col(UsageFirstByte.up_to_ms)
    statement = select(*keys, func.sum(col(UsageFirstByte.calls))).where(*_within(UsageFirstByte, span)).group_by(*keys)
    return [((row[0], row[1], row[2]), row[3]) for row in session.execute(statement)]


def minutes_of(session: Session, span: Span) -> Iterator[tuple[int, Refused | None, FirstByte | None, int]]:
    """What was noted in each minute of a span: the minute, a refusal or a first byte, and how many calls."""
    for row in session.execute(select(*_ROW, UsageRefusal.calls).where(*_within(UsageRefusal, span))):  # type: ignore[call-overload]
        yield row[0], (row[1], row[2], row[3]), None, row[4]
    keys = UsageFirstByte.minute, UsageFirstByte.backend, UsageFirstByte.model, UsageFirstByte.up_to_ms
    for row in session.execute(select(*keys, UsageFirstByte.calls).where(*_within(UsageFirstByte, span))):  # type: ignore[call-overload]
        yield row[0], None, (row[1], row[2], row[3]), row[4]


def _within(table: "type[UsageRefusal] | type[UsageFirstByte]", span: Span) -> Sequence[ColumnElement[bool]]:
    return col(table.minute) >= span.first, col(table.minute) < span.last


def _chosen(chosen: Filter) -> list[ColumnElement[bool]]:
    conditions = []
    if chosen.user_id is not None:
        conditions.append(col(UsageRefusal.user_id) == chosen.user_id)
    if chosen.backend is not None:
        conditions.append(col(UsageRefusal.backend) == chosen.backend)
    return conditions
