"""`/admin/games`: all games, a page at a time, as the address says; and the hosts that they have asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, get_args

from fastapi import Depends
from nicegui import ui
from nicegui.events import GenericEventArguments

from pages import choosing, design
from pages.addresses import address, page_number
from pages.admin import drawn
from pages.admin.dialogs import Dialogs
from pages.admin.drawn import DrawnTable, Pager
from pages.admin.game_rows import game_row
from pages.admin.sections import Guard, section
from pages.admin.waiting import Waiting
from pages.elements import Segments, Words, box, button, local_time
from pages.frame import Frame
from pages.visitor import Visitor, admin
from vanilla.games.hosts import AskedHost
from vanilla.games.overview import FROM_A_TO_Z, Entry, OverviewShow, OverviewSort, Search
from vanilla.games.search import LONGEST_SEARCH
from vanilla.games.views import KEPT, GameView
from vanilla.services import Services

A_PAGE = 50
MOST_WAITING = 10  # hosts shown at a time
_SHOWN: dict[str, str] = {
    "all": "All",
    "shared": "Shared",
    "unlisted": "Unlisted",
    "draft": "Drafts",
    "removed": "Removed",
}
COLUMNS: dict[OverviewSort, str] = {
    "title": "Game",
    "owner": "Owner",
    "new": "Seen by",  # pressed, it brings the newest: there is no order in who sees a game
    "versions": "Versions",
    "size": "Size",
    "players": "Players",
    "plays": "Plays",
    "tokens": "Tokens",
    "played": "Last played",
}
NUMBERS = (3, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class Wish:
    """Which games are asked for. Pages count from 1."""

    search: Search = field(default_factory=Search)
    page: int = 1

    @property
    def address(self) -> str:
        """The address that shows just this, for a reload and the back button."""
        search = self.search
        fields = {
            "q": search.words,
            "show": "" if search.show == "all" else search.show,
            "sort": "" if search.sort == "played" else search.sort,
            "order": "back" if search.is_reversed else "",
            "page": "" if self.page == 1 else str(self.page),
        }
        return address("/admin/games", fields)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of games, how many match in all, and what waits."""

    games: Sequence[Entry]
    total: int
    waiting: Sequence[AskedHost]
    waiting_total: int


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin/games")
    async def games(
        visitor: Annotated[Visitor, Depends(admin(services))],
        q: str = "",
        show: str = "all",
        sort: str = "played",
        order: str = "",
        page: str = "1",
    ) -> None:
        wish = wish_of(q, show, sort, order, page)
        found = await find(services, visitor, wish)
        drawn.head()
        ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("games.css")}">')
        with section(visitor, "Games", "/admin/games") as around:
            GamesView(services, visitor, around, wish, found)


def wish_of(q: str = "", show: str = "all", sort: str = "played", order: str = "", page: str = "1") -> Wish:
    """What the address asks for; what makes no sense is passed over."""
    shown: OverviewShow = next((each for each in get_args(OverviewShow) if each == show), "all")
    by: OverviewSort = next((each for each in get_args(OverviewSort) if each == sort), "played")
    return Wish(Search(q[:LONGEST_SEARCH], shown, by, is_reversed=order == "back"), page_number(page))


async def find(services: Services, visitor: Visitor, wish: Wish) -> Found:
    """The games of one page. Raises Forbidden."""
    by = visitor.caller
    games, total = await services.catalogue.overview(by, wish.search, limit=A_PAGE, offset=(wish.page - 1) * A_PAGE)
    return Found(games, total, *await services.hosts.waiting(by, MOST_WAITING))


