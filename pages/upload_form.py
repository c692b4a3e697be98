"""The form that takes a game: drop a file or a folder, see its progress and what is wrong with it. upload.js, which
reads what was chosen with upload-sources.js, sends it and lists the problems. There is one on a page at most."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nicegui import ui

from pages import design
from pages.elements import ButtonKind, Words, box, button, drawing, meter
from vanilla.games import names
from vanilla.games.files import MB
from vanilla.services import Services


@dataclass(frozen=True, slots=True)
class Room:
    """What the host takes: sizes in MB, and how much of it the games of a user fill."""

    upload_mb: int
    unpacked_mb: int
    files: int
    stored_mb: float
    storage_mb: float


@dataclass(frozen=True, slots=True)
class Way:
    """A button that sends the form: `name` and `value` go along as a field."""

    words: str
    name: str
    value: str
    kind: ButtonKind = "quiet"


async def room_of(services: Services, owner_id: str) -> Room:
    """What is left for the games of this user."""
    settings = services.settings
    used, most = await services.catalogue.storage(owner_id)
    return Room(settings.max_upload_mb, settings.max_unpacked_mb, settings.max_game_files, used / MB, most / MB)


def upload_form(
    room: Room, ways: Sequence[Way], fields: Callable[[], object], *, to: str, classes: str = "card padded form"
) -> ui.element:
    """The form, which is sent to the address `to`, and below it the place for what is wrong. `fields` draws what is
    asked beside the game. Where the page shows nothing itself (`data-done`), the form fires `uploaded` with the
    answer."""
    ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("upload.css")}">')
    for script in ("upload-sources.js", "upload.js"):
        ui.add_head_html(f'<script defer src="{design.asset(script)}"></script>')
    known = {
        "data_to": to,
        "data_most_bytes": room.upload_mb * MB,
        "data_most_files": room.files,
        "data_junk": json.dumps({"names": sorted(names.JUNK), "begins": names.JUNK_BEGINS}),
    }
    with box("form", f"{classes} upload-form", data_upload="", novalidate=True, **known) as form:
        _drop_zone()
        _pages()
        fields()
        with box("div", "line-up"):
            for way in ways:
                button(way.words, kind=way.kind, data_publish="", name=way.name, value=way.value)
            Words("button", "Cancel", "button quiet", type="button", data_cancel="", hidden=True)
            with box("div", "upload-progress", data_progress="", hidden=True):
                meter(0, label="Upload", classes="tall")
                Words("span", "", "small quiet", data_progress_words="", aria_hidden="true")
        Words("p", "", "for-readers", role="status", data_status="")
    with box("div", "notice error upload-problems", role="alert", tabindex="-1", data_problems="", hidden=True):
        box("div")
    return form


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


_BOX = (
    '<svg viewBox="0 0 48 48" width="48" height="48" fill="none" stroke="currentColor" stroke-width="2.5" '
    'stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
    '<path d="M24 31V9m-8 8 8-8 8 8"/><path d="M8 29v6a5 5 0 0 0 5 5h22a5 5 0 0 0 5-5v-6"/></svg>'
)
