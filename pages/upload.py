"""Upload a game: drop a file or a folder, say what it is, see what is wrong with it."""

from typing import Annotated

from fastapi import Depends
from nicegui import ui

from pages import figures
from pages.elements import Words, box, button_link, link, meter
from pages.frame import frame
from pages.upload_form import Room, Way, room_of, upload_form
from pages.visitor import Visitor, signed_in
from vanilla.games import about
from vanilla.services import Services

WAYS = (Way("Publish", "visibility", "shared", "primary"), Way("Save as a draft", "visibility", "draft"))


def register(services: Services) -> None:
    """Add the page."""

    @ui.page("/upload")
    async def upload(visitor: Annotated[Visitor, Depends(signed_in(services))]) -> None:
        room = await room_of(services, visitor.user.id)
        with frame(visitor, title="Upload a game", active="upload"):
            build(room)


def build(room: Room) -> None:
    """The form and the notes beside it."""
    with box("div", "two-thirds upload"):
        with box("div", "stack"):
            upload_form(room, WAYS, _texts, to="/api/games")
            with box("div", "card upload-done", tabindex="-1", data_done="", hidden=True):
                _done()
        with box("div", "stack"):
            _notes(room)


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
            button_link("Edit", "/", data_done_edit="")
            Words("button", "Upload another", "button quiet", type="button", data_again="")
    with box("div", "warnings", data_done_warnings="", hidden=True):
        Words("h3", "Worth a look")
        box("ul")


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
