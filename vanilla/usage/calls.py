"""Single calls from the ledger, a page or a chunk at a time, always through an index and never by counting past rows.

Where games or models are asked for, the roll-ups say in which hours there were such calls, and only those are read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, Text, and_, case, select, tuple_, values
from sqlmodel import Session, SQLModel, col

from vanilla.models import Game, TokenUsage, UsageHour, UsageHourTotal, User, UtcText, utc_now
from vanilla.usage.ledger import Entry
from vanilla.usage.rows import LedgerRow
from vanilla.usage.spans import HOUR, Filter, minute_of, moment_of
from vanilla.usage.sums import marks, not_ok

Place = tuple[datetime, str]  # of a row among all: its time, its id
Query = Select[*tuple[Any, ...]]
CHUNK = 1000  # rows read at once for an export
AT_ONCE = 50
_NEVER = datetime(9999, 12, 31, tzinfo=UTC)

_FIELDS = Entry._fields
_LEDGER = [TokenUsage.__table__.columns[name] for name in _FIELDS]  # type: ignore[attr-defined]
_time, _id = col(TokenUsage.timestamp), col(TokenUsage.id)


def place_of(session: Session, call_id: str) -> Place | None:
    """Where a row stands; None where there is no such row."""
    row = session.execute(select(_time, _id).where(_id == call_id)).first()
    return None if row is None else (row[0], row[1])


def page(
    session: Session,
    chosen: Filter,
    limit: int,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    before: Place | None = None,
) -> list[LedgerRow]:
    """The newest calls of a range, newest first, or those before a place."""
    conditions = [] if before is None else [_time <= before[0], tuple_(_time, _id) < before]
    is_sparse = chosen.game_id is not None or chosen.model is not None or chosen.backend is not None
    if not is_sparse or chosen.bad_statuses:
        rows: list[LedgerRow] = []
        for status in chosen.bad_statuses or (chosen.status,):  # each of them is in order in its index
            wanted = replace(chosen, status=status)
            statement = _calls(wanted, since, until).where(*conditions).order_by(_time.desc(), _id.desc())
            rows += [_row(row) for row in session.execute(statement.limit(limit))]
        return _newest_first(rows)[:limit]
    newest = minute_of(min(until or utc_now(), before[0] if before else utc_now())) // HOUR
    find = _of_hours if chosen.game_id is None and chosen.user_id is None else _of_pairs
    rows = []
    for query in find(session, chosen, newest, since, until):
        statement = query.where(*conditions).order_by(_time.desc(), _id.desc()).limit(limit - len(rows))
        rows += [_row(row) for row in session.execute(statement)]
        if len(rows) == limit:
            break
    return rows


def export(
    session: Session,
    chosen: Filter,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    after: Place | None = None,
) -> list[LedgerRow]:
    """The oldest calls of a range, oldest first, or those after a place, at most CHUNK."""
    conditions = [] if after is None else [_time >= after[0], tuple_(_time, _id) > after]
    statement = _calls(chosen, since, until).where(*conditions).order_by(_time, _id).limit(CHUNK)
    return [_row(row) for row in session.execute(statement)]


def _newest_first(rows: list[LedgerRow]) -> list[LedgerRow]:
    return sorted(rows, key=lambda row: (row.entry.timestamp, row.entry.id), reverse=True)


def _of_hours(
    session: Session, chosen: Filter, newest: int, since: datetime | None, until: datetime | None
) -> Iterator[Query]:
    """The calls of each hour in which there were such calls, newest first."""
    oldest = 0 if since is None else minute_of(since) // HOUR
    while newest >= oldest:
        some = _total_hours(session, chosen, oldest, newest)
        for hour in some:
            start, end = moment_of(hour * HOUR), moment_of((hour + 1) * HOUR)
            yield _calls(chosen, max(start, since or start), min(end, until or end))
        if len(some) < AT_ONCE:
            return
        newest = some[-1] - 1


def _of_pairs(
    session: Session, chosen: Filter, newest: int, since: datetime | None, until: datetime | None
) -> Iterator[Query]:
    """The calls of some users each in their hour, in which they made such calls, newest first: of a game, whose calls
    are few among all of an hour's, but in no index of their own."""
    hour, user = col(UsageHour.hour), col(UsageHour.user_id)
    oldest = 0 if since is None else minute_of(since) // HOUR
    while newest >= oldest:
        conditions = hour >= oldest, hour <= newest, *_matching(UsageHour, chosen)
        statement = select(hour, user).where(*conditions).distinct().order_by(hour.desc()).limit(AT_ONCE)
        found = [(row[0], row[1]) for row in session.execute(statement)]
        if not found:
            return
        last = found[-1][0]
        whole = [pair for pair in found if pair[0] != last]  # the last hour may have been cut
        if len(found) < AT_ONCE or not whole:
            others = select(user).where(hour == last, *_matching(UsageHour, chosen)).distinct()
            whole += [(last, user_id) for user_id in session.execute(others).scalars()]
            last -= 1
        yield _joined(chosen, whole, since, until)
        newest = last


