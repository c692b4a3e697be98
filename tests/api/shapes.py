"""The JSON of the HTTP contract: names and types that a program may rely on."""

import types
from datetime import datetime
from typing import Any

INT, TEXT, FLAG = int, str, bool
Shape = dict[str, Any]


class Moment:
    """Stands for a time as the API writes it: ISO 8601, UTC, with a Z."""


TOKENS: Shape = {"prompt_tokens": INT, "completion_tokens": INT, "total_tokens": INT}
USER: Shape = {
    "id": TEXT,
    "username": TEXT,
    "is_admin": FLAG,
    "is_active": FLAG,
    "token_limit": INT | None,
    "limit_period": TEXT,
    "tokens_used": INT,
    "requests_per_minute": INT | None,
    "concurrent_calls": INT | None,
    "created_at": Moment,
}
LISTED_USER: Shape = {**USER, "total_tokens": INT, "last_active_at": Moment | None}
USAGE: Shape = {
    **TOKENS,
    "token_limit": INT | None,
    "limit_period": TEXT,
    "remaining_tokens": INT | None,
    "resets_at": Moment | None,
}
LEDGER_ROW: Shape = {
    "id": TEXT,
    "timestamp": Moment,
    "user_id": TEXT,
    "game_id": TEXT,
    "backend": TEXT,
    "model": TEXT,
    **TOKENS,
    "cache_read_tokens": INT,
    "cache_write_tokens": INT,
    "estimated": FLAG,
    "status": TEXT,
    "duration_ms": INT | None,
    "first_byte_ms": INT | None,
    "request_id": TEXT | None,
}
GAME: Shape = {
    "id": TEXT,
    "slug": TEXT,
    "title": TEXT,
    "description": TEXT,
    "tags": [TEXT],
    "owner": TEXT,
    "cover_url": TEXT,
    "play_url": TEXT,
    "created_at": Moment,
    "updated_at": Moment,
    "plays": INT,
    "version": INT,
    "visibility": TEXT,
    "players": INT,
    "last_played_at": Moment | None,
    "tokens_used": INT,
    "size_bytes": INT,
    "is_mine": FLAG,
    "is_favourite": FLAG,
}
ERROR: Shape = {"type": TEXT, "error": {"type": TEXT, "message": TEXT}}


def problems(value: Any, shape: Any, place: str = "body") -> list[str]:
    """Where `value` lacks a name or has another type than `shape` says; more names are fine."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{place} is {value!r}"]
        missing = [f"{place}.{name} is missing" for name in shape if name not in value]
        return missing + [
            found for name in shape if name in value for found in problems(value[name], shape[name], f"{place}.{name}")
        ]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{place} is {value!r}"]
        return [found for item in value for found in problems(item, shape[0], f"{place}[]")]
    if isinstance(shape, types.UnionType):
        return [] if any(not problems(value, one, place) for one in shape.__args__) else [f"{place} is {value!r}"]
    if shape is Moment:
        return [] if isinstance(value, str) and value.endswith("Z") and _is_moment(value) else [f"{place} is {value!r}"]
    return [] if type(value) is shape or (shape is type(None) and value is None) else [f"{place} is {value!r}"]


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
