"""Holds and limits: what a call may cost is set aside before it starts, and paid or given back when it ends.

A hold is one conditional statement, `used + held + n <= limit`, so no number of calls at once can pass a limit. It is
also a row: a process that dies leaves it, and the next start turns it into a ledger row (`recover`).
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, delete, func, insert, or_, update
from sqlmodel import col, select

from vanilla.accounts.periods import period_key, resets_at
from vanilla.database import Database, Prepared
from vanilla.errors import LimitReached, Unauthenticated
from vanilla.inference.game_day import RETRY_AFTER, GameDay, settle_game_day
from vanilla.models import Hold, User, new_id, utc_now, utc_text
from vanilla.usage import ledger
from vanilla.usage.ledger import Entry

HOLD_LASTS = timedelta(minutes=10)  # beyond its last refresh; a live process refreshes every second or two


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
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


class Meter:
    """Sets tokens aside, settles, recovers. Every write goes through the database's one writer."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock
        self.process_id = new_id()

    async def hold(self, wanted: Wanted) -> Granted:
        """Set aside prompt and output cap, the cap lowered to what is left.

        Raises LimitReached when not even the prompt and `least_output` fit, Unauthenticated when the user is gone.
        """
        now = self._clock()
        answer = await self._database.meter(lambda cursor: self._try_hold(cursor, wanted, now))
        if isinstance(answer, Granted):
            return answer
        raise answer

    async def settle(self, hold_id: str, entry: Entry | None) -> bool:
        """Give back the hold and, where the call cost something, write its row, once: False if it was settled before.

        Raises what the database raises; the hold is then still there, and the same call may be tried again.
        """
        now = self._clock()
        return await self._database.meter(lambda cursor: _settle(cursor, hold_id, entry, now))

    async def checkpoint(self, checkpoints: list[Checkpoint]) -> None:
        """Note how far calls have come, and that their process is alive."""
        expires = utc_text(self._clock() + HOLD_LASTS)
        rows = [
            {
                "hold_id": point.hold_id,
                "prompt": point.prompt_tokens,
                "completion": point.completion_tokens,
                "expires": expires,
            }
            for point in checkpoints
        ]
        await self._database.meter(lambda cursor: _CHECKPOINT.many(cursor, rows).close())

    async def recover(self, *, everything: bool) -> list[Entry]:
        """Settle what dead processes left: every hold of another process at start (`everything`: this is the only
        process), later the expired ones. Each becomes a row with status `recovered`: a hold is set just before the
        upstream is called, so what it leaves may have been billed."""
        now = self._clock()
        own = col(Hold.process_id) == self.process_id
        condition = ~own if everything else col(Hold.expires_at) < now
        orphans = await self._database.read(lambda session: session.exec(select(Hold).where(condition)).all())
        entries = []
        for hold in orphans:
            entry = _recovered(hold, now)
            if await self.settle(hold.id, entry):
                entries.append(entry)
        return entries

    def _try_hold(
        self, cursor: sqlite3.Cursor, wanted: Wanted, now: datetime
    ) -> Granted | LimitReached | Unauthenticated:
        # A refusal is a result here and not a raise: a raise would undo the whole group of writes it stands in.
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
        _INSERT_HOLD(
            cursor,
            id=wanted.id,
            process_id=self.process_id,
            user_id=wanted.user_id,
            game_id=wanted.game_id,
            backend=wanted.backend,
            model=wanted.model,
            tokens=wanted.prompt_tokens + cap,
            prompt_tokens=wanted.prompt_tokens,
            completion_tokens=0,
            started_at=utc_text(now),
            expires_at=utc_text(now + HOLD_LASTS),
            request_id=wanted.request_id,
            day="" if game_day is None else game_day.day,
        )
        return Granted(cap, is_limited=taken.is_limited or game_day is not None)


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
    row = _TAKE(cursor, user_id=user_id, tokens=tokens, now=utc_text(now), **_keys(now)).fetchone()
    return None if row is None else _Taken(is_limited=row[0] is not None)


def _account(cursor: sqlite3.Cursor, user_id: str, now: datetime) -> _Account | None:
    """What stands in the way of a hold: None when nobody active has that id."""
    row = _READ_ACCOUNT(cursor, user_id=user_id, **_keys(now)).fetchone()
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


def _settle(cursor: sqlite3.Cursor, hold_id: str, entry: Entry | None, now: datetime) -> bool:
    hold = _TAKE_HOLD(cursor, hold_id=hold_id).fetchone()
    if hold is None:
        return False
    user_id, held, game_id, day = hold
    total = 0 if entry is None else entry.total_tokens
    if day:
        settle_game_day(cursor, user_id, game_id, day, held=held, used=total, now=now)
    _PAY(cursor, user_id=user_id, held=held, total=total, now=utc_text(now), **_keys(now))
    if entry is not None:
        ledger.record(cursor, [entry])
    return True


def _recovered(hold: Hold, now: datetime) -> Entry:
    return Entry(
        id=hold.id,
        timestamp=now,
        user_id=hold.user_id,
        game_id=hold.game_id,
        backend=hold.backend,
        model=hold.model,
        prompt_tokens=hold.prompt_tokens,
        completion_tokens=hold.completion_tokens,
        estimated=True,
        status="recovered",
        duration_ms=None,
        request_id=hold.request_id,
    )


def _keys(now: datetime) -> dict[str, str]:
    return {"day": period_key("day", now), "month": period_key("month", now)}


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
_INSERT_HOLD = Prepared(insert(Hold).values({name: bindparam(name) for name in Hold.model_fields}))
_TAKE_HOLD = Prepared(
    delete(Hold)
    .where(col(Hold.id) == bindparam("hold_id"))
    .returning(col(Hold.user_id), col(Hold.tokens), col(Hold.game_id), col(Hold.day))
)
_CHECKPOINT = Prepared(
    update(Hold)
    .where(col(Hold.id) == bindparam("hold_id"))
    .values(
        prompt_tokens=bindparam("prompt"), completion_tokens=bindparam("completion"), expires_at=bindparam("expires")
    )
)
