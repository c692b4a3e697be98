"""What the plan's Node platform wrote, and what it means here: its tables, its names and its times."""

import contextlib
import unicodedata
from collections.abc import Collection
from datetime import UTC, datetime

REVISION = "0001"  # what a database of that platform is at, without saying so
TABLES = frozenset({"users", "token_usage"})  # its sessions may lie in a file of their own


def key_of(username: str) -> str:
    """What makes names one here; there, Mira and mira were two."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", username.strip()).casefold())


def free_name(username: str, taken: Collection[str]) -> str:
    """The name, with a number behind it if its key is among those `taken`."""
    name, number = username, 1
    while key_of(name) in taken:
        number += 1
        name = f"{username} {number}"
    return name


def moment_of(written: str) -> datetime:
    """What JavaScript or SQLite wrote: ISO 8601 with T or a space, without an offset in UTC; or Unix time, in seconds
    or milliseconds. What is none of these becomes this moment."""
    with contextlib.suppress(ValueError, OverflowError, OSError):
        number = float(written)  # first: some such numbers would pass for a date in ISO 8601's shortest form
        return datetime.fromtimestamp(number / 1000 if abs(number) > 1e11 else number, UTC)
    with contextlib.suppress(ValueError):
        moment = datetime.fromisoformat(written)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.now(UTC)
