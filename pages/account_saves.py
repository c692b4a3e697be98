"""The part of the account page about saves: what games keep, a file of it to keep oneself, and forgetting it."""

from collections.abc import Sequence
from functools import partial

from pages import figures
from pages.elements import Words, ago, box, button_link, link, notice, sure_button
from pages.tables import row, table
from pages.visitor import Visitor
from vanilla.errors import VanillaError
from vanilla.games.saves import SavedGame
from vanilla.services import Services

_COLUMNS = ("Game", "Size", "Last saved", "")


class SavedGames:
    """The games that keep something for this user: export it, or reset the game."""

    def __init__(self, services: Services, visitor: Visitor, games: Sequence[SavedGame]) -> None:
        self._services = services
        self._visitor = visitor
        with box("section", "card padded stack close", aria_labelledby="saves"):
            with box("div", "stack tight"):
                Words("h2", "Saves", "as-h3", id="saves")
                Words("p", "What games keep for you. It follows you to every browser that you sign in on.", "quiet")
            self._answer = box("div", "answer")
            self._list = box("div")
        self._draw(games)

    async def refresh(self) -> None:
        """Read the saves again and show them."""
        self._draw(await self._services.saves.games_of(self._visitor.user.id))

    async def _reset(self, game: SavedGame) -> None:
        self._answer.clear()
        try:
            await self._visitor.authorise()
            await self._services.saves.reset(self._visitor.user.id, game.game_id)
        except VanillaError as error:
            with self._answer:
                notice(error.message, "error")
        else:
            with self._answer:
                notice(f"{game.title} starts anew the next time you play it.", "ok")
        await self.refresh()

    def _draw(self, games: Sequence[SavedGame]) -> None:
        self._list.clear()
        with self._list:
            if not games:
                Words("p", "No game has saved anything for you yet.")
                return
            with table(_COLUMNS, label="Saves", numbers=(1,), is_stacked=True):
                for game in games:
                    row(
                        [
                            partial(link, game.title, f"/play/{game.game_id}", "plain-link"),
                            figures.size(game.size_bytes),
                            partial(ago, game.updated_at),
                            partial(self._actions, game),
                        ],
                        numbers=(1,),
                        actions=(3,),
                        labels=_COLUMNS,
                    )

    def _actions(self, game: SavedGame) -> None:
        with box("div", "line-up"):
            export = f"/api/games/{game.game_id}/saves/export"
            button_link("Export", export, classes="little", download="", aria_label=f"Export: {game.title}")
            sure_button("Reset", "Forget it for good", partial(self._reset, game), of=game.title)
