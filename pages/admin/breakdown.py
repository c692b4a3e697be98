"""Totals of a range as tables, and single calls: what Usage and a user's page have in common."""

from collections.abc import Awaitable, Callable, Sequence

from pages import figures
from pages.charts import colour_of
from pages.elements import Segments, Stat, Words, box, dotted, link, local_time
from pages.tables import table
from vanilla.models import NO_GAME
from vanilla.usage.statistics import BackendTotals, GameTotals, LedgerRow, ModelTotals, Totals, UserTotals

RANGES = {"1": "24 h", "7": "7 d", "30": "30 d", "365": "1 y"}  # days
USUAL_RANGE = "30"
MOST_ROWS = 20
ENDED = {"ok": "ok", "aborted": "left early", "failed": "failed", "recovered": "recovered"}


def range_segments(chosen: str, on_change: Callable[[str], Awaitable[None] | None]) -> None:
    """The choice of a range; `on_change` gets its days, as text."""
    Segments(RANGES, chosen, on_change, label="Range")


def tiles(totals: Totals) -> None:
    """The sums."""
    with box("div", "stats"):
        Stat("Tokens", figures.count(totals.total_tokens))
        Stat("Calls", figures.count(totals.calls))
        Stat("Tokens in", figures.count(totals.prompt_tokens), _cached(totals))
        Stat("Tokens out", figures.count(totals.completion_tokens))


def breakdown(title: str, first: str, rows: Sequence[tuple[Callable[[], object], Totals]]) -> None:
    """A card with a table of totals; each row draws its own first cell, headed `first`."""
    with box("section", "card padded breakdown"):
        with box("div", "card-head"):
            Words("h2", title)
        if not rows:
            Words("p", "No calls in this range.", "nothing")
            return
        with table((first, "Tokens", "Calls", "In", "Out"), label=title, numbers=(1, 2, 3, 4), is_stacked=True):
            for draw, totals in rows[:MOST_ROWS]:
                with box("tr"):
                    with box("td", "whole"):
                        draw()
                    Words("td", figures.count(totals.total_tokens), "number strong", data_label="Tokens")
                    Words("td", figures.count(totals.calls), "number", data_label="Calls")
                    Words("td", figures.count(totals.prompt_tokens), "number", data_label="In")
                    Words("td", figures.count(totals.completion_tokens), "number", data_label="Out")
        if len(rows) > MOST_ROWS:
            Words("p", f"{figures.count(len(rows) - MOST_ROWS)} more with fewer tokens.", "nothing small")


def by_user(rows: Sequence[UserTotals]) -> None:
    """Tokens by user."""

    def draw(row: UserTotals) -> Callable[[], object]:
        if row.username is None:
            return lambda: Words("span", "A deleted user", "quiet")
        return lambda: link(row.username or "", f"/admin/users/{row.user_id}", "clip")

    breakdown("By user", "User", [(draw(row), row) for row in rows])


def by_model(rows: Sequence[ModelTotals]) -> None:
    """Tokens by model."""
    breakdown("By model", "Model", [(_dotted(row.model, row.backend), row) for row in rows])


def by_backend(rows: Sequence[BackendTotals]) -> None:
    """Tokens by backend."""
    breakdown("By backend", "Backend", [(_dotted(row.backend, row.backend), row) for row in rows])


def by_game(rows: Sequence[GameTotals]) -> None:
    """Tokens by game."""

    def draw(row: GameTotals) -> Callable[[], object]:
        title = "Outside games" if row.game_id == NO_GAME else row.title
        if title is None:
            return lambda: Words("span", "A removed game", "quiet")
        return lambda: Words("span", title, "clip", title=title)

    breakdown("By game", "Game", [(draw(row), row) for row in rows])


def calls_table(
    title: str, rows: Sequence[LedgerRow], *, with_user: bool, nothing: str
) -> Callable[[Sequence[LedgerRow]], None]:
    """Single calls, newest first, for a card. The function that it gives adds older ones below."""
    headings = ["Time", "User", "Game", "Model", "In", "Out", "First byte", "Took", "Ended"]
    if not with_user:
        headings.remove("User")
    first_number = headings.index("In")
    with box("div", "card-head"):
        Words("h2", title)
    if not rows:
        Words("p", nothing, "nothing")
        return lambda _rows: None
    with table(headings, label=title, numbers=tuple(range(first_number, len(headings))), is_stacked=True) as body:
        pass

    def add(more: Sequence[LedgerRow]) -> None:
        with body:
            for row in more:
                _call(row, with_user=with_user)

    add(rows)
    return add


def _call(row: LedgerRow, *, with_user: bool) -> None:
    entry = row.entry
    with box("tr"):
        with box("td", "quiet figures"):
            local_time(entry.timestamp, "exact")
        if with_user:
            Words("td", row.username or "A deleted user", "clip" if row.username else "clip quiet")
        title = "Outside games" if entry.game_id == NO_GAME else row.title
        Words("td", title or "A removed game", "clip" if title else "clip quiet", title=title or "")
        with box("td"):
            dotted(entry.model, colour_of(entry.backend))
        Words("td", figures.count(entry.prompt_tokens), "number", data_label="In")
        Words("td", figures.count(entry.completion_tokens), "number", data_label="Out")
        Words("td", seconds(entry.first_byte_ms), "number", data_label="First byte")
        Words("td", seconds(entry.duration_ms), "number", data_label="Took")
        note = {"title": "The counts are our estimate"} if entry.estimated else {}
        Words("td", ENDED.get(entry.status, entry.status) + ("*" if entry.estimated else ""), "number", **note)


def seconds(milliseconds: int | None) -> str:
    """`0.41 s`; a dash where it is not known."""
    return "-" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def _dotted(words: str, backend: str) -> Callable[[], object]:
    return lambda: dotted(words, colour_of(backend))


def _cached(totals: Totals) -> str:
    return f"{figures.count(totals.cache_read_tokens)} read from cache" if totals.cache_read_tokens else ""
