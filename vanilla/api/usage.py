"""What the caller has used: the current period, and their statistics."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query

from vanilla.accounts.periods import resets_at, starts_at
from vanilla.accounts.users import Users
from vanilla.api.callers import AnyCaller, ServicesDep
from vanilla.models import utc_now, utc_text
from vanilla.usage.statistics import LedgerRow, Point, range_start

router = APIRouter(prefix="/api/inference/usage", tags=["usage"])

Days = Annotated[int | None, Query(ge=1, le=3660, description="Only the last so many times 24 hours.")]


@router.get("")
async def usage(caller: AnyCaller, services: ServicesDep) -> dict[str, Any]:
    """Tokens of the current period, the limit, what remains of it (null: no limit) and when it starts anew."""
    now = utc_now()
    user = await services.users.get(caller.user_id)
    totals = await services.statistics.totals(user_id=user.id, since=starts_at(user.limit_period, now))
    resets = resets_at(user.limit_period, now)
    remaining = None if user.effective_limit is None else max(0, user.effective_limit - Users.current_usage(user, now))
    return {
        "prompt_tokens": totals.prompt_tokens,
        "completion_tokens": totals.completion_tokens,
        "total_tokens": totals.total_tokens,
        "token_limit": user.effective_limit,
        "limit_period": user.limit_period,
        "remaining_tokens": remaining,
        "resets_at": None if resets is None else utc_text(resets),
    }


@router.get("/stats")
async def stats(caller: AnyCaller, services: ServicesDep, days: Days = None) -> dict[str, Any]:
    """The caller's own totals, by backend, by model and by UTC day: of all time, or of the last `days`."""
    since = None if days is None else range_start(days)
    statistics, user_id = services.statistics, caller.user_id
    return {
        "totals": asdict(await statistics.totals(user_id=user_id, since=since)),
        "by_backend": [asdict(row) for row in await statistics.by_backend(user_id=user_id, since=since)],
        "by_model": [asdict(row) for row in await statistics.by_model(user_id=user_id, since=since)],
        "by_day": [asdict(row) for row in await statistics.by_day(user_id=user_id, since=since)],
    }


def shown_point(point: Point) -> dict[str, Any]:
    """A bucket of a series."""
    return {**asdict(point), "start": utc_text(point.start)}


def shown_row(row: LedgerRow) -> dict[str, Any]:
    """A row of the ledger with the names of its user and game."""
    values = row.entry._asdict()
    return {
        **values,
        "timestamp": utc_text(row.entry.timestamp),
        "total_tokens": row.entry.total_tokens,
        "username": row.username,
        "title": row.title,
    }
