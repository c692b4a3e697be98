"""`/admin`: what happens right now, and what has in a range. Everything is pushed by the one live feed; the page asks
for nothing by itself."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Query
from nicegui import Client, ui

from pages import figures, markup
from pages.admin.addresses import REFUSED, in_range, usage_address
from pages.admin.breakdown import headings, seconds
from pages.admin.live_rows import (
    Bar,
    BarRow,
    CallRow,
    FirstByteRow,
    NearRow,
    RecentRow,
    game_bars,
    title_of,
    trouble_bars,
    user_bars,
)
from pages.admin.rows import KeyedRows
from pages.admin.sections import Guard, section
from pages.admin.tiles import Tile
from pages.charts import Plot, TokensChart, backends_plot
from pages.elements import Segments, Words, box
from pages.visitor import Visitor, admin
from vanilla.services import Services
from vanilla.usage.rows import NearLimit
from vanilla.usage.snapshot import CallNow, FirstBytes, LiveSnapshot, RangeSnapshot, RecentCall
from vanilla.usage.spans import DAY, HOUR, NOT_OK_AT_ALL, RANGES, Filter, moment_of

CALLS = 50  # in flight, listed: the tile above counts them all
RECENT = 12  # calls listed
USUAL = "1h"
SPLITS = {"backend": "By backend", "user": "By user"}
OTHERS = "others"
_USER_COLOURS = ("caramel", "mint", "sky", "plum")


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin")
    async def live(
        client: Client,
        visitor: Annotated[Visitor, Depends(admin(services))],
        of: Annotated[str, Query(alias="range")] = USUAL,
        by: str = "backend",
    ) -> None:
        key = of if of in RANGES else USUAL
        snapshot = await services.feed.current(key)
        with section(visitor, "Live", "/admin") as page:
            tag = _connection()
            assert page.heading.parent_slot is not None
            tag.move(page.heading.parent_slot.parent, target_index=1)
            watch = Watch(services, Guard(services, visitor), snapshot, by if by in SPLITS else "backend")
        # Subscribed once the browser is there, and only then: an address that is fetched and never shown costs nothing.
        client.on_connect(watch.begin)
        client.on_delete(watch.end)


class Watch:
    """An open page: the range it shows, and its place among those who are told."""

    def __init__(self, services: Services, guard: Guard, snapshot: LiveSnapshot, split: str) -> None:
        self._feed = services.feed
        self._guard = guard
        self._key = snapshot.range.range.key
        self._unsubscribe: Callable[[], None] | None = None
        with box("div", "bar-of-controls"):
            names = {key: of.name for key, of in RANGES.items()}
            Segments(names, self._key, self._choose, label="Range")
        self._view = LiveView(snapshot, split, self._note)

    async def begin(self) -> None:
        """Follow what happens, beginning with how things stand."""
        if self._unsubscribe is None:
            self._unsubscribe = self._feed.subscribe(self._view.show, self._key)
            self._view.show(await self._feed.current(self._key))

    def end(self) -> None:
        """Be told nothing more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    async def _choose(self, key: str) -> None:
        if not await self._guard.lets():
            return
        self._key = RANGES[key].key
        self.end()
        await self.begin()
        self._note()

    def _note(self) -> None:
        """Keep what is shown in the address."""
        query = {"range": self._key, "by": self._view.split}
        usual = {"range": USUAL, "by": "backend"}
        changed = "&".join(f"{name}={value}" for name, value in query.items() if value != usual[name])
        ui.navigate.history.replace(f"/admin?{changed}" if changed else "/admin")


