"""Games that were removed lately, with the way back."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pages.elements import Words, box, button, local_time
from vanilla.games.views import GameView


class Removed:
    """A list; `restore` has a game back."""

    def __init__(self, games: Sequence[GameView], restore: Callable[[GameView], Awaitable[None]]) -> None:
        with box("section", "removed", aria_labelledby="removed-title"):
            Words("h2", "Recently removed", "as-h3", id="removed-title")
            with box("ul", "plain card"):
                for game in games:
                    with box("li"):
                        box("img", "cover", src=game.cover_url, alt="", loading="lazy", width=640, height=480)
                        with box("div", "removed-words"):
                            Words("strong", game.title)
                            with box("span", "quiet small"):
                                Words("span", "Goes for ever on ")
                                local_time(game.purged_at or game.updated_at, "minute")
                        again = button("Undo", partial(restore, game), classes="little")
                        again.props["aria-label"] = f"Undo: have {game.title} back"
                        again.mark(f"undo-{game.id}")
