"""One way to draw tokens over time: areas in the palette, the figures behind them a click away.

The chart is drawn as SVG with the design's own variables for colours, so that it changes with the theme by itself.
After the page is built only what changed is sent (`push`); `ui.echart`'s own update would send all of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any, Literal

from nicegui import ui

from pages import design, figures
from pages.elements import Words, box, dotted, drawing
from vanilla.models import utc_text
from vanilla.usage.statistics import Bucket, Point, bucket_starts

Step = Literal["minute", "hour", "day"]


@dataclass(frozen=True)
class Plot:
    """What a chart shows: tokens of each series, one figure for each start."""

    starts: tuple[datetime, ...]
    series: Mapping[str, tuple[int, ...]]  # by name, the lowest area first

    @property
    def total(self) -> int:
        return sum(sum(values) for values in self.series.values())


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


def colour_of(backend: str) -> str:
    """The token of a backend's colour."""
    return design.BACKEND_COLOUR.get(backend, "sky")


class TokensChart:
    """A chart with its title, legend and figures."""

    def __init__(self, title: str, plot: Plot, *, step: Step, is_live: bool = False, heading: str = "h2") -> None:
        """`is_live` marks the last point: it is the current minute and grows."""
        self._plot = self._built = plot
        self._step = step
        self._is_live = is_live
        self._is_drawn = False
        with box("div", "card-head"):
            Words(heading, title)
            with box("div", "legend"):
                for name in plot.series:
                    dotted(name, colour_of(name))
        about = f"{title}: an area chart. The same figures are in the table below it."
        with box("div", "chart-box", role="img", aria_label=about):
            self._chart = ui.echart(_options(plot, step, is_live), renderer="svg").classes("chart")
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

    def push(self, plot: Plot) -> None:
        """Show other figures of the same series; sends only what differs, and nothing where nothing does."""
        if plot == self._plot:
            return
        before, self._plot = self._plot, plot
        if self._is_open:
            self._figures.set_content(_table(plot, self._step))
        if self._is_drawn:
            self._chart.run_chart_method("setOption", _delta(before, plot, self._is_live))

    def _drawn(self) -> None:
        self._is_drawn = True
        if delta := _delta(self._built, self._plot, self._is_live):
            self._chart.run_chart_method("setOption", delta)

    def _toggled(self, event: Any) -> None:
        self._is_open = event.args is True
        self._figures.set_content(_table(self._plot, self._step) if self._is_open else "")


def _options(plot: Plot, step: Step, is_live: bool) -> dict[str, Any]:
    """The whole chart. Keys that start with a colon are JavaScript of ours."""
    small = {
        "color": "var(--soft)",
        "fontSize": 12,
        "fontFamily": design.MEASURES["font-text"],
    }  # measured before it is drawn
    return {
        "animation": False,
        "grid": {"left": 2, "right": 10, "top": 12, "bottom": 2, "containLabel": True},
        "xAxis": {
            "type": "category",
            "boundaryGap": False,
            "data": _stamps(plot),
            "axisLine": {"lineStyle": {"color": "var(--line)"}},
            "axisTick": {"show": False},
            "axisLabel": {
                **small,
                ":interval": _LABELLED_MINUTES if step == "minute" else "'auto'",
                ":formatter": _LABELS[step],
                "hideOverlap": True,
                "alignMinLabel": "left",
                "alignMaxLabel": "right",
            },
        },
        "yAxis": {
            "type": "value",
            "min": 0,
            "minInterval": 1,
            "splitNumber": 3,
            "splitLine": {"lineStyle": {"color": "var(--line)", "width": 1}},
            "axisLabel": {**small, ":formatter": _SHORT_FIGURE},
        },
        "tooltip": {
            "trigger": "axis",
            "backgroundColor": "var(--card)",
            "borderColor": "var(--line)",
            "padding": [8, 12],
            "textStyle": {"color": "var(--ink)", "fontFamily": design.MEASURES["font-text"], "fontSize": 14},
            "axisPointer": {"lineStyle": {"color": "var(--edge)", "width": 1, "type": "solid"}},
            ":formatter": _TOOLTIPS[step],
        },
        "series": [
            {
                "id": name,
                "name": name,
                "type": "line",
                "stack": "tokens",
                "symbol": "none",
                "lineStyle": {"width": 2.5, "color": f"var(--{colour_of(name)})"},
                "itemStyle": {"color": f"var(--{colour_of(name)})"},
                "areaStyle": {"color": f"var(--{colour_of(name)})", "opacity": 0.2},
                "emphasis": {"disabled": True},
                "data": _data(values, colour_of(name), is_live),
            }
            for name, values in plot.series.items()
        ],
    }


