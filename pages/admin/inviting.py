"""Inviting friends: the dialog that makes a link, and the one that shows it, once."""

from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui

from pages import figures
from pages.admin.dialogs import Dialogs, choice, limit_fields, limit_of
from pages.elements import Words
from pages.forms import Field
from pages.visitor import Visitor
from vanilla.accounts.invitations import LONGEST_NOTE, USUAL_DAYS, Invited
from vanilla.errors import Invalid
from vanilla.services import Services

LASTS = {"1": "a day", "3": "3 days", "7": "a week", "30": "30 days", "90": "90 days"}


class Inviting:
    """Opens the dialogs of one page; `changed` is called once an invitation was made or taken back."""

    def __init__(
        self, services: Services, visitor: Visitor, dialogs: Dialogs, changed: Callable[[], Awaitable[None]]
    ) -> None:
        self._services = services
        self._visitor = visitor
        self._dialogs = dialogs
        self._changed = changed
        self._origin: str = ui.context.client.request.scope["origin"]

    def create(self) -> None:
        """Invite somebody."""

        def draw() -> None:
            Field(
                "For whom",
                "note",
                hint="A note for yourself. They choose their own name.",
                maxlength=LONGEST_NOTE,
                autocomplete="off",
                autofocus=True,
            )
            usual = self._services.controls.now
            limit_fields(usual.default_token_limit, usual.default_limit_period)
            choice("The link is good for", "days", LASTS, str(USUAL_DAYS))

        async def act(fields: dict[str, str]) -> Callable[[], None]:
            limit, period = limit_of(fields)
            days = fields.get("days", "")
            if days not in LASTS:
                raise Invalid("Choose how long the link is good for.")
            secret, made = await self._services.invitations.create(
                by=self._visitor.user.id,
                note=fields.get("note", ""),
                days=int(days),
                token_limit=limit,
                limit_period=period,
            )
            await self._changed()
            whom = made.note or "your friend"
            return partial(
                self._dialogs.show_link,
                f"Send this link to {whom}",
                f"It lets one person in and is good for {LASTS[days]}. It is shown this once.",
                f"{self._origin}/invitation/{secret}",
            )

        self._dialogs.ask("Invite a friend", draw, "Make the link", act)

    def revoke(self, invited: Invited) -> None:
        """Take an open invitation back."""
        row = invited.invitation
        whom = f"the invitation for {row.note}" if row.note else "this invitation"

        async def act(_fields: dict[str, str]) -> str:
            await self._services.invitations.revoke(row.id, by=self._visitor.user.id)
            await self._changed()
            return "The invitation is taken back."

        sentence = "Its link lets nobody in any more."
        self._dialogs.ask(f"Take back {whom}", lambda: Words("p", sentence), "Take back", act, kind="danger")


def limit_words(limit: int | None, period: str) -> str:
    """`50,000 tokens / month`, `no limit`."""
    if limit is None:
        return "no limit"
    return f"{figures.counted(limit, 'token')}{'' if period == 'total' else f' / {period}'}"
