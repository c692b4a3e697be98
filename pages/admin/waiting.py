"""Hosts that games have asked for and that wait for an admin's decision."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from pages import figures
from pages.elements import Words, ago, box, button, link
from vanilla.games.hosts import AskedHost

Decide = Callable[[AskedHost, bool], Awaitable[None]]
LONGEST_WORDS = 400  # characters of what a game says of itself


class Waiting:
    """A card that is there while something waits. `decide` allows or refuses."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self._card = box("section", "card padded stack close", aria_labelledby="waiting")

    def show(self, hosts: Sequence[AskedHost], total: int) -> None:
        """Show these of so many."""
        self._card.clear()
        self._card.set_visibility(bool(hosts))
        with self._card:
            Words("h2", f"{figures.counted(total, 'host')} to decide", "as-h3", id="waiting")
            Words(
                "p",
                "An allowed host may be loaded from by the game, and gets whatever the game sends there about its"
                " players. The game's page names it to everybody.",
                "quiet small",
            )
            with box("ul", "plain waiting"):
                for each in hosts:
                    self._draw(each)
            if total > len(hosts):
                Words("p", f"And {figures.count(total - len(hosts))} more, once these are decided.", "quiet small")

    def _draw(self, asked: AskedHost) -> None:
        with box("li"):
            with box("div", "waiting-words"):
                Words("strong", asked.host)
                with box("span", "small"):
                    Words("span", "for ")
                    link(asked.title, f"/games/{asked.game_id}/edit")
                    Words("span", f" by {asked.owner}, ")
                    ago(asked.requested_at)
                words = asked.description
                said = words if len(words) <= LONGEST_WORDS else f"{words[:LONGEST_WORDS].rstrip()} …"
                Words("p", said or "The game says nothing of itself.", "quiet small waiting-said")
            with box("div", "line-up"):
                for words, is_approved in (("Allow", True), ("Refuse", False)):
                    name = f"{words} {asked.host} for {asked.title}"
                    part = button(words, partial(self._decide, asked, is_approved), classes="little", aria_label=name)
                    part.mark(f"{words.lower()}-{asked.game_id}-{asked.host}")
