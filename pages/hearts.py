"""Hearts: which games somebody keeps at hand."""

from collections.abc import Awaitable, Callable
from functools import partial

from pages.elements import Words, box, drawing
from vanilla.games.views import GameView

HEART = (
    '<svg viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d="M10 17.2 3.4 10.6a4.3 4.3 0 0 1 0-6.1 '
    '4.3 4.3 0 0 1 6.1 0l.5.5.5-.5a4.3 4.3 0 0 1 6.1 0 4.3 4.3 0 0 1 0 6.1z"/></svg>'
)


class Hearts:
    """The hearts of one page: those of the same game beat together. `keep` makes a game a favourite, or none."""

    def __init__(self, keep: Callable[[str, bool], Awaitable[None]]) -> None:
        self._keep = keep
        self._drawn: dict[str, list[Words]] = {}
        self._kept: dict[str, bool] = {}

    def draw(self, game: GameView, classes: str = "") -> None:
        """A button, pressed where the game is a favourite."""
        self._kept.setdefault(game.id, game.is_favourite)
        with box("span", f"heart-place {classes}"):
            heart = Words("button", "", "heart", type="button", aria_label=f"Favourite: {game.title}")
            heart.mark(f"heart-{game.id}")
            with heart:
                drawing(HEART)
        heart.on("click", partial(self._pressed, game.id))
        self._drawn.setdefault(game.id, []).append(heart)
        self._show(game.id)

    async def _pressed(self, game_id: str) -> None:
        is_kept = not self._kept[game_id]
        await self._keep(game_id, is_kept)
        self._kept[game_id] = is_kept
        self._show(game_id)

    def _show(self, game_id: str) -> None:
        self._drawn[game_id] = [heart for heart in self._drawn[game_id] if not heart.is_deleted]
        for heart in self._drawn[game_id]:
            heart.props["aria-pressed"] = str(self._kept[game_id]).lower()
            heart.update()
