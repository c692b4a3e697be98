"""Totals of a range as tables, and single calls: what Usage and a user's page have in common.

Tables are drawn as text (pages.markup): they have hundreds of cells, and as many elements would cost a tenth of a
second.
"""

from collections.abc import Awaitable, Callable, Sequence

from pages import figures, markup
from pages.charts import colour_of
from pages.elements import Segments, Stat, Words, box
from pages.markup import Markup, tag
from vanilla.models import NO_GAME
from vanilla.usage.statistics import BackendTotals, GameTotals, LedgerRow, ModelTotals, Totals, UserTotals

RANGES = {"1": "24 h", "7": "7 d", "30": "30 d", "365": "1 y"}  # days
USUAL_RANGE = "30"
MOST_ROWS = 10
ENDED = {"ok": "ok", "aborted": "left early", "failed": "failed", "recovered": "recovered"}
REASONS = {
    "spent": "limit spent",
    "held": "limit held by other calls",
    "too fast": "too many at once or a minute",
    "malformed": "malformed request",
    "signed out": "signed out",
    "forbidden": "not allowed",
    "too large": "too large",
    "unavailable": "model server not there",
    "failed": "model server failed",
}

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


def breakdown(title: str, first: str, rows: Sequence[tuple[Markup, Totals]], number: int | None = None) -> None:
    """A card with a table of totals, each row with its own first cell, headed `first`. `number` is how many rows there
    are, where not all of them are given."""
    with box("section", "card padded breakdown"):
        with box("div", "card-head"):
            Words("h2", title)
        if not rows:
            Words("p", "No calls in this range.", "nothing")
            return
        drawn = [
            tag(
                "tr",
                tag("td", cell, class_="whole"),
                _number("Tokens", figures.count(totals.total_tokens), "strong"),
                _number("Calls", figures.count(totals.calls)),
                _number("In", figures.count(totals.prompt_tokens)),
                _number("Out", figures.count(totals.completion_tokens)),
            )
            for cell, totals in rows[:MOST_ROWS]
        ]
        with box("div", "table-scroll", role="region", aria_label=title, tabindex="0"):
            head = tag("thead", headings((first, "Tokens", "Calls", "In", "Out"), numbers=(1, 2, 3, 4)))
            markup.placed(markup.join(head, tag("tbody", *drawn)), "table").classes("table stacked")
        more = (len(rows) if number is None else number) - MOST_ROWS
        if more > 0:
            Words("p", f"{figures.count(more)} more with fewer tokens.", "nothing small")


def by_user(rows: Sequence[UserTotals], number: int | None = None, address: Address | None = None) -> None:
    """Tokens by user. With `address`, each leads to the calls behind it; else to the user."""

    def cell(row: UserTotals) -> Markup:
        name = row.username or "A deleted user"
        if address is not None:
            return tag("a", name, class_="clip", href=address(user_id=row.user_id))
        if row.username is None:
            return tag("span", name, class_="quiet")
        return tag("a", name, class_="clip", href=f"/admin/users/{row.user_id}")

    breakdown("By user", "User", [(cell(row), row) for row in rows], number)


def by_model(rows: Sequence[ModelTotals], address: Address | None = None) -> None:
    """Tokens by model."""

    def cell(row: ModelTotals) -> Markup:
        return _dotted(row.model, row.backend, address and address(model=row.model, backend=row.backend))

    breakdown("By model", "Model", [(cell(row), row) for row in rows])


def by_backend(rows: Sequence[BackendTotals], address: Address | None = None) -> None:
    """Tokens by backend."""
    cells = [(_dotted(row.backend, row.backend, address and address(backend=row.backend)), row) for row in rows]
    breakdown("By backend", "Backend", cells)


def by_game(rows: Sequence[GameTotals], number: int | None = None, address: Address | None = None) -> None:
    """Tokens by game."""

    def cell(row: GameTotals) -> Markup:
        title = game_name(row.game_id, row.title)
        if address is not None:
            return tag("a", title, class_="clip", title=title, href=address(game_id=row.game_id))
        return tag("span", title, class_="clip", title=title)

    breakdown("By game", "Game", [(cell(row), row) for row in rows], number)


def calls_table(
    title: str, rows: Sequence[LedgerRow], *, with_user: bool, nothing: str
) -> Callable[[Sequence[LedgerRow]], None]:
    """Single calls, newest first, for a card. The function that it gives adds older ones below."""
    names = ["Time", "User", "Game", "Model", "In", "Out", "First byte", "Took", "Ended"]
    if not with_user:
        names.remove("User")
    with box("div", "card-head"):
        Words("h2", title)
    if not rows:
        Words("p", nothing, "nothing")
        return lambda _rows: None
    first_number = names.index("In")
    with (
        box("div", "table-scroll", role="region", aria_label=title, tabindex="0"),
        box("table", "table stacked") as table,
    ):
        markup.placed(headings(names, range(first_number, len(names))), "thead")

    def add(more: Sequence[LedgerRow]) -> None:
        with table:
            markup.placed(markup.join(*(_call(row, with_user=with_user) for row in more)), "tbody")

    add(rows)
    return add


def game_name(game_id: str, title: str | None) -> str:
    """What to call a game in a list of usage."""
    return "Outside games" if game_id == NO_GAME else title or "A removed game"


def reason_words(reason: str) -> str:
    """Why a call was refused, as people say it."""
    if reason.startswith("upstream "):
        return f"model server said {reason.removeprefix('upstream ')}"
    return REASONS.get(reason, reason)


def seconds(milliseconds: int | None) -> str:
    """`0.41 s`; a dash where it is not known."""
    return "-" if milliseconds is None else f"{milliseconds / 1000:.2f} s"


def headings(names: Sequence[str], numbers: Sequence[int]) -> Markup:
    """The row at the head of a table."""
    cells = (
        tag("th", name, scope="col", class_="number" if position in numbers else None)
        for position, name in enumerate(names)
    )
    return tag("tr", *cells)


def _call(row: LedgerRow, *, with_user: bool) -> Markup:
    entry = row.entry
    title = game_name(entry.game_id, row.title)
    is_quiet = "clip" if row.title else "clip quiet"
    user = tag("td", row.username or "A deleted user", class_="clip" if row.username else "clip quiet")
    note = "The counts are our estimate" if entry.estimated else None
    ended = ENDED.get(entry.status, entry.status) + ("*" if entry.estimated else "")
    return tag(
        "tr",
        tag("td", markup.local_time(entry.timestamp, "exact"), class_="quiet figures"),
        *([user] if with_user else []),
        tag("td", title, class_=is_quiet, title=title),
        tag("td", entry.model, class_=dot_class(entry.backend)),
        _number("In", figures.count(entry.prompt_tokens)),
        _number("Out", figures.count(entry.completion_tokens)),
        _number("First byte", seconds(entry.first_byte_ms)),
        _number("Took", seconds(entry.duration_ms)),
        tag("td", ended, class_="number" if entry.status == "ok" else "number strong", title=note),
    )


def dot_class(backend: str) -> str:
    """The class that puts a dot of a backend's colour before some words."""
    return f"dot-before {colour_of(backend)}"


def _number(label: str, words: str, classes: str = "") -> Markup:
    return tag("td", words, class_=f"number {classes}".strip(), data_label=label)


def _dotted(words: str, backend: str, href: str | None) -> Markup:
    if href:
        return tag("a", words, class_=dot_class(backend), href=href)
    return tag("span", words, class_=dot_class(backend))


def _cached(totals: Totals) -> str:
    return f"{figures.count(totals.cache_read_tokens)} read from cache" if totals.cache_read_tokens else ""
