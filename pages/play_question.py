"""May this game use your tokens: the question in our frame, and the place where the answer can be changed."""

from collections.abc import Awaitable, Callable

from pages.elements import Words, box, button
from vanilla.accounts.consents import ConsentNow

Decide = Callable[[bool], Awaitable[None]]


class Question:
    """The panel below the bar. `vanilla/static/play.js` takes the focus there and back to the game, and passes over
    clicks that come too soon: those were meant for the game."""

    def __init__(self, title: str, owner: str, decide: Decide) -> None:
        with box("play-question", "play-question", role="dialog", tabindex="-1") as self._panel:
            with box("div", "play-question-words"):
                heading = Words("h2", f"May {title} use your tokens?")
                with box("p") as text:
                    Words("span", f"This game by {owner} asks a language model, and that costs tokens of yours. ")
                    self._left = Words("span", "", "figures")
            with box("div", "line-up"):
                button("Allow", lambda: decide(True), kind="primary")
                button("Not now", lambda: decide(False))
        self._panel.set_visibility(False)
        self._panel.props["aria-labelledby"] = heading.html_id
        self._panel.props["aria-describedby"] = text.html_id

    def show(self, is_asking: bool, left: str) -> None:
        """Ask, or stop asking; `left` says what is left of the limit."""
        if is_asking:
            self._left.set_text(left)
        self._panel.set_visibility(is_asking)


class Answer:
    """What the player has said, in the sheet about the game, and the button that changes it."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self._is_allowed: bool | None = None
        with box("div", "line-up spread") as self._row:
            self._words = Words("p", "", "grow")
            self._change = button("", self._turn, classes="little")

    def show(self, now: ConsentNow, *, talks: bool) -> None:
        """Show another answer."""
        self._is_allowed = now.is_allowed
        self._row.set_visibility(now.is_allowed is not None or talks)
        self._change.set_visibility(now.is_allowed is not None)
        self._words.set_text(_WORDS[now.is_allowed])
        self._change.set_text("Take that back" if now.is_allowed else "Allow")

    async def _turn(self) -> None:
        await self._decide(not self._is_allowed)


_WORDS = {
    None: "It asks you before it uses your tokens.",
    True: "You have allowed it to use your tokens.",
    False: "You have not allowed it to use your tokens.",
}
