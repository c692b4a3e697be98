"""API tokens (`vk_...`, for a user's own programs) and play tokens (`vp_...`, for a game in its frame)."""

import secrets
import time
from collections.abc import Sequence

from sqlmodel import Session, col, delete, func, select

from vanilla.accounts.caller import Caller
from vanilla.accounts.callers import Callers
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.accounts.sessions import hash_of
from vanilla.database import Database
from vanilla.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from vanilla.models import ApiToken, LoginSession, PlayToken, utc_now

MOST_API_TOKENS = 50  # of one user
LONGEST_NAME = 60  # characters
PLAY_LASTS = 15 * 60  # seconds since it was made or last extended
MOST_PLAY_TOKENS = 50  # of one session: more open play pages than anybody has


class ApiTokens:
    """Makes, lists and revokes a user's API tokens."""

    def __init__(self, database: Database, revocations: Revocations) -> None:
        self._database = database
        self._revocations = revocations

    async def create(self, user_id: str, name: str) -> tuple[str, ApiToken]:
        """A new token: the secret, which is kept nowhere, and the row. Raises Invalid, Conflict (too many)."""
        name = name.strip()
        if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
            raise Invalid(f"Give the token a name of 1 to {LONGEST_NAME} characters, such as the program that uses it.")
        secret = "vk_" + secrets.token_urlsafe(32)
        row = ApiToken(user_id=user_id, name=name, token_hash=hash_of(secret), created_at=utc_now())

        def work(session: Session) -> ApiToken | None:
            mine = select(func.count()).select_from(ApiToken).where(ApiToken.user_id == user_id)
            if session.exec(mine).one() >= MOST_API_TOKENS:
                return None
            stored = ApiToken(**row.model_dump())
            session.add(stored)
            return stored

        stored = await self._database.write(work)
        if stored is None:
            raise Conflict(f"You have {MOST_API_TOKENS} tokens already: revoke one that you no longer use.")
        return secret, stored

    async def list(self, user_id: str) -> Sequence[ApiToken]:
        """The user's tokens, the newest first."""
        statement = select(ApiToken).where(ApiToken.user_id == user_id).order_by(col(ApiToken.id).desc())
        return await self._database.read(lambda session: session.exec(statement).all())

    async def revoke(self, user_id: str, token_id: str) -> None:
        """End one of the user's tokens. Raises NotFound, also for a token of somebody else."""
        statement = delete(ApiToken).where(col(ApiToken.id) == token_id, col(ApiToken.user_id) == user_id)
        if not await self._database.write(lambda session: session.exec(statement).rowcount):
            raise NotFound("You have no such token.")
        self._revocations.announce(Revocation(user_id, token_id=token_id))

    async def revoke_all(self, user_id: str) -> None:
        """End every token of the user."""

        def work(session: Session) -> Sequence[str]:
            ended = session.exec(select(ApiToken.id).where(ApiToken.user_id == user_id)).all()
            session.exec(delete(ApiToken).where(col(ApiToken.id).in_(ended)))
            return ended

        for token_id in await self._database.write(work):
            self._revocations.announce(Revocation(user_id, token_id=token_id))


class PlayTokens:
    """Gives a play page the token that its game calls the platform with. It dies with the login session behind it."""

    def __init__(self, database: Database, callers: Callers) -> None:
        self._database = database
        self._callers = callers

    async def open(self, caller: Caller, game_id: str, version: int) -> str:
        """The secret of a new play token, good for PLAY_LASTS seconds. The game must exist.

        Raises Forbidden for a caller without a login session, Unauthenticated when that has just ended.
        """
        if caller.session_id is None or caller.game_id:
            raise Forbidden("Only someone who is signed in can play.")
        secret = "vp_" + secrets.token_urlsafe(32)
        session_id, hashed, expire = caller.session_id, hash_of(secret), int(time.time()) + PLAY_LASTS

        def work(session: Session) -> bool:
            if session.get(LoginSession, session_id) is None:
                return False
            mine = select(PlayToken).where(PlayToken.session_sid == session_id).order_by(col(PlayToken.expire).desc())
            for oldest in session.exec(mine.offset(MOST_PLAY_TOKENS - 1)).all():
                session.delete(oldest)
            session.add(
                PlayToken(
                    token_hash=hashed,
                    session_sid=session_id,
                    user_id=caller.user_id,
                    game_id=game_id,
                    version=version,
                    expire=expire,
                )
            )
            return True

        if not await self._database.write(work):
            raise Unauthenticated("You are signed out: sign in again.")
        return secret

    async def extend(self, session_sid: str, secret: str) -> None:
        """Keep a token of this login session good for another PLAY_LASTS seconds. Raises Unauthenticated when it is
        gone: the play page then opens a new one."""
        hashed, expire = hash_of(secret), int(time.time()) + PLAY_LASTS

        def work(session: Session) -> bool:
            row = session.get(PlayToken, hashed)
            if row is None or row.session_sid != session_sid:
                return False
            row.expire = expire
            return True

        if not await self._database.write(work):
            raise Unauthenticated("This play token has ended.")
        self._callers.forget_credential(secret)
