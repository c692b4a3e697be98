"""`/admin/usage`: what a span of time has used, by whom, with which model, in which game; and every call of it.

What is asked for stands in the address. Sums that take longer than a moment come when they are there: the page does not
wait for them.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request
from nicegui import background_tasks, ui

from pages.admin.addresses import REFUSED, filter_of, usage_address, when_of
from pages.admin.breakdown import by_backend, by_game, by_model, by_user, calls_table, game_name, tiles
from pages.admin.filters import Asked, FilterForm, range_links
from pages.admin.live import chart_title
from pages.admin.refusals import Refusals, refused
from pages.admin.sections import Guard, section
from pages.charts import TokensChart, backends_plot
from pages.elements import Words, box, button, button_link, empty, notice
from pages.visitor import Visitor, admin, go_to
from vanilla.accounts.names import username_key
from vanilla.models import utc_now, utc_text
from vanilla.services import Services
from vanilla.usage.reports import Report
from vanilla.usage.spans import moment_of
from vanilla.usage.statistics import LedgerRow

logger = logging.getLogger(__name__)

A_PAGE = 25  # calls listed at a time
PATIENCE = 0.05  # seconds that a page waits for its sums


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin/usage")
    async def usage(request: Request, visitor: Annotated[Visitor, Depends(admin(services))]) -> None:
        asked = await _asked(services, dict(request.query_params))
        if asked.is_refused:
            refusals = await refused(services, asked)
            with section(visitor, "Usage", "/admin/usage"):
                _controls(asked)
                Refusals(services, Guard(services, visitor), asked, refusals)
            return
        until = asyncio.get_running_loop().time() + PATIENCE
        report = asyncio.ensure_future(services.reports.of(asked.span, asked.chosen))
        rows = await _calls(services, asked)
        await asyncio.wait([report], timeout=max(0.0, until - asyncio.get_running_loop().time()))
        with section(visitor, "Usage", "/admin/usage"):
            UsageView(services, Guard(services, visitor), asked, rows, report)


async def _asked(services: Services, query: dict[str, str]) -> Asked:
    """What an address asks for. What was typed as a name goes on to the address with its id."""
    chosen, statistics = filter_of(query), services.statistics
    span, when = when_of(query, utc_now())
    problem = ""
    who, title = query.get("who", "").strip(), query.get("title", "").strip()
    if who or title:
        user_id = await statistics.user_called(username_key(who)) if who else chosen.user_id
        game_id = await statistics.game_called(title) if title else chosen.game_id
        if (user_id or not who) and (game_id is not None or not title):
            known = filter_of({**query, "user": user_id or "", "game": game_id or query.get("game", "")})
            raise go_to(usage_address(known, when=when))
        missing = f"Nobody is called {who}." if who and not user_id else f"No game is called {title}."
        problem = f"{missing} These are the calls of everybody."
    names = await statistics.usernames([chosen.user_id] if chosen.user_id else [])
    titles = await statistics.titles([chosen.game_id] if chosen.game_id else [])
    return Asked(
        chosen,
        span,
        when,
        username=names.get(chosen.user_id or "", ""),
        title="" if chosen.game_id is None else game_name(chosen.game_id, titles.get(chosen.game_id)),
        problem=problem,
        reason=query.get("reason", "") if chosen.status == REFUSED else "",
    )


async def _calls(services: Services, asked: Asked, before: str | None = None) -> list[LedgerRow]:
    span = asked.span
    return await services.statistics.recent(
        A_PAGE, before=before, since=span.since, until=span.until, chosen=asked.chosen
    )


def _controls(asked: Asked) -> FilterForm:
    with box("div", "bar-of-controls"):
        range_links(asked)
        if not asked.is_refused:
            button_link("Download CSV", csv_address(asked), classes="little", download="")
    if asked.problem:
        notice(asked.problem, "error")
    return FilterForm(asked)


class UsageView:
    """Filters, the report and the calls."""

    def __init__(
        self,
        services: Services,
        guard: Guard,
        asked: Asked,
        rows: Sequence[LedgerRow],
        report: "asyncio.Future[Report]",
    ) -> None:
        self._services = services
        self._guard = guard
        self._asked = asked
        self._form = _controls(asked)
        self._place = box("div", "admin", aria_live="off")
        if report.done() and report.exception() is None:
            self._show(report.result())
        else:
            with self._place, box("div", "card padded adding-up", role="status"):
                Words("p", "Adding up these calls. They are listed below.", "quiet")
            background_tasks.create(self._wait(report))
        with box("section", "card padded calls-card") as card:
            self._add_calls = calls_table("Calls", rows, with_user=True, nothing="No calls in this range.")
            if any(row.entry.estimated for row in rows):
                Words("p", "* counted by our estimate: the model server did not say.", "nothing small")
            with box("div", "pager"):
                self._older = button("Show older", self._show_older, classes="little")
        self._note_calls(rows)
        card.set_visibility(bool(rows))

    async def _wait(self, report: "asyncio.Future[Report]") -> None:
        try:
            found = await report
        except Exception:
            logger.exception("The sums of the usage page could not be read")
            found = None
        if self._place.is_deleted:
            return
        self._place.clear()
        if found is not None:
            self._show(found)
            return
        with self._place:
            notice("These calls could not be added up. Try again; the log says what is wrong.", "error")

    def _show(self, report: Report) -> None:
        self._form.suggest(report)
        with self._place:
            draw(report, self._asked)

    async def _show_older(self) -> None:
        if not await self._guard.lets():
            return
        more = await _calls(self._services, self._asked, self._last)
        self._add_calls(more)
        self._note_calls(more)

    def _note_calls(self, calls: Sequence[LedgerRow]) -> None:
        self._last = calls[-1].entry.id if calls else None
        self._older.set_visibility(len(calls) == A_PAGE)


def draw(report: Report, asked: Asked) -> None:
    """The report itself."""
    if not report.totals.calls:
        hint = "Choose a longer one, or ask for less."
        with box("section", "card"), empty("No calls in this range", hint):
            if asked.when.get("range") != "1y":
                button_link("The last year", usage_address(asked.chosen, when={"range": "1y"}), kind="primary")
            else:
                button_link("Live", "/admin")
        return
    tiles(report.totals)
    span = report.span
    with box("section", "card padded"):
        plot = backends_plot([moment_of(start) for start in span.starts()], report.series)
        leads_to = usage_address(asked.chosen)
        TokensChart(chart_title(span.step), plot, step=span.step, leads_to=leads_to)
    with box("div", "breakdowns"):
        with box("div", "stack"):
            if asked.chosen.user_id is None:
                by_user(report.by_user, report.users, asked.address)
            by_model(report.by_model, asked.address)
        with box("div", "stack"):
            if asked.chosen.game_id is None:
                by_game(report.by_game, report.games, asked.address)
            by_backend(report.by_backend, asked.address)


def csv_address(asked: Asked) -> str:
    """The same calls as a file: /admin/api/usage.csv with the same filters."""
    span, chosen = asked.span, asked.chosen
    fields = ("user_id", "game_id", "backend", "model", "status")
    filters = {name: value for name in fields if (value := getattr(chosen, name)) is not None}
    query = {"since": utc_text(span.since), "until": utc_text(span.until), **filters}
    return f"/admin/api/usage.csv?{urlencode(query)}"
