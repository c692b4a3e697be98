"""The guide for people who make games, the source of the examples, and the reference of the API."""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from nicegui import ui

from pages import design
from pages.docs import calls, reference, rules, source, start, trying, writing
from pages.docs.facts import Facts
from pages.elements import box, button_link
from pages.frame import frame
from pages.visitor import Visitor, signed_in
from vanilla.services import Services


def register(services: Services) -> None:
    """Add the guide and the source of the examples."""
    source.register(services)

    @ui.page("/docs")
    async def docs(request: Request, visitor: Annotated[Visitor, Depends(signed_in(services))]) -> None:
        ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("docs.css")}">')
        ui.add_head_html(f'<script defer src="{design.asset("docs.js")}"></script>')
        with frame(visitor, title="Make a game", active="docs") as page:
            with page.controls:
                button_link("API reference", "/api/docs")
                button_link("Upload a game", "/upload", kind="primary")
            with box("div", "with-contents"):
                entries = {anchor: title for anchor, title, _ in CHAPTERS}
                ui.html(source.contents(entries), sanitize=False, tag="div")
                facts = Facts.of(request.scope["origin"], services.settings)
                ui.html(written(facts), sanitize=False, tag="div").classes("prose")


def register_reference(app: FastAPI, services: Services) -> None:
    """Add the reference of the API, at /api/docs."""
    reference.register(app, services)


@lru_cache(8)  # one for each address that the platform is reached at
def written(facts: Facts) -> str:
    """The whole guide, as HTML."""
    return "".join(writing.heading(2, title, anchor) + write(facts) for anchor, title, write in CHAPTERS)


_Write = Callable[[Facts], str]
CHAPTERS: tuple[tuple[str, str, _Write], ...] = (
    ("quick-start", "Five minutes to a game that talks", start.quick_start),
    ("assistant", "Have it written", start.assistant),
    ("examples", "Examples to copy", start.examples),
    ("try-it", "Try it", trying.trying),
    ("sdk", "window.vanilla", calls.sdk),
    ("fetch", "Plain fetch", calls.fetch),
    ("clients", "Official clients", calls.clients),
    ("limits", "Limits and errors", rules.limits),
    ("sandbox", "The sandbox", rules.sandbox),
    ("packing", "Packing and uploading", rules.packing),
)
