"""The rows of the table of games, as text."""

from pages import figures
from pages.admin.drawn import act_button
from pages.markup import Markup, ago, join, local_time, tag
from vanilla.games.overview import Entry
from vanilla.games.views import GameView


def game_row(entry: Entry) -> Markup:
    """One game, and what can be done."""
    game = entry.game
    owner = tag("a", game.owner, href=f"/admin/users/{game.owner_id}", class_="clip")
    return tag(
        "tr",
        tag("td", tag("a", game.title, href=f"/games/{game.id}/edit", class_="clip"), class_="whole"),
        tag("td", owner, data_label="Owner"),
        tag("td", _seen_by(game), data_label="Seen by"),
        tag("td", figures.count(entry.versions), class_="number", data_label="Versions"),
        tag("td", figures.size(entry.stored_bytes), class_="number", data_label="Size"),
        tag("td", figures.count(game.players), class_="number", data_label="Players"),
        tag("td", figures.count(game.plays), class_="number", data_label="Plays"),
        tag("td", figures.count(game.tokens_used), class_="number", data_label="Tokens"),
        tag("td", ago(game.last_played_at), data_label="Last played"),
        tag("td", tag("div", _buttons(game), class_="line-up"), class_="actions whole"),
    )


def _seen_by(game: GameView) -> Markup:
    if game.purged_at is not None:
        return tag("span", "removed, goes ", local_time(game.purged_at, "date"))
    return tag("span", game.visibility, class_="tag")


def _buttons(game: GameView) -> Markup:
    if game.removed_at is not None:
        return act_button("Undo", "restore", game.id, game.title)
    edit = tag(
        "a", "Edit", href=f"/games/{game.id}/edit", class_="button quiet little", aria_label=f"Edit {game.title}"
    )
    return join(edit, act_button("Remove", "remove", game.id, game.title))
