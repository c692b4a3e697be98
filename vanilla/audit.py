"""Who changed what: one row for each change by an admin and each act that matters to security, never to be changed."""

from typing import Any

from sqlmodel import Session

from vanilla.models import AuditEntry, utc_now


def record(
    session: Session,
    *,
    by: str | None,
    action: str,
    subject: str = "",
    details: dict[str, Any] | None = None,
) -> None:
    """Add a row inside the write that makes the change, so that both are kept or neither is.

    `by` is the id of the user who acts; None is the command line, or the platform itself. `action` is `noun.verb`:

        user.create  user.update  user.delete  user.password  session.close_all
        invitation.create  invitation.revoke  invitation.accept
        settings.update  inference.stop  inference.start  backup.create
        host.approve  host.refuse  game.remove  game.restore

    `subject` is the id of the user, invitation or game (for `host.*` the game's), or the name of the setting or the
    backup. `details` is JSON: of a change, `{"token_limit": [before, after]}` for each field that changed; else what a
    reader needs, such as `{"host": "fonts.example.org"}`. Never a secret, a prompt or an answer, and no name of a user:
    a user who is deleted takes it along.
    """
    session.add(AuditEntry(created_at=utc_now(), actor_id=by, action=action, subject=subject, details=details or {}))
