"""The ledger and its roll-ups, written in one transaction: `record` runs inside the meter's settlement."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from vanilla.database import adding, inserting
from vanilla.models import NO_GAME, TokenUsage, UsageHour, UsageMinute, utc_text

Status = Literal["ok", "aborted", "failed", "recovered"]


class Entry(NamedTuple):
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


def record(cursor: sqlite3.Cursor, entries: Sequence[Entry]) -> None:
    """Write the rows and add them to the minute and hour roll-ups. Raises sqlite3.IntegrityError for a second row
    with the same id: a call is in the ledger once."""
    rows = [_row(entry) for entry in entries]
    _INSERT.rows(cursor, rows)
    _ADD_TO_MINUTE.rows(cursor, _summed(rows, _MINUTE_KEY))
    _ADD_TO_HOUR.rows(cursor, _summed(rows, _HOUR_KEY))


def _summed(rows: list[dict[str, Any]], key: tuple[str, ...]) -> list[dict[str, Any]]:
    """One row for each key, its counts added up."""
    if len(rows) == 1:
        return rows
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        named = tuple([row[name] for name in key])
        known = sums.get(named)
        if known is None:
            sums[named] = dict(row)
        else:
            for name in _COUNTS:
                known[name] += row[name]
    return list(sums.values())


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


_MINUTE_KEY = ("minute", "user_id", "backend", "model", "game_id")
_HOUR_KEY = ("hour", "user_id", "backend", "model", "game_id")
_COUNTS = ("calls", "prompt_tokens", "completion_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens")
_INSERT = inserting(TokenUsage)
_ADD_TO_MINUTE = adding(UsageMinute)
_ADD_TO_HOUR = adding(UsageHour)
