"""Adding up calls: which roll-ups answer a question with the least to read.

A question is cut into parts of time. What is over and concerns one user is in days; what is over and names neither user
nor game is in totals by hour; the rest is in hours, and minutes at the edges. Calls that did not end well are few, and
come from the ledger's index of those alone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, Text, cast, func, literal_column, select, union_all
from sqlmodel import Session, SQLModel, col

from vanilla.models import (
    TokenUsage,
    UsageDay,
    UsageHour,
    UsageHourTotal,
    UsageMark,
    UsageMinute,
)
from vanilla.usage.spans import DAY, HOUR, MINUTES_KEPT, NOT_OK, Filter, Span, moment_of

BUCKET = "bucket"  # as a key: the first minute of a step
LONG = 90 * 24  # hours
OK = "ok"
COUNTS = ("calls", "prompt_tokens", "completion_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens")
_TOKENS = COUNTS.index("total_tokens")
Key = tuple[Any, ...]
Sums = dict[Key, list[int]]  # by the values of the keys asked for: COUNTS, in that order


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of time in one table, `first` until before `last`, in units of so many minutes."""

    table: type[SQLModel]
    column: str
    unit: int
    first: int
    last: int


def add_up(
    session: Session, keys: Sequence[str], span: Span, chosen: Filter, *, minute: int, is_fine: bool = False
) -> Sums:
    """Sums of the calls in a span, one list for each combination of `keys`: of `user_id`, `backend`, `model`, `game_id`
    and BUCKET. `minute` is the current one.

    Without `is_fine` the span is rounded outwards to whole hours; with it, its ends are exact as far back as minutes
    are kept.
    """
    found: Sums = {}
    for statement, sign in _statements(session, keys, span, chosen, minute if is_fine else None):
        _add(found, _with_minutes(session.execute(statement), keys, span.step), sign)
    return {key: counts for key, counts in found.items() if counts[0]} if chosen.status == OK else found


def first_of(
    session: Session, key: str, span: Span, chosen: Filter, limit: int, *, minute: int
) -> tuple[list[tuple[str, tuple[int, ...]]], int]:
    """As `add_up` with `is_fine`, of one key: the `limit` with most tokens, those first, and how many there are in all.
    The database puts them in order, which spares ten thousand rows on their way here."""
    statements = _statements(session, (key,), span, chosen, minute)
    signed = [
        select(*(column if sign > 0 or not place else -column for place, column in enumerate(part.selected_columns)))
        for part, sign in ((select(*statement.subquery().c), sign) for statement, sign in statements)
    ]
    if not signed:
        return [], 0
    rows = union_all(*signed).subquery()
    name, *counts = rows.c
    calls, tokens = func.sum(counts[0]), func.sum(counts[_TOKENS])
    statement = (
        select(name, *(func.sum(count) for count in counts), func.count().over())
        .group_by(name)
        .having(calls > 0)
        .order_by(tokens.desc(), name)
        .limit(limit)
    )
    found = [tuple(row) for row in session.execute(statement)]
    return [(row[0], row[1:-1]) for row in found], found[0][-1] if found else 0


def _statements(
    session: Session, keys: Sequence[str], span: Span, chosen: Filter, minute: int | None
) -> list[tuple[Select[Any], int]]:
    """Selects of the keys and COUNTS, and whether what they give is to be added (1) or taken away (-1). With `minute`,
    the current one, the ends of the span are exact."""
    if chosen.bad_statuses:
        return [(_of_the_ledger(keys, span, chosen, chosen.bad_statuses), 1)]
    parts = list(_parts(session, keys, span, chosen, minute))
    found = [(_of_a_part(keys, part, span.step, chosen), 1) for part in parts]
    if chosen.status == OK and parts:
        first, last = min(part.first * part.unit for part in parts), max(part.last * part.unit for part in parts)
        found.append((_of_the_ledger(keys, Span(first, last, span.step), chosen, NOT_OK), -1))
    return found


def marks(session: Session) -> dict[str, int]:
    """How far roll-ups have come, by name."""
    rows = session.execute(select(col(UsageMark.name), col(UsageMark.value)))
    return {row[0]: row[1] for row in rows}


