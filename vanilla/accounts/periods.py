"""The periods over which a limit counts, all in UTC: `total` (for ever), `day` and `month`."""

from datetime import UTC, datetime, timedelta
from typing import Literal

LimitPeriod = Literal["total", "day", "month"]


def period_key(limit_period: str, now: datetime) -> str:
    """The period that `now` falls in: `total`, `2026-11-23` or `2026-11`."""
    if limit_period == "day":
        return now.astimezone(UTC).isoformat()[:10]
    if limit_period == "month":
        return now.astimezone(UTC).isoformat()[:7]
    return "total"


def starts_at(limit_period: str, now: datetime) -> datetime | None:
    """When the period that `now` falls in began; None for `total`."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if limit_period == "day":
        return midnight
    if limit_period == "month":
        return midnight.replace(day=1)
    return None


def resets_at(limit_period: str, now: datetime) -> datetime | None:
    """When usage counts from zero again; None for `total`."""
    start = starts_at(limit_period, now)
    if start is None:
        return None
    if limit_period == "day":
        return start + timedelta(days=1)
    return (start + timedelta(days=31)).replace(day=1)
