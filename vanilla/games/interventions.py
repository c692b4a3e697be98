"""What admins do to the games of others, for the audit. What owners do to their own is theirs."""

from typing import Any

from sqlmodel import Session

from vanilla import audit
from vanilla.games.access import Viewer
from vanilla.models import Game


def record(session: Session, game: Game, by: Viewer, action: str, details: dict[str, Any] | None = None) -> None:
    """Add a row inside the write that changes the game, unless it is the owner who changes it.

    `action` is `game.update`, `game.remove` or `game.restore`; `details` of an update has `[before, after]` by field.
    """
    if by.user_id != game.owner_id:
        audit.record(session, by=by.user_id or None, action=action, subject=game.id, details=details)
