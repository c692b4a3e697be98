"""Questions put to an admin: a form in a dialog that says in it what is wrong, and elsewhere what was done."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from nicegui import ui

from pages import figures
from pages.admin.sections import Guard
from pages.elements import ButtonKind, Words, box, button, copy_button, notice
from pages.forms import Field, form, whole_number
from vanilla.accounts.periods import LimitPeriod
from vanilla.accounts.users import MOST_CALLS
from vanilla.errors import Invalid, VanillaError
from vanilla.models import User

Act = Callable[[dict[str, str]], Awaitable[str | Callable[[], None]]]
PERIODS = {"total": "in all", "day": "a day (UTC)", "month": "a month (UTC)"}


class Dialogs:
    """The place on a page where its dialogs are made and taken away again."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._place = box("div", "dialogs")

    def ask(
        self, title: str, draw: Callable[[], object], words: str, act: Act, *, kind: ButtonKind = "primary"
    ) -> None:
        """Open a dialog with what `draw` puts into its form. `act` gets the fields by name and gives the sentence that
        says what was done, or what to show next; the message of a VanillaError from it is shown in the dialog, which
        stays open."""
        is_busy = False

        async def submitted(fields: dict[str, str]) -> None:
            nonlocal is_busy
            if is_busy or not await self._guard.lets():
                return
            is_busy = True
            try:
                done = await act(fields)
            except VanillaError as error:
                problem.clear()
                with problem:
                    notice(error.message, "error")
                return
            finally:
                is_busy = False
            dialog.close()
            with self._place:
                if isinstance(done, str):
                    ui.notify(done, position="bottom", timeout=5000)
                else:
                    done()

        with self._dialog(title) as dialog, form(submitted) as asked:
            asked.mark("ask")
            draw()
            problem = box("div")
            with box("div", "dialog-buttons"):
                button("Cancel", dialog.close)
                button(words, kind=kind)
        dialog.open()

    def show_link(self, title: str, sentence: str, link: str) -> None:
        """Show a link that is shown this once."""
        with self._dialog(title) as dialog:
            Words("p", sentence)
            Field("The link", "link", readonly=True, value=link, autocomplete="off", spellcheck="false")
            with box("div", "dialog-buttons"):
                copy_button("Copy the link", link, classes="")
                button("Done", dialog.close, kind="primary")
        dialog.open()

    @contextmanager
    def _dialog(self, title: str) -> Iterator[ui.dialog]:
        with self._place, ui.dialog() as dialog, ui.card().classes("dialog-card"):
            Words("h2", title)
            yield dialog
        dialog.props["aria-label"] = title
        dialog.on("hide", dialog.delete)


def choice(label: str, name: str, options: Mapping[str, str], chosen: str) -> None:
    """A labelled choice of one."""
    with box("div", "field"):
        caption = Words("label", label)
        with box("select", "input", name=name) as select:
            for key, words in options.items():
                option = Words("option", words, value=key)
                option.props.set_bool("selected", key == chosen)
        caption.props["for"] = select.html_id


def tick(label: str, name: str, *, is_on: bool) -> None:
    """A box to tick."""
    with box("label", "choice"):
        box("input", type="checkbox", name=name, value="yes").props.set_bool("checked", is_on)
        Words("span", label)


def limit_fields(limit: int | None, period: str) -> None:
    """The fields of a limit: `token_limit` and `limit_period`."""
    with box("div", "field-pair"):
        Field(
            "Token limit",
            "token_limit",
            hint="Empty for none, 0 to block.",
            value="" if limit is None else str(limit),
            inputmode="numeric",
            autocomplete="off",
        )
        choice("Counted", "limit_period", PERIODS, period)


def pace_fields(user: User, usual: tuple[int | None, int | None]) -> None:
    """The fields of a pace: `requests_per_minute` and `concurrent_calls`, and what holds where they are empty."""
    with box("div", "field-pair"):
        for label, name, default in (
            ("Calls a minute", "requests_per_minute", usual[0]),
            ("Calls at once", "concurrent_calls", usual[1]),
        ):
            own = getattr(user, name)
            Field(
                label,
                name,
                hint=f"Empty for the usual {figures.count(default)}." if default else "Empty for any number.",
                value="" if own is None else str(own),
                inputmode="numeric",
                autocomplete="off",
            )


def pace_of(fields: Mapping[str, str]) -> dict[str, int | None]:
    """What was put into those fields, by name. Raises Invalid."""
    pace = {
        "requests_per_minute": whole_number(fields.get("requests_per_minute", ""), "the calls a minute", MOST_CALLS),
        "concurrent_calls": whole_number(fields.get("concurrent_calls", ""), "the calls at once", MOST_CALLS),
    }
    if 0 in pace.values():
        raise Invalid("At least 1 call: to block somebody, set their token limit to 0.")
    return pace


def limit_of(fields: Mapping[str, str]) -> tuple[int | None, LimitPeriod]:
    """What was put into those fields. Raises Invalid."""
    chosen = fields.get("limit_period", "")
    if chosen not in PERIODS:
        raise Invalid("Choose over which time the limit counts.")
    return whole_number(fields.get("token_limit", ""), "the limit"), cast(LimitPeriod, chosen)
