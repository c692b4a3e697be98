"""How holds are taken and settled in the database: batches for the one writer, with statements compiled once."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import bindparam, case, func, or_, select, update
from sqlmodel import col

from vanilla.accounts.periods import resets_at
from vanilla.database import Prepared, inserting
from vanilla.errors import LimitReached, Unauthenticated
from vanilla.inference.game_day import RETRY_AFTER, GameDay, settle_game_day
from vanilla.models import NO_GAME, Hold, User, utc_text
from vanilla.usage import ledger
from vanilla.usage.ledger import Entry

HOLD_LASTS = timedelta(minutes=10)  # beyond its last refresh; a live process refreshes every second or two


class Wanted(NamedTuple):
    """What a call asks to set aside. `least_output` is what it cannot do without: 1, or more than a thinking budget."""

    id: str
    user_id: str
    game_id: str
    backend: str
    model: str
    prompt_tokens: int
    output_cap: int
    least_output: int = 1
    game_cap: int | None = None  # tokens that one game may take of this user on one UTC day
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """What was set aside: the output cap that fits, and whether a limit stands behind it."""

    output_cap: int
    is_limited: bool


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a call in flight has come: what a crash would be billed."""

    hold_id: str
    prompt_tokens: int
    completion_tokens: int


HoldItem = tuple[Wanted, str, datetime]  # what is wanted, by which process, when
Settlement = tuple[str, Entry | None, datetime]  # of which hold, at what cost, when


def hold_all(cursor: sqlite3.Cursor, holds: Sequence[HoldItem]) -> list[Granted | LimitReached | Unauthenticated]:
    """All that a user asks for in one statement where it fits, else each in its turn, since each must know its own
    answer; the rows of those that fit are written together."""
    together = _try_together(cursor, holds) if len(holds) > 1 else {}
    answers = []
    rows: list[dict[str, Any]] = []
    for wanted, process_id, now in holds:
        # A refusal is a result here and not a raise: a raise would undo the whole group of writes it stands in.
        taken = together.get(wanted.user_id)
        if taken is not None and not _has_cap(wanted):
            answer: Granted | LimitReached | Unauthenticated = Granted(wanted.output_cap, taken.is_limited)
        else:
            answer = _try_hold(cursor, wanted, now)
        answers.append(answer)
        if isinstance(answer, Granted):
            rows.append(_hold_row(wanted, answer, process_id, now))
    if rows:
        _INSERT_HOLDS.rows(cursor, rows)
    return answers


def _try_together(cursor: sqlite3.Cursor, holds: Sequence[HoldItem]) -> "dict[str, _Taken]":
    """By user, where all fits that stands under no cap of a game: what holds for the sum holds for each."""
    sums: dict[str, int] = {}
    for wanted, _, _ in holds:
        if not _has_cap(wanted):
            sums[wanted.user_id] = sums.get(wanted.user_id, 0) + wanted.prompt_tokens + wanted.output_cap
    now = holds[-1][2]
    taken = {user_id: _take(cursor, user_id, tokens, now) for user_id, tokens in sums.items()}
    return {user_id: answer for user_id, answer in taken.items() if answer is not None}


def _has_cap(wanted: Wanted) -> bool:
    """Whether a game's cap stands before the user's limit."""
    return wanted.game_cap is not None and wanted.game_id != NO_GAME


def _try_hold(cursor: sqlite3.Cursor, wanted: Wanted, now: datetime) -> Granted | LimitReached | Unauthenticated:
    cap = wanted.output_cap
    game_day = GameDay.of(wanted.user_id, wanted.game_id, wanted.game_cap, now)
    if game_day is not None:
        cap = min(cap, game_day.left(cursor) - wanted.prompt_tokens)
        if cap < wanted.least_output:
            return game_day.refusal(cursor, now)
    taken = _take(cursor, wanted.user_id, wanted.prompt_tokens + cap, now)
    if taken is None:
        account = _account(cursor, wanted.user_id, now)
        if account is None:
            return Unauthenticated("This account is not active. Ask your host.")
        cap = min(cap, account.limit - account.used - account.held - wanted.prompt_tokens)
        if cap >= wanted.least_output:
            taken = _take(cursor, wanted.user_id, wanted.prompt_tokens + cap, now)
        if taken is None:
            return _refusal(account, wanted, now)
    if game_day is not None:
        game_day.hold(cursor, wanted.prompt_tokens + cap)
    return Granted(cap, is_limited=taken.is_limited or game_day is not None)


def _hold_row(wanted: Wanted, granted: Granted, process_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": wanted.id,
        "process_id": process_id,
        "user_id": wanted.user_id,
        "game_id": wanted.game_id,
        "backend": wanted.backend,
        "model": wanted.model,
        "tokens": wanted.prompt_tokens + granted.output_cap,
        "prompt_tokens": wanted.prompt_tokens,
        "completion_tokens": 0,
        "started_at": _times(now)["now"],
        "expires_at": utc_text(now + HOLD_LASTS),
        "request_id": wanted.request_id,
        "day": _times(now)["day"] if _has_cap(wanted) else "",
    }


def settle_all(cursor: sqlite3.Cursor, settlements: Sequence[Settlement]) -> list[bool]:
    """Together: the holds go, the users pay the sum of their calls, the ledger gets its rows."""
    holds = {row[0]: row[1:] for row in _take_holds(cursor, [hold_id for hold_id, _, _ in settlements])}
    answers = []
    entries = []
    sums: dict[str, list[int]] = {}  # by user: held, used
    for hold_id, entry, now in settlements:
        hold = holds.pop(hold_id, None)
        answers.append(hold is not None)
        if hold is None:
            continue
        user_id, held, game_id, day = hold
        used = 0 if entry is None else entry.total_tokens
        pays = sums.setdefault(user_id, [0, 0])
        pays[0] += held
        pays[1] += used
        if day:
            settle_game_day(cursor, user_id, game_id, day, held=held, used=used, now=now)
        if entry is not None:
            entries.append(entry)
    now = settlements[-1][2]
    for user_id, (held, used) in sums.items():
        _PAY(cursor, user_id=user_id, held=held, total=used, **_times(now))
    if entries:
        ledger.record(cursor, entries)
    return answers


