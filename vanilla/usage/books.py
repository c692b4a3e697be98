"""The minutes that are not over, in memory: what has settled and what was refused in them, as the live page shows it.

Noting a call costs a few microseconds and no query.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from vanilla.usage.ledger import Entry

KEPT = 6  # minutes: the current one, and those that the roll-ups may not be read for yet
# Upper bounds of the histogram of first bytes, milliseconds: each a quarter more than the last.
BOUNDS = tuple(round(10 * 1.25**power) for power in range(44))
BEYOND = 10**9  # the bound of what took longer

_Key = TypeVar("_Key")
ByModel = dict[tuple[str, str], list[int]]  # by backend and model: calls, tokens
Refused = tuple[str, str, str]  # backend, user id, reason
FirstByte = tuple[str, str, int]  # backend, model, upper bound in milliseconds


class Book:
    """One minute, or several together. Lists are calls, tokens."""

    __slots__ = ("failures", "first_bytes", "games", "models", "refusals", "users")

    def __init__(self) -> None:
        self.users: dict[str, list[int]] = {}
        self.games: dict[str, list[int]] = {}
        self.models: ByModel = {}
        self.failures: Counter[str] = Counter()  # calls by a status other than ok
        self.refusals: Counter[Refused] = Counter()
        self.first_bytes: Counter[FirstByte] = Counter()

    def record(self, entry: Entry) -> None:
        """A row was written to the ledger."""
        self.use(entry.user_id, entry.game_id, entry.backend, entry.model, 1, entry.total_tokens)
        if entry.status != "ok":
            self.failures[entry.status] += 1
        if entry.first_byte_ms is not None:
            self.first_bytes[entry.backend, entry.model, bound_of(entry.first_byte_ms)] += 1

    def use(self, user_id: str, game_id: str, backend: str, model: str, calls: int, tokens: int) -> None:
        """Calls that used so many tokens."""
        _add(self.users, user_id, calls, tokens)
        _add(self.games, game_id, calls, tokens)
        _add(self.models, (backend, model), calls, tokens)

    def add(self, other: "Book") -> None:
        """Add another one's figures."""
        for mine, theirs in ((self.users, other.users), (self.games, other.games)):
            for key, (calls, tokens) in theirs.items():
                _add(mine, key, calls, tokens)
        for pair, (calls, tokens) in other.models.items():
            _add(self.models, pair, calls, tokens)
        self.failures.update(other.failures)
        self.refusals.update(other.refusals)
        self.first_bytes.update(other.first_bytes)


class Books:
    """The last minutes, by their number (Unix time / 60)."""

    def __init__(self) -> None:
        self._books: dict[int, Book] = {}

    def __getitem__(self, minute: int) -> Book:
        """The book of a minute, a new one if there was none."""
        book = self._books.get(minute)
        if book is None:
            book = self._books[minute] = Book()
        return book

    def since(self, minute: int) -> Iterator[tuple[int, Book]]:
        """Minutes from that one on."""
        return ((number, book) for number, book in self._books.items() if number >= minute)

    def together(self, minute: int) -> Book:
        """All minutes from that one on as one."""
        whole = Book()
        for _, book in self.since(minute):
            whole.add(book)
        return whole

    def turn(self, minute: int) -> None:
        """Forget what lies too far before that minute."""
        if len(self._books) > KEPT:
            self._books = {number: book for number, book in self._books.items() if number > minute - KEPT}


def bound_of(milliseconds: int) -> int:
    """The upper bound that a first byte is counted below."""
    place = bisect_left(BOUNDS, milliseconds)
    return BOUNDS[place] if place < len(BOUNDS) else BEYOND


def percentile(histogram: Mapping[int, int], part: float) -> int | None:
    """The milliseconds within which that part (0 to 1) of the answers began, as near as the bounds tell; None of none.
    Half a bucket is the most that it errs: a ninth."""
    total = sum(histogram.values())
    if not total:
        return None
    wanted, seen = part * total, 0
    for bound, calls in sorted(histogram.items()):
        if seen + calls >= wanted:
            place = bisect_left(BOUNDS, bound)
            if place >= len(BOUNDS):
                return BOUNDS[-1]
            below = BOUNDS[place - 1] if place else 0
            return round(below + (bound - below) * (wanted - seen) / calls)
        seen += calls
    return None


def histogram(first_bytes: Iterable[tuple[FirstByte, int]], backend: str, model: str | None = None) -> dict[int, int]:
    """Those of one backend, or of one of its models: answers by upper bound."""
    found: Counter[int] = Counter()
    for (of_backend, of_model, bound), calls in first_bytes:
        if of_backend == backend and model in (None, of_model):
            found[bound] += calls
    return dict(found)


def _add(sums: dict[_Key, list[int]], key: _Key, calls: int, tokens: int) -> None:
    known = sums.get(key)
    if known is None:
        sums[key] = [calls, tokens]
    else:
        known[0] += calls
        known[1] += tokens
