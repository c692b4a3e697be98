"""What is left of games that are gone for good, beside their rows: files on the disk."""

from collections.abc import Collection

from vanilla.games.files import Files
from vanilla.games.saves import Saves


class Leftovers:
    """Cleared after the rows are gone. A server that dies in between goes on with it: the files of games at its next
    start (`Catalogue.open`), saves at the next sweep (`Removals.sweep`)."""

    def __init__(self, files: Files, saves: Saves) -> None:
        self._files = files
        self._saves = saves

    async def clear(self, game_ids: Collection[str]) -> None:
        """Remove the files of these games, and what they kept for their players; nothing happens where all is gone."""
        for game_id in game_ids:
            await self._files.remove_game(game_id)
            await self._saves.forget_game(game_id)
