"""What everybody has used, for admins: totals, series, single calls, and the ledger as CSV."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypedDict

from fastapi import APIRouter, Depends, Query
from starlette.responses import StreamingResponse

from vanilla.api.callers import Admin, ServicesDep
from vanilla.api.csv_files import csv_file, heading, lines
from vanilla.api.moments import Moment, in_utc
from vanilla.api.usage import Days, shown_point, shown_row
from vanilla.api.users import shown
from vanilla.models import utc_now
from vanilla.usage.spans import Filter
from vanilla.usage.statistics import Bucket, LedgerRow, Statistics, bucket_of, range_start

router = APIRouter(prefix="/admin/api", tags=["admin"])

Rows = Annotated[int, Query(ge=1, le=500, description="How many single calls.")]

CSV_COLUMNS = (
    "id",
    "timestamp",
    "user_id",
    "username",
    "game_id",
    "title",
    "backend",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "estimated",
    "status",
    "duration_ms",
    "first_byte_ms",
    "request_id",
)


@dataclass(frozen=True)
class Asked:
    """Which calls are meant."""

    since: datetime | None
    until: datetime | None
    days: int | None
    chosen: Filter


def _asked(
    days: Days = None,
    since: Moment = None,
    until: Moment = None,
    user_id: Annotated[str | None, Query(description="Of this user alone.")] = None,
    game_id: Annotated[str | None, Query(description="Of this game alone; empty: outside any game.")] = None,
    backend: Annotated[str | None, Query(description="`anthropic` or `ollama`.")] = None,
    model: str | None = None,
    status: Annotated[
        Literal["ok", "aborted", "failed", "recovered", "not-ok"] | None, Query(description="How they ended.")
    ] = None,
) -> Asked:
    """The filters that pages, JSON and CSV have in common. `since` goes before `days`."""
    start = range_start(days) if since is None and days is not None else since
    chosen = Filter(user_id=user_id, game_id=game_id, backend=backend, model=model, status=status)
    return Asked(in_utc(start), in_utc(until), days, chosen)


AskedDep = Annotated[Asked, Depends(_asked)]


@router.get("/usage")
async def usage(
    _admin: Admin,
    services: ServicesDep,
    asked: AskedDep,
    limit: Rows = 50,
    before: Annotated[str | None, Query(description="List the calls before the one with this id.")] = None,
) -> dict[str, Any]:
    """Totals by user, model, backend and game; a series by hour (up to 7 days) or by UTC day; the last `limit` calls.
    Of all time, or of a range, which sums round outwards to whole hours."""
    statistics = services.statistics
    of: _Of = {"since": asked.since, "until": asked.until, "chosen": asked.chosen}
    totals, by_model, by_backend, series = await asyncio.gather(
        statistics.totals(**of),
        statistics.by_model(**of),
        statistics.by_backend(**of),
        statistics.series(_bucket(asked), **of),
    )
    by_user, by_game, recent = await asyncio.gather(
        statistics.by_user(**of), statistics.by_game(**of), statistics.recent(limit, before=before, **of)
    )
    return {
        "totals": asdict(totals),
        "by_user": [asdict(row) for row in by_user],
        "by_model": [asdict(row) for row in by_model],
        "by_backend": [asdict(row) for row in by_backend],
        "by_game": [asdict(row) for row in by_game],
        "series": [shown_point(point) for point in series],
        "recent": [shown_row(row) for row in recent],
    }


@router.get("/usage.csv")
async def usage_csv(_admin: Admin, services: ServicesDep, asked: AskedDep) -> StreamingResponse:
    """The ledger as CSV, oldest first: all of it, or what the filters let through. It ends with what there was when it
    began."""
    until = asked.until or utc_now()
    return csv_file("vanilla-usage", _csv(services.statistics, asked.since, until, asked.chosen))


@router.get("/usage/{user_id}")
async def user_usage(
    _admin: Admin,
    services: ServicesDep,
    user_id: str,
    days: Days = None,
    limit: Rows = 50,
    before: Annotated[str | None, Query(description="Go on after the call with this id.")] = None,
) -> dict[str, Any]:
    """One user's totals, by model and over time, and their last calls, newest first."""
    user = await services.users.get(user_id)
    since = None if days is None else range_start(days)
    statistics = services.statistics
    series = await statistics.series(bucket_of(days), user_id=user_id, since=since)
    items = await statistics.recent(limit, user_id=user_id, before=before, since=since)
    return {
        "user": shown(user),
        "totals": asdict(await statistics.totals(user_id=user_id, since=since)),
        "by_model": [asdict(row) for row in await statistics.by_model(user_id=user_id, since=since)],
        "series": [shown_point(point) for point in series],
        "items": [shown_row(row) for row in items],
    }


class _Of(TypedDict):
    since: datetime | None
    until: datetime | None
    chosen: Filter


def _bucket(asked: Asked) -> Bucket:
    if asked.since is None:
        return "day"
    whole = (asked.until or utc_now()) - asked.since
    return bucket_of(-(-whole // timedelta(days=1)))


async def _csv(statistics: Statistics, since: datetime | None, until: datetime, chosen: Filter) -> AsyncIterator[str]:
    yield heading(CSV_COLUMNS)
    last: LedgerRow | None = None
    while rows := await statistics.export(last, since=since, until=until, chosen=chosen):
        yield await asyncio.to_thread(lines, CSV_COLUMNS, map(shown_row, rows))
        last = rows[-1]