def _take_holds(cursor: sqlite3.Cursor, ids: list[str]) -> list[tuple[Any, ...]]:
    # Filled up to a power of two, so that few different statements have to be kept compiled.
    places = 1 << (len(ids) - 1).bit_length()
    marks = ", ".join("?" * places)
    sql = f"DELETE FROM holds WHERE id IN ({marks}) RETURNING id, user_id, tokens, game_id, day"  # noqa: S608  (marks only)
    return cursor.execute(sql, [*ids, *[None] * (places - len(ids))]).fetchall()


def note_all(cursor: sqlite3.Cursor, notes: Sequence[tuple[list[Checkpoint], datetime]]) -> list[None]:
    """How far calls have come, and until when their holds are alive."""
    for checkpoints, expires_at in notes:
        expires = utc_text(expires_at)
        rows = [(point.prompt_tokens, point.completion_tokens, expires, point.hold_id) for point in checkpoints]
        cursor.executemany(
            "UPDATE holds SET prompt_tokens = ?, completion_tokens = ?, expires_at = ? WHERE id = ?", rows
        )
    return [None] * len(notes)


@dataclass(frozen=True, slots=True)
class _Taken:
    is_limited: bool


@dataclass(frozen=True, slots=True)
class _Account:
    limit: int
    limit_period: str
    used: int
    held: int


def _take(cursor: sqlite3.Cursor, user_id: str, tokens: int, now: datetime) -> _Taken | None:
    row = _TAKE(cursor, user_id=user_id, tokens=tokens, **_times(now)).fetchone()
    return None if row is None else _Taken(is_limited=row[0] is not None)


def _account(cursor: sqlite3.Cursor, user_id: str, now: datetime) -> _Account | None:
    """What stands in the way of a hold: None when nobody active has that id."""
    row = _READ_ACCOUNT(cursor, user_id=user_id, **_times(now)).fetchone()
    return None if row is None else _Account(*row)


def _refusal(account: _Account, wanted: Wanted, now: datetime) -> LimitReached:
    resets = resets_at(account.limit_period, now)
    span = {"day": " today", "month": " this month"}.get(account.limit_period, "")
    if account.held and account.used + wanted.prompt_tokens + wanted.least_output <= account.limit:
        return LimitReached(
            f"{account.held:,} tokens of your limit of {account.limit:,}{span} are held by your other calls. "
            "Try again when they have finished.",
            used=account.used,
            limit=account.limit,
            resets_at=resets,
            retry_after=RETRY_AFTER,
        )
    again = f"It starts again at {resets:%Y-%m-%d %H:%M} UTC." if resets else "Ask your host for more."
    return LimitReached(
        f"You have used {account.used:,} of your {account.limit:,} tokens{span}, and this call needs at least "
        f"{wanted.prompt_tokens + wanted.least_output:,}. {again}",
        used=account.used,
        limit=account.limit,
        resets_at=resets,
    )


@lru_cache(maxsize=16)
def _times(now: datetime) -> dict[str, str]:
    """A moment, and the keys of its periods (accounts/periods.py), as the tables write them: the beginnings of one
    text, since to write a time takes longer than to bind it."""
    text = utc_text(now)
    return {"now": text, "day": text[:10], "month": text[:7]}


# The period a user's limit counts in now, and what they used in it: a row of an earlier period counts as zero, so a
# period rolls over inside the statement that first needs it.
_CURRENT = case(
    (col(User.limit_period) == "day", bindparam("day")),
    (col(User.limit_period) == "month", bindparam("month")),
    else_="total",
)
_USED = case((col(User.period) == _CURRENT, col(User.tokens_used)), else_=0)

# The lower of the host's limit and the user's own; NULL where there is neither.
_LIMIT = case(
    (col(User.own_token_limit).is_(None), col(User.token_limit)),
    (
        col(User.own_token_limit) < func.coalesce(col(User.token_limit), col(User.own_token_limit) + 1),
        col(User.own_token_limit),
    ),
    else_=col(User.token_limit),
)

_TAKE = Prepared(
    update(User)
    .where(
        col(User.id) == bindparam("user_id"),
        col(User.is_active),
        or_(
            _LIMIT.is_(None),
            _USED + col(User.tokens_held) + bindparam("tokens") <= _LIMIT,
        ),
    )
    .values(
        tokens_used=_USED,
        period=_CURRENT,
        tokens_held=col(User.tokens_held) + bindparam("tokens"),
        last_active_at=bindparam("now"),
    )
    .returning(_LIMIT)
)
_READ_ACCOUNT = Prepared(
    select(_LIMIT, col(User.limit_period), _USED, col(User.tokens_held)).where(
        col(User.id) == bindparam("user_id"), col(User.is_active), _LIMIT.is_not(None)
    )
)
_PAY = Prepared(
    update(User)
    .where(col(User.id) == bindparam("user_id"))
    .values(
        tokens_used=_USED + bindparam("total"),
        period=_CURRENT,
        tokens_held=col(User.tokens_held) - bindparam("held"),
        total_tokens=col(User.total_tokens) + bindparam("total"),
        last_active_at=bindparam("now"),
    )
)
_INSERT_HOLDS = inserting(Hold)
