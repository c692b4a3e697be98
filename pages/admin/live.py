"""`/admin`: what happens right now. Everything is pushed by the one live feed; the page asks for nothing by itself."""

from collections.abc import Callable, Mapping
from typing import Annotated

from fastapi import Depends
from nicegui import Client, ui

from pages import figures
from pages.admin.rows import KeyedRows, MeterRow
from pages.admin.sections import section
from pages.charts import Plot, TokensChart, colour_of
from pages.design import BACKEND_COLOUR
from pages.elements import Stat, Words, box, dotted, local_time
from pages.tables import table
from pages.visitor import Visitor, admin
from vanilla.models import NO_GAME
from vanilla.services import Services
from vanilla.usage.snapshot import CallNow, LiveSnapshot, RecentCall
from vanilla.usage.statistics import NearLimit

CALLS = 50  # in flight, listed: the tile above counts them all
RECENT = 12  # calls listed
GAMES = 5
NEAR = 0.9  # of a limit: the bar turns cherry
ENDED = {"ok": "ok", "aborted": "left early", "failed": "failed", "recovered": "recovered"}


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin")
    async def live(client: Client, visitor: Annotated[Visitor, Depends(admin(services))]) -> None:
        snapshot = await services.feed.current()
        with section(visitor, "Live", "/admin") as page:
            tag = _connection()
            assert page.heading.parent_slot is not None
            tag.move(page.heading.parent_slot.parent, target_index=1)
            view = LiveView(snapshot)
        # Subscribed once the browser is there, and only then: an address that is fetched and never shown costs nothing.
        ends: list[Callable[[], None]] = []

        def connected() -> None:
            if not ends:
                unsubscribe = services.feed.subscribe(view.show)
                ends.append(unsubscribe)
                client.on_delete(unsubscribe)
                view.show(services.feed.snapshot())

        client.on_connect(connected)


class LiveView:
    """Tiles, chart and tables of one moment, which then follow what is shown to them."""

    def __init__(self, snapshot: LiveSnapshot) -> None:
        self._titles: Mapping[str, str] = snapshot.titles
        with box("div", "stats"):
            self._calls = Stat("Calls now", "")
            self._minute = Stat("Tokens this minute", "")
            self._today = Stat("Tokens today", "")
            self._first_byte = Stat("First byte, median", "")
        with box("div", "two-thirds"):
            with box("section", "card padded"):
                self._chart = TokensChart("Tokens a minute", plot_of(snapshot), step="minute", is_live=True)
            with box("section", "card padded"):
                _title("Nearest to their limit")
                self._near = KeyedRows[NearLimit](
                    box("div", "meter-rows"), _NearRow, "Nobody has used tokens of a limit yet."
                )
        with box("div", "two-thirds"):
            with box("section", "card padded"):
                _title("Calls now")
                with table(
                    ("User", "Game", "Model", "Running", "Tokens"), label="Calls now", numbers=(3, 4), is_stacked=True
                ) as body:
                    self._calls_now = KeyedRows[CallNow](body, self._call_row, "No call is running.")
            with box("section", "card padded"):
                _title("By game, today")
                self._games = KeyedRows[_GameToday](
                    box("div", "meter-rows"), _GameRow, "No game has used tokens today."
                )
        with box("section", "card padded"):
            _title("Recent calls")
            columns = ("Time", "User", "Game", "Model", "In", "Out", "Ended")
            with table(columns, label="Recent calls", numbers=(4, 5, 6), is_stacked=True) as body:
                self._recent = KeyedRows[RecentCall](
                    body, self._recent_row, "No call yet. Play a game that talks, and it shows up here."
                )
        self.show(snapshot)

    def show(self, snapshot: LiveSnapshot) -> None:
        """Show another moment; sends only what differs."""
        self._titles = snapshot.titles
        refused = sum(snapshot.refusals_today.values())
        self._calls.update(
            figures.count(len(snapshot.calls)),
            f"peak today {figures.count(snapshot.peak_calls_today)}"
            + (f" · {figures.count(refused)} refused" if refused else ""),
        )
        minute = snapshot.minutes[-1]
        by_backend = [f"{name} {figures.count(tokens)}" for name, tokens in sorted(minute.tokens.items())]
        self._minute.update(figures.count(minute.total), " · ".join(by_backend) or "quiet")
        self._today.update(
            figures.count(snapshot.tokens_today), compared(snapshot.tokens_today, snapshot.tokens_yesterday)
        )
        first_byte = snapshot.first_byte_ms
        self._first_byte.update(
            "none yet" if first_byte is None else f"{first_byte / 1000:.2f} s",
            "" if first_byte is None else "over the last calls",
        )
        self._chart.push(plot_of(snapshot))
        self._near.show({near.user_id: near for near in snapshot.near_limit})
        self._calls_now.show({call.id: call for call in snapshot.calls[:CALLS]})
        self._games.show({game.game_id: game for game in _games_today(snapshot)})
        self._recent.show({call.entry.id: call for call in snapshot.recent[:RECENT]})

    def _call_row(self, call: CallNow) -> "_CallRow":
        return _CallRow(call, _title_of(call.game_id, self._titles))

    def _recent_row(self, call: RecentCall) -> "_RecentRow":
        return _RecentRow(call, _title_of(call.entry.game_id, self._titles))


