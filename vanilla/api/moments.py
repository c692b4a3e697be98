"""Moments in addresses."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import Query

from vanilla.errors import Invalid

Moment = Annotated[datetime | None, Query(description="ISO 8601; without an offset it is UTC.")]


def in_utc(moment: datetime | None) -> datetime | None:
    """Raises Invalid where UTC has no such moment."""
    if moment is None or moment.tzinfo is None:
        return None if moment is None else moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise Invalid("The moment lies before the year 1 or after the year 9999 in UTC.") from None
