"""From a credential to a caller: remembered for the hot path, forgotten the moment it is revoked."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session, col, or_, select

from vanilla.accounts.caller import Caller, Credential
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.accounts.sessions import LIFETIME
from vanilla.database import Database
from vanilla.errors import Unauthenticated
from vanilla.models import NO_GAME, ApiToken, Game, LoginSession, PlayToken, User, utc_now

REMEMBERED = 10_000  # callers
ASK_AGAIN = 30.0  # seconds: what another process changed is seen by then
NOTE_VISITS_EVERY = timedelta(minutes=5)  # last_seen_at, last_used_at, expire and last_active_at are this exact


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    until: float  # Unix seconds: the credential's own end, or when the database is asked again


@dataclass(frozen=True, slots=True)
class _Found:
    caller: Caller
    expire: float | None  # Unix seconds
    is_visit_due: bool


class Callers:
    """Says who presents a credential. A valid one costs one look-up in memory, by its SHA-256."""

    def __init__(self, database: Database, revocations: Revocations, *, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._changes = 0  # counts what was forgotten, so that an answer read before is not remembered after
        revocations.subscribe(self._forget_revoked)

    async def identify(self, *, bearer: str | None, cookie: str | None) -> Caller:
        """The caller behind an API or play token or, where none was presented, behind a session cookie.

        Raises Unauthenticated: nothing was presented, or it is wrong, expired or revoked.
        """
        presented = cookie if bearer is None else bearer
        if not presented:
            raise Unauthenticated("Sign in first." if bearer is None else "The presented token is empty.")
        digest = hashlib.sha256(presented.encode(errors="surrogatepass")).digest()
        known = self._known.get(digest)
        if known is not None and known.until > self._clock() and _came_as(known.caller, bearer):
            return known.caller
        while True:
            changes = self._changes
            found = await self._find(bearer, digest.hex())
            if changes == self._changes:
                break
        if found is None:
            raise Unauthenticated(
                "Your session has ended: sign in again."
                if bearer is None
                else "This token is wrong, expired or revoked."
            )
        self._remember(digest, found)
        if found.is_visit_due:
            await self._note_visit(found.caller, digest.hex())
        return found.caller

    def forget(self, user_id: str) -> None:
        """Ask the database anew about this user: the name or the role has changed."""
        self._forget(lambda caller: caller.user_id == user_id)

    def forget_game(self, game_id: str) -> None:
        """Ask the database anew about the play tokens of a game."""
        self._forget(lambda caller: caller.game_id == game_id)

    def forget_credential(self, secret: str) -> None:
        """Ask the database anew about one credential."""
        self._changes += 1
        self._known.pop(hashlib.sha256(secret.encode()).digest(), None)

    def _forget_revoked(self, revocation: Revocation) -> None:
        if revocation.is_whole_user:
            self.forget(revocation.user_id)
        elif revocation.session_id is not None:
            self._forget(lambda caller: caller.session_id == revocation.session_id)
        else:
            self._forget(lambda caller: caller.token_id == revocation.token_id)

    def _forget(self, is_void: Callable[[Caller], bool]) -> None:
        self._changes += 1
        for digest in [digest for digest, known in self._known.items() if is_void(known.caller)]:
            del self._known[digest]

    def _remember(self, digest: bytes, found: _Found) -> None:
        until = self._clock() + ASK_AGAIN
        self._known[digest] = _Known(found.caller, until if found.expire is None else min(until, found.expire))
        self._known.move_to_end(digest)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _find(self, bearer: str | None, hashed: str) -> _Found | None:
        now = self._clock()
        if bearer is None:
            return await self._database.read(lambda session: _of_session(session, hashed, now))
        if bearer.startswith("vk_"):
            return await self._database.read(lambda session: _of_api_token(session, hashed))
        if bearer.startswith("vp_"):
            return await self._database.read(lambda session: _of_play_token(session, hashed, now))
        return None

    async def _note_visit(self, caller: Caller, hashed: str) -> None:
        """Slide the session's end, and note when it, the token and the user were last active."""
        now = utc_now()

        def work(session: Session) -> None:
            user = session.get(User, caller.user_id)
            if user is not None:
                user.last_active_at = now
            if caller.credential is Credential.SESSION:
                row = session.get(LoginSession, hashed)
                if row is not None:
                    row.last_seen_at = now
                    row.expire = int(now.timestamp()) + LIFETIME
            elif caller.credential is Credential.API_TOKEN:
                token = session.get(ApiToken, caller.token_id)
                if token is not None:
                    token.last_used_at = now

        await self._database.write(work)


def _came_as(caller: Caller, bearer: str | None) -> bool:
    """Whether the credential comes in its own place: a cookie's secret is no bearer, and a token no cookie."""
    return (caller.credential is Credential.SESSION) == (bearer is None)


def _of_session(session: Session, sid: str, now: float) -> _Found | None:
    statement = (
        select(LoginSession, User)
        .join(User, col(User.id) == LoginSession.user_id)
        .where(LoginSession.sid == sid, LoginSession.expire > now, col(User.is_active))
    )
    pair = session.exec(statement).first()
    if pair is None:
        return None
    row, user = pair
    caller = _caller(user, Credential.SESSION, session_id=row.sid)
    return _Found(caller, row.expire, utc_now() - row.last_seen_at >= NOTE_VISITS_EVERY)


def _of_api_token(session: Session, hashed: str) -> _Found | None:
    statement = (
        select(ApiToken, User)
        .join(User, col(User.id) == ApiToken.user_id)
        .where(ApiToken.token_hash == hashed, col(User.is_active))
    )
    pair = session.exec(statement).first()
    if pair is None:
        return None
    token, user = pair
    caller = _caller(user, Credential.API_TOKEN, token_id=token.id)
    is_due = token.last_used_at is None or utc_now() - token.last_used_at >= NOTE_VISITS_EVERY
    return _Found(caller, None, is_due)


def _of_play_token(session: Session, hashed: str, now: float) -> _Found | None:
    statement = (
        select(PlayToken, User)
        .join(User, col(User.id) == PlayToken.user_id)
        .join(LoginSession, col(LoginSession.sid) == PlayToken.session_sid)
        .join(Game, col(Game.id) == PlayToken.game_id)
        .where(
            PlayToken.token_hash == hashed,
            PlayToken.expire > now,
            LoginSession.expire > now,
            col(User.is_active),
            col(Game.removed_at).is_(None),
            or_(col(Game.visibility) != "draft", Game.owner_id == User.id, col(User.is_admin)),
        )
    )
    pair = session.exec(statement).first()
    if pair is None:
        return None
    token, user = pair
    caller = _caller(user, Credential.PLAY_TOKEN, session_id=token.session_sid, game_id=token.game_id)
    return _Found(caller, token.expire, is_visit_due=False)


def _caller(
    user: User,
    credential: Credential,
    *,
    session_id: str | None = None,
    token_id: str | None = None,
    game_id: str = NO_GAME,
) -> Caller:
    return Caller(
        user.id,
        user.username,
        user.is_admin and credential is Credential.SESSION,  # a token of an admin's is no admin
        credential,
        session_id=session_id,
        token_id=token_id,
        game_id=game_id,
        requests_per_minute=user.requests_per_minute,
        concurrent_calls=user.concurrent_calls,
    )
