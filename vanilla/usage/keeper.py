"""Keeping the roll-ups: makes days and totals of hours that are over, and makes coarser or forgets what is old.

Everything is done in pieces that take milliseconds, since calls wait behind each of them to be settled. A piece that is
done twice does no harm.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Table, delete, func, select
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlmodel import Session, SQLModel, col

from vanilla.database import Database
from vanilla.models import (
    UsageDay,
    UsageFirstByte,
    UsageHour,
    UsageHourTotal,
    UsageMark,
    UsageMinute,
    UsageRefusal,
)
from vanilla.usage.spans import DAY, HOUR
from vanilla.usage.sums import COUNTS, marks

logger = logging.getLogger(__name__)

LOOK_EVERY = 60.0  # seconds
SETTLED_AFTER = 5  # minutes: what ends in an hour is in its roll-up by then, or moves the mark back
KEPT_BY_MINUTE = 48 * HOUR  # minutes: today and all of yesterday
KEPT_BY_HOUR = 35 * DAY
HOURS_AT_ONCE = 24
USERS_AT_ONCE = 200


class Keeper:
    """One for a database that is served."""

    def __init__(self, database: Database, *, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds."""
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Keep them until cancelled. A time that fails is not the last one."""
        tidied = 0
        while True:
            hour = int(self._clock()) // 3600
            try:
                await self.catch_up()
                if hour != tidied:
                    await self.forget_old()
                    tidied = hour
            except Exception:
                logger.exception("The roll-ups of usage could not be kept")
            await asyncio.sleep(LOOK_EVERY)

    async def catch_up(self) -> None:
        """Roll up every hour and day that is over and was not yet."""
        over = (int(self._clock()) // 60 - SETTLED_AFTER) // HOUR
        known = await self._database.read(marks)
        if known["hours"] < over:
            while await self._database.write(_next_hours(over)):
                pass
        if known["days"] < over // 24:
            while await self._next_day(over // 24):
                pass

    async def forget_old(self) -> int:
        """Delete minutes that nothing shows any more, and put refusals and first bytes together by hour, later by day.
        Gives how many minutes those were."""
        minute = int(self._clock()) // 60
        for table in (UsageRefusal, UsageFirstByte):
            for kept, unit in ((KEPT_BY_MINUTE, HOUR), (KEPT_BY_HOUR, DAY)):
                while await self._database.write(_coarser(table, (minute - kept) // unit * unit, unit)):
                    pass
        forgotten = 0
        while rows := await self._database.write(_forget_minutes(minute - KEPT_BY_MINUTE)):
            forgotten += rows
        return forgotten

    async def _next_day(self, over: int) -> bool:
        """Roll up one day, some users at a time; whether there may be more."""

        def next_day(session: Session) -> tuple[int, int, Sequence[str]]:
            known = marks(session)
            hour = col(UsageHour.hour)
            first: int | None = session.execute(select(func.min(hour)).where(hour >= known["days"] * 24)).scalar_one()
            if first is None or first // 24 >= over:
                return over - 1, known["changes"], ()
            day = first // 24
            users = select(col(UsageHour.user_id)).where(hour >= day * 24, hour < day * 24 + 24).distinct()
            return day, known["changes"], session.execute(users).scalars().all()

        day, changes, users = await self._database.read(next_day)
        for at in range(0, len(users), USERS_AT_ONCE):
            await self._database.write(_day_of(day, users[at : at + USERS_AT_ONCE]))

        def work(session: Session) -> None:
            if marks(session)["changes"] == changes:  # else the mark was moved back meanwhile
                _mark(session, "days", day + 1)

        await self._database.write(work)
        return day + 1 < over


def _next_hours(over: int) -> Callable[[Session], bool]:
    """Some hours; whether there may be more."""

    def work(session: Session) -> bool:
        hour = col(UsageHour.hour)
        statement = select(func.min(hour)).where(hour >= marks(session)["hours"], hour < over)
        first: int | None = session.execute(statement).scalar_one()
        last = over if first is None else min(over, first + HOURS_AT_ONCE)
        if first is not None:
            _roll(session, UsageHourTotal, "hour", 1, [hour >= first, hour < last])
        _mark(session, "hours", last)
        return last < over

    return work


def _day_of(day: int, users: Sequence[str]) -> Callable[[Session], None]:
    def work(session: Session) -> None:
        hour, user = col(UsageHour.hour), col(UsageHour.user_id)
        _roll(session, UsageDay, "day", 24, [user.in_(users), hour >= day * 24, hour < day * 24 + 24])

    return work


def _roll(session: Session, table: type[SQLModel], column: str, hours: int, conditions: list[Any]) -> None:
    """Make rows of a coarser roll-up anew, over those that are there: sums only grow."""
    target, source = _table(table), _table(UsageHour)
    names = [name.name for name in target.primary_key.columns]
    by = [source.c.hour // hours if name == column else source.c[name] for name in names]
    rows = select(*by, *(func.sum(source.c[name]) for name in COUNTS)).where(*conditions).group_by(*by)
    statement = upsert(target).from_select([*names, *COUNTS], rows)
    sums = {name: statement.excluded[name] for name in COUNTS}
    session.execute(statement.on_conflict_do_update(index_elements=names, set_=sums))


def _coarser(table: type[SQLModel], before: int, unit: int) -> Callable[[Session], bool]:
    """Put a day's rows from before the minute `before` together, by `unit` minutes; whether there may be more."""
    columns, mark = _table(table).c, f"{table.__tablename__}:{unit}"
    minute, keys = columns["minute"], [column for column in columns if column.primary_key]
    start = minute // unit * unit
    by = [start if key.name == "minute" else key for key in keys]

    def work(session: Session) -> bool:
        since = marks(session).get(mark, 0)
        statement = select(func.min(minute)).where(minute >= since, minute < before)
        first: int | None = session.execute(statement).scalar_one()
        if first is None:
            return False
        last = min(before, (first // DAY + 1) * DAY)
        within = minute >= first, minute < last, minute % unit != 0
        rows = select(*by, func.sum(columns["calls"])).where(*within).group_by(*by)
        adding = upsert(_table(table)).from_select([*(key.name for key in keys), "calls"], rows)
        total = columns["calls"] + adding.excluded["calls"]
        session.execute(adding.on_conflict_do_update(index_elements=[key.name for key in keys], set_={"calls": total}))
        session.execute(delete(table).where(*within))
        _mark(session, mark, last)
        return last < before

    return work


def _forget_minutes(before: int) -> Callable[[Session], int]:
    minute = col(UsageMinute.minute)

    def work(session: Session) -> int:
        first: int | None = session.execute(select(func.min(minute)).where(minute < before)).scalar_one()
        if first is None:
            return 0
        gone = session.exec(delete(UsageMinute).where(minute < min(before, first + HOUR)))
        return gone.rowcount

    return work


def _mark(session: Session, name: str, value: int) -> None:
    statement = upsert(UsageMark).values(name=name, value=value)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


def _table(table: type[SQLModel]) -> Table:
    found: Table = table.__table__  # type: ignore[attr-defined]
    return found
