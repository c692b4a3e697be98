"""`/admin/audit`: who changed what, the newest first, as the address says."""

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated

from fastapi import Depends
from nicegui import ui
from nicegui.events import GenericEventArguments

from pages import choosing, markup
from pages.addresses import address
from pages.admin import drawn
from pages.admin.sections import Guard, section
from pages.elements import Segments, box, button, button_link
from pages.markup import Markup, tag
from pages.visitor import Visitor, admin
from vanilla.models import utc_now, utc_text
from vanilla.operations.audit import LONGEST_SEARCH, SERVER, AuditRow, AuditSearch
from vanilla.services import Services

A_PAGE = 50
_DAYS = {"1": "24 hours", "7": "7 days", "30": "30 days", "365": "a year", "": "All"}
_NOUNS = {
    "": "Everything",
    "user": "Users",
    "invitation": "Invitations",
    "reset": "Password links",
    "session": "Sessions",
    "settings": "Settings",
    "inference": "The switch for inference",
    "host": "Other hosts of games",
    "game": "Games",
    "backup": "Backups",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which entries are asked for: by whom, of which kind, about what, how many days back ("" for all), and after which
    entry, where that is not the newest."""

    actor: str = ""
    noun: str = ""
    subject: str = ""
    days: str = ""
    before: int | None = None

    @property
    def address(self) -> str:
        """The address that shows just this."""
        return address(
            "/admin/audit",
            {
                "who": self.actor,
                "what": self.noun,
                "about": self.subject,
                "days": self.days,
                "before": "" if self.before is None else str(self.before),
            },
        )

    @property
    def csv_address(self) -> str:
        """The address of all that matches, as CSV."""
        search = self.search
        since = "" if search.since is None else utc_text(search.since)
        fields = {"actor": search.actor, "action": search.action, "subject": search.subject, "since": since}
        return address("/admin/api/audit.csv", fields)

    @property
    def search(self) -> AuditSearch:
        """What is to be found."""
        since = utc_now() - timedelta(days=int(self.days)) if self.days else None
        return AuditSearch(self.actor, self.noun, self.subject, since)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of entries, whether there are older ones, and who ever did something: names by id."""

    rows: Sequence[AuditRow]
    has_older: bool
    actors: dict[str, str] = field(default_factory=dict)


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin/audit")
    async def audit(
        visitor: Annotated[Visitor, Depends(admin(services))],
        who: str = "",
        what: str = "",
        about: str = "",
        days: str = "",
        before: str = "",
    ) -> None:
        wish = wish_of(who, what, about, days, before)
        found = await find(services, wish)
        actors = dict(await services.audit.actors())
        drawn.head()
        with section(visitor, "Audit", "/admin/audit"):
            AuditView(services, visitor, wish, replace(found, actors=actors))


def wish_of(who: str, what: str, about: str, days: str, before: str) -> Wish:
    """What the address asks for; what makes no sense is passed over."""
    number = int(before) if before.isascii() and before.isdecimal() and len(before) < 16 else None
    return Wish(
        who[:100], what if what in _NOUNS else "", about[:LONGEST_SEARCH], days if days in _DAYS else "", number
    )


async def find(services: Services, wish: Wish) -> Found:
    """The entries of one page."""
    rows = await services.audit.find(wish.search, limit=A_PAGE + 1, before=wish.before)
    return Found(rows[:A_PAGE], len(rows) > A_PAGE)


class AuditView:
    """The entries with what narrows them down."""

    def __init__(self, services: Services, visitor: Visitor, wish: Wish, found: Found) -> None:
        self._services = services
        self._guard = Guard(services, visitor)
        self._wish = wish
        with box("section", "card padded stack people", aria_label="Audit"):
            with box("div", "bar-of-controls"):
                choosing.search_field(
                    self._searched,
                    placeholder="A user, a game, a setting",
                    label="About which user, game or setting",
                    value=wish.subject,
                    longest=LONGEST_SEARCH,
                )
                with box("div", "line-up"):
                    actors = {"": "Anybody", **found.actors, SERVER: "The server"}
                    if wish.actor not in actors:
                        actors[wish.actor] = "somebody who is gone"
                    self._choice("By whom", "actor", actors, wish.actor)
                    self._choice("What", "noun", _NOUNS, wish.noun)
            with box("div", "bar-of-controls"):
                Segments(_DAYS, wish.days, lambda days: self._narrow(days=days), label="Since when", classes="stretch")
                self._csv = button_link("CSV", wish.csv_address, classes="little", download="")
            with box("div", "table-scroll", role="region", aria_label="Changes", tabindex="0"):
                self._list = markup.placed(markup.NONE, "ol").classes("plain audit").mark("audit")
            with box("nav", "pager", aria_label="Pages of the audit"):
                self._newest = button("Newest", self._narrow, classes="little")
                self._older = button("Older", self._go_back, classes="little")
        self._draw(found)

    def _choice(self, label: str, name: str, options: dict[str, str], chosen: str) -> None:
        def narrow(key: str) -> Awaitable[None]:
            return self._narrow(**{name: key})

        choosing.one_of(narrow, label=label, options=options, chosen=chosen, classes="order wide").mark(name)

    async def _searched(self, event: GenericEventArguments) -> None:
        await self._narrow(subject=str(event.args or "").strip())

    async def _narrow(self, **given: str) -> None:
        wish = replace(self._wish, **given)  # type: ignore[arg-type]  # texts alone, of fields that are texts
        self._wish = wish_of(wish.actor, wish.noun, wish.subject, wish.days, "")
        await self._load()

    async def _go_back(self) -> None:
        self._wish = replace(self._wish, before=self._last)
        await self._load()

    async def _load(self) -> None:
        if not await self._guard.lets():
            return
        wish = self._wish
        found = await find(self._services, wish)
        if wish is self._wish:
            ui.navigate.history.replace(wish.address)
            self._draw(found)

    def _draw(self, found: Found) -> None:
        rows, wish = found.rows, self._wish
        nothing = tag("li", _NOTHING if wish == Wish() else "Nothing of this kind has been changed.", class_="nothing")
        self._list.set_content(markup.join(*(_row(row) for row in rows)) if rows else nothing)
        self._last = rows[-1].entry.id if rows else None
        self._older.set_visibility(found.has_older)
        self._newest.set_visibility(wish.before is not None)
        self._csv.props["href"] = wish.csv_address


def _row(row: AuditRow) -> Markup:
    moment = markup.ago(row.entry.created_at)
    return tag("li", tag("span", row.sentence, class_="sentence"), tag("span", moment, class_="quiet small"))


_NOTHING = "Nothing has been changed yet. Every change by an admin will stand here."
