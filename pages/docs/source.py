"""The source of an example game, to be read: every file of it on one page."""

from typing import Annotated

from fastapi import Depends
from nicegui import ui

from pages import design
from pages.docs import writing
from pages.elements import box, button_link
from pages.frame import frame
from pages.visitor import Visitor, signed_in
from vanilla.errors import NotFound
from vanilla.games import about, examples
from vanilla.games.layout import INDEX
from vanilla.services import Services

_LANGUAGES = {"html": "html", "css": "css", "js": "javascript", "json": "json"}


def register(services: Services) -> None:
    """Add the page."""

    @ui.page("/docs/examples/{name}")
    async def source(name: str, visitor: Annotated[Visitor, Depends(signed_in(services))]) -> None:
        if name not in examples.NAMES:
            raise NotFound("There is no such example.")
        ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("docs.css")}">')
        ui.add_head_html(f'<script defer src="{design.asset("docs.js")}"></script>')
        folder = examples.FOLDER / name
        game = about.read(folder, INDEX)
        with frame(visitor, title=game.title, active="docs") as page:
            with page.controls:
                button_link("All of the guide", "/docs#examples")
            with box("div", "with-contents"):
                files = examples.files(name)
                ui.html(contents({_anchor(path): path for path in files}), sanitize=False, tag="div")
                ui.html(_written(name, files), sanitize=False, tag="div").classes("prose")


def contents(entries: dict[str, str]) -> str:
    """The list beside a long page: anchors, and the words that lead there."""
    links = "".join(writing.link(words, f"#{anchor}") for anchor, words in entries.items())
    return f'<nav class="contents" aria-label="Contents">{links}</nav>'


def _written(name: str, files: list[str]) -> str:
    folder = examples.FOLDER / name
    parts = [
        writing.paragraph(about.read(folder, INDEX).description),
        writing.paragraph(
            "Copy these files into a folder, change what you like, and [upload](/upload) it. Beside them lie a font and"
            " the cover."
        ),
    ]
    for path in files:
        parts.append(writing.heading(2, path, _anchor(path)))
        parts.append(writing.code((folder / path).read_text(), _LANGUAGES[path.rpartition(".")[2]], path))
    return "".join(parts)


def _anchor(path: str) -> str:
    return path.replace("/", "-").replace(".", "-")
