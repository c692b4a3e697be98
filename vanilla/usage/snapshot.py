"""What the live feed tells: everything at one moment, never changed afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vanilla.usage.ledger import Entry
from vanilla.usage.rows import NearLimit
from vanilla.usage.spans import Range, Span


@dataclass(frozen=True, slots=True)
class CallNow:
    """A call in flight as it was at one moment."""

    id: str
    user_id: str
    username: str
    game_id: str
    backend: str
    model: str
    running_seconds: int
    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class RecentCall:
    """A call that has settled."""

    entry: Entry
    username: str


@dataclass(frozen=True, slots=True)
class Used:
    """What a user or a game used. `name` is None for one that is gone, and for no game."""

    id: str
    name: str | None
    calls: int
    tokens: int


@dataclass(frozen=True, slots=True)
class FirstBytes:
    """How soon answers began: half of them within `p50_ms`, 19 of 20 within `p95_ms`. `model` "" is all of them."""

    backend: str
    model: str
    calls: int
    p50_ms: int
    p95_ms: int


@dataclass(frozen=True, slots=True)
class RangeSnapshot:
    """A range that ends now. Calls in flight count in the last step, with what they have used so far, until they
    settle."""

    range: Range
    span: Span
    calls: int
    tokens: int
    by_backend: Mapping[str, tuple[int, ...]]  # tokens, a figure for each step
    by_user: tuple[tuple[Used, tuple[int, ...]], ...]  # the same of those who used most; the others are the rest
    users: tuple[Used, ...]  # most tokens first
    games: tuple[Used, ...]
    failures: Mapping[str, int]  # calls by a status other than ok
    refusals: Mapping[str, int]  # by reason, most first
    first_bytes: tuple[FirstBytes, ...]  # of each backend, then of each model

    @property
    def failed(self) -> int:
        return sum(self.failures.values())

    @property
    def refused(self) -> int:
        return sum(self.refusals.values())


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """Everything the live page shows, at one moment. Days and minutes are UTC's."""

    at: datetime
    calls: tuple[CallNow, ...]  # longest running first
    peak_calls_today: int
    minute: Mapping[str, int]  # tokens of the current minute by backend
    tokens_today: int
    tokens_yesterday: int  # up to this minute of the day
    recent: tuple[RecentCall, ...]  # newest first
    near_limit: tuple[NearLimit, ...]  # nearest first
    titles: Mapping[str, str]  # of the games in calls and recent, by id; a removed one has none
    range: RangeSnapshot
