"""What an admin does with users, each in a dialog: create, edit, new password, sign out, switch off and on, delete."""

from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui

from pages.admin.dialogs import Dialogs, limit_fields, limit_of, pace_fields, pace_of, tick
from pages.elements import Words
from pages.forms import Field
from pages.visitor import Visitor
from vanilla.accounts.names import LONGEST_USERNAME
from vanilla.accounts.passwords import SHORTEST
from vanilla.accounts.users import UserChanges
from vanilla.errors import Invalid
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
        self._origin: str = ui.context.client.request.scope["origin"]

    def create(self) -> None:
        """Let somebody in with a name and a password of the admin's choice."""

        def draw() -> None:
            Field("Username", "username", required=True, maxlength=LONGEST_USERNAME, autocomplete="off", autofocus=True)
            Field("Password", "password", type="password", required=True, autocomplete="new-password", hint=_HINT)
            usual = self._services.controls.now
            limit_fields(usual.default_token_limit, usual.default_limit_period)
            tick(_MAY_MANAGE, "is_admin", is_on=False)

        async def act(fields: dict[str, str]) -> str:
            limit, period = limit_of(fields)
            user = await self._services.users.create(
                username=fields.get("username", ""),
                password=fields.get("password", ""),
                is_admin="is_admin" in fields,
                token_limit=limit,
                limit_period=period,
                by=self._me,
            )
            await self._tell(user)
            return f"{user.username} can sign in now. Tell them their password."

        self._dialogs.ask("New user", draw, "Create user", act)

    def edit(self, user: User) -> None:
        """Change limit, pace and role."""

        def draw() -> None:
            limit_fields(user.token_limit, user.limit_period)
            pace_fields(user, self._services.controls.now.usual_pace(self._services.settings))
            tick(_MAY_MANAGE, "is_admin", is_on=user.is_admin)

        async def act(fields: dict[str, str]) -> str:
            limit, period = limit_of(fields)
            is_admin = "is_admin" in fields
            changes = UserChanges(token_limit=limit, limit_period=period, **pace_of(fields))
            if is_admin != user.is_admin:
                changes = changes.model_copy(update={"is_admin": is_admin})
            await self._tell(await self._services.users.update(user.id, changes, by=self._me))
            return f"{user.username} is changed."

        self._dialogs.ask(f"Edit {user.username}", draw, "Save", act)

    def reset(self, user: User) -> None:
        """Make a link by which they choose a new password themselves."""
        sentence = (
            "You get a link to send to them. By it they choose a new password, once, within a day. Until then the old"
            " one is good; after it they are signed out everywhere else."
        )

        async def act(_fields: dict[str, str]) -> Callable[[], None]:
            secret = await self._services.password_resets.create(user.id, by=self._me)
            return partial(
                self._dialogs.show_link,
                f"Send this link to {user.username}",
                "Whoever has it can choose their password. It is good for a day and shown this once.",
                f"{self._origin}/reset/{secret}",
            )

        title = f"New password for {user.username}"
        self._dialogs.ask(title, lambda: Words("p", sentence), "Make the link", act)

    def password(self, user: User) -> None:
        """Set a password for them."""
        is_own = user.id == self._visitor.user.id

        def draw() -> None:
            Field("New password", "password", type="password", required=True, autocomplete="new-password", hint=_HINT)
            ends = "your other browsers and all your API tokens" if is_own else "all their browsers and API tokens"
            Words("p", f"This signs out {ends}.", "quiet small")

        async def act(fields: dict[str, str]) -> str:
            kept = self._visitor.caller.session_id if is_own else None
            password = fields.get("password", "")
            await self._services.users.set_password(user.id, password, by=self._me, except_sid=kept)
            return f"{user.username} has a new password."

        self._dialogs.ask(f"New password for {user.username}", draw, "Set password", act)

    def sign_out(self, user: User) -> None:
        """End all their sessions."""
        is_own = user.id == self._visitor.user.id
        whom = "all your other browsers" if is_own else "all their browsers"
        sentence = f"This signs out {whom} at once. The password and API tokens stay."

        async def act(_fields: dict[str, str]) -> str:
            kept = self._visitor.caller.session_id if is_own else None
            await self._services.sessions.close_all(user.id, kept, by=self._me)
            return f"{user.username} is signed out everywhere{' else' if is_own else ''}."

        title = f"Sign {user.username} out everywhere"
        self._dialogs.ask(title, lambda: Words("p", sentence), "Sign out", act, kind="danger")

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
            changes = UserChanges(is_active=not user.is_active)
            await self._tell(await self._services.users.update(user.id, changes, by=self._me))
            return f"{user.username} {done}"

        title = f"{words} {user.username}"
        self._dialogs.ask(
            title, lambda: Words("p", sentence), words, act, kind="danger" if user.is_active else "primary"
        )

    def delete(self, user: User) -> None:
        """Delete them for good, once their name was typed."""

        def draw() -> None:
            Words("p", _DELETES)
            Field(f"Type {user.username} to delete them", "typed", autocomplete="off", spellcheck="false")

        async def act(fields: dict[str, str]) -> str:
            if fields.get("typed", "").strip() != user.username:
                raise Invalid(f"Type {user.username}, just so, if you mean it.")
            await self._tell(await self._services.deletions.delete(user.id, by=self._me))
            return f"{user.username} is deleted."

        self._dialogs.ask(f"Delete {user.username}", draw, "Delete for good", act, kind="danger")

    @property
    def _me(self) -> str:
        return self._visitor.user.id

    async def _tell(self, user: User) -> None:
        told = self._changed(user)
        if told is not None:
            await told


_HINT = f"At least {SHORTEST} characters."
_MAY_MANAGE = "May manage users and see all usage (admin)"
_DELETES = (
    "Their games, saves, tokens and favourites go for good, and they are signed out at once. What they used stays in"
    " the figures, without their name. The name is free again."
)
