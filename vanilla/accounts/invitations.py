"""Invitations: a link that lets one friend in, once, who chooses their own name and password."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, col, func, select, true

from vanilla import audit
from vanilla.accounts.names import checked_username
from vanilla.accounts.passwords import Passwords
from vanilla.accounts.periods import LimitPeriod
from vanilla.accounts.sessions import hash_of
from vanilla.accounts.users import insert, new_user
from vanilla.database import Database
from vanilla.errors import Conflict, Invalid, NotFound
from vanilla.models import Invitation, User, utc_now

USUAL_DAYS = 7
MOST_DAYS = 90
LONGEST_NOTE = 80  # characters
MOST_OPEN = 500

State = Literal["open", "accepted", "expired", "revoked"]


class InvitationOver(NotFound):
    """The link was one, and lets nobody in any more; `state` says why."""

    def __init__(self, state: State) -> None:
        super().__init__(_OVER[state])
        self.state = state


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation with the names of who made it and who came by it, where those are still there."""

    invitation: Invitation
    state: State
    created_by: str | None
    username: str | None


class Invitations:
    """Makes, lists, revokes and accepts them."""

    def __init__(self, database: Database, passwords: Passwords) -> None:
        self._database = database
        self._passwords = passwords

    async def create(
        self,
        *,
        by: str,
        note: str = "",
        days: int = USUAL_DAYS,
        token_limit: int | None = None,
        limit_period: LimitPeriod = "total",
    ) -> tuple[str, Invitation]:
        """A new invitation by the admin `by`, good for so many days: the link's secret, which is kept nowhere, and the
        row. `note` says whom it is for. Raises Invalid, Conflict (too many are open)."""
        note = note.strip()
        if len(note) > LONGEST_NOTE or not (note.isprintable() or not note):
            raise Invalid(f"Whom it is for: at most {LONGEST_NOTE} characters, in one line.")
        if not 1 <= days <= MOST_DAYS:
            raise Invalid(f"An invitation lasts 1 to {MOST_DAYS} days.")
        secret = secrets.token_urlsafe(24)  # 192 bits, in a link that still fits on a line
        now = utc_now()
        row = Invitation(
            token_hash=hash_of(secret),
            note=note,
            token_limit=token_limit,
            limit_period=limit_period,
            created_by=by,
            created_at=now,
            expires_at=now + timedelta(days=days),
        )

        def work(session: Session) -> Invitation | None:
            count = select(func.count()).select_from(Invitation).where(_is("open", now))
            if session.exec(count).one() >= MOST_OPEN:
                return None
            stored = Invitation(**row.model_dump())
            session.add(stored)
            details = {"token_limit": token_limit, "limit_period": limit_period, "days": days}
            audit.record(session, by=by, action="invitation.create", subject=stored.id, details=details)
            return stored

        stored = await self._database.write(work)
        if stored is None:
            raise Conflict(f"{MOST_OPEN} invitations are open already: revoke those that nobody will use.")
        return secret, stored

    async def list(
        self, state: State | None = None, limit: int = 50, offset: int = 0
    ) -> tuple[Sequence[Invited], dict[State, int]]:
        """A page of those in that state, the newest first, and how many there are in each state."""
        now = utc_now()
        host, friend = aliased(User), aliased(User)
        some = (
            select(Invitation, host.username, friend.username)
            .outerjoin(host, col(host.id) == Invitation.created_by)
            .outerjoin(friend, col(friend.id) == Invitation.user_id)
            .where(true() if state is None else _is(state, now))
            .order_by(col(Invitation.created_at).desc(), col(Invitation.id).desc())
            .limit(limit)
            .offset(offset)
        )

        def work(session: Session) -> tuple[Sequence[Invited], dict[State, int]]:
            counts: dict[State, int] = {
                each: session.exec(select(func.count()).select_from(Invitation).where(_is(each, now))).one()
                for each in _OVER
            }
            rows = session.exec(some).all()
            return [Invited(row, state_of(row, now), creator, username) for row, creator, username in rows], counts

        return await self._database.read(work)

    async def revoke(self, invitation_id: str, *, by: str) -> None:
        """Make an open invitation void. Raises NotFound (there is none), InvitationOver."""

        def work(session: Session) -> NotFound | None:
            row = session.get(Invitation, invitation_id)
            now = utc_now()
            if row is None:
                return NotFound("There is no such invitation.")
            if (state := state_of(row, now)) != "open":
                return InvitationOver(state)
            row.revoked_at = now
            audit.record(session, by=by, action="invitation.revoke", subject=invitation_id)
            return None

        if problem := await self._database.write(work):
            raise problem

    async def find(self, secret: str) -> Invitation:
        """The open invitation behind a link. Raises NotFound (no link of ours), InvitationOver."""
        row = await self._database.read(lambda session: _by_secret(session, secret))
        if isinstance(row, NotFound):
            raise row
        return row

    async def accept(self, secret: str, username: str, password: str) -> User:
        """Make the user; the invitation is used up. Of several who try at once one succeeds.

        Raises NotFound, InvitationOver, Invalid (name or password), Conflict (the name is taken; the invitation stays).
        """
        await self.find(secret)  # before the hash, which takes a while
        checked_username(username)
        hashed = await self._passwords.hash(password)

        def work(session: Session) -> User | NotFound | Conflict:
            invitation = _by_secret(session, secret)
            if isinstance(invitation, NotFound):
                return invitation
            period: LimitPeriod = invitation.limit_period  # type: ignore[assignment]  # as `create` wrote it
            user = insert(session, new_user(username, hashed, invitation.token_limit, period))
            if isinstance(user, Conflict):
                return user
            session.flush()  # the invitation names the user
            invitation.accepted_at, invitation.user_id = user.created_at, user.id
            details = {"user_id": user.id, "created_by": invitation.created_by}
            audit.record(session, by=user.id, action="invitation.accept", subject=invitation.id, details=details)
            return user

        answer = await self._database.write(work)
        if not isinstance(answer, User):
            raise answer
        return answer


def state_of(row: Invitation, now: datetime) -> State:
    """How it stands with an invitation."""
    if row.accepted_at is not None:
        return "accepted"
    if row.revoked_at is not None:
        return "revoked"
    return "open" if row.expires_at > now else "expired"


def _is(state: State, now: datetime) -> ColumnElement[bool]:
    """As `state_of`, of rows in the database."""
    accepted, revoked = col(Invitation.accepted_at), col(Invitation.revoked_at)
    if state == "accepted":
        return accepted.is_not(None)
    if state == "revoked":
        return and_(accepted.is_(None), revoked.is_not(None))
    ends = col(Invitation.expires_at)
    return and_(accepted.is_(None), revoked.is_(None), ends > now if state == "open" else ends <= now)


def _by_secret(session: Session, secret: str) -> Invitation | NotFound:
    row = session.exec(select(Invitation).where(Invitation.token_hash == hash_of(secret))).first()
    if row is None:
        return NotFound("This is no invitation. Copy the whole link, or ask the host for a new one.")
    state = state_of(row, utc_now())
    return row if state == "open" else InvitationOver(state)


_OVER: dict[State, str] = {
    "open": "This invitation is open.",
    "accepted": "This invitation has been used. If that was you, sign in; if not, tell the host.",
    "expired": "This invitation has expired. Ask the host for a new one.",
    "revoked": "This invitation was taken back. Ask the host if you need a new one.",
}