def _delta(before: Plot, plot: Plot, is_live: bool) -> dict[str, Any]:
    """The options that turn one plot into the other."""
    series = [
        {"id": name, "data": _data(values, colour_of(name), is_live)}
        for name, values in plot.series.items()
        if values != before.series.get(name)
    ]
    delta: dict[str, Any] = {"series": series} if series else {}
    if plot.starts != before.starts:
        delta["xAxis"] = {"data": _stamps(plot)}
    return delta


def _stamps(plot: Plot) -> list[str]:
    """Starts as the browser reads them: milliseconds since 1970."""
    return [str(int(start.timestamp() * 1000)) for start in plot.starts]


def _data(values: Sequence[int], colour: str, is_live: bool) -> list[Any]:
    if not is_live or not values:
        return list(values)
    alive = {
        "value": values[-1],
        "symbol": "circle",
        "symbolSize": 9,
        "itemStyle": {"borderWidth": 7, "borderColor": f"color-mix(in srgb, var(--{colour}) 30%, transparent)"},
    }
    return [*values[:-1], alive]


def _table(plot: Plot, step: Step) -> str:
    """The figures as an HTML table, the newest first: one element, however many rows. All in it is ours or escaped."""
    names = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in plot.series)
    rows = "".join(
        f"<tr><td>{_when(start, step)}</td>"
        + "".join(f'<td class="number">{figures.count(values[position])}</td>' for values in plot.series.values())
        + "</tr>"
        for position, start in reversed(list(enumerate(plot.starts)))
    )
    return (
        '<div class="table-scroll figures-table" tabindex="0" role="region" aria-label="Figures"><table class="table">'
        f'<thead><tr><th scope="col">{_STEP_NAMES[step]}</th>{names}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _when(start: datetime, step: Step) -> str:
    if step == "day":
        return figures.date(start)
    moment = start.astimezone(UTC)
    form = "short" if step == "minute" else "day"
    return f'<local-time datetime="{utc_text(moment)}" form="{form}">{moment:%H:%M} UTC</local-time>'


_STEP_NAMES: dict[Step, str] = {"minute": "Minute", "hour": "Hour", "day": "Day (UTC)"}

_EMIT_ONCE = "(() => { let told = false; return () => { if (!told) { told = true; emit(); } }; })()"
_CLOCK = "new Date(+v).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'})"
_DAY = "new Date(+v).toLocaleDateString('en-GB', {day: 'numeric', month: 'short', timeZone: 'UTC'})"
_LOCAL_DAY = "new Date(+v).toLocaleDateString('en-GB', {day: 'numeric', month: 'short'})"
_LABELLED_MINUTES = "(i, v) => i === 59 || (i < 55 && Math.round(v / 60000) % 15 === 0)"
_LABELS: dict[Step, str] = {
    "minute": f"(v, i) => i === 59 ? 'now' : {_CLOCK}",
    "hour": f"(v) => {_CLOCK} === '00:00' ? {_LOCAL_DAY} : {_CLOCK}",
    "day": f"(v) => {_DAY}",
}
_SHORT_FIGURE = "(v) => v >= 1e6 ? v / 1e6 + ' M' : v >= 1e3 ? v / 1e3 + ' k' : String(v)"
_TOOLTIP = (
    "(all) => { const v = all[0].axisValue; return '<strong>' + (%s) + '</strong>' + all.slice().reverse().map("
    "(one) => '<br>' + one.marker + one.seriesName + ' <strong>' + Number(one.value).toLocaleString('en-US')"
    " + '</strong>').join(''); }"
)
_TOOLTIPS: dict[Step, str] = {
    "minute": _TOOLTIP % _CLOCK,
    "hour": _TOOLTIP % f"{_LOCAL_DAY} + ', ' + {_CLOCK}",
    "day": _TOOLTIP % _DAY,
}