def _parts(session: Session, keys: Sequence[str], span: Span, chosen: Filter, minute: int | None) -> Iterator[_Part]:
    first, last = span.first // HOUR, -(-span.last // HOUR)
    kept = math.inf if minute is None else minute - MINUTES_KEPT
    if span.first > kept and ((BUCKET in keys and span.step % HOUR) or -(-span.first // HOUR) > span.last // HOUR):
        yield _Part(UsageMinute, "minute", 1, span.first, span.last)
        return
    if span.first > kept:
        first = -(-span.first // HOUR)
        yield from _some(_Part(UsageMinute, "minute", 1, span.first, first * HOUR))
    if span.last > kept:
        last = span.last // HOUR
        yield from _some(_Part(UsageMinute, "minute", 1, last * HOUR, span.last))
    # A walk through everybody's days is in the order of users.
    is_long = last - first >= LONG and "user_id" in keys and chosen.game_id is None
    if (chosen.user_id is not None or is_long) and not (BUCKET in keys and span.step % DAY):
        over = marks(session).get("days", 0)
        whole = max(-(-first // 24), 0), min(last // 24, over)
        if whole[0] < whole[1]:
            yield _Part(UsageDay, "day", DAY, *whole)
            yield from _some(_Part(UsageHour, "hour", HOUR, first, whole[0] * 24))
            first = whole[1] * 24
    elif chosen.game_id is None and chosen.user_id is None and not {"user_id", "game_id"} & set(keys):
        over = marks(session).get("hours", 0)
        yield from _some(_Part(UsageHourTotal, "hour", HOUR, first, min(last, over)))
        first = max(first, min(last, over))
    yield from _some(_Part(UsageHour, "hour", HOUR, first, last))


def _some(part: _Part) -> Iterator[_Part]:
    if part.first < part.last:
        yield part


def _of_a_part(keys: Sequence[str], part: _Part, step: int, chosen: Filter) -> Select[Any]:
    columns = part.table.__table__.columns  # type: ignore[attr-defined]
    start = columns[part.column]
    # Days are coarser than hours, and a step never cuts one.
    bucket = start if part.unit == step else start * part.unit // step
    # A cast keeps SQLite from walking an index in the order of the groups, fetching each row from somewhere else.
    is_cast = part.table is UsageHour
    by = [bucket if key == BUCKET else cast(columns[key], Text) if is_cast else columns[key] for key in keys]
    return (
        select(*by, *(func.sum(columns[name]) for name in COUNTS))
        .where(start >= part.first, start < part.last, *_conditions(columns, chosen))
        .group_by(*by)
    )


def _of_the_ledger(keys: Sequence[str], span: Span, chosen: Filter, statuses: Sequence[str]) -> Select[Any]:
    columns = TokenUsage.__table__.columns  # type: ignore[attr-defined]
    bucket = func.unixepoch(columns["timestamp"], type_=Integer) // (60 * span.step)
    by = [bucket if key == BUCKET else columns[key] for key in keys]
    return (
        select(*by, func.count(), *(func.sum(columns[name]) for name in COUNTS[1:]))
        .where(
            not_ok(),
            columns["status"].in_(statuses),
            columns["timestamp"] >= moment_of(span.first),
            columns["timestamp"] < moment_of(span.last),
            *_conditions(columns, chosen),
        )
        .group_by(*by)
    )


def not_ok() -> ColumnElement[bool]:
    """The condition of the ledger's index of such calls, word for word: else SQLite cannot tell that it may be used."""
    return literal_column("token_usage.status <> 'ok'")


def _conditions(columns: Any, chosen: Filter) -> list[ColumnElement[bool]]:
    wanted = {name: getattr(chosen, name) for name in ("user_id", "game_id", "backend", "model")}
    return [columns[name] == value for name, value in wanted.items() if value is not None]


def _with_minutes(rows: Any, keys: Sequence[str], step: int) -> Iterator[tuple[Key, Sequence[int]]]:
    place = keys.index(BUCKET) if BUCKET in keys else None
    number = len(keys)
    for row in rows:
        values = tuple(row)
        if not number and values[0] is None:
            continue  # a sum over nothing
        key = values[:number]
        if place is not None:
            key = (*key[:place], key[place] * step, *key[place + 1 :])
        yield key, values[number:]


def _add(found: Sums, rows: Iterator[tuple[Key, Sequence[int]]], sign: int) -> None:
    for key, counts in rows:
        known = found.get(key)
        if known is None:
            found[key] = [sign * (count or 0) for count in counts]
        else:
            for place, count in enumerate(counts):
                known[place] += sign * (count or 0)
