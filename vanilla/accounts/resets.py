"""Links to a new password: made by an admin, good for a day, for the one user to choose it themselves."""

import secrets
from datetime import timedelta

from sqlmodel import Session, delete, select

from vanilla import audit
from vanilla.accounts.endings import end_access
from vanilla.accounts.passwords import Passwords, check_new
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.accounts.sessions import hash_of
from vanilla.database import Database
from vanilla.errors import Conflict, NotFound
from vanilla.models import PasswordReset, User, utc_now

LASTS = timedelta(days=1)


class PasswordResets:
    """Makes such links and takes what is chosen by them. A user has at most one; it ends with its use, with every
    other new password, and when the user is switched off."""

    def __init__(self, database: Database, passwords: Passwords, revocations: Revocations) -> None:
        self._database = database
        self._passwords = passwords
        self._revocations = revocations

    async def create(self, user_id: str, *, by: str | None) -> str:
        """The secret of a new link for this user, which is kept nowhere; an earlier one is void. The old password and
        everything signed in stay as they are until the link is used.

        Raises NotFound, Conflict (switched off).
        """
        secret = secrets.token_urlsafe(24)

        def work(session: Session) -> NotFound | Conflict | None:
            user = session.get(User, user_id)
            if user is None or user.deleted_at is not None:
                return NotFound("There is no such user.")
            if not user.is_active:
                return Conflict(f"{user.username} is switched off: switch them on first.")
            now = utc_now()
            session.merge(
                PasswordReset(user_id=user_id, token_hash=hash_of(secret), created_at=now, expires_at=now + LASTS)
            )
            audit.record(session, by=by, action="reset.create", subject=user_id)
            return None

        if problem := await self._database.write(work):
            raise problem
        return secret

    async def find(self, secret: str) -> User:
        """Whose new password a link is for. Raises NotFound: it is none, or it was used, or it is over."""
        user = await self._database.read(lambda session: _by_secret(session, secret))
        if user is None:
            raise _unknown()
        return user

    async def use(self, secret: str, password: str) -> User:
        """Set the password that was chosen: every session and every token ends, and so does the link.

        Raises NotFound, Invalid (the password; the link stays).
        """
        check_new(password)
        await self.find(secret)  # before the hash, which takes a while
        hashed = await self._passwords.hash(password)

        def work(session: Session) -> User | None:
            user = _by_secret(session, secret)
            if user is not None:
                user.password_hash = hashed
                user.updated_at = utc_now()
                end_access(session, user.id)
                audit.record(session, by=user.id, action="user.password", subject=user.id, details={"by_link": True})
            return user

        user = await self._database.write(work)
        if user is None:
            raise _unknown()
        self._revocations.announce(Revocation(user.id))
        return user

    async def sweep(self) -> None:
        """Delete the rows of links that are over."""
        over = delete(PasswordReset).where(PasswordReset.expires_at <= utc_now())  # type: ignore[arg-type]
        await self._database.write(lambda session: session.exec(over))


def _by_secret(session: Session, secret: str) -> User | None:
    statement = (
        select(User)
        .join(PasswordReset, PasswordReset.user_id == User.id)  # type: ignore[arg-type]
        .where(PasswordReset.token_hash == hash_of(secret), PasswordReset.expires_at > utc_now(), User.is_active)
    )
    return session.exec(statement).first()


def _unknown() -> NotFound:
    return NotFound("This link has been used, or its time is over. Ask the host for a new one.")
