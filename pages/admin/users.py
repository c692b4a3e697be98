"""`/admin/users`: everybody who may sign in, a page at a time, as the address says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, get_args

from fastapi import Depends
from nicegui import ui
from nicegui.events import GenericEventArguments

from pages import choosing, figures
from pages.addresses import address, page_number
from pages.admin import drawn
from pages.admin.dialogs import Dialogs
from pages.admin.drawn import DrawnTable, Pager
from pages.admin.inviting import Inviting
from pages.admin.people import People
from pages.admin.sections import Guard, section
from pages.admin.user_rows import user_row
from pages.elements import Segments, Words, box, button, button_link
from pages.visitor import Visitor, admin
from vanilla.accounts.directory import Search, Show, Sort
from vanilla.models import User
from vanilla.services import Services

A_PAGE = 50
LONGEST_SEARCH = 100  # characters
_SHOWN: dict[str, str] = {
    "all": "All",
    "active": "Active",
    "inactive": "Switched off",
    "admin": "Admins",
    "near": "Near their limit",
}
COLUMNS: dict[Sort, str] = {
    "username": "User",
    "used": "Used of the limit",
    "total_tokens": "Total tokens",
    "created_at": "Created",
    "last_active_at": "Last active",
    "state": "State",
}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which users are asked for. Pages count from 1."""

    search: Search = field(default_factory=Search)
    page: int = 1

    @property
    def address(self) -> str:
        """The address that shows just this, for a reload and the back button."""
        search = self.search
        fields = {
            "q": search.name,
            "show": "" if search.show == "all" else search.show,
            "sort": "" if search.sort == "username" else search.sort,
            "order": "desc" if search.is_descending else "",
            "page": "" if self.page == 1 else str(self.page),
        }
        return address("/admin/users", fields)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of users, how many match in all, and how many invitations are open."""

    users: Sequence[User]
    total: int
    invitations: int


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin/users")
    async def users(
        visitor: Annotated[Visitor, Depends(admin(services))],
        q: str = "",
        show: str = "all",
        sort: str = "username",
        order: str = "asc",
        page: str = "1",
    ) -> None:
        wish = wish_of(q, show, sort, order, page)
        found = await find(services, wish)
        drawn.head()
        with section(visitor, "Users", "/admin/users"):
            UsersView(services, visitor, wish, found)


def wish_of(q: str, show: str, sort: str, order: str, page: str) -> Wish:
    """What the address asks for; what makes no sense is passed over."""
    shown: Show = next((each for each in get_args(Show) if each == show), "all")
    by: Sort = next((each for each in get_args(Sort) if each == sort), "username")
    return Wish(Search(q[:LONGEST_SEARCH], shown, by, is_descending=order == "desc"), page_number(page))


async def find(services: Services, wish: Wish) -> Found:
    """The users of one page."""
    users, total = await services.directory.find(wish.search, limit=A_PAGE, offset=(wish.page - 1) * A_PAGE)
    _, counts = await services.invitations.list(limit=0)
    return Found(users, total, counts["open"])


class UsersView:
    """The table with its search, its order and its pages."""

    def __init__(self, services: Services, visitor: Visitor, wish: Wish, found: Found) -> None:
        self._services = services
        self._guard = Guard(services, visitor)
        dialogs = Dialogs(self._guard)
        self._people = People(services, visitor, dialogs, lambda _user: self._load())
        self._inviting = Inviting(services, visitor, dialogs, self._load)
        self._wish = wish
        self._shown: dict[str, User] = {}
        with box("section", "card padded stack people", aria_label="Users"):
            with box("div", "bar-of-controls"):
                choosing.search_field(
                    self._searched,
                    placeholder="Search by name",
                    label="Search users by name",
                    value=wish.search.name,
                    longest=LONGEST_SEARCH,
                )
                with box("div", "line-up"):
                    self._invitations = button_link("", "/admin/invitations")
                    button("New user", lambda: self._open(self._people.create))
                    button("Invite a friend", lambda: self._open(self._inviting.create), kind="primary")
            with box("div", "bar-of-controls"):
                Segments(_SHOWN, wish.search.show, self._filter, label="Which users", classes="stretch")
                # For phones, where the headings are not there to press.
                choosing.one_of(self._sort, label="Order", options=COLUMNS, chosen=wish.search.sort)
            sorters = [partial(self._sorter, key, words) for key, words in COLUMNS.items()]
            self._table = DrawnTable([*sorters, ""], self._acted, label="Table of users", numbers=(2,))
            self._pager = Pager(A_PAGE, self._turn, label="Pages of users")
        self._draw(found)

    def _sorter(self, key: Sort, words: str) -> None:
        Words("button", words, "sort", type="button").mark(f"sort-{key}").on("click", lambda _: self._sort(key))

    async def _open(self, dialog: Callable[[], None]) -> None:
        if await self._guard.lets():
            dialog()

    async def _acted(self, act: str, user_id: str) -> None:
        user = self._shown.get(user_id)
        dialog = {"edit": self._people.edit, "switch": self._people.switch}.get(act)
        if user is not None and dialog is not None and await self._guard.lets():
            dialog(user)

    async def _searched(self, event: GenericEventArguments) -> None:
        await self._show(replace(self._wish.search, name=str(event.args or "")[:LONGEST_SEARCH]))

    async def _filter(self, show: str) -> None:
        await self._show(replace(self._wish.search, show=wish_of("", show, "", "", "1").search.show))

    async def _sort(self, by: str) -> None:
        now, key = self._wish.search, wish_of("", "", by, "", "1").search.sort
        is_descending = not now.is_descending if now.sort == key else key != "username"
        await self._show(replace(now, sort=key, is_descending=is_descending))

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
        found = await find(self._services, wish)
        if wish is self._wish:  # else something else was asked for meanwhile, and its answer is on the way
            ui.navigate.history.replace(wish.address)
            self._draw(found)

    def _draw(self, found: Found) -> None:
        search = self._wish.search
        self._shown = {user.id: user for user in found.users}
        self._table.show([user_row(user) for user in found.users], _nothing(self._wish))
        for key, heading in zip(COLUMNS, self._table.headings, strict=False):
            order = "descending" if search.is_descending else "ascending"
            heading.props["aria-sort"] = order if key == search.sort else "none"
        self._pager.show(self._wish.page, len(found.users), found.total)
        count = found.invitations
        self._invitations.set_text(f"Invitations, {figures.count(count)} open" if count else "Invitations")


def _nothing(wish: Wish) -> str:
    if wish.page > 1:
        return "There are fewer pages than that."
    return "Nobody has such a name." if wish.search.name else "There is nobody of this kind."
