"""Tables. On a phone each row of a stacked one becomes a few lines, so that nothing is cut off."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from nicegui import ui

from pages.elements import Words, box


@contextmanager
def table(
    headings: Sequence[str], *, label: str, numbers: Sequence[int] = (), is_stacked: bool = False
) -> Iterator[ui.element]:
    """A table to be filled with `row()`. `numbers` are the positions of columns that hold figures; an empty heading
    is a column of actions. The cells of a stacked one say what they are themselves (`data-label`, as `row` sets it)."""
    with (
        box("div", "table-scroll", role="region", aria_label=label, tabindex="0"),
        box("table", "table stacked" if is_stacked else "table"),
    ):
        with box("thead"), box("tr"):
            for position, heading in enumerate(headings):
                with box("th", "number" if position in numbers else "", scope="col"):
                    Words("span", heading or "Actions", "" if heading else "for-readers")
        with box("tbody") as body:
            yield body


def row(
    cells: Sequence[str | Callable[[], object]],
    *,
    numbers: Sequence[int] = (),
    actions: Sequence[int] = (),
    labels: Sequence[str] = (),
) -> ui.element:
    """A row of a table: a text is shown as text, a function draws its cell. `labels` are the headings, for a stacked
    one, whose first cell needs none: it says what the row is about."""
    with box("tr") as element:
        for position, cell in enumerate(cells):
            classes = "number" if position in numbers else "actions" if position in actions else ""
            label = {"data_label": labels[position]} if position and labels and labels[position] else {}
            if labels and not position:
                classes = f"whole {classes}"
            if isinstance(cell, str):
                Words("td", cell, classes, **label)
            else:
                with box("td", classes, **label):
                    cell()
    return element
