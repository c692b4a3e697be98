"""The small parts that pages are made of. Words given to them are shown as text, never read as HTML.

Everything is plain HTML with the classes of vanilla/static/design.css; nothing here is one of Quasar's widgets.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Literal

from nicegui import ui
from nicegui.elements.mixins.text_element import TextElement

from pages import design, figures
from vanilla.models import utc_now, utc_text

Action = Callable[[], object]  # what it returns is awaited where that can be
ButtonKind = Literal["quiet", "primary", "danger"]


class Words(TextElement):
    """An HTML element with text in it: `Words("h2", "Tokens")`."""

    def __init__(self, tag: str, words: str, classes: str = "", **attributes: Any) -> None:
        super().__init__(tag=tag, text=words)
        _dress(self, classes, attributes)


def box(tag: str = "div", classes: str = "", **attributes: Any) -> ui.element:
    """An empty element to be filled: `with box("section", "card padded"):`. `aria_label` becomes `aria-label`."""
    element = ui.element(tag)
    _dress(element, classes, attributes)
    return element


def drawing(svg: str, classes: str = "") -> ui.html:
    """One of our own drawings. Never for anything that a user gave."""
    return ui.html(svg, sanitize=False, tag="span").classes(classes)


def link(words: str, href: str, classes: str = "", **attributes: Any) -> Words:
    """A link to one of our own addresses."""
    return Words("a", words, classes, href=href, **attributes)


def button(
    words: str, on_click: Action | None = None, *, kind: ButtonKind = "quiet", classes: str = "", **attributes: Any
) -> Words:
    """A pill. Without `on_click` it submits the form that it stands in."""
    element = Words("button", words, f"button {kind} {classes}", type="button" if on_click else "submit", **attributes)
    if on_click is not None:
        element.on("click", lambda _: on_click())
    return element


def button_link(words: str, href: str, *, kind: ButtonKind = "quiet", classes: str = "", **attributes: Any) -> Words:
    """A link that looks like a pill button."""
    return link(words, href, f"button {kind} {classes}", **attributes)


def sure_button(words: str, sure: str, action: Action, *, of: str = "") -> Words:
    """A dangerous button that asks once more: the first press shows `sure`, the second does it. `of` tells readers
    what it is about."""
    asked = False

    def show(is_asking: bool) -> None:
        nonlocal asked
        asked = is_asking
        shown = sure if is_asking else words
        element.set_text(shown)
        if of:
            element.props["aria-label"] = f"{shown}: {of}"
        element.classes(add="danger" if is_asking else None, remove=None if is_asking else "danger")

    def pressed() -> object:
        if asked:
            return action()
        show(True)
        return None

    def left() -> None:
        if asked and not element.is_deleted:
            show(False)

    element = button(words, pressed, classes="little")
    element.on("blur", left)
    show(False)
    return element


def copy_button(words: str = "Copy", text: str | None = None, classes: str = "little") -> Words:
    """Copies `text` or, without it, the code in the block that it stands in (frame.js does it)."""
    attributes = {} if text is None else {"data_copy": text}
    return Words("button", words, f"button copy {classes}", type="button", **attributes)


class Segments:
    """A choice of one among few, as pressed buttons. `on_change` gets the chosen key."""

    def __init__(
        self,
        options: Mapping[str, str],
        chosen: str,
        on_change: Callable[[str], Awaitable[None] | None],
        *,
        label: str,
        classes: str = "",
    ) -> None:
        self.chosen = chosen
        self._on_change = on_change
        self._buttons: dict[str, Words] = {}
        with box("div", f"segments {classes}", role="group", aria_label=label):
            for key, words in options.items():
                pressed = str(key == chosen).lower()
                part = Words("button", words, type="button", aria_pressed=pressed)
                part.on("click", lambda _, key=key: self._choose(key))
                self._buttons[key] = part

    def _choose(self, key: str) -> Awaitable[None] | None:
        if key == self.chosen:
            return None
        self.chosen = key
        for other, part in self._buttons.items():
            part.props["aria-pressed"] = str(other == key).lower()
            part.update()
        return self._on_change(key)


def segment_links(options: Mapping[str, str], current: str, *, label: str, classes: str = "") -> None:
    """The same look for pages beside each other: `{"/admin": "Live"}`, with the address of the current one."""
    with box("nav", f"segments {classes}", aria_label=label):
        for href, words in options.items():
            link(words, href, **({"aria_current": "page"} if href == current else {}))


def tag(words: str, classes: str = "") -> ui.element:
    """A small label, such as `by mira`. Classes: `outlined`, `ok`, `danger`."""
    with box("span", f"tag {classes}") as element:
        Words("span", words, "tag-words")
    return element


def talks_tag(classes: str = "") -> ui.element:
    """Marks a game that uses a model."""
    with box("span", f"tag talks {classes}", title="This game talks to a language model") as element:
        drawing(SPARK)
        Words("span", "talks")
    return element


def dotted(words: str, colour: str) -> ui.element:
    """Words with a dot of a series' colour before them: `dotted("ollama", "mint")`."""
    with box("span", "with-dot") as element:
        box("span", f"dot {colour}", aria_hidden="true")
        Words("span", words)
    return element


