"""Rows that change in place: each stands for one thing, known by its key, and sends only the texts that differ."""

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from nicegui import ui

from pages import figures
from pages.admin.tiles import aim
from pages.elements import Words, box, link

Value_contra = TypeVar("Value_contra", contravariant=True)
Item = TypeVar("Item")


class KeyedRow(Protocol[Value_contra]):
    """A row: its element, and how it takes another value."""

    @property
    def element(self) -> ui.element: ...

    def show(self, value: Value_contra) -> None: ...


class KeyedRows(Generic[Item]):
    """The rows of a container, in order. A row stays the same element for as long as its key is there, so that focus
    and selection in it stay too."""

    def __init__(self, container: ui.element, draw: Callable[[Item], KeyedRow[Item]], nothing: str) -> None:
        """`draw` makes a row; `nothing` is said where there are none."""
        self._container = container
        self._draw = draw
        self._rows: dict[str, KeyedRow[Item]] = {}
        with container:
            tag = "tr" if container.tag == "tbody" else "div"
            with box(tag) as self._nothing:
                Words("td" if tag == "tr" else "p", nothing, "nothing", **({"colspan": "9"} if tag == "tr" else {}))

    def show(self, items: Mapping[str, Item]) -> None:
        """Show these, in this order."""
        for key in [key for key in self._rows if key not in items]:
            self._rows.pop(key).element.delete()
        for position, (key, item) in enumerate(items.items(), start=1):  # after what is said where there are none
            row = self._rows.get(key)
            if row is None:
                with self._container:
                    row = self._rows[key] = self._draw(item)
            else:
                row.show(item)
            children = self._container.default_slot.children
            if children[position] is not row.element:
                row.element.move(target_index=position)
        self._nothing.set_visibility(not items)


class MeterRow:
    """A name, a figure and how much of something that is. It is a link where it has an address."""

    def __init__(self, name: str, *, href: str = "") -> None:
        with box("div", "meter-row flat") as self.element:
            self._name = link(name, href, "name") if href else Words("span", name, "name")
            self._value = Words("span", "")
            self._note = Words("span", "", "quiet")
            self._meter = box("span", "meter", role="meter", aria_label=name)
        self._meter.props.update({"aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": ""})

    def update(
        self, name: str, value: int, part: float, note: str = "", *, is_near: bool = False, href: str = ""
    ) -> None:
        """`part` is between 0 and 1."""
        self._name.set_text(name)
        self._value.set_text(figures.count(value))
        self._note.set_text(note)
        if href:
            aim(self._name, href)
        percent = f"{max(0.0, min(1.0, part)) * 100:.4g}"
        if self._meter.props["aria-valuenow"] == percent and ("near" in self._meter.classes) == is_near:
            return
        self._meter.props["aria-valuenow"] = percent
        self._meter.classes(add="near" if is_near else "", remove="" if is_near else "near")
        self._meter.style(f"--part: {percent}%")
        self._meter.update()
