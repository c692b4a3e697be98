"""Figures that lead to what is behind them, and change in place."""

from nicegui import ui

from pages.elements import Words, box


class Tile:
    """A card with one figure, which is a link."""

    def __init__(self, label: str, href: str, *, marker: str = "") -> None:
        with box("a", "card stat", href=href) as self.element:
            self._label = Words("div", label, "label")
            self._value = Words("div", "", "value")
            self._note = Words("div", "", "note")
        if marker:
            self.element.mark(marker)

    def show(self, value: str, note: str = "") -> None:
        """Show another figure. Sends nothing where nothing changed."""
        self._value.set_text(value)
        self._note.set_text(note)

    def aim(self, label: str, href: str) -> None:
        """Be about something else."""
        self._label.set_text(label)
        aim(self.element, href)


def aim(link: ui.element, href: str) -> None:
    """Have a link lead elsewhere. Sends nothing where it does already."""
    if link.props.get("href") != href:
        link.props["href"] = href
        link.update()
