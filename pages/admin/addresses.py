"""Where the calls behind a figure are: /admin/usage with what they have in common in its address."""

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from vanilla.models import NO_GAME
from vanilla.usage.spans import RANGES, Filter, Range, Span

USAGE = "/admin/usage"
USUAL = "30d"
OUTSIDE = "none"  # stands for no game
REFUSED = "refused"  # as a status: calls that have no row
_NAMES = {"user_id": "user", "game_id": "game", "backend": "backend", "model": "model", "status": "status"}


def usage_address(chosen: Filter | None = None, *, when: Mapping[str, str] | None = None) -> str:
    """The address of those calls. `when` is `{"range": "1h"}`, or `from` and `to`."""
    query = dict(when or {})
    for field, name in _NAMES.items():
        value = getattr(chosen or Filter(), field)
        if value is not None:
            query[name] = OUTSIDE if field == "game_id" and value == NO_GAME else value
    if query.get("range") == USUAL:
        del query["range"]
    return f"{USAGE}?{urlencode(query)}" if query else USAGE


def refused_in(of: Range, reason: str) -> str:
    """The address of calls that were refused for a reason in a range that ends now."""
    return usage_address(Filter(status=REFUSED), when={"range": of.key}) + f"&{urlencode({'reason': reason})}"


def in_range(of: Range, **values: str) -> str:
    """The address of calls in a range that ends now: `in_range(hour, user_id="...")`."""
    return usage_address(Filter(**values), when={"range": of.key})


def filter_of(query: Mapping[str, str]) -> Filter:
    """What an address asks for. An empty value is none."""
    found = {field: query.get(name) or None for field, name in _NAMES.items()}
    if found["game_id"] == OUTSIDE:
        found["game_id"] = NO_GAME
    return Filter(**found)


def when_of(query: Mapping[str, str], now: datetime) -> tuple[Span, dict[str, str]]:
    """The span that an address asks for, and its words for it: the usual range where it makes no sense."""
    since, until = _moment(query.get("from", "")), _moment(query.get("to", ""), is_end=True)
    if since is not None or until is not None:
        until = until or now
        since = since or datetime(until.year - 1, 1, 1, tzinfo=UTC)
        if since < until:
            words = {name: query[name] for name in ("from", "to") if query.get(name)}
            return Span.between(since, until, now), words
    key = query.get("range", "")
    of = RANGES.get(key) or RANGES[USUAL]
    return of.span(int(now.timestamp()) // 60), {"range": of.key}


def _moment(text: str, *, is_end: bool = False) -> datetime | None:
    """`2026-11-23T16:42Z`, or a day (UTC), which as an end is a whole one. None for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if not 2000 <= moment.year < 3000:
        return None
    return moment.replace(hour=23, minute=59, second=59) if is_end and len(text) == len("2026-11-23") else moment
