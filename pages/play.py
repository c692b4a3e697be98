"""Play: a game in its sandboxed frame, below a bar that says whose it is.

`vanilla/static/play.js` begins the play and keeps it alive.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from nicegui import ui

from pages import design, figures
from pages.clients import RECONNECT_SECONDS
from pages.elements import Words, box, button_link, drawing, link
from pages.frame import frame
from pages.visitor import Visitor, login_address, signed_in
from vanilla.games import sandbox
from vanilla.games.views import GameView
from vanilla.services import Services


@dataclass(frozen=True, slots=True)
class Playing:
    """A game about to be played: `files` is the path of the frame, `tokens_used` this player's in this game."""

    game: GameView
    files: str
    tokens_used: int
    sign_in: str


def register(services: Services) -> None:
    """Add the page."""
    visitor_of = signed_in(services)

    async def tokens_used(user_id: str, game_id: str) -> int:
        totals = await services.statistics.by_game(user_id=user_id)
        return next((row.total_tokens for row in totals if row.game_id == game_id), 0)

    async def playing(
        request: Request,
        game_id: str,
        visitor: Annotated[Visitor, Depends(visitor_of)],
        version: str = "",  # a preview, for the game's owner
    ) -> tuple[Visitor, Playing]:
        number = int(version) if version.isdecimal() and len(version) < 9 else None
        now = await services.addresses.playable(game_id, visitor.caller, number)
        # Only this game's files may be framed: neither we nor the game can take the frame anywhere else.
        request.scope["frame_source"] = now.frame_source(request.scope["origin"])
        used = await tokens_used(visitor.user.id, game_id)
        return visitor, Playing(now.game, now.files, used, login_address(request))

    @ui.page("/play/{game_id}", viewport=_VIEWPORT)
    async def play(both: Annotated[tuple[Visitor, Playing], Depends(playing)]) -> None:
        visitor, now = both
        used = build(visitor, now)

        async def count_again() -> None:
            used.set_text(_used(await tokens_used(visitor.user.id, now.game.id)))

        used.on("recount", count_again)


def build(visitor: Visitor, now: Playing) -> Words:
    """The page. Gives the words that tell the tokens used; the event `recount` on them asks for the figure anew."""
    game = now.game
    ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("play.css")}">')
    ui.add_head_html(f'<script defer src="{design.asset("play.js")}"></script>')
    attributes: dict[str, Any] = {
        "patience": RECONNECT_SECONDS,
        "game": game.id,
        "files": now.files,
        "sandbox": sandbox.SANDBOX,
        "allow": sandbox.FRAME_ALLOW,
    }
    with frame(visitor, title=game.title, active="games", wide=True), box("vanilla-play", **attributes):
        with box("div", "play-bar"):
            with box("div", "play-title"):
                Words("strong", game.title, aria_hidden="true")  # the h1 says it to readers
                Words("span", f"by {game.owner}", "quiet small")
            with box("div", "play-actions", role="group", aria_label="Game"):
                for action, words in (("restart", "Restart"), ("fullscreen", "Fullscreen"), ("about", "About")):
                    with box("button", "button little", type="button", data_play=action):
                        drawing(_ICONS[action], "play-icon")
                        Words("span", words)
        with box("div", "play-stage", data_play="stage"):
            Words("p", "Starting the game", "play-starting quiet", data_play="starting")
        with (
            box("div", "play-over", role="alert", data_play="over", hidden=True),
            box("div", "card padded stack close"),
        ):
            Words("p", "", data_play="reason")
            with box("div", "line-up"):
                button_link("Sign in again", now.sign_in, kind="primary", data_play="sign-in", hidden=True)
                Words("button", "Try again", "button primary", type="button", data_play="again", hidden=True)
                button_link("All games", "/")
        return _about(game, now.tokens_used)


def _about(game: GameView, tokens_used: int) -> Words:
    label = f"About {game.title}"
    with box("dialog", "play-about card padded", data_play="sheet", aria_label=label), box("div", "stack close"):
        Words("h2", game.title)
        if game.description:
            Words("p", game.description)
        Words("p", f"By {game.owner}. Played {figures.counted(game.plays + 1, 'time')}.", "quiet")
        used = Words("p", _used(tokens_used), "figures", data_play="used")
        Words(
            "p",
            f"This game was uploaded by {game.owner} and runs apart from Vanilla: it cannot see your account. "
            "Whatever it shows, never type your password here.",
            "notice",
        )
        link("Write a game of your own", "/docs")
        with box("form", "line-up", method="dialog"):
            Words("button", "Close", "button primary", type="submit")
    return used


def _used(tokens: int) -> str:
    return (
        f"You have used {figures.counted(tokens, 'token')} in this game." if tokens else "You have used no tokens here."
    )


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
