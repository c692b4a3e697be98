"""Upload a game: drop a file or a folder, say what it is, see what is wrong with it. upload.js, which reads what was
chosen with upload-sources.js, sends it to POST /api/games."""

import json
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from nicegui import app, ui

from pages import design, figures
from pages.elements import Words, box, button, button_link, drawing, link, meter
from pages.frame import frame
from pages.visitor import Visitor, signed_in
from vanilla.games import about, names
from vanilla.games.files import MB
from vanilla.services import Services


@dataclass(frozen=True, slots=True)
class Room:
    """What the host takes: sizes in MB, and how much of it the visitor's games fill."""

    upload_mb: int
    unpacked_mb: int
    files: int
    stored_mb: float
    storage_mb: float


def register(services: Services) -> None:
    """Add the page."""

    @ui.page("/upload")
    async def upload(visitor: Annotated[Visitor, Depends(signed_in(services))]) -> None:
        settings = services.settings
        used, most = await services.catalogue.storage(visitor.user.id)
        room = Room(settings.max_upload_mb, settings.max_unpacked_mb, settings.max_game_files, used / MB, most / MB)
        with frame(visitor, title="Upload a game", active="upload"):
            build(room)


def build(room: Room) -> None:
    """The form and the notes beside it."""
    ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("upload.css")}">')
    for script in ("upload-sources.js", "upload.js"):
        ui.add_head_html(f'<script defer src="{design.asset(script)}"></script>')
    known = {
        "data_most_bytes": room.upload_mb * MB,
        "data_most_files": room.files,
        "data_junk": json.dumps({"names": sorted(names.JUNK), "begins": names.JUNK_BEGINS}),
    }
    with box("div", "two-thirds upload"):
        with box("div", "stack"):
            with box("form", "card padded form", data_upload="", novalidate=True, **known):
                _drop_zone()
                _pages()
                _texts()
                with box("div", "line-up"):
                    button("Publish", kind="primary", data_publish="", name="visibility", value="shared")
                    button("Save as a draft", data_publish="", name="visibility", value="draft")
                    Words("button", "Cancel", "button quiet", type="button", data_cancel="", hidden=True)
                    with box("div", "upload-progress", data_progress="", hidden=True):
                        meter(0, label="Upload", classes="tall")
                        Words("span", "", "small quiet", data_progress_words="", aria_hidden="true")
                Words("p", "", "for-readers", role="status", data_status="")
            with box("div", "notice error upload-problems", role="alert", tabindex="-1", data_problems="", hidden=True):
                box("div")
            with box("div", "card upload-done", tabindex="-1", data_done="", hidden=True):
                _done()
        with box("div", "stack"):
            _notes(room)


def _drop_zone() -> None:
    nothing, hint = "Choose a .zip or a single .html", "or drop it here, or a whole folder"
    with box("div", "stack tight"):
        with box("div", "drop", data_drop="", data_nothing=nothing, data_hint=hint):
            drawing(_BOX)
            with box("label") as caption:
                Words("strong", nothing, data_file_name="")
                Words("span", hint, "quiet drop-hint", data_file_hint="")
            field = box("input", type="file", name="file", accept=".zip,.html,.htm,application/zip,text/html")
            caption.props["for"] = field.html_id
        with box("div", "drop-foot"):
            Words("button", "Choose a folder", "button little", type="button", data_choose_folder="")
            box("input", type="file", name="folder", webkitdirectory=True, hidden=True, aria_label="Folder of the game")


def _pages() -> None:
    """Asked where there is no index.html; filled by upload.js."""
    with box("fieldset", "upload-pages", data_pages="", hidden=True):
        Words("legend", "Which page opens the game?")
        box("div", "upload-choices", data_choices="")


def _texts() -> None:
    Words("p", "Filled in from the game. Change what you like.", "quiet small", data_filled="", hidden=True)
    with box("div", "field"):
        caption = Words("label", "Title")
        field = box("input", "input", type="text", name="title", maxlength=about.LONGEST_TITLE, autocomplete="off")
        hint = Words("span", "Left empty, it is taken from the game.", "hint")
        _belongs(caption, field, hint)
    with box("div", "field"):
        caption = Words("label", "Description")
        _belongs(caption, box("textarea", "input", name="description", maxlength=about.LONGEST_DESCRIPTION, rows=3))
    with box("div", "field-row"):
        with box("div", "field"):
            caption = Words("label", "Tags")
            field = box("input", "input", type="text", name="tags", autocomplete="off", autocapitalize="none")
            _belongs(caption, field, Words("span", f"With commas, at most {about.MOST_TAGS}.", "hint"))
        with box("div", "field"):
            caption = Words("label", "Cover")
            field = box(
                "input", "input file", type="file", name="cover", accept="image/png,image/jpeg,image/webp,image/gif"
            )
            _belongs(caption, field, Words("span", "A picture, best 4:3. Left empty, we draw one.", "hint"))


def _belongs(caption: ui.element, field: ui.element, hint: ui.element | None = None) -> None:
    caption.props["for"] = field.html_id
    if hint is not None:
        field.props["aria-describedby"] = hint.html_id


def _done() -> None:
    box("img", "cover", alt="", width=640, height=480, data_done_cover="")
    with box("div", "words"):
        Words("p", "", "quiet", data_done_what="")
        Words("h2", "", data_done_title="")
        with box("div", "line-up"):
            button_link("Play", "/", kind="primary", data_done_play="")
            if _has_edit_page():
                button_link("Edit", "/", data_done_edit="")
            Words("button", "Upload another", "button quiet", type="button", data_again="")
    with box("div", "warnings", data_done_warnings="", hidden=True):
        Words("h3", "Worth a look")
        box("ul")


def _has_edit_page() -> bool:
    return any(getattr(route, "path", "") == "/games/{game_id}/edit" for route in app.routes)


def _notes(room: Room) -> None:
    with box("section", "card padded stack close"):
        Words("h2", "Your game can talk", "as-h3")
        with box("p"):
            Words("span", "Games here may call language models: ")
            Words("code", "fetch('/api/inference/...')")
            Words("span", " works without any key, and counts towards the player's own tokens.")
        with box("p"):
            link("How to call a model from a game", "/docs")
    with box("section", "card padded stack close"):
        Words("h2", "What fits", "as-h3")
        with box("ul", "upload-limits"):
            Words(
                "li",
                "A folder or a .zip with index.html at its top; or a single .html with everything in it.",
            )
            Words("li", f"At most {room.upload_mb:,} MB, {room.files:,} files and {room.unpacked_mb:,} MB unpacked.")
            Words("li", "Paths are relative: js/game.js, not /js/game.js.")
            Words("li", "Nothing from other sites: put fonts and libraries into the game.")
            with box("li"):
                Words("code", "meta.json")
                Words("span", " may hold title, description, tags and the path of a cover.")
        with box("div", "stack tight"):
            meter(figures.fraction(round(room.stored_mb), round(room.storage_mb)), label="Your storage")
            Words("span", f"Your games take {room.stored_mb:,.0f} of {room.storage_mb:,.0f} MB.", "small quiet figures")


_BOX = (
    '<svg viewBox="0 0 48 48" width="48" height="48" fill="none" stroke="currentColor" stroke-width="2.5" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
    '<path d="M24 31V9m-8 8 8-8 8 8"/><path d="M8 29v6a5 5 0 0 0 5 5h22a5 5 0 0 0 5-5v-6"/></svg>'
)
