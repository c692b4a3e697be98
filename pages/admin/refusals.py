"""Calls that were refused. They have no row in the ledger: those alike within a minute are counted together."""

from collections.abc import Sequence

from pages import figures, markup
from pages.admin.breakdown import dot_class, headings, reason_words
from pages.admin.filters import Asked
from pages.admin.sections import Guard
from pages.elements import Words, box, button
from pages.markup import Markup, tag
from vanilla.services import Services
from vanilla.usage.rows import RefusalRow

A_PAGE = 50


class Refusals:
    """A card with them, newest first."""

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
            with (
                box("div", "table-scroll", role="region", aria_label="Refused calls", tabindex="0"),
                box("table", "table stacked") as self._table,
            ):
                markup.placed(headings(("Time", "User", "Backend", "Why", "Calls"), (4,)), "thead")
            with box("div", "pager"):
                self._older = button("Show older", self._show_older, classes="little")
        self._add(rows)

    def _add(self, rows: Sequence[RefusalRow]) -> None:
        with self._table:
            markup.placed(markup.join(*(_refused(row) for row in rows)), "tbody")
        self._last = rows[-1] if rows else None
        self._older.set_visibility(len(rows) == A_PAGE)

    async def _show_older(self) -> None:
        if await self._guard.lets():
            self._add(await refused(self._services, self._asked, self._last))


async def refused(services: Services, asked: Asked, before: RefusalRow | None = None) -> list[RefusalRow]:
    """The next of them."""
    return await services.outcomes.refusals(asked.span, asked.chosen, A_PAGE, reason=asked.reason, before=before)


def _refused(row: RefusalRow) -> Markup:
    name = row.username or ("A deleted user" if row.user_id else "-")
    return tag(
        "tr",
        tag("td", markup.local_time(row.moment, "minute"), class_="quiet figures"),
        tag("td", name, class_="clip" if row.username else "clip quiet"),
        tag("td", row.backend, class_=dot_class(row.backend)),
        tag("td", reason_words(row.reason)),
        tag("td", figures.count(row.calls), class_="number", data_label="Calls"),
    )
