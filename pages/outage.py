"""What every page says while the host has switched models off: on open pages too, as soon as it happens."""

from nicegui import ui

from pages.elements import Words, ago, box, link
from pages.visitor import Visitor
from vanilla.operations.controls import SWITCHED_OFF, Controls


def outage(visitor: Visitor) -> ui.element:
    """The line below the header, hidden while models are on. Admins are told who it was, and when."""
    panel = visitor.controls
    with box("p", "outage", role="status") as line:
        Words("span", SWITCHED_OFF)
        if visitor.is_admin:
            who = box("span")
            link("Settings", "/admin/settings")

    def show(_controls: Controls) -> None:
        stop = panel.stop
        line.set_visibility(stop is not None)
        if visitor.is_admin and stop is not None:
            who.clear()
            with who:
                Words("span", f"By {stop.by}, " if stop.by else "By somebody who is gone, ")
                ago(stop.at)

    show(panel.now)
    ui.context.client.on_delete(panel.subscribe(show))
    return line
