"""`/admin`: what happens right now, and what has in a range. Everything is pushed by the one live feed; the page asks
for nothing by itself.

The page is drawn once, as text, and from then on its browser is told which rows differ (pages.admin.live_rows): the
same words for everybody who watches the same range.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Query
from nicegui import Client, ui

from pages import markup
from pages.admin.addresses import usage_address
from pages.admin.breakdown import headings
from pages.admin.live_board import Board, Moment
from pages.admin.sections import Guard, section
from pages.charts import TokensChart
from pages.elements import Segments, Words, box
from pages.visitor import Visitor, admin
from vanilla.services import Services
from vanilla.usage.snapshot import LiveSnapshot
from vanilla.usage.spans import DAY, HOUR, RANGES

USUAL = "1h"
SPLITS = {"backend": "By backend", "user": "By user"}


def register(services: Services) -> None:
    """Define the page."""
    board = Board()

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
            split = by if by in SPLITS else "backend"
            watch = Watch(services, Guard(services, visitor), board, snapshot, split)
        # Subscribed once the browser is there, and only then: an address that is fetched and never shown costs nothing.
        client.on_connect(watch.begin)
        client.on_delete(watch.end)


class Watch:
    """An open page: the range it shows, and its place among those who are told."""

    def __init__(self, services: Services, guard: Guard, board: Board, snapshot: LiveSnapshot, split: str) -> None:
        self._feed = services.feed
        self._guard = guard
        self._board = board
        self._key = snapshot.range.range.key
        self._unsubscribe: Callable[[], None] | None = None
        with box("div", "bar-of-controls"):
            names = {key: of.name for key, of in RANGES.items()}
            Segments(names, self._key, self._choose, label="Range")
        self.view = LiveView(Moment(snapshot), split, self._note)

    def begin(self) -> None:
        """Follow what happens, from the next time that everybody is told."""
        if self._unsubscribe is None:
            self._unsubscribe = self._feed.subscribe(self._show, self._key)

    def end(self) -> None:
        """Be told nothing more."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def _show(self, snapshot: LiveSnapshot) -> None:
        self.view.show(self._board.moment(snapshot))

    async def _choose(self, key: str) -> None:
        if not await self._guard.lets():
            return
        self.end()
        self._key = RANGES[key].key
        self.view.show(Moment(await self._feed.current(self._key)), is_other=True)
        self.begin()
        self._note()

    def _note(self) -> None:
        """Keep what is shown in the address."""
        query = {"range": self._key, "by": self.view.split}
        usual = {"range": USUAL, "by": "backend"}
        changed = "&".join(f"{name}={value}" for name, value in query.items() if value != usual[name])
        ui.navigate.history.replace(f"/admin?{changed}" if changed else "/admin")


class LiveView:
    """Tiles, chart and tables of one moment, which then follow what is shown to them."""

    def __init__(self, moment: Moment, split: str = "backend", on_split: Callable[[], None] | None = None) -> None:
        self.split = split
        self._on_split = on_split
        self._moment = moment
        self._is_behind = True  # what the browser shows is not the moment that the next one is told apart from
        self._client = ui.context.client
        self._list("tiles", "div", "stats five")
        with box("div", "two-thirds"):
            with box("section", "card padded chart-card"):
                self._place = box("div", "chart-place")
                with box("div", "chart-switch"):
                    Segments(SPLITS, split, self._choose_split, label="Split the chart")
            with _card("Most tokens, by user"):
                self._list("users", "div", "meter-rows")
        with box("div", "two-thirds"):
            names = ("User", "Game", "Model", "Running", "Tokens")
            with _card("Calls now", "calls-now"), _table("Calls now", names, first_number=3):
                self._list("calls", "tbody")
            with _card("Nearest to their limit"):
                self._list("near", "div", "meter-rows")
        with box("div", "thirds"):
            with _card("Most tokens, by game"):
                self._list("games", "div", "meter-rows")
            with _card("Failed or refused"):
                self._list("troubles", "div", "meter-rows")
            answers = ("Answers of", "Half within", "19 of 20", "Answers")
            with _card("First byte", "first-byte"), _table("First byte", answers, first_number=1):
                self._list("first-bytes", "tbody")
        recent = ("Time", "User", "Game", "Model", "In", "Out", "First byte", "Ended")
        with _card("Recent calls"), _table("Recent calls", recent, first_number=4):
            self._list("recent", "tbody")
        self._draw_chart()

    def show(self, moment: Moment, *, is_other: bool = False) -> None:
        """Show another moment; tells what differs. `is_other` is one that does not follow the last one shown: so the
        next is told whole as well."""
        told = moment.told(is_whole=self._is_behind or is_other)
        self._is_behind = is_other
        same_range = moment.snapshot.range.range == self._moment.snapshot.range.range
        self._moment = moment
        if told != "{}":
            self._tell(f"vanillaLive.show({told})")
        plot = moment.plot(self.split)
        if same_range and self._chart.can_show(plot):
            self._chart.push(plot)
        else:
            self._draw_chart()

    def _tell(self, code: str) -> None:
        self._client.run_javascript(code)

    def _choose_split(self, split: str) -> None:
        self.split = split
        self._draw_chart()
        if self._on_split is not None:
            self._on_split()

    def _draw_chart(self) -> None:
        step = self._moment.snapshot.range.range.step
        self._place.clear()
        with self._place:
            plot = self._moment.plot(self.split)
            self._chart = TokensChart(chart_title(step), plot, step=step, is_live=True, leads_to=usage_address())

    def _list(self, name: str, tag: str, classes: str = "") -> None:
        rows = self._moment.page[name]
        keyed = (markup.Markup(row.replace(">", f' data-key="{markup.join(key)}">', 1)) for key, row in rows.items())
        element = markup.placed(markup.join(*keyed), tag).classes(classes)
        element.props["data-list"] = name


def chart_title(step: int) -> str:
    """What a chart in steps of so many minutes shows."""
    names = {1: "a minute", HOUR: "an hour", DAY: "a day", 7 * DAY: "a week"}
    return f"Tokens {names[step]}" if step in names else f"Tokens in {step} minutes"


def _card(words: str, html_id: str = "") -> ui.element:
    with box("section", "card padded", **({"id": html_id} if html_id else {})) as card, box("div", "card-head"):
        Words("h2", words)
    return card


@contextmanager
def _table(label: str, names: Sequence[str], *, first_number: int) -> Iterator[None]:
    with (
        box("div", "table-scroll", role="region", aria_label=label, tabindex="0"),
        box("table", "table stacked"),
    ):
        markup.placed(headings(names, range(first_number, len(names))), "thead")
        yield


def _connection() -> ui.element:
    """Says whether pushes still come; admin.js keeps it."""
    with box("span", "tag outlined", data_connection="", role="status") as element:
        box("span", "dot live", aria_hidden="true")
        Words("span", "connected", data_words="")
    return element
