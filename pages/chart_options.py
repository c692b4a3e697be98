"""How ECharts draws tokens over time. Keys that start with a colon are JavaScript of ours."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pages import design

if TYPE_CHECKING:
    from pages.charts import Plot

CLOCK_STEP, HOUR_STEP, DAY_STEP = 1, 60, 24 * 60  # minutes


def options(plot: "Plot", step: int, is_live: bool) -> dict[str, Any]:
    """The whole chart."""
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
            "data": stamps(plot.starts),
            "axisLine": {"lineStyle": {"color": "var(--line)"}},
            "axisTick": {"show": False},
            "axisLabel": {
                **small,
                ":interval": _interval(len(plot.starts), step, is_live),
                ":formatter": _label(len(plot.starts), step, is_live),
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
            "confine": True,
            "backgroundColor": "var(--card)",
            "borderColor": "var(--line)",
            "padding": [8, 12],
            "textStyle": {"color": "var(--ink)", "fontFamily": design.MEASURES["font-text"], "fontSize": 14},
            "axisPointer": {"lineStyle": {"color": "var(--edge)", "width": 1, "type": "solid"}},
            ":formatter": _tooltip(step),
        },
        "series": [
            {
                "id": series,
                "name": plot.name(series),
                "type": "line",
                "stack": "tokens",
                "symbol": "none",
                "lineStyle": {"width": 2.5, "color": f"var(--{plot.colour(series)})"},
                "itemStyle": {"color": f"var(--{plot.colour(series)})"},
                "areaStyle": {"color": f"var(--{plot.colour(series)})", "opacity": 0.2},
                "emphasis": {"disabled": True},
                "data": _data(values, plot.colour(series), is_live),
            }
            for series, values in plot.series.items()
        ],
    }


def stamps(starts: Sequence[datetime]) -> list[str]:
    """Starts as the browser reads them: milliseconds since 1970."""
    return [str(int(start.timestamp() * 1000)) for start in starts]


def _data(values: Sequence[int], colour: str, is_live: bool) -> list[Any]:
    if not is_live or not values:
        return list(values)
    return [*values[:-1], {"value": values[-1], **_alive(colour)}]


def _alive(colour: str) -> dict[str, Any]:
    """The last point, where it still grows. admin.js puts it onto the next one."""
    return {
        "symbol": "circle",
        "symbolSize": 9,
        "itemStyle": {"borderWidth": 7, "borderColor": f"color-mix(in srgb, var(--{colour}) 30%, transparent)"},
    }


def _interval(points: int, step: int, is_live: bool) -> str:
    """Which points are labelled: those at round times, and the last of a live one."""
    if step >= DAY_STEP:
        return "'auto'"
    if step >= HOUR_STEP:
        hours = next((hours for hours in (3, 6, 12, 24) if points / hours <= 10), 48)
        return f"(i, v) => (v / 3600000 - new Date(+v).getTimezoneOffset() / 60) % {hours} === 0"
    every = next((minutes for minutes in (5, 15, 60, 240) if points * step / minutes <= 8), 240)
    last = points - 1
    close = max(1, points // 12)
    now = f"i === {last} || (i < {last - close} && " if is_live else "("
    return f"(i, v) => {now}(v / 60000 - new Date(+v).getTimezoneOffset()) % {every} === 0)"


def _label(points: int, step: int, is_live: bool) -> str:
    if step >= DAY_STEP:
        return f"(v) => {_DAY}"
    if step >= HOUR_STEP:
        return f"(v) => {_CLOCK} === '00:00' ? {_LOCAL_DAY} : {_CLOCK}"
    return f"(v, i) => i === {points - 1} ? 'now' : {_CLOCK}" if is_live else f"(v) => {_CLOCK}"


def _tooltip(step: int) -> str:
    if step >= DAY_STEP:
        return _TOOLTIP % _DAY
    return _TOOLTIP % (f"{_LOCAL_DAY} + ', ' + {_CLOCK}" if step >= HOUR_STEP else _CLOCK)


_CLOCK = "new Date(+v).toLocaleTimeString('en-GB', {hour: '2-digit', minute: '2-digit'})"
_DAY = "new Date(+v).toLocaleDateString('en-GB', {day: 'numeric', month: 'short', timeZone: 'UTC'})"
_LOCAL_DAY = "new Date(+v).toLocaleDateString('en-GB', {day: 'numeric', month: 'short'})"
_SHORT_FIGURE = "(v) => v >= 1e6 ? v / 1e6 + ' M' : v >= 1e3 ? v / 1e3 + ' k' : String(v)"
# Names of series are people's own: they are text, and never HTML.
_TOOLTIP = (
    "(all) => { const v = all[0].axisValue, line = (one) => '<br>' + one.marker + vanillaCharts.text(one.seriesName)"
    " + ' <strong>' + Number(one.value).toLocaleString('en-US') + '</strong>';"
    " return '<strong>' + (%s) + '</strong>' + all.slice().reverse().map(line).join(''); }"
)
