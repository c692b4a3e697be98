"""A live range: its past from the roll-ups, and on top of it the minutes that are not over and the calls in flight."""

from collections import Counter
from collections.abc import Mapping
from heapq import nlargest

from vanilla.models import NO_GAME
from vanilla.usage.books import Book, Books, FirstByte, histogram, percentile
from vanilla.usage.past import CHARTED, Past
from vanilla.usage.snapshot import FirstBytes, RangeSnapshot, Used
from vanilla.usage.standings import Ranking
from vanilla.usage.sums import COUNTS

LISTED = 6  # users and games
_TOKENS = COUNTS.index("total_tokens")


def shown(
    past: Past,
    books: Books,
    running: Book,
    minute: int,
    names: Mapping[str, str | None],
    titles: Mapping[str, str | None],
) -> RangeSnapshot:
    """The range as of that minute. `running` are the calls in flight."""
    span = past.range.span(minute)
    recent = books.together(past.end)
    recent.add(running)
    starts = {start: position for position, start in enumerate(span.starts())}
    parts = [*books.since(past.end), (minute, running)]
    calls = sum(counts[0] for counts in past.models.values()) + sum(calls for calls, _ in recent.models.values())
    tokens = sum(counts[_TOKENS] for counts in past.models.values())
    tokens += sum(tokens for _, tokens in recent.models.values())
    users = _used(past.users, recent.users, names)
    return RangeSnapshot(
        range=past.range,
        span=span,
        calls=calls,
        tokens=tokens,
        by_backend=_by_backend(past, parts, starts),
        by_user=_by_user(past, users, parts, starts),
        users=users[:LISTED],
        games=_used(past.games, recent.games, {**titles, NO_GAME: None})[:LISTED],
        failures=_added(past.failures, recent.failures),
        refusals=_added(past.refusals, _by_reason(recent)),
        first_bytes=_first_bytes(past, recent),
    )


def _by_backend(past: Past, parts: list[tuple[int, Book]], starts: Mapping[int, int]) -> dict[str, tuple[int, ...]]:
    series: dict[str, list[int]] = {}
    for (start, backend), tokens in past.series.items():
        _plot(series, backend, starts, start, tokens)
    for minute, book in parts:
        for (backend, _), (_, tokens) in book.models.items():
            _plot(series, backend, starts, _step(past, minute), tokens)
    return {backend: tuple(values) for backend, values in sorted(series.items())}


def _by_user(
    past: Past, users: tuple[Used, ...], parts: list[tuple[int, Book]], starts: Mapping[int, int]
) -> tuple[tuple[Used, tuple[int, ...]], ...]:
    # Those whose past is known keep their place; others have come since, and all of theirs is in the minutes.
    known = [used for used in users if used.id in past.user_series]
    new = [used for used in users if all(used.id != key for key, _ in past.users.top)]
    charted = (known + new)[:CHARTED]
    series: dict[str, list[int]] = {used.id: [0] * len(starts) for used in charted}
    for user_id in series:
        for start, tokens in past.user_series.get(user_id, {}).items():
            _plot(series, user_id, starts, start, tokens)
        for minute, book in parts:
            if user_id in book.users:
                _plot(series, user_id, starts, _step(past, minute), book.users[user_id][1])
    return tuple((used, tuple(series[used.id])) for used in charted)


def _plot(series: dict[str, list[int]], name: str, starts: Mapping[int, int], start: int, tokens: int) -> None:
    values = series.setdefault(name, [0] * len(starts))
    place = starts.get(start)
    if place is not None:
        values[place] += tokens


def _step(past: Past, minute: int) -> int:
    return minute // past.range.step * past.range.step


def _used(past: Ranking, recent: Mapping[str, list[int]], names: Mapping[str, str | None]) -> tuple[Used, ...]:
    sums = {key: [counts[0], counts[_TOKENS]] for key, counts in past.top}
    for key, (calls, tokens) in recent.items():
        known = sums.setdefault(key, [0, 0])
        known[0] += calls
        known[1] += tokens
    first = nlargest(2 * LISTED, sums.items(), key=lambda item: (item[1][1], item[0]))
    return tuple(Used(key, names.get(key), calls, tokens) for key, (calls, tokens) in first if tokens or calls)


def _added(past: Mapping[str, int], recent: Mapping[str, int]) -> dict[str, int]:
    total = Counter(past)
    total.update(recent)
    return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def _by_reason(recent: Book) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for (_, _, reason), calls in recent.refusals.items():
        reasons[reason] += calls
    return reasons


def _first_bytes(past: Past, recent: Book) -> tuple[FirstBytes, ...]:
    noted: list[tuple[FirstByte, int]] = [*past.first_bytes, *recent.first_bytes.items()]
    models = sorted({(backend, model) for (backend, model, _), _ in noted})
    found = [_of(noted, backend, "") for backend in sorted({backend for backend, _ in models})]
    return (*found, *(_of(noted, backend, model) for backend, model in models))


def _of(noted: list[tuple[FirstByte, int]], backend: str, model: str) -> FirstBytes:
    answers = histogram(noted, backend, model or None)
    return FirstBytes(
        backend=backend,
        model=model,
        calls=sum(answers.values()),
        p50_ms=percentile(answers, 0.5) or 0,
        p95_ms=percentile(answers, 0.95) or 0,
    )
