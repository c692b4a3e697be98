"""What narrows a list down while it is shown: a search field, and one choice of several."""

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from pages.elements import Words, box

# Emits what is typed once typing pauses, so that not every letter is a search.
_AFTER_A_PAUSE = (
    "(event) => { const field = event.target; clearTimeout(field.pause);"
    " field.pause = setTimeout(() => emit(field.value), 200); }"
)
_EMIT_VALUE = "(event) => emit(event.target.value)"


def search_field(
    on_typed: Callable[[GenericEventArguments], Any],
    *,
    placeholder: str,
    label: str,
    value: str,
    longest: int,
    **attributes: str,
) -> None:
    """A field of its own landmark that tells what was typed, once typing pauses. Tests find it as `search`."""
    with box("div", "search", role="search"):
        typed = box(
            "input",
            "input",
            type="search",
            placeholder=placeholder,
            aria_label=label,
            autocomplete="off",
            spellcheck="false",
            maxlength=longest,
            value=value,
            **attributes,
        ).mark("search")
        typed.on("input", on_typed, js_handler=_AFTER_A_PAUSE)


def one_of(
    on_chosen: Callable[[str], Any], *, label: str, options: Mapping[Any, str], chosen: str, classes: str = "order"
) -> ui.element:
    """A labelled select of keys and their words, which tells the key that is chosen. Gives the select."""
    with box("label", classes):
        Words("span", label, "quiet small")
        with box("select", "input little") as select:
            for key, words in options.items():
                Words("option", words, value=key).props.set_bool("selected", key == chosen)
        select.on("change", lambda event: on_chosen(str(event.args or "")), js_handler=_EMIT_VALUE)
    return select
