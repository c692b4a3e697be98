"""`/admin/invitations`: the links that were made, and what became of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, get_args

from fastapi import Depends
from nicegui import ui

from pages.addresses import address, page_number
from pages.admin import drawn
from pages.admin.dialogs import Dialogs
from pages.admin.drawn import DrawnTable, Pager, act_button
from pages.admin.inviting import Inviting, limit_words
from pages.admin.sections import Guard, section
from pages.elements import Segments, box, button, button_link
from pages.markup import NONE, Markup, ago, local_time, tag
from pages.visitor import Visitor, admin
from vanilla.accounts.invitations import Invited, State
from vanilla.services import Services

A_PAGE = 50
STATES: dict[str, str] = {"open": "Open", "accepted": "Used", "expired": "Expired", "revoked": "Taken back"}
_COLUMNS = ("For whom", "They get", "Made", "By", "What became of it", "")


@dataclass(frozen=True, slots=True)
class Wish:
    """Which invitations are asked for. Pages count from 1."""

    state: State = "open"
    page: int = 1

    @property
    def address(self) -> str:
        """The address that shows just this."""
        fields = {
            "state": "" if self.state == "open" else self.state,
            "page": "" if self.page == 1 else str(self.page),
        }
        return address("/admin/invitations", fields)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of invitations, and how many there are in each state."""

    invitations: Sequence[Invited]
    counts: Mapping[State, int]


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin/invitations")
    async def invitations(
        visitor: Annotated[Visitor, Depends(admin(services))], state: str = "open", page: str = "1"
    ) -> None:
        wish = Wish(_state_of(state), page_number(page))
        found = await find(services, wish)
        drawn.head()
        with section(visitor, "Invitations", "/admin/users"):
            InvitationsView(services, visitor, wish, found)


async def find(services: Services, wish: Wish) -> Found:
    """The invitations of one page."""
    return Found(*await services.invitations.list(wish.state, A_PAGE, (wish.page - 1) * A_PAGE))


class InvitationsView:
    """Those of one state, a page at a time."""

    def __init__(self, services: Services, visitor: Visitor, wish: Wish, found: Found) -> None:
        self._services = services
        self._guard = Guard(services, visitor)
        self._inviting = Inviting(services, visitor, Dialogs(self._guard), self._load)
        self._wish = wish
        self._shown: dict[str, Invited] = {}
        with box("div", "bar-of-controls"):
            button_link("All users", "/admin/users", classes="little")
            button("Invite a friend", lambda: self._open(self._inviting.create), kind="primary")
        with box("section", "card padded stack people", aria_label="Invitations"):
            Segments(
                {str(state): words for state, words in STATES.items()},
                wish.state,
                self._choose,
                label="Which invitations",
                classes="stretch",
            )
            self._table = DrawnTable(_COLUMNS, self._acted, label="Table of invitations")
            self._pager = Pager(A_PAGE, self._turn, label="Pages of invitations")
        self._draw(found)

    async def _open(self, dialog: Callable[[], None]) -> None:
        if await self._guard.lets():
            dialog()

    async def _acted(self, act: str, invitation_id: str) -> None:
        invited = self._shown.get(invitation_id)
        if act == "revoke" and invited is not None and await self._guard.lets():
            self._inviting.revoke(invited)

    async def _choose(self, state: str) -> None:
        self._wish = Wish(_state_of(state))
        await self._load()

    async def _turn(self, page: int) -> None:
        self._wish = replace(self._wish, page=page)
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
        self._shown = {invited.invitation.id: invited for invited in found.invitations}
        self._table.show([_row(invited) for invited in found.invitations], _NOTHING[self._wish.state])
        self._pager.show(self._wish.page, len(found.invitations), found.counts[self._wish.state])


def _state_of(text: str) -> State:
    return next((each for each in get_args(State) if each == text), "open")


def _row(invited: Invited) -> Markup:
    row = invited.invitation
    note = row.note or "somebody"
    take_back = act_button("Take back", "revoke", row.id, f"the invitation for {note}")
    return tag(
        "tr",
        tag("td", tag("span", note, class_="clip"), class_="whole"),
        tag("td", limit_words(row.token_limit, row.limit_period), data_label="They get"),
        tag("td", ago(row.created_at), data_label="Made"),
        tag("td", invited.created_by or "", data_label="By"),
        tag("td", *_fate(invited), data_label="What became of it"),
        tag("td", take_back if invited.state == "open" else NONE, class_="actions whole"),
    )


def _fate(invited: Invited) -> tuple[Markup | str, ...]:
    row = invited.invitation
    if invited.state == "accepted":
        friend = tag("a", invited.username or "", href=f"/admin/users/{row.user_id}")
        return (friend, " came in ", ago(row.accepted_at))
    if invited.state == "revoked":
        return ("taken back ", ago(row.revoked_at))
    return ("ends " if invited.state == "open" else "ended ", local_time(row.expires_at, "minute"))


_NOTHING: dict[State, str] = {
    "open": "No invitation is open. Invite a friend: they choose their own name and password.",
    "accepted": "Nobody has come by an invitation yet.",
    "expired": "No invitation has expired.",
    "revoked": "No invitation was taken back.",
}
