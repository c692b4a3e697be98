"""Tables whose rows are drawn as text, a page at a time, and what turns the pages."""

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from pages import design, figures, markup
from pages.elements import Words, box, button
from pages.markup import Markup, tag

Acted = Callable[[str, str], Any]  # what, and to which: the `data-act` and `data-of` of the button that was pressed


def head() -> None:
    """What such a page needs in its head."""
    ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("people.css")}">')


class DrawnTable:
    """A table, its headings as elements and its rows as text. One handler takes the presses of all their buttons."""

    def __init__(
        self, headings: Sequence[str | Callable[[], object]], on_act: Acted, *, label: str, numbers: Sequence[int] = ()
    ) -> None:
        """A heading is a text or draws itself; an empty one is a column of actions. Tests find the table as
        `rows`, and its inside as `body`."""
        self._on_act = on_act
        self._columns = len(headings)
        self.headings: list[ui.element] = []
        with (
            box("div", "table-scroll", role="region", aria_label=label, tabindex="0"),
            box("table", "table drawn").mark("rows") as table,
        ):
            table.on("click", self._pressed, js_handler=_EMIT_ACT)
            with box("thead"), box("tr"):
                for position, heading in enumerate(headings):
                    with box("th", "number" if position in numbers else "", scope="col") as cell:
                        if isinstance(heading, str):
                            Words("span", heading or "Actions", "" if heading else "for-readers")
                        else:
                            heading()
                    self.headings.append(cell)
            self._body = markup.placed(markup.NONE, "tbody").mark("body")

    def show(self, rows: Sequence[Markup], nothing: str) -> None:
        """Show these rows, or say `nothing` where there are none."""
        none = tag("tr", tag("td", nothing, class_="nothing", colspan=str(self._columns)))
        self._body.set_content(markup.join(*rows) if rows else none)

    def _pressed(self, event: GenericEventArguments) -> Any:
        asked = event.args if isinstance(event.args, dict) else {}
        return self._on_act(str(asked.get("act", "")), str(asked.get("of", "")))


def act_button(words: str, act: str, of: str, name: str, kind: str = "quiet") -> Markup:
    """A button in a row: `name` tells readers which row's."""
    label = f"{words} {name}"
    classes = f"button {kind} little"
    return tag("button", words, class_=classes, type="button", aria_label=label, data_act=act, data_of=of)


class Pager:
    """Turns pages and says which one is shown. `on_turn` gets the number of the page to show, from 1."""

    def __init__(self, a_page: int, on_turn: Callable[[int], Any], *, label: str) -> None:
        self._a_page = a_page
        self._on_turn = on_turn
        self._page = 1
        with box("nav", "pager", aria_label=label):
            self._previous = button("Previous", lambda: self._turn(-1), classes="little")
            self._place = Words("span", "", "quiet figures", role="status")
            self._next = button("Next", lambda: self._turn(1), classes="little")

    def show(self, page: int, shown: int, total: int) -> None:
        """Say that the page `page` shows so many of `total`."""
        self._page = page
        first = (page - 1) * self._a_page + 1
        last = first + shown - 1
        words = f"{figures.count(first)} to {figures.count(last)} of {figures.count(total)}"
        self._place.set_text(words if shown else "")
        has_pages = total > self._a_page or page > 1
        for turn, is_end in ((self._previous, page == 1), (self._next, last >= total)):
            turn.set_visibility(has_pages)
            turn.props.set_bool("disabled", is_end)

    def _turn(self, by: int) -> Any:
        return self._on_turn(max(1, self._page + by))


_EMIT_ACT = (
    "(event) => { const button = event.target.closest('button[data-act]');"
    " if (button) emit({act: button.dataset.act, of: button.dataset.of}); }"
)
