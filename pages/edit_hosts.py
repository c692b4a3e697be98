"""Other hosts on a game's edit page: which it has asked for, what became of that, and asking for one more."""

from collections.abc import Sequence
from functools import partial

from pages.edit_subject import Subject
from pages.elements import Words, box, button, link, notice, sure_button, tag
from pages.forms import Field, form
from vanilla.errors import VanillaError
from vanilla.games.hosts import LONGEST_HOST
from vanilla.games.views import GameView, HostView

MEANING = (
    "A game reaches nothing but this platform. If yours needs fonts or data from another site, ask for it here, and"
    " an admin decides. Once it is allowed, the game may load from there and send there whatever its players do in it,"
    " so its page names the host to everybody."
)


class Hosts:
    """The list with its states, and the form."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        self._shown: Sequence[HostView] | None = None
        with box("section", "card padded stack close", aria_labelledby="hosts"):
            with box("div", "stack tight"):
                Words("h2", "Other hosts", "as-h3", id="hosts")
                Words("p", MEANING, "quiet small")
            self._list = box("ul", "plain edit-hosts", aria_label="Other hosts")
            with form(self._ask, "line-up form-line", marker="host"):
                Field(
                    "Name of the host",
                    "host",
                    classes="grow",
                    placeholder="fonts.example.org",
                    maxlength=LONGEST_HOST + 20,
                    autocomplete="off",
                    autocapitalize="none",
                    spellcheck="false",
                )
                button("Ask for it", classes="beside-field")
            self._problem = box("div", "answer")
            if subject.viewer.is_admin:
                link("Decide what games have asked for", "/admin/games")
        subject.follow(self._show)

    def _show(self, game: GameView) -> None:
        if game.hosts == self._shown:
            return
        self._shown = game.hosts
        self._list.clear()
        self._list.set_visibility(bool(game.hosts))
        with self._list:
            for each in game.hosts:
                with box("li"):
                    Words("span", each.host, "edit-host")
                    if each.is_approved:
                        tag("allowed", "ok")
                    elif each.is_refused:
                        tag("refused", "danger")
                    else:
                        tag("waits for an admin")
                    with box("span", "line-up"):
                        if each.is_refused:
                            button("Ask again", partial(self._ask_for, each.host), classes="little").props[
                                "aria-label"
                            ] = f"Ask again: {each.host}"
                        sure_button("Withdraw", "Withdraw it", partial(self._withdraw, each.host), of=each.host)

    async def _ask(self, fields: dict[str, str]) -> None:
        await self._ask_for(fields.get("host", ""))

    async def _ask_for(self, host: str) -> None:
        subject = self._subject
        await subject.authorise()
        self._problem.clear()
        try:
            hosts = subject.services.hosts
            await hosts.request(subject.game.id, host, subject.viewer, origin=subject.origin)
        except VanillaError as error:
            with self._problem:
                notice(error.message, "error")
            return
        await subject.read_again()
        subject.say("Asked: an admin decides.", "ok")

    async def _withdraw(self, host: str) -> None:
        subject = self._subject
        await subject.authorise()
        await subject.services.hosts.withdraw(subject.game.id, host, subject.viewer)
        await subject.read_again()
        subject.say(f"{host} is withdrawn.", "ok")
