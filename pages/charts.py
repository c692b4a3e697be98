"""One way to draw tokens over time: areas in the palette, the figures behind them a click away.

The chart is drawn as SVG with the design's own variables for colours, so that it changes with the theme by itself.
After the page is built only the points that changed are sent (`push`); `ui.echart`'s own update would send all of it.
A point leads to the calls behind it where the chart is told where they are (`leads_to`): admin.js adds `from` and `to`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import count
from typing import Any, Literal

from nicegui import ui
from orjson import dumps

from pages import design, figures
from pages.chart_options import CLOCK_STEP, DAY_STEP, HOUR_STEP, options, stamps
from pages.elements import Words, box, drawing, link
from vanilla.models import utc_text
from vanilla.usage.statistics import Bucket, Point, bucket_starts

Step = Literal["minute", "hour", "day"]
STEPS: dict[Step, int] = {"minute": CLOCK_STEP, "hour": HOUR_STEP, "day": DAY_STEP}  # minutes


@dataclass(frozen=True)
class Plot:
    """What a chart shows: tokens of each series, one figure for each start."""

    starts: tuple[datetime, ...]
    series: Mapping[str, tuple[int, ...]]  # by its id, the lowest area first
    names: Mapping[str, str] = field(default_factory=dict)  # by id, where the id is not the name
    colours: Mapping[str, str] = field(default_factory=dict)  # tokens of the design by id, where it is no backend
    links: Mapping[str, str] = field(default_factory=dict)  # where the legend leads, by id
    number: int = field(default_factory=count().__next__, compare=False, repr=False)
    _told: dict[int, str] = field(default_factory=dict, compare=False, repr=False)

    def told_after(self, before: "Plot") -> str:
        """What turns another plot into this one, as JSON for admin.js; written once, however many charts are told."""
        told = self._told.get(before.number)
        if told is None:
            told = self._told[before.number] = dumps(difference(before, self)).decode()
        return told

    @property
    def total(self) -> int:
        return sum(sum(values) for values in self.series.values())

    def name(self, series: str) -> str:
        """What a series is called."""
        return self.names.get(series, series)

    def colour(self, series: str) -> str:
        """The token of its colour."""
        return self.colours.get(series) or colour_of(series)


def head() -> None:
    """Load what charts and moments in local time need in the browser; once in each page that has them."""
    ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("admin.css")}">')
    ui.add_head_html(f'<script defer src="{design.asset("admin.js")}"></script>')


def plot_by_backend(points: Iterable[Point], since: datetime, until: datetime, bucket: Bucket) -> Plot:
    """A plot of a series from `vanilla.usage.statistics`, with zeros where there were no calls."""
    starts = tuple(bucket_starts(since, until, bucket))
    place = {start: position for position, start in enumerate(starts)}
    series: dict[str, list[int]] = {backend: [0] * len(starts) for backend in design.BACKEND_COLOUR}
    for point in points:
        if point.start in place:
            series.setdefault(point.backend, [0] * len(starts))[place[point.start]] += point.total_tokens
    return Plot(starts, {name: tuple(values) for name, values in series.items()})


def backends_plot(starts: Sequence[datetime], series: Mapping[str, tuple[int, ...]], **more: Any) -> Plot:
    """A plot of figures by backend: those that the design knows are there whether they were used or not."""
    nothing = (0,) * len(starts)
    known = {backend: series.get(backend, nothing) for backend in design.BACKEND_COLOUR}
    return Plot(tuple(starts), {**known, **{name: values for name, values in series.items() if any(values)}}, **more)


def colour_of(backend: str) -> str:
    """The token of a backend's colour."""
    return design.BACKEND_COLOUR.get(backend, "sky")


