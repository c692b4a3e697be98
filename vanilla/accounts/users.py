"""The people who may sign in: making them, changing them, checking their passwords."""

import secrets
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictInt, StrictStr
from sqlmodel import Session, col, delete, func, select

from vanilla.accounts.callers import Callers
from vanilla.accounts.passwords import Passwords
from vanilla.accounts.periods import LimitPeriod, period_key, starts_at
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.database import Database
from vanilla.errors import Conflict, Invalid, NotFound, Unauthenticated
from vanilla.models import ApiToken, LoginSession, UsageHour, User, utc_now

LONGEST_USERNAME = 40  # characters
_BLANKS = set("\u115f\u1160\u2800")  # letters and symbols to Unicode, and nothing to see
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

    async def create(
        self,
        *,
        username: str,
        password: str,
        is_admin: bool = False,
        token_limit: int | None = None,
        limit_period: LimitPeriod = "total",
    ) -> User:
        """A new user. Raises Invalid (name or password), Conflict (taken name; names differ by more than case)."""
        name = checked_username(username)
        key = username_key(name)
        now = utc_now()
        row = User(
            username=name,
            username_key=key,
            password_hash=await self._passwords.hash(password),
            is_admin=is_admin,
            token_limit=token_limit,
            limit_period=limit_period,
            period=period_key(limit_period, now),
            created_at=now,
            updated_at=now,
        )

        def work(session: Session) -> User | None:
            if session.exec(select(User.id).where(User.username_key == key)).first() is not None:
                return None
            stored = User(**row.model_dump())
            session.add(stored)
            return stored

        stored = await self._database.write(work)
        if stored is None:
            raise Conflict(f"The name {name} is taken: choose another.")
        return stored

    async def get(self, user_id: str) -> User:
        """Raises NotFound."""
        user = await self._database.read(lambda session: session.get(User, user_id))
        if user is None:
            raise NotFound("There is no such user.")
        return user

    async def list(self, search: str = "", limit: int = 50, offset: int = 0) -> tuple[Sequence[User], int]:
        """A page of the users whose name contains `search`, by name, and how many there are in all."""
        key = username_key(search.strip())
        some = select(User).order_by(col(User.username_key)).limit(limit).offset(offset)
        count = select(func.count()).select_from(User)
        if key:
            some = some.where(col(User.username_key).contains(key, autoescape=True))
            count = count.where(col(User.username_key).contains(key, autoescape=True))
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

    async def update(self, user_id: str, changes: UserChanges) -> User:
        """Change what is given. A new password or a deactivation ends the user's sessions, tokens, pages and streams.

        Raises NotFound, Invalid (password), Conflict (nobody would be left who can manage the platform).
        """
        given = changes.given()
        password = given.pop("password", None)
        if password is not None:
            given["password_hash"] = await self._passwords.hash(password)
        now = utc_now()
        is_out = password is not None or given.get("is_active") is False

        def work(session: Session) -> tuple[User, bool] | NotFound | Conflict:
            user = session.get(User, user_id)
            if user is None:
                return NotFound("There is no such user.")
            was_admin = user.is_admin
            if user.is_admin and user.is_active and not (given.get("is_admin", True) and given.get("is_active", True)):
                others = (
                    select(func.count())
                    .select_from(User)
                    .where(col(User.is_admin), col(User.is_active), User.id != user_id)
                )
                if session.exec(others).one() == 0:
                    return Conflict(f"{user.username} is the last active admin: make somebody else an admin first.")
            period_before = user.limit_period
            for name, value in given.items():
                setattr(user, name, value)
            if user.limit_period != period_before:
                _count_anew(session, user, now)
            user.updated_at = now
            if is_out:
                _end_all(session, user_id)
            return user, was_admin and not user.is_admin

        # A refusal is a result here and not a raise: a raise would undo the group of writes that it stands in.
        answer = await self._database.write(work)
        if not isinstance(answer, tuple):
            raise answer
        user, is_demoted = answer
        self._callers.forget(user_id)
        if is_out or is_demoted:
            self._revocations.announce(Revocation(user_id))
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
        return user

    async def set_password(self, user_id: str, password: str, *, except_sid: str | None = None) -> None:
        """A new password. Ends every API token and every session but, if given, one. Raises Invalid, NotFound."""
        hashed = await self._passwords.hash(password)
        now = utc_now()

        def work(session: Session) -> tuple[Sequence[str], Sequence[str]] | None:
            user = session.get(User, user_id)
            if user is None:
                return None
            user.password_hash = hashed
            user.updated_at = now
            return _end_all(session, user_id, except_sid)

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


def checked_username(username: str) -> str:
    """The name as it is kept: trimmed, in Unicode's composed form. Raises Invalid."""
    name = unicodedata.normalize("NFC", username.strip())
    if not 1 <= len(name) <= LONGEST_USERNAME:
        raise Invalid(f"The username must have 1 to {LONGEST_USERNAME} characters.")
    plain = unicodedata.normalize("NFKC", name)
    if not name.isprintable() or _BLANKS & set(plain):
        raise Invalid("The username contains a character that cannot be seen: leave it out.")
    if plain != name:  # full-width letters and the like, which pass for somebody else's name
        raise Invalid(f"The username contains a character in a special form: write {plain}.")
    return name


def username_key(username: str) -> str:
    """What makes names one: Mira, MIRA and mira."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", username).casefold())


def _count_anew(session: Session, user: User, now: datetime) -> None:
    """Count what the user has used in the period that is now theirs."""
    start = starts_at(user.limit_period, now)
    used = select(func.coalesce(func.sum(UsageHour.total_tokens), 0)).where(UsageHour.user_id == user.id)
    if start is not None:
        used = used.where(UsageHour.hour >= int(start.timestamp()) // 3600)
    user.period = period_key(user.limit_period, now)
    user.tokens_used = session.exec(used).one()


def _end_all(session: Session, user_id: str, except_sid: str | None = None) -> tuple[Sequence[str], Sequence[str]]:
    """Delete the user's sessions (with their play tokens) and API tokens; gives the ids of both."""
    kept = except_sid or ""
    sids = session.exec(select(LoginSession.sid).where(LoginSession.user_id == user_id, LoginSession.sid != kept)).all()
    token_ids = session.exec(select(ApiToken.id).where(ApiToken.user_id == user_id)).all()
    session.exec(delete(LoginSession).where(col(LoginSession.sid).in_(sids)))
    session.exec(delete(ApiToken).where(col(ApiToken.id).in_(token_ids)))
    return sids, token_ids
