"""`/admin/usage`: what a range of time has used, by whom, with which model, in which game."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from nicegui import ui

from pages.admin.breakdown import (
    RANGES,
    USUAL_RANGE,
    by_backend,
    by_game,
    by_model,
    by_user,
    calls_table,
    range_segments,
    tiles,
)
from pages.admin.sections import Guard, section
from pages.charts import Plot, TokensChart, plot_by_backend
from pages.elements import Words, box, button_link
from pages.visitor import Visitor, admin
from vanilla.models import utc_now
from vanilla.services import Services
from vanilla.usage.statistics import (
    BackendTotals,
    Bucket,
    GameTotals,
    LedgerRow,
    ModelTotals,
    Statistics,
    Totals,
    UserTotals,
    bucket_of,
    range_start,
)

RECENT = 25  # calls listed


@dataclass(frozen=True)
class Report:
    """Everything the page shows of one range."""

    days: int
    bucket: Bucket
    plot: Plot
    totals: Totals
    by_user: list[UserTotals]
    by_model: list[ModelTotals]
    by_backend: list[BackendTotals]
    by_game: list[GameTotals]
    recent: list[LedgerRow]


async def load(statistics: Statistics, days: int) -> Report:
    """The report of the last `days` times 24 hours."""
    now = utc_now()
    since, bucket = range_start(days, now), bucket_of(days)
    return Report(
        days=days,
        bucket=bucket,
        plot=plot_by_backend(await statistics.series(bucket, since=since), since, now, bucket),
        totals=await statistics.totals(since=since),
        by_user=await statistics.by_user(since=since),
        by_model=await statistics.by_model(since=since),
        by_backend=await statistics.by_backend(since=since),
        by_game=await statistics.by_game(since=since),
        recent=await statistics.recent(RECENT, since=since),
    )


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin/usage")
    async def usage(visitor: Annotated[Visitor, Depends(admin(services))], days: str = USUAL_RANGE) -> None:
        chosen = days if days in RANGES else USUAL_RANGE
        report = await load(services.statistics, int(chosen))
        with section(visitor, "Usage", "/admin/usage"):
            UsageView(services, visitor, report)


class UsageView:
    """The choice of a range, and its report below."""

    def __init__(self, services: Services, visitor: Visitor, report: Report) -> None:
        self._services = services
        self._guard = Guard(services, visitor)
        with box("div", "bar-of-controls"):
            range_segments(str(report.days), self._choose)
            self._csv = button_link("Download CSV", "", classes="little", download="")
        self._place = box("div", "admin")
        self._show(report)

    async def _choose(self, days: str) -> None:
        if not await self._guard.lets():
            return
        report = await load(self._services.statistics, int(days))
        self._show(report)
        ui.navigate.history.replace(f"/admin/usage?days={report.days}")

    def _show(self, report: Report) -> None:
        self._csv.props["href"] = f"/admin/api/usage.csv?days={report.days}"
        self._place.clear()
        with self._place:
            draw(report)


def draw(report: Report) -> None:
    """The report itself."""
    tiles(report.totals)
    with box("section", "card padded"):
        title = "Tokens an hour" if report.bucket == "hour" else "Tokens a day"
        TokensChart(title, report.plot, step=report.bucket)
    with box("div", "breakdowns"):
        with box("div", "stack"):
            by_user(report.by_user)
            by_model(report.by_model)
        with box("div", "stack"):
            by_game(report.by_game)
            by_backend(report.by_backend)
    with box("section", "card padded"):
        calls_table("Recent calls", report.recent, with_user=True, nothing="No calls in this range.")
        if any(row.entry.estimated for row in report.recent):
            Words("p", "* counted by our estimate: the model server did not say.", "nothing small")
