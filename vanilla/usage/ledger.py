"""The ledger and its roll-ups, written in one transaction: `record` runs inside the meter's settlement."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import bindparam, insert

from vanilla.database import Prepared, adding
from vanilla.models import NO_GAME, TokenUsage, UsageHour, UsageMinute, utc_text

Status = Literal["ok", "aborted", "failed", "recovered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of the ledger. `prompt_tokens` includes cache reads and writes; times are milliseconds."""

    id: str
    timestamp: datetime
    user_id: str
    backend: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    game_id: str = NO_GAME
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    estimated: bool = False
    status: Status = "ok"
    duration_ms: int | None = None
    first_byte_ms: int | None = None
    request_id: str | None = None
    server_tool_calls: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


def record(cursor: sqlite3.Cursor, entries: list[Entry]) -> None:
    """Write the rows and add them to the minute and hour roll-ups. Raises sqlite3.IntegrityError for a second row
    with the same id: a call is in the ledger once."""
    rows = [_row(entry) for entry in entries]
    _INSERT.many(cursor, rows)
    _ADD_TO_MINUTE.many(cursor, rows)
    _ADD_TO_HOUR.many(cursor, rows)


def _row(entry: Entry) -> dict[str, Any]:
    seconds = int(entry.timestamp.timestamp())
    return {
        "id": entry.id,
        "user_id": entry.user_id,
        "timestamp": utc_text(entry.timestamp),
        "backend": entry.backend,
        "model": entry.model,
        "prompt_tokens": entry.prompt_tokens,
        "completion_tokens": entry.completion_tokens,
        "total_tokens": entry.total_tokens,
        "game_id": entry.game_id,
        "cache_read_tokens": entry.cache_read_tokens,
        "cache_write_tokens": entry.cache_write_tokens,
        "estimated": int(entry.estimated),
        "status": entry.status,
        "duration_ms": entry.duration_ms,
        "first_byte_ms": entry.first_byte_ms,
        "request_id": entry.request_id,
        "server_tool_calls": entry.server_tool_calls,
        "minute": seconds // 60,
        "hour": seconds // 3600,
        "calls": 1,
    }


def _insert_row(table: type[TokenUsage]) -> Prepared:
    columns = table.__table__.columns.keys()  # type: ignore[attr-defined]
    return Prepared(insert(table).values({name: bindparam(name) for name in columns}))


_INSERT = _insert_row(TokenUsage)
_ADD_TO_MINUTE = adding(UsageMinute)
_ADD_TO_HOUR = adding(UsageHour)
