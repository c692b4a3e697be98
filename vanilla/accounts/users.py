"""The people who may sign in: making them, changing them, checking their passwords."""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr
from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from vanilla import audit
from vanilla.accounts.callers import Callers
from vanilla.accounts.endings import end_access, revoke_invitations
from vanilla.accounts.names import checked_username, username_key
from vanilla.accounts.passwords import Passwords
from vanilla.accounts.periods import LimitPeriod, period_key, starts_at
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.database import Database
from vanilla.errors import Conflict, NotFound, Unauthenticated
from vanilla.models import UsageHour, User, utc_now

MOST_TOKENS = 10**15
Tokens = Annotated[StrictInt, Field(ge=0, le=MOST_TOKENS)]
MOST_CALLS = 1_000_000  # at once, or a minute
AtLeastOne = Annotated[StrictInt, Field(ge=1, le=MOST_CALLS)]


class UserChanges(BaseModel):
    """What to change of a user: only the fields that are given. None lifts a limit; a token limit of 0 blocks."""

    model_config = ConfigDict(extra="forbid")

    token_limit: Tokens | None = None
    limit_period: LimitPeriod = "total"
    is_active: StrictBool = True
    is_admin: StrictBool = False
    password: StrictStr = ""
    requests_per_minute: AtLeastOne | None = None
    concurrent_calls: AtLeastOne | None = None

    def given(self) -> dict[str, Any]:
        """The fields that were given, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Users:
    """The users of this platform."""

    def __init__(self, database: Database, passwords: Passwords, revocations: Revocations, callers: Callers) -> None:
        self._database = database
        self._passwords = passwords
        self._revocations = revocations
        self._callers = callers
        self._listeners: list[Callable[[User], None]] = []

    def subscribe(self, listener: Callable[[User], None]) -> Callable[[], None]:
        """Call `listener` on the event loop with each user that is changed in this process; the returned function ends
        that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def create(
        self,
        *,
        username: str,
        password: str,
        is_admin: bool = False,
        token_limit: int | None = None,
        limit_period: LimitPeriod = "total",
        by: str | None = None,
    ) -> User:
        """A new user, let in by the user `by` (None: the command line, or the platform itself).

        Raises Invalid (name or password), Conflict (taken name; names differ by more than case).
        """
        checked_username(username)  # before the hash, which takes a while
        row = new_user(username, await self._passwords.hash(password), token_limit, limit_period)
        row.is_admin = is_admin

        def work(session: Session) -> User | Conflict:
            stored = insert(session, row)
            if isinstance(stored, User):
                details = {"is_admin": is_admin, "token_limit": token_limit, "limit_period": limit_period}
                audit.record(session, by=by, action="user.create", subject=stored.id, details=details)
            return stored

        stored = await self._database.write(work)
        if isinstance(stored, Conflict):
            raise stored
        return stored

    async def get(self, user_id: str) -> User:
        """Raises NotFound."""
        user = await self._database.read(lambda session: session.get(User, user_id))
        if user is None:
            raise NotFound("There is no such user.")
        return user

    async def named(self, username: str) -> User:
        """The user with this name, however it is written. Raises NotFound."""
        mine = select(User).where(User.username_key == username_key(username.strip()), col(User.deleted_at).is_(None))
        user = await self._database.read(lambda session: session.exec(mine).first())
        if user is None:
            raise NotFound(f"Nobody here is called {username.strip()}.")
        return user

    async def list(self, search: str = "", limit: int = 50, offset: int = 0) -> tuple[Sequence[User], int]:
        """A page of the users whose name contains `search`, by name, and how many there are in all."""
        conditions: list[ColumnElement[bool]] = [col(User.deleted_at).is_(None)]
        if key := username_key(search.strip()):
            conditions.append(col(User.username_key).contains(key, autoescape=True))
        some = select(User).where(*conditions).order_by(col(User.username_key)).limit(limit).offset(offset)
        count = select(func.count()).select_from(User).where(*conditions)
        return await self._database.read(lambda session: (session.exec(some).all(), session.exec(count).one()))

    async def authenticate(self, username: str, password: str) -> User:
        """The user with this name and password. Raises Unauthenticated, as slowly for a name that nobody has."""
        key = username_key(username.strip())
        user = await self._database.read(
            lambda session: session.exec(select(User).where(User.username_key == key)).first()
        )
        if user is None:
            await self._passwords.spend()
            raise Unauthenticated("Wrong username or password.")
        if not await self._passwords.matches(password, user.password_hash):
            raise Unauthenticated("Wrong username or password.")
        if not user.is_active:
            raise Unauthenticated("This account is switched off: ask the host.")
        return user

    async def update(self, user_id: str, changes: UserChanges, *, by: str | None = None) -> User:
        """Change what is given, in the name of the user `by`. A new password or a deactivation ends the user's
        sessions, tokens, pages and streams; an admin who is one no longer takes their open invitations along.

        Raises NotFound, Invalid (password), Conflict (nobody would be left who can manage the platform).
        """
        given = changes.given()
        password = given.pop("password", None)
        hashed = None if password is None else await self._passwords.hash(password)
        now = utc_now()
        is_out = password is not None or given.get("is_active") is False

        def work(session: Session) -> tuple[User, bool] | NotFound | Conflict:
            user = session.get(User, user_id)
            if user is None or user.deleted_at is not None:
                return NotFound("There is no such user.")
            is_manager = user.is_admin and user.is_active
            is_losing = is_manager and not (given.get("is_admin", True) and given.get("is_active", True))
            if is_losing and is_last_admin(session, user):
                return Conflict(f"{user.username} is the last active admin: make somebody else an admin first.")
            changed = {name: [getattr(user, name), to] for name, to in given.items() if getattr(user, name) != to}
            for name, value in given.items():
                setattr(user, name, value)
            if "limit_period" in changed:
                _count_anew(session, user, now)
            user.updated_at = now
            if hashed is not None:
                user.password_hash = hashed
                audit.record(session, by=by, action="user.password", subject=user_id)
            if changed:
                details: dict[str, Any] = {
                    **changed,
                    **({"period": user.limit_period} if "token_limit" in changed else {}),
                }
                if is_losing and (revoked := revoke_invitations(session, user_id, now)):
                    details["invitations_revoked"] = revoked
                audit.record(session, by=by, action="user.update", subject=user_id, details=details)
            if is_out:
                end_access(session, user_id)
            return user, changed.get("is_admin") == [True, False]

        # A refusal is a result here and not a raise: a raise would undo the group of writes that it stands in.
        answer = await self._database.write(work)
        if not isinstance(answer, tuple):
            raise answer
        user, is_demoted = answer
        self._callers.forget(user_id)
        if is_out or is_demoted:
            self._revocations.announce(Revocation(user_id))
        self._tell(user)
        return user

    async def set_own_limit(self, user_id: str, limit: int | None) -> User:
        """The user's own limit over their period, None for none. Raises NotFound."""

        def work(session: Session) -> User | None:
            user = session.get(User, user_id)
            if user is not None:
                user.own_token_limit = limit
                user.updated_at = utc_now()
            return user

        user = await self._database.write(work)
        if user is None:
            raise NotFound("There is no such user.")
        self._tell(user)
        return user

    async def set_password(
        self, user_id: str, password: str, *, by: str | None = None, except_sid: str | None = None
    ) -> None:
        """A new password, set by the user `by`. Ends every API token and every session but, if given, one.

        Raises Invalid, NotFound.
        """
        hashed = await self._passwords.hash(password)

        def work(session: Session) -> tuple[Sequence[str], Sequence[str]] | None:
            user = session.get(User, user_id)
            if user is None or user.deleted_at is not None:
                return None
            user.password_hash = hashed
            user.updated_at = utc_now()
            audit.record(session, by=by, action="user.password", subject=user_id)
            return end_access(session, user_id, except_sid)

        ended = await self._database.write(work)
        if ended is None:
            raise NotFound("There is no such user.")
        sids, token_ids = ended
        for sid in sids:
            self._revocations.announce(Revocation(user_id, session_id=sid))
        for token_id in token_ids:
            self._revocations.announce(Revocation(user_id, token_id=token_id))

    async def ensure_admin(self, username: str, password: str | None) -> str | None:
        """Make the first admin if there is no admin. Gives the password to print, once, if one had to be made."""
        admins = select(func.count()).select_from(User).where(col(User.is_admin))
        if await self._database.read(lambda session: session.exec(admins).one()):
            return None
        made = None if password else secrets.token_urlsafe(12)
        await self.create(username=username, password=password or made or "", is_admin=True)
        return made

    @staticmethod
    def current_usage(user: User, now: datetime | None = None) -> int:
        """The tokens used in the period that `now` lies in: the row may still speak of an earlier one."""
        return user.tokens_used if user.period == period_key(user.limit_period, now or utc_now()) else 0

    def _tell(self, user: User) -> None:
        for listener in list(self._listeners):
            listener(user)


