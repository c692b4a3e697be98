"""Forms and their fields, sent to the page as texts by name."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from pages.elements import Words, box
from vanilla.accounts.users import MOST_TOKENS
from vanilla.errors import Invalid


@contextmanager
def form(
    on_submit: Callable[[dict[str, str]], Awaitable[None] | None], classes: str = "form", *, marker: str = "form"
) -> Iterator[ui.element]:
    """A form whose fields come to `on_submit` by name, as text. Nothing in them is remembered by the page. Tests find
    it by its marker."""

    def submitted(event: GenericEventArguments) -> Awaitable[None] | None:
        values = event.args if isinstance(event.args, dict) else {}
        return on_submit({str(name): value for name, value in values.items() if isinstance(value, str)})

    with box("form", classes).mark(marker) as element:
        yield element
    element.on("submit", submitted, js_handler=_EMIT_FIELDS)


class Field:
    """A labelled input. `attributes` are the input's own: `type`, `autocomplete`, `required`, `value`, ..."""

    def __init__(self, label: str, name: str, *, hint: str = "", classes: str = "", **attributes: Any) -> None:
        with box("div", f"field {classes}"):
            caption = Words("label", label)
            self.input = box("input", "input", name=name, **{"type": "text", **attributes})
            caption.props["for"] = self.input.html_id
            if hint:
                described = Words("span", hint, "hint")
                self.input.props["aria-describedby"] = described.html_id


class Area:
    """A labelled field of several lines."""

    def __init__(self, label: str, name: str, text: str, *, hint: str = "", **attributes: Any) -> None:
        with box("div", "field"):
            caption = Words("label", label)
            area = Words("textarea", text, "input", name=name, **attributes)
            caption.props["for"] = area.html_id
            if hint:
                area.props["aria-describedby"] = Words("span", hint, "hint").html_id


def whole_number(text: str, what: str, most: int = MOST_TOKENS) -> int | None:
    """A number as people write them, `100,000` or `100 000`, None where nothing was written. Raises Invalid, whose
    sentence says `what` was to be written, such as `the limit`."""
    digits = "".join(character for character in text if character not in ",._' \u00a0\u202f")
    if not digits:
        return None
    if not digits.isascii() or not digits.isdigit() or int(digits[:20]) > most:
        raise Invalid(f"Write {what} as a whole number, such as 100000.")
    return int(digits)


_EMIT_FIELDS = "(event) => { event.preventDefault(); emit(Object.fromEntries(new FormData(event.target))); }"
