"""Calls that were refused. They have no row in the ledger: those alike within a minute are counted together."""

from collections.abc import Sequence

from pages import figures
from pages.admin.filters import Asked
from pages.admin.live_rows import reason_words
from pages.admin.sections import Guard
from pages.charts import colour_of
from pages.elements import Words, box, button, dotted, local_time
from pages.tables import table
from vanilla.services import Services
from vanilla.usage.rows import RefusalRow

A_PAGE = 50


class Refusals:
    """A card with them, newest first. It fills itself once the page is there."""

    def __init__(self, services: Services, guard: Guard, asked: Asked, rows: Sequence[RefusalRow]) -> None:
        self._services = services
        self._guard = guard
        self._asked = asked
        with box("section", "card padded"):
            with box("div", "card-head"):
                Words("h2", "Refused calls")
            if asked.chosen.game_id is not None or asked.chosen.model is not None:
                Words("p", "Game and model of a refused call are not kept: these are those of all.", "nothing small")
            if not rows:
                Words("p", "No call was refused in this range.", "nothing")
                return
            headings = ("Time", "User", "Backend", "Why", "Calls")
            with table(headings, label="Refused calls", numbers=(4,), is_stacked=True) as self._body:
                pass
            with box("div", "pager"):
                self._older = button("Show older", self._show_older, classes="little")
        self._add(rows)

    def _add(self, rows: Sequence[RefusalRow]) -> None:
        with self._body:
            for row in rows:
                _refused(row)
        self._last = rows[-1] if rows else None
        self._older.set_visibility(len(rows) == A_PAGE)

    async def _show_older(self) -> None:
        if await self._guard.lets():
            self._add(await refused(self._services, self._asked, self._last))


async def refused(services: Services, asked: Asked, before: RefusalRow | None = None) -> list[RefusalRow]:
    """The next of them."""
    return await services.outcomes.refusals(asked.span, asked.chosen, A_PAGE, before=before)


def _refused(row: RefusalRow) -> None:
    with box("tr"):
        with box("td", "quiet figures"):
            local_time(row.moment, "minute")
        name = row.username or ("A deleted user" if row.user_id else "-")
        Words("td", name, "clip" if row.username else "clip quiet")
        with box("td"):
            dotted(row.backend, colour_of(row.backend))
        Words("td", reason_words(row.reason))
        Words("td", figures.count(row.calls), "number", data_label="Calls")
