"""Login sessions: a random secret in a cookie, its hash in the database, revocable at any time."""

import hashlib
import json
import secrets
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from sqlmodel import Session, col, delete, select

from vanilla import audit
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.database import Database
from vanilla.errors import Unauthenticated
from vanilla.models import LoginSession, PlayToken, User, utc_now

LIFETIME = 30 * 86400  # seconds without a visit
COOKIE_LIFETIME = 400 * 86400  # the most that browsers keep; the row decides, so that it can slide without a new cookie


def hash_of(secret: str) -> str:
    """How a credential is stored: hex SHA-256. The secrets are 256 random bits, so nothing slower is needed."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def cookie_name(origin: str) -> str:
    """The session cookie's name at our own `origin`. On https browsers refuse a `__Host-` cookie that is not Secure,
    has a Domain, or was planted by a neighbouring subdomain."""
    return "__Host-vanilla_session" if urlsplit(origin).scheme == "https" else "vanilla_session"


class Sessions:
    """Opens and ends login sessions. Which of them are valid is asked of `Callers`."""

    def __init__(self, database: Database, revocations: Revocations) -> None:
        self._database = database
        self._revocations = revocations

    async def open(self, user: User, *, agent: str = "", address: str = "") -> tuple[str, LoginSession]:
        """A new session of the user: the cookie's secret, which is kept nowhere, and the row.

        Raises Unauthenticated where the user has been switched off, or has another password, since `user` was read:
        the password that was checked may be the one that somebody else knew.
        """
        secret = secrets.token_urlsafe(32)
        row = _new_row(secret, user.id, agent, address)
        now = row.created_at

        def work(session: Session) -> LoginSession | None:
            signed_in = session.get(User, user.id)
            if signed_in is None or not signed_in.is_active or signed_in.password_hash != user.password_hash:
                return None
            stored = LoginSession(**row.model_dump())
            session.add(stored)
            signed_in.last_active_at = now
            return stored

        stored = await self._database.write(work)
        if stored is None:
            raise Unauthenticated("Your account has just changed: sign in again.")
        return secret, stored

    async def close(self, sid: str) -> None:
        """End one session; one that has ended already is fine."""

        def work(session: Session) -> str | None:
            row = session.get(LoginSession, sid)
            if row is None:
                return None
            session.delete(row)
            return row.user_id

        if user_id := await self._database.write(work):
            self._revocations.announce(Revocation(user_id, session_id=sid))

    async def close_all(self, user_id: str, except_sid: str | None = None, *, by: str | None = None) -> None:
        """End every session of the user but, if given, one, in the name of the user `by`."""

        def work(session: Session) -> Sequence[str]:
            mine = select(LoginSession.sid).where(
                LoginSession.user_id == user_id, LoginSession.sid != (except_sid or "")
            )
            ended = session.exec(mine).all()
            session.exec(delete(LoginSession).where(col(LoginSession.sid).in_(ended)))
            audit.record(session, by=by, action="session.close_all", subject=user_id, details={"sessions": len(ended)})
            return ended

        for sid in await self._database.write(work):
            self._revocations.announce(Revocation(user_id, session_id=sid))

    async def list(self, user_id: str) -> Sequence[LoginSession]:
        """The user's sessions, the one used last first."""
        statement = (
            select(LoginSession)
            .where(LoginSession.user_id == user_id, LoginSession.expire > int(time.time()))
            .order_by(col(LoginSession.last_seen_at).desc())
        )
        return await self._database.read(lambda session: session.exec(statement).all())

    async def sweep(self) -> None:
        """Delete the rows of sessions and play tokens that have expired."""
        now = int(time.time())

        def work(session: Session) -> None:
            session.exec(delete(PlayToken).where(col(PlayToken.expire) <= now))
            session.exec(delete(LoginSession).where(col(LoginSession.expire) <= now))

        await self._database.write(work)


def _new_row(secret: str, user_id: str, agent: str, address: str) -> LoginSession:
    now = utc_now()
    return LoginSession(
        sid=hash_of(secret),
        sess=json.dumps({"agent": agent[:300], "address": address}),
        expire=int(now.timestamp()) + LIFETIME,
        user_id=user_id,
        created_at=now,
        last_seen_at=now,
    )
