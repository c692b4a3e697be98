"""What is read of usage: sums, points of a series, single rows."""

from dataclasses import dataclass
from datetime import datetime

from vanilla.usage.ledger import Entry
from vanilla.usage.spans import moment_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over some calls. `prompt_tokens` includes cache reads and writes."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTotals(Totals):
    """`username` is None for a user who was deleted."""

    user_id: str
    username: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendTotals(Totals):
    backend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTotals(Totals):
    backend: str
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GameTotals(Totals):
    """`game_id` is "" for calls outside any game; `title` is None for those, and for a game that is gone."""

    game_id: str
    title: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayTotals(Totals):
    """`day` is a UTC day such as 2026-11-23."""

    day: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Point(Totals):
    """One bucket of a series for one backend; buckets without calls are left out."""

    start: datetime
    backend: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A row of the ledger with the names that go with it (None where user or game are gone)."""

    entry: Entry
    username: str | None
    title: str | None


@dataclass(frozen=True, slots=True)
class NearLimit:
    """How much of their limit a user has used in the current period."""

    user_id: str
    username: str
    tokens_used: int
    token_limit: int
    limit_period: str

    @property
    def share(self) -> float:
        return self.tokens_used / self.token_limit


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """Calls of one user that were refused for one reason within a minute (an hour when two days old, later a day)."""

    minute: int  # Unix time / 60, the first one
    backend: str
    user_id: str  # "" where it is not known
    reason: str
    calls: int
    username: str | None

    @property
    def moment(self) -> datetime:
        return moment_of(self.minute)
