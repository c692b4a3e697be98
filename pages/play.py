"""Play: a game in its sandboxed frame, below a bar that says whose it is.

`vanilla/static/play.js` begins the play and keeps it alive.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from nicegui import Client, background_tasks, ui

from pages import design, figures
from pages.clients import RECONNECT_SECONDS
from pages.elements import Words, box, button_link, drawing, link
from pages.frame import frame
from pages.play_live import Live, read
from pages.visitor import Visitor, login_address, signed_in
from vanilla.errors import VanillaError
from vanilla.games import sandbox
from vanilla.games.views import GameView
from vanilla.services import Services


@dataclass(frozen=True, slots=True)
class Playing:
    """A game about to be played: `files` is the path of the frame, `preview` the version that is being tried out."""

    game: GameView
    files: str
    preview: int | None
    sign_in: str


def register(services: Services) -> None:
    """Add the page."""
    visitor_of = signed_in(services)

    async def playing(
        request: Request,
        game_id: str,
        visitor: Annotated[Visitor, Depends(visitor_of)],
        version: str = "",  # a preview, for the game's owner
    ) -> tuple[Visitor, Playing, Live]:
        number = int(version) if version.isdecimal() and len(version) < 9 else None
        now = await services.addresses.playable(game_id, visitor.caller, number)
        # Only this game's files may be framed: neither we nor the game can take the frame anywhere else.
        request.scope["frame_source"] = now.frame_source(request.scope["origin"])
        standing = await read(services, visitor.user.id, game_id)
        consent = await services.consents.standing(visitor.user.id, game_id)
        live = Live(services, visitor, now.game, now.talks, standing, consent)
        preview = now.version if now.is_preview else None
        return visitor, Playing(now.game, now.files, preview, login_address(request)), live

    @ui.page("/play/{game_id}", viewport=_VIEWPORT)
    async def play(client: Client, all_of_it: Annotated[tuple[Visitor, Playing, Live], Depends(playing)]) -> None:
        visitor, now, live = all_of_it
        client.storage[_PLAYING] = visitor, now
        build(visitor, now, live)
        live.follow(client)

    async def look_again(client: Client, visitor: Visitor, now: Playing) -> None:
        try:
            again = await services.addresses.playable(now.game.id, visitor.caller, now.preview)
        except VanillaError:
            client.run_javascript(f"{_ELEMENT}.gone()")
        else:
            if again.files != now.files:
                client.run_javascript(f"{_ELEMENT}.changed()")

    def closed(game_id: str) -> None:
        for client in list(Client.instances.values()):
            visitor, now = client.storage.get(_PLAYING, (None, None))
            if now is not None and now.game.id == game_id and client.has_socket_connection:
                background_tasks.create(look_again(client, visitor, now), name="play page of a closed game")

    services.closings.subscribe(closed)


def build(visitor: Visitor, now: Playing, live: Live) -> None:
    """The page."""
    game = now.game
    ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("play.css")}">')
    ui.add_head_html(f'<script defer src="{design.asset("play-saves.js")}"></script>')
    ui.add_head_html(f'<script defer src="{design.asset("play.js")}"></script>')
    attributes: dict[str, Any] = {
        "patience": RECONNECT_SECONDS,
        "game": game.id,
        "files": now.files,
        "sandbox": sandbox.SANDBOX,
        "allow": sandbox.FRAME_ALLOW,
    }
    if now.preview is not None:
        attributes["version"] = now.preview
    with frame(visitor, title=game.title, active="games", wide=True), box("vanilla-play", **attributes):
        with box("div", "play-bar"):
            with box("div", "play-title"):
                Words("strong", game.title, aria_hidden="true")  # the h1 says it to readers
                preview = "" if now.preview is None else f", version {now.preview}"
                Words("span", f"by {game.owner}{preview}", "quiet small")
            live.draw_in_bar()
            with box("div", "play-actions", role="group", aria_label="Game"):
                for action, words in (("restart", "Restart"), ("fullscreen", "Fullscreen"), ("about", "About")):
                    with box("button", "button little", type="button", data_play=action):
                        drawing(_ICONS[action], "play-icon")
                        Words("span", words)
                if game.may_change:
                    address = f"/games/{game.id}/edit"
                    button_link("Edit", address, classes="little play-wide", aria_label=f"Edit {game.title}")
        live.draw_below_bar()
        with box("div", "play-strip", data_play="adrift", role="status", hidden=True):
            Words("p", "", data_play="why")
            Words("button", "Reload", "button little", type="button", data_play="reload")
        with box("div", "play-stage", data_play="stage"):
            Words("p", "Starting the game", "play-starting quiet", data_play="starting")
            live.draw_over_game()
        with (
            box("div", "play-over", role="alert", data_play="over", hidden=True),
            box("div", "card padded stack close"),
        ):
            Words("p", "", data_play="reason")
            with box("div", "line-up"):
                button_link("Sign in again", now.sign_in, kind="primary", data_play="sign-in", hidden=True)
                Words("button", "Try again", "button primary", type="button", data_play="again", hidden=True)
                button_link("All games", "/")
        _about(game, live)


def _about(game: GameView, live: Live) -> None:
    label = f"About {game.title}"
    with box("dialog", "play-about card padded", data_play="sheet", aria_label=label), box("div", "stack close"):
        Words("h2", game.title)
        if game.description:
            Words("p", game.description)
        Words("p", f"By {game.owner}. Played {figures.counted(game.plays + 1, 'time')}.", "quiet")
        live.draw_in_sheet()
        if hosts := [each.host for each in game.hosts if each.is_approved]:
            Words(
                "p", f"This game talks to {_listed(hosts)}: it may load from there, and send there what you do in it."
            )
        Words(
            "p",
            f"This game was uploaded by {game.owner} and runs apart from Vanilla: it cannot see your account. "
            "Whatever it shows, never type your password here.",
            "notice",
        )
        if game.may_change:
            link("Edit this game", f"/games/{game.id}/edit")
        link("Write a game of your own", "/docs")
        with box("form", "line-up", method="dialog"):
            Words("button", "Close", "button primary", type="submit")


def _listed(hosts: Sequence[str]) -> str:
    """`a.example.org`, `a.example.org and b.example.org`."""
    *most, last = hosts
    return f"{', '.join(most)} and {last}" if most else last


_PLAYING = "vanilla_playing"  # in a client's storage: what its page shows
_ELEMENT = "document.querySelector('vanilla-play')"

# A keyboard takes its room from the game, which is then small, and not half covered.
_VIEWPORT = "width=device-width, initial-scale=1, interactive-widget=resizes-content"

# On a phone there is room for these alone; the words stay for readers.
_ICON = (
    '<svg viewBox="0 0 16 16" aria-hidden="true" focusable="false" fill="none" stroke="currentColor" stroke-width="1.8"'
    ' stroke-linecap="round" stroke-linejoin="round"><path d="{}"/></svg>'
)
_ICONS = {
    "restart": _ICON.format("M13 3v3.5H9.5M12.7 6.2A5.5 5.5 0 1 0 13.5 8.5"),
    "fullscreen": _ICON.format("M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10"),
    "about": _ICON.format("M8 7.2V12M8 4.2v.1M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0z"),
}
