"""`/admin/users`: everybody who may sign in, a page at a time."""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import Depends
from nicegui import ui
from nicegui.events import GenericEventArguments

from pages import figures
from pages.admin.dialogs import Dialogs
from pages.admin.people import People
from pages.admin.rows import KeyedRows
from pages.admin.sections import Guard, section
from pages.elements import Words, ago, box, button, link, meter
from pages.tables import table
from pages.visitor import Visitor, admin
from vanilla.accounts.users import Users
from vanilla.models import User
from vanilla.services import Services

A_PAGE = 20
LONGEST_SEARCH = 100  # characters


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin/users")
    async def users(visitor: Annotated[Visitor, Depends(admin(services))]) -> None:
        found, total = await services.users.list("", A_PAGE, 0)
        with section(visitor, "Users", "/admin/users"):
            UsersView(services, visitor, found, total)


class UsersView:
    """The table with its search and its pages. A row stays in place when its user changes."""

    def __init__(self, services: Services, visitor: Visitor, found: Sequence[User], total: int) -> None:
        self._services = services
        self._guard = Guard(services, visitor)
        self._people = People(services, visitor, Dialogs(self._guard), self._changed)
        self._search = ""
        self._offset = 0
        self._shown: dict[str, User] = {}
        with box("section", "card padded users"):
            with box("div", "bar-of-controls card-head"):
                with box("div", "search", role="search"):
                    field = box(
                        "input",
                        "input",
                        type="search",
                        placeholder="Search by name",
                        aria_label="Search users by name",
                        autocomplete="off",
                        maxlength=LONGEST_SEARCH,
                    ).mark("search")
                    field.on("input", self._searched, js_handler=_AFTER_A_PAUSE)
                button("New user", self._create, kind="primary")
            headings = ("User", "Total tokens", "Limit", "Created", "Last active", "State", "")
            with table(headings, label="Users", numbers=(1,)) as body:
                self._rows = KeyedRows[User](
                    body, lambda user: UserRow(user, self._people, self._guard), "Nobody has such a name."
                )
            with box("div", "pager"):
                self._previous = button("Previous", lambda: self._turn(-A_PAGE), classes="little")
                self._place = Words("span", "", "quiet figures", role="status")
                self._next = button("Next", lambda: self._turn(A_PAGE), classes="little")
        self._show(found, total)

    async def _create(self) -> None:
        if await self._guard.lets():
            self._people.create()

    async def _searched(self, event: GenericEventArguments) -> None:
        self._search = str(event.args or "")[:LONGEST_SEARCH]
        self._offset = 0
        await self._load()

    async def _turn(self, by: int) -> None:
        self._offset = max(0, self._offset + by)
        await self._load()

    async def _changed(self, user: User) -> None:
        if user.id in self._shown:
            self._shown[user.id] = user
            self._rows.show(dict(self._shown))
        else:
            await self._load()

    async def _load(self) -> None:
        if not await self._guard.lets():
            return
        search = self._search
        found, total = await self._services.users.list(search, A_PAGE, self._offset)
        if search == self._search:  # else more was typed meanwhile, and its answer is on the way
            self._show(found, total)

    def _show(self, found: Sequence[User], total: int) -> None:
        self._shown = {user.id: user for user in found}
        self._rows.show(dict(self._shown))
        first, last = self._offset + 1, self._offset + len(found)
        self._place.set_text(f"{figures.count(first)} to {figures.count(last)} of {figures.count(total)}")
        self._place.set_visibility(bool(found))
        self._previous.set_visibility(total > A_PAGE)
        self._next.set_visibility(total > A_PAGE)
        self._previous.props.set_bool("disabled", self._offset == 0)
        self._next.props.set_bool("disabled", last >= total)


class UserRow:
    """One user, and what can be done."""

    def __init__(self, user: User, people: People, guard: Guard) -> None:
        self._user = user
        self._people = people
        self._guard = guard
        with box("tr") as self.element:
            with box("td", "whole"):
                link(user.username, f"/admin/users/{user.id}", "clip")
            self._total = Words("td", "", "number", data_label="Total tokens")
            with box("td", data_label="Limit"):
                self._limit = LimitMeter()
            with box("td", data_label="Created"):
                ago(user.created_at)
            with box("td", data_label="Last active") as self._seen:
                pass
            with box("td", "whole"), box("span", "line-up"):
                self._state = Words("span", "", "tag")
                self._admin = Words("span", "admin", "tag")
            with box("td", "actions whole"), box("div", "line-up"):
                button(
                    "Edit", lambda: self._open(people.edit), classes="little", aria_label=f"Edit {user.username}"
                ).mark(f"edit-{user.id}")
                button(
                    "Password",
                    lambda: self._open(people.password),
                    classes="little",
                    aria_label=f"New password for {user.username}",
                ).mark(f"password-{user.id}")
                self._switch = button("", lambda: self._open(people.switch), classes="little")
                self._switch.mark(f"switch-{user.id}")
        self.show(user)

    def show(self, user: User) -> None:
        """Show the user as they are now."""
        self._user = user
        self._total.set_text(figures.count(user.total_tokens))
        self._limit.show(user)
        self._seen.clear()
        with self._seen:
            if user.last_active_at is None:
                Words("span", "never", "quiet")
            else:
                ago(user.last_active_at)
        self._state.set_text("active" if user.is_active else "switched off")
        self._state.classes(add="ok" if user.is_active else "danger", remove="danger" if user.is_active else "ok")
        self._admin.set_visibility(user.is_admin)
        words = "Deactivate" if user.is_active else "Activate"
        self._switch.set_text(words)
        self._switch.props["aria-label"] = f"{words} {user.username}"

    async def _open(self, dialog: Callable[[User], None]) -> None:
        if await self._guard.lets():
            dialog(self._user)


class LimitMeter:
    """How much of their limit a user has used."""

    def __init__(self) -> None:
        self._words = Words("div", "", "figures")
        self._bar = meter(0.0, label="Used of the limit")

    def show(self, user: User) -> None:
        """Show it as it is now."""
        used = Users.current_usage(user)
        if user.token_limit is None:
            self._words.set_text("no limit")
            self._bar.set_visibility(False)
            return
        period = "" if user.limit_period == "total" else f" / {user.limit_period}"
        self._words.set_text(f"{figures.count(used)} of {figures.count(user.token_limit)}{period}")
        self._bar.set_visibility(True)
        part = figures.fraction(used, user.token_limit)
        percent = f"{part * 100:.4g}"
        self._bar.props["aria-valuenow"] = percent
        self._bar.classes(add="near" if part >= 0.9 else "", remove="" if part >= 0.9 else "near")
        (bar,) = self._bar.default_slot.children
        bar.style(f"width: {percent}%")


# Emits what is typed once typing pauses, so that not every letter is a search.
_AFTER_A_PAUSE = (
    "(event) => { const field = event.target; clearTimeout(field.pause);"
    " field.pause = setTimeout(() => emit(field.value), 200); }"
)
