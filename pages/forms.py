"""Forms and their fields, sent to the page as texts by name."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from pages.elements import Words, box


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


_EMIT_FIELDS = "(event) => { event.preventDefault(); emit(Object.fromEntries(new FormData(event.target))); }"