class TokensChart:
    """A chart with its title, legend and figures."""

    def __init__(
        self,
        title: str,
        plot: Plot,
        *,
        step: Step | int,
        is_live: bool = False,
        heading: str = "h2",
        leads_to: str = "",
    ) -> None:
        """`step` may be given in minutes. `is_live` marks the last point: it is the current one and grows. `leads_to`
        is the address of a list of calls that takes `from` and `to`."""
        self._plot = self._built = plot
        self._step = step if isinstance(step, int) else STEPS[step]
        self._leads_to = leads_to
        self._is_drawn = False
        with box("div", "card-head"):
            Words(heading, title)
            with box("div", "legend"):
                for series in plot.series:
                    _legend(plot, series)
        about = f"{title}: an area chart. The same figures are in the table below it."
        drill = {"data_leads_to": leads_to, "data_step": str(self._step)} if leads_to else {}
        with box("div", "chart-box", role="img", aria_label=about, **drill):
            self._chart = ui.echart(options(plot, self._step, is_live), renderer="svg").classes("chart")
        if is_live:
            self._chart.classes("is-live")
        # What is pushed before the chart is there would be lost with an error in the browser's console.
        self._chart.on("chart:finished", self._drawn, js_handler=_EMIT_ONCE)
        with box("details", "figures-behind") as details:
            Words("summary", "Show the figures", aria_label=f"Show the figures of {title}")
            self._figures = drawing("")
        details.mark("figures").on("toggle", self._toggled, js_handler="(event) => emit(event.target.open)")
        self._is_open = False

    @property
    def plot(self) -> Plot:
        """What is shown now."""
        return self._plot

    def can_show(self, plot: Plot) -> bool:
        """Whether it has the series of another plot: else a chart has to be made anew."""
        return [*plot.series] == [*self._plot.series] and plot.names == self._plot.names

    def push(self, plot: Plot) -> None:
        """Show other figures of the same series; sends only what differs, and nothing where nothing does."""
        if (plot.starts, plot.series) == (self._plot.starts, self._plot.series):
            return
        before, self._plot = self._plot, plot
        if self._is_open:
            self._figures.set_content(_table(plot, self._step, self._leads_to))
        if self._is_drawn:
            self._tell(plot.told_after(before))

    def _drawn(self) -> None:
        self._is_drawn = True
        if (self._built.starts, self._built.series) != (self._plot.starts, self._plot.series):
            self._tell(self._plot.told_after(self._built))

    def _tell(self, told: str) -> None:
        """Send it to the chart in the browser (admin.js)."""
        self._chart.client.run_javascript(f"vanillaCharts.change({self._chart.id}, {told})")

    def _toggled(self, event: Any) -> None:
        self._is_open = event.args is True
        self._figures.set_content(_table(self._plot, self._step, self._leads_to) if self._is_open else "")


def difference(before: Plot, plot: Plot) -> dict[str, Any]:
    """What turns one plot into another of the same series: `first`, the stamp that it now begins with, stamps to `add`
    at its end, and of each series the `points` that differ after that, as pairs of position and figure."""
    old, new = stamps(before.starts), stamps(plot.starts)
    dropped = old.index(new[0]) if new and new[0] in old else len(old)
    kept = old[dropped:]
    told: dict[str, Any] = {}
    if new[: len(kept)] != kept:  # no continuation at all
        dropped, kept = len(old), []
    if old != new:
        told = {"first": kept[0] if kept else "", "add": new[len(kept) :]}
    points = {}
    for series, values in plot.series.items():
        shown = (*before.series.get(series, ())[dropped:], *[0] * (len(new) - len(kept)))
        changed = [[place, value] for place, value in enumerate(values) if value != shown[place]]
        if changed:
            points[series] = changed
    return {**told, "points": points}


def _legend(plot: Plot, series: str) -> None:
    classes = f"dot-before {plot.colour(series)}"
    if series in plot.links:
        link(plot.name(series), plot.links[series], classes)
    else:
        Words("span", plot.name(series), classes)


def _table(plot: Plot, step: int, leads_to: str) -> str:
    """The figures as an HTML table, the newest first: one element, however many rows. All in it is ours or escaped."""
    names = "".join(f'<th scope="col" class="number">{escape(plot.name(name))}</th>' for name in plot.series)
    rows = "".join(
        f"<tr><td>{_linked(_when(start, step), start, step, leads_to)}</td>"
        + "".join(f'<td class="number">{figures.count(values[position])}</td>' for values in plot.series.values())
        + "</tr>"
        for position, start in reversed(list(enumerate(plot.starts)))
    )
    heading = "Day (UTC)" if step >= DAY_STEP else "Hour" if step >= HOUR_STEP else "Time"
    return (
        '<div class="table-scroll figures-table" tabindex="0" role="region" aria-label="Figures"><table class="table">'
        f'<thead><tr><th scope="col">{heading}</th>{names}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _linked(words: str, start: datetime, step: int, leads_to: str) -> str:
    if not leads_to:
        return words
    end = start + timedelta(minutes=step)
    joint = "&" if "?" in leads_to else "?"
    address = f"{leads_to}{joint}from={minute_text(start)}&to={minute_text(end)}"
    return f'<a href="{escape(address)}">{words}</a>'


def minute_text(moment: datetime) -> str:
    """`2026-11-23T16:42Z`: how an address names a minute, as admin.js does."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M}Z"


def _when(start: datetime, step: int) -> str:
    if step >= DAY_STEP:
        return figures.date(start)
    moment = start.astimezone(UTC)
    form = "short" if step < HOUR_STEP else "day"
    return f'<local-time datetime="{utc_text(moment)}" form="{form}">{moment:%H:%M} UTC</local-time>'


_EMIT_ONCE = "(() => { let told = false; return () => { if (!told) { told = true; emit(); } }; })()"
