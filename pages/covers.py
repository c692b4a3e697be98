"""How a game looks among others: its cover with a few words, or large on top of all."""

from dataclasses import dataclass

from pages import figures
from pages.elements import PLAY, Words, ago, box, button_link, drawing, link, tag, talks_tag
from pages.hearts import Hearts
from vanilla.games.views import GameView
from vanilla.models import utc_now

VISIBILITY = {"draft": "draft", "unlisted": "unlisted"}  # what is marked; shared is what games usually are


@dataclass(frozen=True, slots=True)
class Featured:
    """The game on top: the one played last, or one to begin with. `tokens` are those it has used of the viewer's."""

    game: GameView
    tokens: int


def hero(featured: Featured, hearts: Hearts) -> None:
    """The game on top, large."""
    game = featured.game
    with box("section", "card hero", aria_label="Featured game"):
        box("img", "cover", src=f"{game.cover_url}&size=page", alt="", width=640, height=480)
        _marks(game)
        with box("div", "hero-words"):
            with box("p", "eyebrow"):
                if game.my_last_played_at is None:
                    Words("span", "Start with this one")
                else:
                    Words("span", "Pick up where you left, ")
                    ago(game.my_last_played_at)
            Words("h2", game.title)
            with box("p", "blurb"):
                Words("span", f"{_first_line(game.description)} By {game.owner}.".strip())
            with box("div", "line-up"):
                with button_link("", game.play_url, kind="primary", aria_label=f"Play {game.title}"):
                    drawing(PLAY)
                    Words("span", "Play")
                hearts.draw(game)
                tag(figures.counted(game.plays, "play"), "outlined")
                if featured.tokens:
                    tag(f"you used {figures.counted(featured.tokens, 'token')}", "outlined")


def cover(game: GameView, hearts: Hearts, *, is_for_owner: bool = False) -> None:
    """One game among others: the whole card leads to it. Its owner is told how it fares, and may edit it."""
    with box("li", "card game"):
        box("img", "cover", src=game.cover_url, alt="", loading="lazy", width=640, height=480)
        _marks(game)
        with box("div", "game-words"):
            with box("h2"):
                link(game.title, game.play_url, "cover-link")
            Words("p", _first_line(game.description), "blurb")
            with box("div", "foot"):
                if is_for_owner:
                    address = f"/games/{game.id}/edit"
                    button_link("Edit", address, classes="little above", aria_label=f"Edit {game.title}")
                    Words("span", _fares(game), "fares")
                else:
                    tag(f"by {game.owner}")
                    Words("span", figures.counted(game.plays, "play"), title=_fares(game))
        hearts.draw(game, "on-cover-right")


def _marks(game: GameView) -> None:
    if not game.talks and game.visibility not in VISIBILITY:
        return
    with box("div", "on-cover marks"):
        if game.visibility in VISIBILITY:
            tag(VISIBILITY[game.visibility], "on-picture")
        if game.talks:
            talks_tag()


def _fares(game: GameView) -> str:
    """How much it is played, and when last."""
    if game.last_played_at is None:
        return "not played yet"
    return f"{figures.counted(game.players, 'player')}, last {figures.ago(game.last_played_at, utc_now())}"


def _first_line(description: str) -> str:
    line = description.partition("\n")[0].strip()
    return line if not line or line[-1] in ".!?…" else f"{line}."
