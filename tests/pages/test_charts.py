"""Charts: what is drawn, what is sent afterwards, and the figures behind."""

from datetime import UTC, datetime, timedelta
from html import escape
from json import loads
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User as Browser

from pages.chart_options import stamps
from pages.charts import Plot, TokensChart, difference, plot_by_backend
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


class TestDifference:
    def test_is_nothing_where_nothing_changed(self) -> None:
        assert difference(plot(4, 5, 6), plot(4, 5, 6)) == {"points": {}}

    def test_of_a_window_that_moves_is_what_came_and_what_differs(self) -> None:
        later = tuple(start + timedelta(minutes=1) for start in STARTS)
        moved = Plot(later, {"anthropic": (2, 3, 0), "ollama": (5, 7, 8)})
        assert difference(plot(4, 5, 6), moved) == {
            "first": stamps(later)[0],
            "add": [stamps(later)[2]],
            "points": {"ollama": [[1, 7], [2, 8]]},
        }

    def test_of_another_time_altogether_is_everything(self) -> None:
        later = tuple(start + timedelta(hours=1) for start in STARTS)
        told = difference(plot(4, 5, 6), Plot(later, {"anthropic": (0, 0, 0), "ollama": (0, 0, 9)}))
        assert told == {"first": "", "add": stamps(later), "points": {"ollama": [[2, 9]]}}


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
        monkeypatch.setattr(chart, "_tell", lambda words: told.append(loads(words)))
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
        assert pushed == [{"points": {"ollama": [[2, 7]]}}]

    async def test_what_came_before_the_browser_had_drawn_is_sent_then(
        self, user: Browser, chart: TokensChart, pushed: list[Any]
    ) -> None:
        chart.push(plot(4, 5, 9))
        assert pushed == []
        user.find(ui.echart).trigger("chart:finished")
        assert pushed == [{"points": {"ollama": [[2, 9]]}}]

    async def test_is_told_in_javascript_that_carries_numbers_alone(
        self, user: Browser, chart: TokensChart, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        assert user.client is not None
        monkeypatch.setattr(user.client, "run_javascript", told.append)
        user.find(ui.echart).trigger("chart:finished")
        chart.push(plot(4, 5, 7))
        assert told == [f'vanillaCharts.change({chart._chart.id}, {{"points":{{"ollama":[[2,7]]}}}})']

    async def test_a_point_and_a_row_of_its_figures_lead_to_the_calls_behind_it(self, user: Browser) -> None:
        @ui.page("/linked")
        def page() -> None:
            TokensChart("Tokens", plot(4, 5, 6), step=15, leads_to="/admin/usage?user=a")

        await user.open("/linked")
        user.find(marker="figures").trigger("toggle", True)
        (table,) = (each for each in user.find(ui.html).elements if "<table" in str(each.content))
        first = escape("/admin/usage?user=a&from=2026-11-23T12:00Z&to=2026-11-23T12:15Z")
        assert f'<a href="{first}">' in str(table.content)
        (box,) = (each for each in user.find(ui.element).elements if "data-leads-to" in each.props)
        assert (box.props["data-leads-to"], box.props["data-step"]) == ("/admin/usage?user=a", "15")

    async def test_names_of_people_are_text(self, user: Browser) -> None:
        @ui.page("/named")
        def page() -> None:
            named = Plot(STARTS, {"id": (1, 2, 3)}, names={"id": "<img onerror=x>"}, colours={"id": "plum"})
            TokensChart("Tokens", named, step="minute")

        await user.open("/named")
        await user.should_see("<img onerror=x>")
        user.find(marker="figures").trigger("toggle", True)
        (table,) = (each for each in user.find(ui.html).elements if "<table" in str(each.content))
        assert "&lt;img onerror=x&gt;" in str(table.content)
        (chart,) = user.find(ui.echart).elements
        assert "vanillaCharts.text(one.seriesName)" in chart.options["tooltip"][":formatter"]

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
