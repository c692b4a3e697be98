"""What ends with a password, or with an admin's rights, inside the write that changes those."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, delete, select, update

from vanilla.models import ApiToken, Invitation, LoginSession, PasswordReset


def end_access(session: Session, user_id: str, except_sid: str | None = None) -> tuple[Sequence[str], Sequence[str]]:
    """Delete a user's sessions (with their play tokens) but, if given, one, their API tokens, and a link to a new
    password; gives the ids of the sessions and the tokens."""
    kept = except_sid or ""
    sids = session.exec(select(LoginSession.sid).where(LoginSession.user_id == user_id, LoginSession.sid != kept)).all()
    token_ids = session.exec(select(ApiToken.id).where(ApiToken.user_id == user_id)).all()
    session.exec(delete(LoginSession).where(col(LoginSession.sid).in_(sids)))
    session.exec(delete(ApiToken).where(col(ApiToken.id).in_(token_ids)))
    session.exec(delete(PasswordReset).where(col(PasswordReset.user_id) == user_id))
    return sids, token_ids


def revoke_invitations(session: Session, user_id: str, now: datetime) -> int:
    """Revoke the open invitations of somebody who may no longer let people in; gives how many those were."""
    statement = update(Invitation).where(
        col(Invitation.created_by) == user_id,
        col(Invitation.accepted_at).is_(None),
        col(Invitation.revoked_at).is_(None),
        col(Invitation.expires_at) > now,
    )
    return session.exec(statement.values(revoked_at=now)).rowcount
