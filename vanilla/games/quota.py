"""How much of the host's disk the games of a user may take.

Removed games wait on the disk to be had back, and must not stand in the way of new ones: they do not count, and where
room is needed they go early, the one that was removed first before all others. So all that lies there, removed games
included, never takes more than USER_STORAGE_MB.
"""

from sqlalchemy import func
from sqlmodel import Session, col, select

from vanilla.errors import TooLarge
from vanilla.games import removals
from vanilla.games.files import MB
from vanilla.models import Game, GameVersion
from vanilla.settings import Settings


class Quota:
    """Counts bytes of unpacked files, of every version that is kept."""

    def __init__(self, settings: Settings) -> None:
        self.most_bytes = settings.user_storage_mb * MB

    def used(self, session: Session, owner_id: str) -> int:
        """Bytes of the games that are there."""
        statement = (
            select(func.coalesce(func.sum(col(GameVersion.size_bytes)), 0))
            .join(Game, col(Game.id) == col(GameVersion.game_id))
            .where(col(Game.owner_id) == owner_id, col(Game.removed_at).is_(None))
        )
        return int(session.exec(statement).one())

    def check(self, session: Session, owner_id: str, more_bytes: int) -> None:
        """Raises TooLarge when the user's games would take more than they may."""
        used = self.used(session, owner_id)
        if used + more_bytes > self.most_bytes:
            raise TooLarge(
                f"Your games take {used / MB:,.1f} MB and this would add {more_bytes / MB:,.1f} MB; "
                f"{self.most_bytes // MB:,} MB is the most. Remove a game you no longer need."
            )

    def make_room(self, session: Session, owner_id: str, more_bytes: int) -> list[str]:
        """Let removed games go for good until so much more fits; gives their ids, to clear their leftovers.

        Raises TooLarge as `check` does.
        """
        self.check(session, owner_id, more_bytes)
        statement = (
            select(Game.id, func.sum(col(GameVersion.size_bytes)))
            .join(GameVersion, col(GameVersion.game_id) == col(Game.id))
            .where(col(Game.owner_id) == owner_id, col(Game.removed_at).is_not(None))
            .group_by(col(Game.id))
            .order_by(col(Game.removed_at).desc(), col(Game.id))
        )
        left = self.most_bytes - self.used(session, owner_id) - more_bytes
        gone = []
        for game_id, size_bytes in session.exec(statement).all():
            left -= size_bytes
            if left < 0:
                gone.append(game_id)
        removals.purge(session, gone)
        return gone