def _joined(chosen: Filter, pairs: Sequence[tuple[int, str]], since: datetime | None, until: datetime | None) -> Query:
    spans = []
    for hour, user_id in pairs:
        start, end = moment_of(hour * HOUR), moment_of((hour + 1) * HOUR)
        spans.append((user_id, max(start, since or start), min(end, until or end)))
    columns = Column("who", Text), Column("first", UtcText), Column("last", UtcText)
    listed = values(*columns, name="pairs").data(spans).cte("pairs")
    # No other bound of the time stands beside these: SQLite might begin from that one.
    theirs = col(TokenUsage.user_id) == listed.c.who, _time >= listed.c.first, _time < listed.c.last
    return _asked(chosen).join(listed, and_(*theirs))


def _total_hours(session: Session, chosen: Filter, oldest: int, newest: int) -> Sequence[int]:
    over = marks(session)["hours"]
    hours: list[int] = []
    for table, first, last in ((UsageHour, max(oldest, over), newest), (UsageHourTotal, oldest, min(newest, over - 1))):
        hour = col(table.hour)
        statement = (
            select(hour)
            .where(hour >= first, hour <= last, *_matching(table, chosen))
            .group_by(hour)
            .order_by(hour.desc())
            .limit(AT_ONCE - len(hours))
        )
        hours += session.execute(statement).scalars()
    return hours


def _matching(table: type[UsageHour] | type[UsageHourTotal], chosen: Filter) -> list[ColumnElement[bool]]:
    columns = SQLModel.metadata.tables[str(table.__tablename__)].columns
    wanted = {name: getattr(chosen, name) for name in ("user_id", "game_id", "backend", "model")}
    return [columns[name] == value for name, value in wanted.items() if value is not None]


def _calls(chosen: Filter, since: datetime | None, until: datetime | None) -> Query:
    conditions = [_time < (until or _NEVER)]  # a bound, for a plan that begins somewhere in the index
    if chosen.user_id is not None:
        conditions.append(col(TokenUsage.user_id) == chosen.user_id)
    if since is not None:
        conditions.append(_time >= since)
    return _asked(chosen).where(*conditions)


def _asked(chosen: Filter) -> Query:
    """The calls that a filter lets through, of any user at any time."""
    conditions = []
    for column, value in (
        (col(TokenUsage.game_id), chosen.game_id),
        (col(TokenUsage.backend), chosen.backend),
        (col(TokenUsage.model), chosen.model),
        (col(TokenUsage.status), None if chosen.bad_statuses else chosen.status),
    ):
        if value is not None:
            conditions.append(column == value)
    if chosen.bad_statuses:
        conditions += [not_ok(), col(TokenUsage.status).in_(chosen.bad_statuses)]
    return (
        select(*_LEDGER, _username(), _title())
        .outerjoin(User, col(User.id) == col(TokenUsage.user_id))
        .outerjoin(Game, col(Game.id) == col(TokenUsage.game_id))
        .where(*conditions)
    )


def _username() -> ColumnElement[str | None]:
    """A deleted user's row is still there; it names nobody."""
    return case((col(User.deleted_at).is_(None), col(User.username))).label("username")


def _title() -> ColumnElement[str | None]:
    """A removed game's row is still there; its title is not to be shown."""
    return case((col(Game.removed_at).is_(None), col(Game.title))).label("title")


def _row(row: Row[*tuple[Any, ...]]) -> LedgerRow:
    return LedgerRow(Entry(**dict(zip(_FIELDS, row, strict=False))), row.username, row.title)
