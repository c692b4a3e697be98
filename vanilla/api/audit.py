"""Who changed what, for admins: a page at a time, and as CSV."""

import json
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import StreamingResponse

from vanilla.api.callers import Admin, ServicesDep
from vanilla.api.csv_files import csv_file, heading, lines
from vanilla.api.moments import Moment, in_utc
from vanilla.models import utc_text
from vanilla.operations.audit import LONGEST_SEARCH, AuditLog, AuditRow, AuditSearch

router = APIRouter(prefix="/admin/api", tags=["admin"])

A_READ = 500  # rows at a time
CSV_COLUMNS = ("id", "created_at", "actor_id", "actor", "action", "subject", "subject_name", "sentence", "details")


def _search(
    actor: Annotated[str, Query(max_length=100, description="A user's id, or `server`.")] = "",
    action: Annotated[str, Query(max_length=100, description="`user.update`, or `user` for all of that noun.")] = "",
    subject: Annotated[str, Query(max_length=LONGEST_SEARCH, description="An id, or part of a name.")] = "",
    since: Moment = None,
    until: Moment = None,
) -> AuditSearch:
    return AuditSearch(actor, action, subject, in_utc(since), in_utc(until))


Search = Annotated[AuditSearch, Depends(_search)]


@router.get("/audit")
async def audit(
    _admin: Admin,
    services: ServicesDep,
    search: Search,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[int | None, Query(ge=0, le=2**62, description="Go on after the entry with this id.")] = None,
) -> dict[str, Any]:
    """The newest entries that match. `next` is the `before` of the page that follows, null where none does."""
    rows = await services.audit.find(search, limit=limit + 1, before=before)
    more = rows[limit - 1].entry.id if len(rows) > limit else None
    return {"items": [_shown(row) for row in rows[:limit]], "next": more}


@router.get("/audit.csv")
async def audit_csv(_admin: Admin, services: ServicesDep, search: Search) -> StreamingResponse:
    """Every entry that matches as CSV, the newest first."""
    return csv_file("vanilla-audit", _csv(services.audit, search))


async def _csv(log: AuditLog, search: AuditSearch) -> AsyncIterator[str]:
    yield heading(CSV_COLUMNS)
    before: int | None = None
    while rows := await log.find(search, limit=A_READ, before=before):
        yield lines(CSV_COLUMNS, map(_written, rows))
        before = rows[-1].entry.id


def _written(row: AuditRow) -> dict[str, Any]:
    return {**_shown(row), "details": json.dumps(row.entry.details, ensure_ascii=False)}


def _shown(row: AuditRow) -> dict[str, Any]:
    entry = row.entry
    return {
        "id": entry.id,
        "created_at": utc_text(entry.created_at),
        "actor_id": entry.actor_id,
        "actor": row.actor,
        "action": entry.action,
        "subject": entry.subject,
        "subject_name": row.subject,
        "sentence": row.sentence,
        "details": entry.details,
    }
