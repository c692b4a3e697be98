"""What an admin does with users, each in a dialog: create, edit, new password, switch off and on."""

from collections.abc import Awaitable, Callable

from pages.admin.dialogs import Dialogs, limit_fields, limit_of, pace_fields, pace_of, tick
from pages.elements import Words
from pages.forms import Field
from pages.visitor import Visitor
from vanilla.accounts.names import LONGEST_USERNAME
from vanilla.accounts.passwords import SHORTEST
from vanilla.accounts.users import UserChanges
from vanilla.models import User
from vanilla.services import Services

Changed = Callable[[User], Awaitable[None] | None]


class People:
    """Opens the dialogs of one page; `changed` is told of each user that became another."""

    def __init__(self, services: Services, visitor: Visitor, dialogs: Dialogs, changed: Changed) -> None:
        self._services = services
        self._visitor = visitor
        self._dialogs = dialogs
        self._changed = changed

    def create(self) -> None:
        """Let somebody in."""

        def draw() -> None:
            Field("Username", "username", required=True, maxlength=LONGEST_USERNAME, autocomplete="off", autofocus=True)
            Field("Password", "password", type="password", required=True, autocomplete="new-password", hint=_HINT)
            limit_fields()
            tick("May manage users and see all usage (admin)", "is_admin", is_on=False)

        async def act(fields: dict[str, str]) -> str:
            limit, period = limit_of(fields)
            user = await self._services.users.create(
                username=fields.get("username", ""),
                password=fields.get("password", ""),
                is_admin="is_admin" in fields,
                token_limit=limit,
                limit_period=period,
            )
            await self._tell(user)
            return f"{user.username} can sign in now. Tell them their password."

        self._dialogs.ask("New user", draw, "Create user", act)

    def edit(self, user: User) -> None:
        """Change limit, pace and role."""

        def draw() -> None:
            limit_fields(user)
            pace_fields(user, self._services.settings)
            tick("May manage users and see all usage (admin)", "is_admin", is_on=user.is_admin)

        async def act(fields: dict[str, str]) -> str:
            limit, period = limit_of(fields)
            is_admin = "is_admin" in fields
            changes = UserChanges(token_limit=limit, limit_period=period, **pace_of(fields))
            if is_admin != user.is_admin:
                changes = changes.model_copy(update={"is_admin": is_admin})
            await self._tell(await self._services.users.update(user.id, changes))
            return f"{user.username} is changed."

        self._dialogs.ask(f"Edit {user.username}", draw, "Save", act)

    def password(self, user: User) -> None:
        """Give a new password."""
        is_own = user.id == self._visitor.user.id

        def draw() -> None:
            Field("New password", "password", type="password", required=True, autocomplete="new-password", hint=_HINT)
            ends = "your other browsers and all your API tokens" if is_own else "all their browsers and API tokens"
            Words("p", f"This signs out {ends}.", "quiet small")

        async def act(fields: dict[str, str]) -> str:
            kept = self._visitor.caller.session_id if is_own else None
            await self._services.users.set_password(user.id, fields.get("password", ""), except_sid=kept)
            return f"{user.username} has a new password."

        self._dialogs.ask(f"New password for {user.username}", draw, "Set password", act)

    def switch(self, user: User) -> None:
        """Switch off somebody who is active, or on again."""
        if user.is_active:
            sentence = (
                "They are signed out at once, their games stop in the middle of a call, and their API tokens end."
            )
            done, words = "is switched off.", "Deactivate"
        else:
            sentence = "They can sign in again with their password. API tokens they had are gone."
            done, words = "can sign in again.", "Activate"

        async def act(_fields: dict[str, str]) -> str:
            await self._tell(await self._services.users.update(user.id, UserChanges(is_active=not user.is_active)))
            return f"{user.username} {done}"

        title = f"{words} {user.username}"
        self._dialogs.ask(
            title, lambda: Words("p", sentence), words, act, kind="danger" if user.is_active else "primary"
        )

    async def _tell(self, user: User) -> None:
        told = self._changed(user)
        if told is not None:
            await told


_HINT = f"At least {SHORTEST} characters."
