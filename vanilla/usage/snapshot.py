"""What the live feed tells: everything at one moment, never changed afterwards."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from vanilla.usage.ledger import Entry
from vanilla.usage.statistics import NearLimit


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


@dataclass(frozen=True, slots=True)
class RecentCall:
    """A call that has settled."""

    entry: Entry
    username: str


@dataclass(frozen=True, slots=True)
class Minute:
    """Tokens of one minute, calls in flight included in the last one."""

    start: datetime
    tokens: Mapping[str, int]  # by backend; none where none were used

    @property
    def total(self) -> int:
        return sum(self.tokens.values())


@dataclass(frozen=True, slots=True)
class LiveSnapshot:
    """Everything the live page shows, at one moment. Days and minutes are UTC's."""

    at: datetime
    calls: tuple[CallNow, ...]  # longest running first
    peak_calls_today: int
    minutes: tuple[Minute, ...]  # the last 60, oldest first; the last one is the current
    tokens_today: int
    tokens_yesterday: int  # up to this minute of the day
    games_today: Mapping[str, int]  # tokens by game id, "" for calls outside any game; most first
    first_byte_ms: int | None  # median of the last calls
    refusals_today: Mapping[str, int]  # by reason
    recent: tuple[RecentCall, ...]  # newest first
    near_limit: tuple[NearLimit, ...]  # nearest first
    titles: Mapping[str, str]  # of the games in it, by id; a removed one has none
