"""What everybody has used, for admins: totals, series, single calls, and the ledger as CSV."""

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from vanilla.api.callers import Admin, ServicesDep
from vanilla.api.usage import Days, shown_point, shown_row
from vanilla.api.users import shown
from vanilla.errors import Invalid
from vanilla.models import utc_now
from vanilla.usage.statistics import LedgerRow, Statistics, bucket_of, range_start

router = APIRouter(prefix="/admin/api", tags=["admin"])

Rows = Annotated[int, Query(ge=1, le=500, description="How many single calls.")]
Moment = Annotated[datetime | None, Query(description="ISO 8601; without an offset it is UTC.")]

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


@router.get("/usage")
async def usage(_admin: Admin, services: ServicesDep, days: Days = None, limit: Rows = 50) -> dict[str, Any]:
    """Totals of all time or of the last `days`, by user, model, backend and game; a series by hour (up to 7 days) or
    by UTC day; the last `limit` calls."""
    since = None if days is None else range_start(days)
    statistics = services.statistics
    return {
        "totals": asdict(await statistics.totals(since=since)),
        "by_user": [asdict(row) for row in await statistics.by_user(since=since)],
        "by_model": [asdict(row) for row in await statistics.by_model(since=since)],
        "by_backend": [asdict(row) for row in await statistics.by_backend(since=since)],
        "by_game": [asdict(row) for row in await statistics.by_game(since=since)],
        "series": [shown_point(point) for point in await statistics.series(bucket_of(days), since=since)],
        "recent": [shown_row(row) for row in await statistics.recent(limit)],
    }


@router.get("/usage.csv")
async def usage_csv(
    _admin: Admin, services: ServicesDep, since: Moment = None, until: Moment = None, days: Days = None
) -> StreamingResponse:
    """The ledger as CSV, oldest first: all of it, from `since` until before `until`, or the last `days`."""
    now = utc_now()
    start = range_start(days, now) if since is None and days is not None else since
    lines = _csv(services.statistics, _in_utc(start), _in_utc(until) or now)
    return StreamingResponse(
        lines,
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="vanilla-usage-{now:%Y-%m-%d}.csv"',
            "cache-control": "no-store",
        },
    )


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


async def _csv(statistics: Statistics, since: datetime | None, until: datetime) -> AsyncIterator[str]:
    yield ",".join(CSV_COLUMNS) + "\r\n"
    last: LedgerRow | None = None
    while rows := await statistics.export(last, since=since, until=until):
        text = io.StringIO()
        writer = csv.writer(text)
        for row in rows:
            values = shown_row(row)
            writer.writerow([_cell(values[name]) for name in CSV_COLUMNS])
        yield text.getvalue()
        last = rows[-1]


def _cell(value: object) -> object:
    """A spreadsheet takes text that starts so for a formula; names of models and users are other people's text."""
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return f"'{value}"
    return int(value) if isinstance(value, bool) else value


def _in_utc(moment: datetime | None) -> datetime | None:
    if moment is None or moment.tzinfo is None:
        return None if moment is None else moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid("The moment lies before the year 1 or after the year 9999 in UTC.") from None
