"""How a game looks among others: its cover with a few words, or large on top of all."""

from dataclasses import dataclass

from pages import figures
from pages.elements import PLAY, Words, box, button_link, drawing, link, tag, talks_tag
from vanilla.games.views import GameView


@dataclass(frozen=True, slots=True)
class Featured:
    """The game on top: the one played last, or one to begin with. `tokens` are those it has used of the viewer's."""

    game: GameView
    tokens: int


def hero(featured: Featured) -> None:
    """The game on top, large."""
    game = featured.game
    with box("section", "card hero", aria_label="Featured game"):
        box("img", "cover", src=f"{game.cover_url}&size=page", alt="", width=640, height=480)
        if game.talks:
            talks_tag("on-cover")
        with box("div", "hero-words"):
            Words("p", "Start with this one" if game.my_last_played_at is None else "Pick up where you left", "eyebrow")
            Words("h2", game.title)
            with box("p", "blurb"):
                Words("span", f"{_first_line(game.description)} By {game.owner}.".strip())
            with box("div", "line-up"):
                with button_link("", game.play_url, kind="primary", aria_label=f"Play {game.title}"):
                    drawing(PLAY)
                    Words("span", "Play")
                tag(figures.counted(game.plays, "play"), "outlined")
                if featured.tokens:
                    tag(f"you used {figures.counted(featured.tokens, 'token')}", "outlined")


def cover(game: GameView) -> None:
    """One game among others: the whole card leads to it."""
    with box("li", "card game"):
        box("img", "cover", src=game.cover_url, alt="", loading="lazy", width=640, height=480)
        if game.talks:
            talks_tag("on-cover")
        with box("div", "game-words"):
            with box("h2"):
                link(game.title, game.play_url, "cover-link")
            Words("p", _first_line(game.description), "blurb")
            with box("div", "foot"):
                tag(f"by {game.owner}")
                Words("span", figures.counted(game.plays, "play"))


def _first_line(description: str) -> str:
    line = description.partition("\n")[0].strip()
    return line if not line or line[-1] in ".!?…" else f"{line}."