def meter(part: float, *, label: str, classes: str = "") -> ui.element:
    """A bar that is `part` (0 to 1) full. It turns cherry from nine tenths on."""
    near = "near" if part >= 0.9 else ""
    percent = f"{max(0.0, min(1.0, part)) * 100:.4g}"
    with box("span", f"meter {near} {classes}", role="meter", aria_label=label) as element:
        element.props.update({"aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": percent})
        box("span").style(f"width: {percent}%")
    return element


class Stat:
    """A tile with one figure."""

    def __init__(self, label: str, value: str, note: str = "") -> None:
        with box("div", "card stat"):
            Words("div", label, "label")
            self._value = Words("div", value, "value")
            self._note = Words("div", note, "note")

    def update(self, value: str, note: str = "") -> None:
        """Show another figure. Sends nothing where nothing changed."""
        self._value.set_text(value)
        self._note.set_text(note)


def notice(words: str, kind: Literal["plain", "ok", "error"] = "plain", title: str = "") -> ui.element:
    """Says what happened, and what to do. Read aloud as it appears."""
    with box("div", f"notice {kind}", role="alert" if kind == "error" else "status") as element:
        if title:
            Words("strong", title)
        Words("span", words)
    return element


@contextmanager
def empty(title: str, sentence: str, *, heading: str = "h2") -> Iterator[ui.element]:
    """What stands where nothing is yet; what to do next goes inside."""
    with box("div", "empty") as element:
        drawing(design.CONE)
        Words(heading, title)
        Words("p", sentence)
        yield element


def ago(moment: datetime) -> Words:
    """`3 min ago`, kept current by frame.js, with the exact time on hover."""
    return Words(
        "time",
        figures.ago(moment, utc_now()),
        "nowrap",
        datetime=utc_text(moment),
        title=figures.exact(moment),
        data_ago="",
    )


def local_time(moment: datetime, form: Literal["clock", "exact", "date", "minute"]) -> Words:
    """A moment on the reader's own clock, as frame.js tells it: `17:50:53`, `23 Nov, 17:50:53`, `23 Nov 2026`,
    `23 Nov 2026, 17:50`."""
    return Words("local-time", figures.exact(moment), "figures", datetime=utc_text(moment), form=form)


def code(source: str, label: str) -> ui.element:
    """A block of code with a copy button. `label` says what it is: `JavaScript`, `index.html`."""
    with box("div", "code") as element:
        with box("div", "code-label"):
            Words("span", label)
            copy_button(classes="")
        with box("pre", tabindex="0", role="group", aria_label=label):
            Words("code", source)
    return element


def _dress(element: ui.element, classes: str, attributes: Mapping[str, Any]) -> None:
    if classes:
        element.classes(classes)
    element.props.update({_attribute(element.tag, name): value for name, value in attributes.items()})


def _attribute(tag: str, name: str) -> str:
    # Vue sets a property called value anew whenever anything on the page changes: what somebody is typing would go.
    return "^value" if name == "value" and tag in {"input", "textarea"} else name.replace("_", "-")


SPARK = (
    '<svg viewBox="0 0 12 12" aria-hidden="true" focusable="false">'
    '<path d="M6 0c.5 3.6 1.9 5.3 6 6-4.1.7-5.5 2.4-6 6-.5-3.6-1.9-5.3-6-6 4.1-.7 5.5-2.4 6-6z"/></svg>'
)
PLAY = '<svg viewBox="0 0 14 14" aria-hidden="true" focusable="false"><path d="M2 .8v12.4L13 7z"/></svg>'
