"""Telling the rest of this process that a game was shut to some or all: its addresses and play tokens are void."""

from collections.abc import Callable


class Closings:
    """Announced on the event loop with the game's id, after the database has committed the change: the game was
    removed, became a draft, or its files got another policy and with it other addresses."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[str], None]] = []

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Call `listener` with the id of each game that is closed from now on."""
        self._listeners.append(listener)

    def announce(self, game_id: str) -> None:
        for listener in self._listeners:
            listener(game_id)
