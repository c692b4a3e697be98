"""What users who are deleted leave on the disk: the files of their games, and what games kept for them."""

from collections.abc import Collection

from vanilla.games.closings import Closings
from vanilla.games.files import to_its_end
from vanilla.games.leftovers import Leftovers
from vanilla.games.parts import Owner
from vanilla.games.saves import Saves


class Departures:
    """Called once the rows are gone. What a crash keeps it from goes at the next start (`Catalogue.open`,
    `Saves.open`)."""

    def __init__(self, leftovers: Leftovers, saves: Saves, closings: Closings) -> None:
        self._leftovers = leftovers
        self._saves = saves
        self._closings = closings

    async def clear(self, game_ids: Collection[str], saved: Collection[Owner]) -> None:
        """Shut these games and remove their files, and what is kept for these users in these games."""
        for game_id in game_ids:
            self._closings.announce(game_id)
        await to_its_end(self._clear(game_ids, saved))

    async def _clear(self, game_ids: Collection[str], saved: Collection[Owner]) -> None:
        await self._leftovers.clear(game_ids)
        for user_id, game_id in saved:
            await self._saves.reset(user_id, game_id)
