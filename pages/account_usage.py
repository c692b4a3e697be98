"""The usage on the account page: a range, its figures by day, by game and by model."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from html import escape
from typing import Any

from nicegui import ui

from pages import daily, figures
from pages.design import BACKEND_COLOUR
from pages.elements import Segments, Stat, Words, box, button_link, dotted, drawing, empty, link
from pages.tables import row, table
from pages.visitor import Visitor
from vanilla.models import NO_GAME, utc_now
from vanilla.services import Services
from vanilla.usage.statistics import GameTotals, ModelTotals, Point, Totals

RANGES = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "A year"}
USUAL_RANGE = "30"
LONGEST_LIST = 8  # games or models
MOST_BARS = 92  # days drawn one by one; a longer range is drawn by weeks


@dataclass(frozen=True, slots=True)
class Usage:
    """What one user has used in the last `days` days, the oldest point first, most tokens first."""

    days: int
    totals: Totals
    points: Sequence[Point]
    by_game: Sequence[GameTotals]
    by_model: Sequence[ModelTotals]


async def load(services: Services, user_id: str, days: int) -> Usage:
    """Read the usage of that many days, today (UTC) included."""
    midnight = datetime.combine(daily.days_until(utc_now().date(), days)[0], datetime.min.time(), UTC)
    statistics = services.statistics
    totals, points, by_game, by_model = await asyncio.gather(
        statistics.totals(user_id=user_id, since=midnight),
        statistics.series("day", user_id=user_id, since=midnight),
        statistics.by_game(user_id=user_id, since=midnight),
        statistics.by_model(user_id=user_id, since=midnight),
    )
    return Usage(days, totals, points, by_game, by_model)


class UsageCards:
    """The choice of a range, and below it what was used then."""

    def __init__(self, services: Services, visitor: Visitor, usage: Usage) -> None:
        self._services = services
        self._visitor = visitor
        with box("section", "stack", aria_labelledby="usage"):
            with box("div", "line-up spread"):
                Words("h2", "Usage", id="usage")
                Segments(RANGES, str(usage.days), self._choose, label="Range")
            self._place = box("div", "stack")
        self._show(usage)

    async def _choose(self, days: str) -> None:
        await self._visitor.authorise()
        self._show(await load(self._services, self._visitor.user.id, int(days)))
        ui.navigate.history.replace("/account" if days == USUAL_RANGE else f"/account?days={days}")

    def _show(self, usage: Usage) -> None:
        self._place.clear()
        with self._place:
            if not usage.totals.calls:
                with box("div", "card"), empty(f"No tokens used in {usage.days} days", _HOW, heading="h3"):
                    button_link("Find a game", "/", kind="primary")
                return
            _tiles(usage.totals)
            _chart(usage, utc_now().date())
            with box("div", "side-by-side"):
                _by_game(usage.by_game)
                _by_model(usage.by_model)


def _tiles(totals: Totals) -> None:
    cached = f"{figures.count(totals.cache_read_tokens)} from a cache" if totals.cache_read_tokens else ""
    with box("div", "stats four"):
        Stat("Tokens", figures.count(totals.total_tokens))
        Stat("Calls", figures.count(totals.calls))
        Stat("Tokens in", figures.count(totals.prompt_tokens), cached)
        Stat("Tokens out", figures.count(totals.completion_tokens))


def _chart(usage: Usage, today: date) -> None:
    """Tokens as bars, by day or by week, and behind them the figures."""
    step, starts, tokens = buckets(usage, today)
    with box("div", "card padded"):
        with box("div", "card-head"):
            Words("h3", f"Tokens by {step}")
            with box("div", "legend"):
                for backend, colour in BACKEND_COLOUR.items():
                    dotted(backend, colour)
        drawing(daily.bars(starts, tokens, step), "wide-drawing")
        with box("details", "figures-behind") as details:
            Words("summary", "Show the figures", aria_label=f"Show the figures by {step}")
            shown = drawing("")

        def toggled(event: Any) -> None:
            shown.set_content(_table(step, starts, tokens) if event.args is True else "")

        details.mark("figures").on("toggle", toggled, js_handler="(event) => emit(event.target.open)")


def buckets(usage: Usage, today: date) -> tuple[str, list[date], dict[tuple[date, str], int]]:
    """What a bar stands for (`day`, `week`), the days that the bars begin with, and the tokens of each by backend."""
    days = daily.days_until(today, usage.days)
    is_weekly = len(days) > MOST_BARS
    starts = [day for day in days if day.weekday() == 0] if is_weekly else days
    if is_weekly and starts[0] != days[0]:
        starts.insert(0, days[0])  # the rest of a week
    tokens: dict[tuple[date, str], int] = {}
    for point in usage.points:
        day = point.start.date()
        start = max(day - timedelta(days=day.weekday()), days[0]) if is_weekly else day
        tokens[start, point.backend] = tokens.get((start, point.backend), 0) + point.total_tokens
    return "week" if is_weekly else "day", starts, tokens


def _table(step: str, starts: Sequence[date], tokens: Mapping[tuple[date, str], int]) -> str:
    """The figures as an HTML table, the newest first: one element, however many rows. All in it is ours."""
    names = "".join(f'<th scope="col" class="number">{escape(name)}</th>' for name in BACKEND_COLOUR)
    rows = "".join(
        f"<tr><td>{start.day} {start:%b %Y}</td>"
        + "".join(f'<td class="number">{figures.count(tokens.get((start, name), 0))}</td>' for name in BACKEND_COLOUR)
        + "</tr>"
        for start in reversed(starts)
    )
    first = "Day (UTC)" if step == "day" else "Week from (UTC)"
    return (
        '<div class="table-scroll figures-table" tabindex="0" role="region" aria-label="Figures"><table class="table">'
        f'<thead><tr><th scope="col">{first}</th>{names}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _by_game(games: Sequence[GameTotals]) -> None:
    with box("div", "card padded stack tight"):
        Words("h3", "By game")
        with table(["Game", "Calls", "Tokens"], label="Tokens by game", numbers=(1, 2)):
            for game in games[:LONGEST_LIST]:
                row([_named(game), figures.count(game.calls), figures.count(game.total_tokens)], numbers=(1, 2))
        _rest(len(games))


def _by_model(models: Sequence[ModelTotals]) -> None:
    with box("div", "card padded stack tight"):
        Words("h3", "By model")
        with table(["Model", "In", "Out", "Tokens"], label="Tokens by model", numbers=(1, 2, 3)):
            for model in models[:LONGEST_LIST]:
                row(
                    [
                        partial(dotted, model.model, BACKEND_COLOUR.get(model.backend, "sky")),
                        figures.count(model.prompt_tokens),
                        figures.count(model.completion_tokens),
                        figures.count(model.total_tokens),
                    ],
                    numbers=(1, 2, 3),
                )
        _rest(len(models))


def _rest(number: int) -> None:
    if number > LONGEST_LIST:
        Words("p", f"{figures.count(number - LONGEST_LIST)} more with fewer tokens.", "quiet small")


def _named(game: GameTotals) -> str | Callable[[], object]:
    if game.title is None:
        return "Outside a game" if game.game_id == NO_GAME else "A game that is gone"
    return partial(link, game.title, f"/play/{game.game_id}", "plain-link")


_HOW = "Play a game that talks, and what it uses shows here by day, by game and by model."
