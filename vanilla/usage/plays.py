"""What players use while they play, in memory: a play page is told of its own game, at most twice a second.

Counting a call costs a look-up, and no query. One task serves every page, and sleeps while no watched player calls.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vanilla.usage.ledger import Entry

if TYPE_CHECKING:
    from vanilla.usage.feed import LiveCall  # which has one of these

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_PUSHES = 0.5


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens used since watching began: of calls that have settled, and of those in flight so far."""

    settled: int = 0
    running: int = 0

    @property
    def total(self) -> int:
        return self.settled + self.running


@dataclass(frozen=True, slots=True)
class PlayNow:
    """One player in one game, at one moment."""

    calls: int = 0  # of the game, in flight
    in_game: Tokens = Tokens()
    in_all: Tokens = Tokens()  # of all the player's games and programs
    refusals: int = 0  # calls of the player for which a limit had no room, since watching began


class Plays:
    """The players whose pages are open. All methods are called on the event loop."""

    def __init__(self, calls: "Mapping[str, LiveCall]") -> None:
        """`calls` are those in flight, of everybody, as they change."""
        self._calls = calls
        self._players: dict[str, _Player] = {}
        self._changed = asyncio.Event()

    def watch(self, user_id: str, game_id: str, callback: Callable[[PlayNow], None]) -> "Watch":
        """Call `callback` whenever something has changed, until the watch is ended, or it raises."""
        player = self._players.setdefault(user_id, _Player())
        watch = Watch(self, user_id, game_id, callback, player)
        player.watches.append(watch)
        self._changed.set()
        return watch

    def started(self, call: "LiveCall") -> None:
        """A call was admitted."""
        if call.user_id in self._players:
            self._changed.set()

    def ended(self, call: "LiveCall", entry: Entry | None) -> None:
        """A call is over; `entry` is its ledger row, or None when it cost nothing."""
        player = self._players.get(call.user_id)
        if player is None:
            return
        if entry is not None:
            tokens = entry.prompt_tokens + entry.completion_tokens
            player.by_game[call.game_id] += tokens
            player.tokens += tokens
        self._changed.set()

    def refused(self, user_id: str) -> None:
        """A limit had no room for a call."""
        player = self._players.get(user_id)
        if player is not None:
            player.refusals += 1
            self._changed.set()

    async def run(self) -> None:
        """Tell the pages, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            self._tell()
            await asyncio.sleep(SECONDS_BETWEEN_PUSHES)
            if any(call.user_id in self._players for call in self._calls.values()):
                self._changed.set()  # what they have used grows

    def now(self, watch: "Watch") -> PlayNow:
        """How things stand for one page."""
        calls, in_game, in_all = self._running().get(watch.user_id, _NOTHING).of(watch.game_id)
        return watch.since_it_began(calls, in_game, in_all)

    def end(self, watch: "Watch") -> None:
        """Tell this page nothing more."""
        player = self._players.get(watch.user_id)
        if player is None or watch not in player.watches:
            return
        player.watches.remove(watch)
        if not player.watches:
            del self._players[watch.user_id]

    def _tell(self) -> None:
        running = self._running()
        for user_id, player in list(self._players.items()):
            for watch in list(player.watches):
                now = watch.since_it_began(*running.get(user_id, _NOTHING).of(watch.game_id))
                if now == watch.told:
                    continue
                watch.told = now
                try:
                    watch.callback(now)
                except Exception:
                    logger.exception("A play page could not be told what it uses and is dropped")
                    self.end(watch)

    def _running(self) -> dict[str, "_Running"]:
        """What calls in flight of watched players have used so far."""
        found: dict[str, _Running] = {}
        for call in self._calls.values():
            if call.user_id in self._players:
                running = found.setdefault(call.user_id, _Running())
                running.calls[call.game_id] += 1
                running.tokens[call.game_id] += call.prompt_tokens + call.completion_tokens
        return found


class Watch:
    """A page that watches its player in its game. `end()` it when it is gone."""

    def __init__(
        self, plays: Plays, user_id: str, game_id: str, callback: Callable[[PlayNow], None], player: "_Player"
    ) -> None:
        self.user_id = user_id
        self.game_id = game_id
        self.callback = callback
        self.told: PlayNow | None = None
        self._plays = plays
        self._player = player
        self._before = player.by_game[game_id], player.tokens, player.refusals

    def now(self) -> PlayNow:
        """How things stand."""
        return self._plays.now(self)

    def end(self) -> None:
        """Be told nothing more."""
        self._plays.end(self)

    def since_it_began(self, calls: int, in_game: int, in_all: int) -> PlayNow:
        """With the tokens of calls in flight."""
        game_before, before, refusals_before = self._before
        player = self._player
        return PlayNow(
            calls,
            Tokens(player.by_game[self.game_id] - game_before, in_game),
            Tokens(player.tokens - before, in_all),
            player.refusals - refusals_before,
        )


@dataclass(slots=True)
class _Player:
    """What calls of one player came to since somebody watches."""

    by_game: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    refusals: int = 0
    watches: list[Watch] = field(default_factory=list)


@dataclass(slots=True)
class _Running:
    """A player's calls in flight, by game."""

    calls: Counter[str] = field(default_factory=Counter)
    tokens: Counter[str] = field(default_factory=Counter)

    def of(self, game_id: str) -> tuple[int, int, int]:
        return self.calls[game_id], self.tokens[game_id], self.tokens.total()


_NOTHING = _Running()
