"""How a game looks among others, as text: its cover with a few words, or large on top of all."""

from collections.abc import Sequence
from dataclasses import dataclass

from pages import figures
from pages.elements import PLAY, SPARK
from pages.markup import NONE, Markup, ago, join, tag
from vanilla.games.views import GameView
from vanilla.models import utc_now

_HEART = Markup(
    '<svg viewBox="0 0 20 20" aria-hidden="true" focusable="false"><path d="M10 17.2 3.4 10.6a4.3 4.3 0 0 1 0-6.1 '
    '4.3 4.3 0 0 1 6.1 0l.5.5.5-.5a4.3 4.3 0 0 1 6.1 0 4.3 4.3 0 0 1 0 6.1z"/></svg>'
)
_MARKED = ("draft", "unlisted")  # shared is what games usually are


@dataclass(frozen=True, slots=True)
class Featured:
    """The game on top: the one played last, or one to begin with. `tokens` are those it has used of the viewer's."""

    game: GameView
    tokens: int


def hero(featured: Featured) -> Markup:
    """The game on top, large."""
    game = featured.game
    begins = (
        tag("span", "Start with this one")
        if game.my_last_played_at is None
        else join(tag("span", "Pick up where you left, "), ago(game.my_last_played_at))
    )
    used = f"you used {figures.counted(featured.tokens, 'token')}"
    play = tag("span", Markup(PLAY))
    words = tag(
        "div",
        tag("p", begins, class_="eyebrow"),
        tag("h2", game.title),
        tag("p", f"{_first_line(game.description)} By {game.owner}.".strip(), class_="blurb"),
        tag(
            "div",
            tag("a", play, tag("span", "Play"), href=game.play_url, class_="button primary", aria_label=_play(game)),
            heart(game),
            _pill(figures.counted(game.plays, "play"), "outlined"),
            _pill(used, "outlined") if featured.tokens else NONE,
            class_="line-up",
        ),
        class_="hero-words",
    )
    picture = _picture(f"{game.cover_url}&size=page")
    return tag("section", picture, _marks(game), words, class_="card hero", aria_label="Featured game")


def covers(games: Sequence[GameView], *, is_for_owner: bool = False) -> Markup:
    """Games side by side: the whole card of each leads to it. Their owner is told how they fare, and may edit them."""
    cards = (_card(game, is_for_owner) for game in games)
    return tag("ul", *cards, class_="covers plain", aria_label="Games")


def heart(game: GameView, classes: str = "") -> Markup:
    """A button, pressed where the game is a favourite."""
    button = tag(
        "button",
        _HEART,
        class_="heart",
        type="button",
        aria_label=f"Favourite: {game.title}",
        aria_pressed=str(game.is_favourite).lower(),
        data_heart=game.id,
    )
    return tag("span", button, class_=f"heart-place {classes}")


def _card(game: GameView, is_for_owner: bool) -> Markup:
    if is_for_owner:
        name = f"Edit {game.title}"
        edit = tag("a", "Edit", href=f"/games/{game.id}/edit", class_="button quiet little above", aria_label=name)
        foot = join(edit, tag("span", _fares(game), class_="fares"))
    else:
        foot = join(_pill(f"by {game.owner}"), tag("span", figures.counted(game.plays, "play"), title=_fares(game)))
    words = tag(
        "div",
        tag("h2", tag("a", game.title, href=game.play_url, class_="cover-link")),
        tag("p", _first_line(game.description), class_="blurb"),
        tag("div", foot, class_="foot"),
        class_="game-words",
    )
    picture = _picture(game.cover_url, is_lazy=True)
    return tag("li", picture, _marks(game), words, heart(game, "on-cover-right"), class_="card game")


def _picture(address: str, *, is_lazy: bool = False) -> Markup:
    # An element without an end, which `tag` does not draw.
    loading = ' loading="lazy"' if is_lazy else ""
    opened = tag("img", class_="cover", src=address, alt="", width="640", height="480")
    return Markup(opened.removesuffix("></img>") + loading + ">")


def _marks(game: GameView) -> Markup:
    marks = []
    if game.visibility in _MARKED:
        marks.append(_pill(game.visibility, "on-picture"))
    if game.talks:
        words = "This game talks to a language model"
        marks.append(tag("span", tag("span", Markup(SPARK)), tag("span", "talks"), class_="tag talks", title=words))
    return tag("div", *marks, class_="on-cover marks") if marks else NONE


def _pill(words: str, classes: str = "") -> Markup:
    return tag("span", tag("span", words, class_="tag-words"), class_=f"tag {classes}")


def _play(game: GameView) -> str:
    return f"Play {game.title}"


def _fares(game: GameView) -> str:
    """How much it is played, and when last."""
    if game.last_played_at is None:
        return "not played yet"
    return f"{figures.counted(game.players, 'player')}, last {figures.ago(game.last_played_at, utc_now())}"


def _first_line(description: str) -> str:
    line = description.partition("\n")[0].strip()
    return line if not line or line[-1] in ".!?…" else f"{line}."
