"""Charts: what is drawn, what is sent afterwards, and the figures behind."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User as Browser

from pages.charts import Plot, TokensChart, plot_by_backend
from vanilla.usage.statistics import Point

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STARTS = tuple(NOON + timedelta(minutes=number) for number in range(3))


def plot(*ollama: int, starts: tuple[datetime, ...] = STARTS) -> Plot:
    return Plot(starts, {"anthropic": (1, 2, 3), "ollama": ollama})


class TestPlot:
    def test_has_zeros_where_there_were_no_calls(self) -> None:
        points = [Point(start=NOON, backend="ollama", total_tokens=15)]
        made = plot_by_backend(points, NOON - timedelta(hours=1), NOON + timedelta(minutes=5), "hour")
        assert made.starts == (NOON - timedelta(hours=1), NOON)
        assert made.series == {"anthropic": (0, 0), "ollama": (0, 15)}
        assert made.total == 15

    def test_keeps_a_backend_that_the_design_does_not_know(self) -> None:
        points = [Point(start=NOON, backend="other", total_tokens=1)]
        assert plot_by_backend(points, NOON, NOON + timedelta(hours=1), "hour").series["other"] == (1,)


class TestChart:
    @pytest.fixture
    async def chart(self, user: Browser) -> TokensChart:
        shown: list[TokensChart] = []

        @ui.page("/chart")
        def page() -> None:
            shown.append(TokensChart("Tokens a minute", plot(4, 5, 6), step="minute", is_live=True))

        await user.open("/chart")
        return shown[0]

    @pytest.fixture
    def pushed(self, chart: TokensChart, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """What the browser's chart is told."""
        told: list[Any] = []
        monkeypatch.setattr(chart._chart, "run_chart_method", lambda name, *args: told.append((name, *args)))
        return told

    async def test_draws_stacked_areas_in_the_designs_colours(self, user: Browser, chart: TokensChart) -> None:
        (element,) = user.find(ui.echart).elements
        first, second = element.options["series"]
        assert (first["name"], first["lineStyle"]) == ("anthropic", {"width": 2.5, "color": "var(--caramel)"})
        assert (second["name"], second["areaStyle"]["color"]) == ("ollama", "var(--mint)")
        assert second["data"][:2] == [4, 5]
        assert (second["data"][2]["value"], second["data"][2]["symbol"]) == (6, "circle")  # the last point is alive
        assert element.options["animation"] is False
        await user.should_see("Tokens a minute")

    async def test_sends_only_what_differs(self, user: Browser, chart: TokensChart, pushed: list[Any]) -> None:
        user.find(ui.echart).trigger("chart:finished")
        assert pushed == []
        chart.push(plot(4, 5, 6))
        assert pushed == []
        chart.push(plot(4, 5, 7))
        ((name, delta),) = pushed
        assert name == "setOption"
        assert [(series["id"], series["data"][-1]["value"]) for series in delta["series"]] == [("ollama", 7)]
        assert "xAxis" not in delta
        chart.push(plot(5, 7, 0, starts=tuple(start + timedelta(minutes=1) for start in STARTS)))
        assert len(pushed[1][1]["xAxis"]["data"]) == 3

    async def test_what_came_before_the_browser_had_drawn_is_sent_then(
        self, user: Browser, chart: TokensChart, pushed: list[Any]
    ) -> None:
        chart.push(plot(4, 5, 9))
        assert pushed == []
        user.find(ui.echart).trigger("chart:finished")
        ((_, delta),) = pushed
        assert delta["series"][0]["data"][-1]["value"] == 9

    async def test_the_figures_are_there_when_asked_for_and_follow(self, user: Browser, chart: TokensChart) -> None:
        def table() -> str:
            return str(chart._figures.content)

        assert table() == ""
        user.find(marker="figures").trigger("toggle", True)
        assert '<td class="number">6</td>' in table()
        assert table().index("12:02") < table().index("12:00")  # the newest first
        chart.push(plot(4, 5, 1234))
        assert '<td class="number">1,234</td>' in table()
        user.find(marker="figures").trigger("toggle", False)
        assert table() == ""
