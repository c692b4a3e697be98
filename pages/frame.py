"""What stands around every page of someone who is signed in: header, heading, main."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

from nicegui import Client, ui

from pages import clients, design, figures
from pages.elements import Words, box, button, drawing, link, meter, notice
from pages.outage import outage
from pages.visitor import Visitor
from vanilla.errors import Unauthenticated, VanillaError

Section = Literal["games", "upload", "docs", "admin", "account", ""]

_NAV: tuple[tuple[Section, str, str], ...] = (
    ("games", "Games", "/"),
    ("upload", "Upload", "/upload"),
    ("docs", "Docs", "/docs"),
)


@dataclass(frozen=True)
class Frame:
    """The parts of the frame that a page may fill: `with page.controls:` puts them beside the heading."""

    heading: Words
    controls: ui.element
    _said: ui.element

    def say(self, words: str, kind: Literal["plain", "ok", "error"] = "plain") -> None:
        """Show a sentence at the foot of the window until it is closed or another one comes."""
        self._said.clear()
        with self._said, box("div", "toast"):
            notice(words, kind)
            button("Close", self._said.clear, classes="little")


@contextmanager
def frame(visitor: Visitor, *, title: str, active: Section = "", wide: bool = False) -> Iterator[Frame]:
    """Draw the page around what is built inside, and tie the page to the visitor.

    `title` is both the window's title and the `h1`. `wide` gives the content the whole window, keeping the h1 for
    readers alone: for pages that are one picture, such as a game.
    """
    client = ui.context.client
    visitor.stays_with(client)
    ui.page_title(f"{title} · Vanilla")
    ui.add_head_html(design.WAITING)
    with box("div", "page wide" if wide else "page", tabindex="-1") as content:
        with box("div", "for-readers" if wide else "page-head"):
            heading = Words("h1", title)
            controls = box("div", "page-controls")
        _header(visitor, active, target=content)
        drawn = Frame(heading, controls, box("div"))
        client.on_exception(partial(_tell, client, drawn))
        yield drawn
        drawn._said.move(target_index=-1)  # the keyboard comes to it last


def _tell(client: Client, drawn: Frame, error: Exception) -> None:
    """What an action on an open page raised, and nothing on the page has caught."""
    if isinstance(error, Unauthenticated):
        clients.close(client)
    elif isinstance(error, VanillaError):
        drawn.say(error.message, "error")
    else:
        drawn.say("That did not work. The fault is ours, and it has been written to the log.", "error")


def _header(visitor: Visitor, active: Section, target: ui.element) -> None:
    with ui.context.client.layout:
        skip = link("Skip to the content", f"#{target.html_id}", "skip")
        with box("header", "top") as header:
            with box("div", "top-inside"):
                with box("a", "brand", href="/", aria_label="Vanilla, games"):
                    drawing(design.CONE)
                    Words("span", "vanilla")
                with box("nav", "nav", aria_label="Main"):
                    entries = [*_NAV, ("admin", "Admin", "/admin")] if visitor.is_admin else _NAV
                    for name, words, href in entries:
                        link(words, href, **({"aria_current": "page"} if name == active else {}))
                _tokens_left(visitor)
                _account_menu(visitor)
            outage(visitor)
    header.move(target_index=0)
    skip.move(target_index=0)


def _tokens_left(visitor: Visitor) -> None:
    if visitor.token_limit is None or visitor.remaining_tokens is None:
        return
    left = figures.count(visitor.remaining_tokens)
    limit = figures.count(visitor.token_limit)
    with box("a", "left", href="/account", title=f"{left} of {limit} tokens left", data_tokens_left=""):
        meter(figures.fraction(visitor.tokens_used, visitor.token_limit), label="Tokens used")
        with box("span"):
            Words("span", left, data_tokens_figure="")
            Words("span", " tokens left", "unit")


def _account_menu(visitor: Visitor) -> None:
    name = visitor.user.username
    with box("details", "menu"):
        with box("summary", aria_label=f"Account of {name}"):
            Words("span", name, "name")
        with box("div", "menu-sheet"):
            link("Account and usage", "/account")
            Words("div", "Theme", "menu-label")
            with box("div", "segments full", role="group", aria_label="Theme"):
                for theme, words in (("auto", "Auto"), ("light", "Light"), ("dark", "Dark")):
                    Words("button", words, type="button", data_theme_choice=theme, aria_pressed="false")
            box("hr")
            with box("form", method="post", action="/auth/logout"):
                Words("button", "Sign out", "menu-item", type="submit")
