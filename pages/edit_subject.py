"""The game that an open edit page is about: its parts look at it here, and are told when it has changed."""

from collections.abc import Callable

from nicegui import ui

from pages.frame import Frame
from pages.visitor import Visitor
from vanilla.games.access import Viewer
from vanilla.games.views import GameView
from vanilla.services import Services


class Subject:
    """One game, as it was read last. `origin` is the platform's, such as `https://games.example.org`."""

    def __init__(self, services: Services, visitor: Visitor, game: GameView, frame: Frame, origin: str) -> None:
        self.services = services
        self.game = game
        self.say = frame.say
        self.run = ui.context.client.run_javascript  # also for what is no longer on the page
        self.origin = origin
        self._visitor = visitor
        self._listeners: list[Callable[[GameView], None]] = []

    @property
    def viewer(self) -> Viewer:
        """Who edits."""
        return self._visitor.caller

    @property
    def name(self) -> str:
        """Whose games are meant, in a sentence: "Your games", "The games of mira"."""
        return "Your games" if self.game.is_mine else f"The games of {self.game.owner}"

    async def authorise(self) -> None:
        """First in each action. Whether this game is theirs to change is asked again by what they do. Raises
        Unauthenticated."""
        await self._visitor.authorise()

    def follow(self, listener: Callable[[GameView], None]) -> None:
        """Call `listener` with the game now, and whenever it has changed here."""
        self._listeners.append(listener)
        listener(self.game)

    def show(self, game: GameView) -> None:
        """The game is another now."""
        self.game = game
        for listener in self._listeners:
            listener(game)

    async def read_again(self) -> None:
        """Look at the game again. Raises NotFound."""
        self.show(await self.services.catalogue.get(self.game.id, self.viewer))