class LiveView:
    """Tiles, chart and tables of one moment, which then follow what is shown to them."""

    def __init__(
        self, snapshot: LiveSnapshot, split: str = "backend", on_split: Callable[[], None] | None = None
    ) -> None:
        self.split = split
        self._on_split = on_split
        self._snapshot = snapshot
        with box("div", "stats five"):
            self._calls = Tile("Calls now", "#calls-now", marker="tile-calls")
            self._minute = Tile("Tokens this minute", "", marker="tile-minute")
            self._tokens = Tile("", "", marker="tile-tokens")
            self._first_byte = Tile("First byte, half within", "", marker="tile-first-byte")
            self._trouble = Tile("Failed or refused", "", marker="tile-trouble")
        with box("div", "two-thirds"):
            with box("section", "card padded chart-card"):
                self._place = box("div", "chart-place")
                with box("div", "chart-switch"):
                    Segments(SPLITS, split, self._choose_split, label="Split the chart")
            with _card("Most tokens, by user"):
                self._users = KeyedRows[Bar](box("div", "meter-rows"), BarRow, "Nobody has used tokens in this range.")
        with box("div", "two-thirds"):
            names = ("User", "Game", "Model", "Running", "Tokens")
            with _card("Calls now", "calls-now"), _table("Calls now", names, first_number=3) as body:
                self._calls_now = KeyedRows[CallNow](body, self._call_row, "No call is running.")
            with _card("Nearest to their limit"):
                nobody = "Nobody has used tokens of a limit yet."
                self._near = KeyedRows[NearLimit](box("div", "meter-rows"), NearRow, nobody)
        with box("div", "thirds"):
            with _card("Most tokens, by game"):
                self._games = KeyedRows[Bar](box("div", "meter-rows"), BarRow, "No game has used tokens in this range.")
            with _card("Failed or refused"):
                self._troubles = KeyedRows[Bar](
                    box("div", "meter-rows"), BarRow, "Every call in this range was answered."
                )
            with _card("First byte", "first-byte"):
                answers = ("Answers of", "Half within", "19 of 20", "Answers")
                with _table("First byte", answers, first_number=1) as body:
                    self._first_bytes = KeyedRows[FirstBytes](body, self._first_byte_row, "No answer in this range.")
        with _card("Recent calls"):
            recent = ("Time", "User", "Game", "Model", "In", "Out", "First byte", "Ended")
            with _table("Recent calls", recent, first_number=4) as body:
                self._recent = KeyedRows[RecentCall](
                    body, self._recent_row, "No call yet. Play a game that talks, and it shows up here."
                )
        self._draw_chart()
        self.show(snapshot)

    def show(self, snapshot: LiveSnapshot) -> None:
        """Show another moment; sends only what differs."""
        before, self._snapshot = self._snapshot, snapshot
        shown = snapshot.range
        self._show_tiles(snapshot)
        plot = self._plot()
        if shown.range != before.range.range or not self._chart.can_show(plot):
            self._draw_chart()
        else:
            self._chart.push(plot)
        self._users.show(user_bars(shown))
        self._games.show(game_bars(shown))
        self._troubles.show(trouble_bars(shown))
        self._near.show({near.user_id: near for near in snapshot.near_limit})
        self._calls_now.show({call.id: call for call in snapshot.calls[:CALLS]})
        self._first_bytes.show({f"{first.backend} {first.model}": first for first in shown.first_bytes})
        self._recent.show({call.entry.id: call for call in snapshot.recent[:RECENT]})

    def _show_tiles(self, snapshot: LiveSnapshot) -> None:
        shown = snapshot.range
        self._calls.show(
            figures.count(len(snapshot.calls)), f"at most {figures.count(snapshot.peak_calls_today)} at once today"
        )
        by_backend = [f"{name} {figures.count(tokens)}" for name, tokens in sorted(snapshot.minute.items())]
        self._minute.show(figures.count(sum(snapshot.minute.values())), " · ".join(by_backend) or "quiet")
        self._minute.aim("Tokens this minute", usage_address(when={"range": "15m"}))
        self._tokens.aim(f"Tokens, {shown.range.name}", in_range(shown.range))
        today = f"today {figures.count(snapshot.tokens_today)}"
        self._tokens.show(
            figures.count(shown.tokens), f"{today}, {compared(snapshot.tokens_today, snapshot.tokens_yesterday)}"
        )
        self._first_byte.aim("First byte, half within", "#first-byte")
        every = [first for first in shown.first_bytes if not first.model]
        slowest = max(every, key=lambda first: first.p95_ms, default=None)
        usual = max(every, key=lambda first: first.calls, default=None)
        self._first_byte.show(
            "none yet" if usual is None else seconds(usual.p50_ms),
            "" if slowest is None or usual is None else f"{usual.backend} · 19 of 20 within {seconds(usual.p95_ms)}",
        )
        self._trouble.aim(
            "Failed or refused",
            in_range(shown.range, status=NOT_OK_AT_ALL if shown.failed or not shown.refused else REFUSED),
        )
        self._trouble.show(
            figures.count(shown.failed + shown.refused),
            f"{figures.count(shown.failed)} failed · {figures.count(shown.refused)} refused",
        )

    def _choose_split(self, split: str) -> None:
        self.split = split
        self._draw_chart()
        if self._on_split is not None:
            self._on_split()

    def _draw_chart(self) -> None:
        shown = self._snapshot.range
        self._place.clear()
        with self._place:
            self._chart = TokensChart(
                chart_title(shown.range.step),
                self._plot(),
                step=shown.range.step,
                is_live=True,
                leads_to=usage_address(),
            )

    def _plot(self) -> Plot:
        return users_plot(self._snapshot.range) if self.split == "user" else plot_of(self._snapshot.range)

    def _call_row(self, call: CallNow) -> CallRow:
        return CallRow(call, title_of(call.game_id, self._snapshot.titles))

    def _recent_row(self, call: RecentCall) -> RecentRow:
        return RecentRow(call, title_of(call.entry.game_id, self._snapshot.titles))

    def _first_byte_row(self, first: FirstBytes) -> "_FollowingRow":
        return _FollowingRow(FirstByteRow(first, self._snapshot.range.range), lambda: self._snapshot)