def plot_of(snapshot: LiveSnapshot) -> Plot:
    """Tokens of the last 60 minutes by backend."""
    minutes = snapshot.minutes
    return Plot(
        starts=tuple(minute.start for minute in minutes),
        series={name: tuple(minute.tokens.get(name, 0) for minute in minutes) for name in BACKEND_COLOUR},
    )


def compared(today: int, yesterday: int) -> str:
    """How today compares with yesterday up to this time of day."""
    if not yesterday:
        return "none yesterday by now"
    change = round((today - yesterday) / yesterday * 100)
    if change == 0:
        return "as much as yesterday by now"
    arrow = "▲" if change > 0 else "▼"
    return f"{arrow} {figures.count(abs(change))} % on yesterday"


class _NearRow:
    def __init__(self, near: NearLimit) -> None:
        self._row = MeterRow(near.username, href=f"/admin/users/{near.user_id}")
        self.element = self._row.element
        self.show(near)

    def show(self, near: NearLimit) -> None:
        period = "" if near.limit_period == "total" else f" / {near.limit_period}"
        note = f"of {figures.count(near.token_limit)}{period}"
        self._row.update(near.username, near.tokens_used, near.share, note, is_near=near.share >= NEAR)


class _GameToday:
    def __init__(self, game_id: str, title: str, tokens: int, part: float) -> None:
        self.game_id, self.title, self.tokens, self.part = game_id, title, tokens, part


class _GameRow:
    def __init__(self, game: _GameToday) -> None:
        self._row = MeterRow(game.title)
        self.element = self._row.element
        self.show(game)

    def show(self, game: _GameToday) -> None:
        self._row.update(game.title, game.tokens, game.part)


class _CallRow:
    def __init__(self, call: CallNow, title: str) -> None:
        with box("tr") as self.element:
            with box("td"), box("span", "with-dot"):
                box("span", "dot live", aria_hidden="true")
                Words("span", call.username, "clip")
            Words("td", title, "clip", title=title)
            with box("td"):
                dotted(call.model, colour_of(call.backend))
            self._running = Words("td", "", "number", data_label="Running")
            self._tokens = Words("td", "", "number", data_label="Tokens")
        self.show(call)

    def show(self, call: CallNow) -> None:
        self._running.set_text(running(call.running_seconds))
        self._tokens.set_text(figures.count(call.completion_tokens))


class _RecentRow:
    def __init__(self, call: RecentCall, title: str) -> None:
        entry = call.entry
        with box("tr") as self.element:
            with box("td", "quiet figures"):
                local_time(entry.timestamp, "clock")
            Words("td", call.username, "clip")
            Words("td", title, "clip", title=title)
            with box("td"):
                dotted(entry.model, colour_of(entry.backend))
            Words("td", figures.count(entry.prompt_tokens), "number", data_label="In")
            Words("td", figures.count(entry.completion_tokens), "number", data_label="Out")
            estimated = {"title": "The counts are our estimate"} if entry.estimated else {}
            Words("td", ENDED.get(entry.status, entry.status), "number", **estimated)

    def show(self, call: RecentCall) -> None:
        """A row of the ledger never changes."""


def running(seconds: int) -> str:
    """`6 s`, `2 min 5 s`."""
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min {seconds % 60} s"


def _games_today(snapshot: LiveSnapshot) -> list[_GameToday]:
    most = max(snapshot.games_today.values(), default=0)
    return [
        _GameToday(game_id, _title_of(game_id, snapshot.titles), tokens, tokens / most)
        for game_id, tokens in list(snapshot.games_today.items())[:GAMES]
    ]


def _title_of(game_id: str, titles: Mapping[str, str]) -> str:
    if game_id == NO_GAME:
        return "Outside games"
    return titles.get(game_id, "A removed game")


def _title(words: str) -> None:
    with box("div", "card-head"):
        Words("h2", words)


def _connection() -> ui.element:
    """Says whether pushes still come; admin.js keeps it."""
    with box("span", "tag outlined", data_connection="", role="status") as element:
        box("span", "dot live", aria_hidden="true")
        Words("span", "connected", data_words="")
    return element
