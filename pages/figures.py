"""Numbers and moments as people read them."""

from datetime import UTC, datetime

_STEPS = ((60, 1, "s"), (3600, 60, "min"), (86400, 3600, "h"), (30 * 86400, 86400, "d"))


def count(number: int) -> str:
    """12345 is `12,345`."""
    return f"{number:,}"


def counted(number: int, noun: str) -> str:
    """`1 play`, `12,345 plays`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(size_bytes: int) -> str:
    """`850 B`, `12 kB`, `3.4 MB`, `78.5 GB`."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    if size_bytes < 999_500:
        return f"{size_bytes / 1000:.0f} kB"
    if size_bytes < 999_950_000:
        return f"{size_bytes / 1_000_000:,.1f} MB"
    return f"{size_bytes / 1_000_000_000:,.1f} GB"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago `moment` was: `just now`, `45 s ago`, `3 min ago`, `5 h ago`, `12 d ago`, then its date."""
    seconds = (now - moment).total_seconds()
    if seconds < 10:
        return "just now"
    for below, unit, name in _STEPS:
        if seconds < below:
            return f"{int(seconds // unit)} {name} ago"
    return date(moment)


def date(moment: datetime) -> str:
    """`23 Nov 2026`, in UTC."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y}"


def exact(moment: datetime) -> str:
    """`2026-11-23 16:42:35 UTC`."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def fraction(used: int, limit: int) -> float:
    """How much of a limit is used, between 0 and 1. A limit of 0 is used up."""
    return 1.0 if limit <= 0 else max(0.0, min(1.0, used / limit))
