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
MOST_ROWS = 10
ENDED = {"ok": "ok", "aborted": "left early", "failed": "failed", "recovered": "recovered"}

Address = Callable[..., str]  # of the calls that have something more in common: `address(user_id="...")`


def range_segments(chosen: str, on_change: Callable[[str], Awaitable[None] | None]) -> None:
    """The choice of a range; `on_change` gets its days, as text."""
    Segments(RANGES, chosen, on_change, label="Range")


def tiles(totals: Totals) -> None:
    """The sums."""
    with box("div", "stats four"):
        Stat("Tokens", figures.count(totals.total_tokens))
        Stat("Calls", figures.count(totals.calls))
        Stat("Tokens in", figures.count(totals.prompt_tokens), _cached(totals))
        Stat("Tokens out", figures.count(totals.completion_tokens))


def breakdown(
    title: str, first: str, rows: Sequence[tuple[Callable[[], object], Totals]], number: int | None = None
) -> None:
    """A card with a table of totals; each row draws its own first cell, headed `first`. `number` is how many rows there
    are, where not all of them are given."""
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
        more = (len(rows) if number is None else number) - MOST_ROWS
        if more > 0:
            Words("p", f"{figures.count(more)} more with fewer tokens.", "nothing small")


def by_user(rows: Sequence[UserTotals], number: int | None = None, address: Address | None = None) -> None:
    """Tokens by user. With `address`, each leads to the calls behind it; else to the user."""

    def draw(row: UserTotals) -> Callable[[], object]:
        name = row.username or "A deleted user"
        if address is not None:
            return lambda: link(name, address(user_id=row.user_id), "clip")
        if row.username is None:
            return lambda: Words("span", name, "quiet")
        return lambda: link(name, f"/admin/users/{row.user_id}", "clip")

    breakdown("By user", "User", [(draw(row), row) for row in rows], number)


def by_model(rows: Sequence[ModelTotals], address: Address | None = None) -> None:
    """Tokens by model."""

    def draw(row: ModelTotals) -> Callable[[], object]:
        where = address(model=row.model, backend=row.backend) if address is not None else ""
        return _dotted(row.model, row.backend, where)

    breakdown("By model", "Model", [(draw(row), row) for row in rows])


def by_backend(rows: Sequence[BackendTotals], address: Address | None = None) -> None:
    """Tokens by backend."""

    def draw(row: BackendTotals) -> Callable[[], object]:
        return _dotted(row.backend, row.backend, address(backend=row.backend) if address is not None else "")

    breakdown("By backend", "Backend", [(draw(row), row) for row in rows])


def by_game(rows: Sequence[GameTotals], number: int | None = None, address: Address | None = None) -> None:
    """Tokens by game."""

    def draw(row: GameTotals) -> Callable[[], object]:
        title = game_name(row.game_id, row.title)
        if address is not None:
            return lambda: link(title, address(game_id=row.game_id), "clip", title=title)
        return lambda: Words("span", title, "clip", title=title)

    breakdown("By game", "Game", [(draw(row), row) for row in rows], number)


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
        title = game_name(entry.game_id, row.title)
        Words("td", title, "clip" if row.title else "clip quiet", title=title)
        with box("td"):
            dotted(entry.model, colour_of(entry.backend))
        Words("td", figures.count(entry.prompt_tokens), "number", data_label="In")
        Words("td", figures.count(entry.completion_tokens), "number", data_label="Out")
        Words("td", seconds(entry.first_byte_ms), "number", data_label="First byte")
        Words("td", seconds(entry.duration_ms), "number", data_label="Took")
        note = {"title": "The counts are our estimate"} if entry.estimated else {}
        Words("td", ENDED.get(entry.status, entry.status) + ("*" if entry.estimated else ""), "number", **note)


def game_name(game_id: str, title: str | None) -> str:
    """What to call a game in a list of usage."""
    return "Outside games" if game_id == NO_GAME else title or "A removed game"


def seconds(milliseconds: int | None) -> str:
    """`0.41 s`; a dash where it is not known."""
    return "-" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def _dotted(words: str, backend: str, href: str = "") -> Callable[[], object]:
    def draw() -> None:
        if href:
            with link("", href):
                dotted(words, colour_of(backend))
        else:
            dotted(words, colour_of(backend))

    return draw


def _cached(totals: Totals) -> str:
    return f"{figures.count(totals.cache_read_tokens)} read from cache" if totals.cache_read_tokens else ""
