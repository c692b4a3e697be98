"""What a game uses of its player's tokens: live in the bar above it, with the button that stops its calls, and a notice
when the limit is near."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from nicegui import ui

from pages import figures
from pages.elements import Words, box, button, drawing, link, local_time
from vanilla.accounts.periods import resets_at
from vanilla.accounts.users import Users
from vanilla.models import User, utc_now, utc_text
from vanilla.usage.plays import PlayNow

NEAR = 0.9  # of a limit
SAID_SECONDS = 6.0  # how long a word in the bar stays

Level = Literal["fine", "near", "over", "short", "game"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database said at one moment, and what had been counted live by then."""

    user: User
    in_game: int  # tokens of the player in this game, ever
    game_today: int = 0  # of them, today
    game_cap: int | None = None  # that the game may take of the player in a day
    at: PlayNow = field(default_factory=PlayNow)


@dataclass(frozen=True, slots=True)
class Spent:
    """What the page says about tokens. `level`: `over` is a limit used up, `short` one with too little left for the
    last call, `game` what the game itself may take in a day."""

    visit: int  # in this game, since the page was opened
    in_game: int  # ever
    used: int  # of the limit, in its current period
    limit: int | None
    level: Level
    resets_at: datetime | None

    @property
    def left(self) -> int | None:
        return None if self.limit is None else max(0, self.limit - self.used)


def spent(standing: Standing, now: PlayNow, moment: datetime, *, is_refused: bool = False) -> Spent:
    """The database's figures with all that has come since. `is_refused`: a limit had no room for the last call."""
    at, user = standing.at, standing.user
    used = Users.current_usage(user, moment) + now.in_all.settled - at.in_all.settled + now.in_all.running
    in_game = standing.in_game + now.in_game.settled - at.in_game.settled + now.in_game.running
    limit = user.effective_limit
    level: Level = "fine"
    resets = resets_at(user.limit_period, moment)
    if limit is not None and used >= limit:
        level = "over"
    elif is_refused and standing.game_cap is not None and standing.game_today >= NEAR * standing.game_cap:
        level, resets = "game", resets_at("day", moment)
    elif is_refused and limit is not None:
        level = "short"
    elif limit is not None and used >= NEAR * limit:
        level = "near"
    return Spent(now.in_game.total, in_game, used, limit, level, resets)


def left_words(spent: Spent) -> str:
    """`3,000 of your 10,000 tokens are left.`"""
    if spent.limit is None or spent.left is None:
        return "You have no limit."
    return f"{figures.count(spent.left)} of your {figures.count(spent.limit)} tokens are left."


def used_words(spent: Spent) -> str:
    """For the sheet about the game."""
    if not spent.in_game:
        return "You have used no tokens here."
    words = f"You have used {figures.counted(spent.in_game, 'token')} in this game"
    if not spent.visit:
        return f"{words}."
    part = "all" if spent.visit == spent.in_game else figures.count(spent.visit)
    return f"{words}, {part} of them in this visit."


class SpentInBar:
    """The figures in the bar, and the Stop button, which is there while calls of the game run."""

    def __init__(self, on_stop: Callable[[], Awaitable[None]]) -> None:
        with box("div", "play-spent small") as self._box:
            self._dot = box("span", "dot live", aria_hidden="true")
            with box("span", "play-used figures") as self._used:
                self._visit = Words("span", "")
                Words("span", " this visit", "play-wide")
                self._ever = Words("span", "", "play-wide quiet")
            self._denied = Words("span", "Tokens not allowed", "quiet")
            self._said = Words("span", "", "play-said", role="status")
        with button("", on_stop, classes="little play-stop").mark("stop") as self._stop:
            drawing(_STOP, "play-icon always")
            Words("span", "Stop")
        self._left = box("play-left")
        self._clearing: asyncio.TimerHandle | None = None

    def show(self, spent: Spent, *, calls: int, talks: bool) -> None:
        """Show other figures. Sends nothing where nothing has changed."""
        is_running = calls > 0
        self._box.set_visibility(bool(talks or spent.in_game or is_running))
        self._used.set_visibility(bool(spent.in_game or is_running))
        self._dot.set_visibility(is_running)
        self._stop.set_visibility(is_running)
        self._visit.set_text(figures.counted(spent.visit, "token"))
        self._ever.set_text("" if spent.in_game == spent.visit else f" · {figures.count(spent.in_game)} in all")
        _set(self._left, left="" if spent.left is None else str(spent.left), limit=str(spent.limit or 0))

    def show_denied(self, is_denied: bool) -> None:
        """Whether the player has said no."""
        self._denied.set_visibility(is_denied)

    def say(self, words: str) -> None:
        """Show a few words for a while, read aloud too."""
        self._said.set_text(words)
        if self._clearing is not None:
            self._clearing.cancel()
        self._clearing = asyncio.get_running_loop().call_later(SAID_SECONDS, self._clear)

    def _clear(self) -> None:
        if not self._said.is_deleted:
            self._said.set_text("")


class LimitNotice:
    """A line below the bar when the limit is near, or has no room for a call. The player may close it."""

    def __init__(self) -> None:
        self._closed: Level = "fine"
        self._level: Level = "fine"
        with box("div", "play-strip") as self._strip:
            with box("p", "play-strip-words", role="status"):
                self._words = Words("span", "")
                with box("span") as self._resets:
                    Words("span", " They count anew on ")
                    self._moment = local_time(utc_now(), "minute")
                    Words("span", ".")
                self._help = Words("span", "")
            link("Account", "/account", "button little", target="_blank")
            button("Close", self._close, classes="little")
        self._strip.set_visibility(False)

    def show(self, spent: Spent) -> None:
        """Say what there is to say about this."""
        if spent.level == "fine":
            self._closed = "fine"
        self._level = spent.level
        is_shown = spent.level not in ("fine", self._closed)
        if is_shown:
            self._words.set_text(_sentence(spent))
            self._help.set_text(_help(spent))
            self._resets.set_visibility(spent.resets_at is not None)
            if spent.resets_at is not None:
                _set(self._moment, datetime=utc_text(spent.resets_at))
            self._strip.classes(
                add="urgent" if spent.level != "near" else None, remove="urgent" if spent.level == "near" else None
            )
        self._strip.set_visibility(is_shown)

    def _close(self) -> None:
        self._closed = self._level
        self._strip.set_visibility(False)


def _sentence(spent: Spent) -> str:
    if spent.level == "near":
        return left_words(spent)
    if spent.level == "over":
        return f"Your {figures.count(spent.limit or 0)} tokens are used up."
    if spent.level == "game":
        return "This game has used what it may of your tokens today."
    return f"The {figures.counted(spent.left or 0, 'token')} that you have left are too few for what this game asks."


def _help(spent: Spent) -> str:
    if spent.resets_at is not None or spent.level == "near":
        return ""
    return " Ask the host for more, or raise the limit if it is your own."


def _set(element: ui.element, **attributes: str) -> None:
    for name, value in attributes.items():
        if element.props.get(name) != value:
            element.props[name] = value


_STOP = (
    '<svg viewBox="0 0 16 16" aria-hidden="true" focusable="false">'
    '<rect x="3" y="3" width="10" height="10" rx="2"/></svg>'
)