class _FollowingRow:
    """A row whose link follows the range that the page shows."""

    def __init__(self, row: FirstByteRow, now: Callable[[], LiveSnapshot]) -> None:
        self._row = row
        self._now = now
        self.element = row.element

    def show(self, first: FirstBytes) -> None:
        self._row.update(first, self._now().range.range)


def plot_of(shown: RangeSnapshot) -> Plot:
    """Tokens by backend."""
    links = {name: in_range(shown.range, backend=name) for name in shown.by_backend}
    starts = [moment_of(start) for start in shown.span.starts()]
    plot = backends_plot(starts, shown.by_backend)
    return Plot(
        plot.starts,
        plot.series,
        links={name: links.get(name, in_range(shown.range, backend=name)) for name in plot.series},
    )


def users_plot(shown: RangeSnapshot) -> Plot:
    """Tokens of those who used most, and of all others."""
    starts = tuple(moment_of(start) for start in shown.span.starts())
    users = shown.by_user[: len(_USER_COLOURS)]
    everybody = [sum(values) for values in zip(*shown.by_backend.values(), strict=True)] or [0] * len(starts)
    charted = [sum(values) for values in zip(*(values for _, values in users), strict=True)] or [0] * len(starts)
    others = tuple(max(0, all_of - part) for all_of, part in zip(everybody, charted, strict=True))
    series = {used.id: values for used, values in users}
    names = {used.id: used.name or "A deleted user" for used, _ in users}
    return Plot(
        starts,
        {**series, OTHERS: others},
        names=names,
        colours={**{used.id: colour for (used, _), colour in zip(users, _USER_COLOURS, strict=False)}, OTHERS: "soft"},
        links={used.id: usage_address(Filter(user_id=used.id), when={"range": shown.range.key}) for used, _ in users},
    )


def chart_title(step: int) -> str:
    """What a chart in steps of so many minutes shows."""
    names = {1: "a minute", HOUR: "an hour", DAY: "a day", 7 * DAY: "a week"}
    return f"Tokens {names[step]}" if step in names else f"Tokens in {step} minutes"


def compared(today: int, yesterday: int) -> str:
    """How today compares with yesterday up to this time of day."""
    if not yesterday:
        return "none yesterday by now"
    change = round((today - yesterday) / yesterday * 100)
    if change == 0:
        return "as much as yesterday by now"
    arrow = "▲" if change > 0 else "▼"
    return f"{arrow} {figures.count(abs(change))} % on yesterday"


def _card(words: str, html_id: str = "") -> ui.element:
    with box("section", "card padded", **({"id": html_id} if html_id else {})) as card, box("div", "card-head"):
        Words("h2", words)
    return card


@contextmanager
def _table(label: str, names: Sequence[str], *, first_number: int) -> Iterator[ui.element]:
    """A table whose rows are elements of their own: they change in place."""
    with (
        box("div", "table-scroll", role="region", aria_label=label, tabindex="0"),
        box("table", "table stacked"),
    ):
        markup.placed(headings(names, range(first_number, len(names))), "thead")
        with box("tbody") as body:
            yield body


def _connection() -> ui.element:
    """Says whether pushes still come; admin.js keeps it."""
    with box("span", "tag outlined", data_connection="", role="status") as element:
        box("span", "dot live", aria_hidden="true")
        Words("span", "connected", data_words="")
    return element