class GamesView:
    """What waits, then the table with its search, its order and its pages."""

    def __init__(self, services: Services, visitor: Visitor, around: Frame, wish: Wish, found: Found) -> None:
        self._services = services
        self._visitor = visitor
        self._by = visitor.caller
        self._around = around
        self._guard = Guard(services, visitor)
        self._dialogs = Dialogs(self._guard)
        self._wish = wish
        self._shown: dict[str, GameView] = {}
        self._waiting = Waiting(self._decide)
        self._undo = box("div", "undo")
        with box("section", "card padded stack people", aria_label="Games"):
            with box("div", "bar-of-controls"):
                choosing.search_field(
                    self._searched,
                    placeholder="Search games",
                    label="Search games by title, description, tag or owner",
                    value=wish.search.words,
                    longest=LONGEST_SEARCH,
                )
                Segments(_SHOWN, wish.search.show, self._filter, label="Which games", classes="stretch")
                # For phones, where the headings are not there to press.
                orders = {**COLUMNS, "new": "Newest"}
                choosing.one_of(self._sort, label="Order", options=orders, chosen=wish.search.sort)
            sorters = [partial(self._sorter, key, words) for key, words in COLUMNS.items()]
            self._table = DrawnTable([*sorters, ""], self._acted, label="Table of games", numbers=NUMBERS)
            self._pager = Pager(A_PAGE, self._turn, label="Pages of games")
        self._draw(found)

    def _sorter(self, key: OverviewSort, words: str) -> None:
        if key == "new":
            Words("span", words)
        else:
            Words("button", words, "sort", type="button").mark(f"sort-{key}").on("click", lambda _: self._sort(key))

    async def _decide(self, asked: AskedHost, is_approved: bool) -> None:
        if not await self._guard.lets():
            return
        hosts = self._services.hosts
        await (hosts.approve if is_approved else hosts.refuse)(asked.game_id, asked.host, self._by)
        verb = "may use" if is_approved else "may not use"
        self._around.say(f"{asked.title} {verb} {asked.host}.", "ok")
        await self._load()

    async def _acted(self, act: str, game_id: str) -> None:
        game = self._shown.get(game_id)
        if game is None or not await self._guard.lets():
            return
        if act == "remove":
            self._ask_to_remove(game)
        elif act == "restore":
            await self._restore(game)

    def _ask_to_remove(self, game: GameView) -> None:
        async def remove(_fields: dict[str, str]) -> str:
            await self._services.removals.remove(game.id, self._by)
            self._offer_undo(await self._services.removals.find(game.id, self._by))
            await self._load()
            return f"{game.title} is removed."

        sentence = (
            f"It is {game.owner}'s. Nobody can play it from then on, and {game.owner} sees that it is gone. For"
            f" {KEPT.days} days it can be had back."
        )
        self._dialogs.ask(f"Remove {game.title}", lambda: Words("p", sentence), "Remove", remove, kind="danger")

    def _offer_undo(self, game: GameView) -> None:
        self._undo.clear()
        with self._undo, box("div", "notice ok with-action", role="status"):
            with box("span"):
                Words("span", f"{game.title} is removed. It can be had back until ")
                local_time(game.purged_at or game.updated_at, "minute")
                Words("span", ".")
            undo = button("Undo", partial(self._undone, game), classes="little", aria_label=f"Undo: {game.title}")
            undo.mark("undo")

    async def _undone(self, game: GameView) -> None:
        if await self._guard.lets():
            await self._restore(game)

    async def _restore(self, game: GameView) -> None:
        await self._services.removals.restore(game.id, self._by)
        self._around.say(f"{game.title} is back.", "ok")
        await self._load()
        self._undo.clear()

    async def _searched(self, event: GenericEventArguments) -> None:
        await self._show(replace(self._wish.search, words=str(event.args or "")[:LONGEST_SEARCH]))

    async def _filter(self, show: str) -> None:
        await self._show(replace(self._wish.search, show=wish_of(show=show).search.show))

    async def _sort(self, by: str) -> None:
        now, key = self._wish.search, wish_of(sort=by).search.sort
        await self._show(replace(now, sort=key, is_reversed=now.sort == key and not now.is_reversed))

    async def _show(self, search: Search) -> None:
        self._wish = Wish(search)
        await self._load()

    async def _turn(self, page: int) -> None:
        self._wish = replace(self._wish, page=page)
        await self._load()

    async def _load(self) -> None:
        if not await self._guard.lets():
            return
        wish = self._wish
        found = await find(self._services, self._visitor, wish)
        if wish is self._wish:  # else something else was asked for meanwhile, and its answer is on the way
            ui.navigate.history.replace(wish.address)
            self._draw(found)

    def _draw(self, found: Found) -> None:
        search = self._wish.search
        self._waiting.show(found.waiting, found.waiting_total)
        self._shown = {entry.game.id: entry.game for entry in found.games}
        self._table.show([game_row(entry) for entry in found.games], _nothing(self._wish))
        for key, heading in zip(COLUMNS, self._table.headings, strict=False):
            is_ascending = (search.sort in FROM_A_TO_Z) != search.is_reversed
            order = "ascending" if is_ascending else "descending"
            heading.props["aria-sort"] = order if key == search.sort else "none"
        self._pager.show(self._wish.page, len(found.games), found.total)


def _nothing(wish: Wish) -> str:
    if wish.page > 1:
        return "There are fewer pages than that."
    if wish.search.words:
        return "No game has these words in its title, description, tags or owner."
    return "No game was removed lately." if wish.search.show == "removed" else "There is no game of this kind yet."