def new_user(username: str, password_hash: str, token_limit: int | None, limit_period: LimitPeriod) -> User:
    """The row of a user to be. Raises Invalid (the name)."""
    name, now = checked_username(username), utc_now()
    return User(
        username=name,
        username_key=username_key(name),
        password_hash=password_hash,
        token_limit=token_limit,
        limit_period=limit_period,
        period=period_key(limit_period, now),
        created_at=now,
        updated_at=now,
    )


def insert(session: Session, row: User) -> User | Conflict:
    """A copy of the row, stored; a Conflict, as a result, where somebody has the name."""
    if session.exec(select(User.id).where(User.username_key == row.username_key)).first() is not None:
        return Conflict(f"The name {row.username} is taken: choose another.")
    stored = User(**row.model_dump())
    session.add(stored)
    return stored


def is_last_admin(session: Session, user: User) -> bool:
    """Whether nobody else is left who can manage the platform. Asked inside the write that takes the user away: SQLite
    lets one write in at a time, so two admins who demote each other at once cannot both succeed."""
    others = select(User.id).where(col(User.is_admin), col(User.is_active), User.id != user.id)
    return session.exec(others.limit(1)).first() is None


def _count_anew(session: Session, user: User, now: datetime) -> None:
    """Count what the user has used in the period that is now theirs."""
    start = starts_at(user.limit_period, now)
    used = select(func.coalesce(func.sum(UsageHour.total_tokens), 0)).where(UsageHour.user_id == user.id)
    if start is not None:
        used = used.where(UsageHour.hour >= int(start.timestamp()) // 3600)
    user.period = period_key(user.limit_period, now)
    user.tokens_used = session.exec(used).one()
