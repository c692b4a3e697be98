"""Removing games, having them back for a week, and what is left of them after that."""

from collections.abc import Collection, Sequence

from sqlmodel import Session, col, delete, select, update

from vanilla.database import Database
from vanilla.games import access, interventions, views
from vanilla.games.access import Viewer
from vanilla.games.closings import Closings
from vanilla.games.files import to_its_end
from vanilla.games.leftovers import Leftovers
from vanilla.games.tokens import TokensUsed
from vanilla.games.views import KEPT, GameView
from vanilla.models import Favourite, Game, GameHost, GameVersion, PlayToken, Save, utc_now


class Removals:
    """Games go in two steps: at once out of everybody's sight, and off the disk after `views.KEPT`."""

    def __init__(self, database: Database, leftovers: Leftovers, closings: Closings, tokens: TokensUsed) -> None:
        self._database = database
        self._leftovers = leftovers
        self._closings = closings
        self._tokens = tokens

    async def remove(self, game_id: str, by: Viewer) -> None:
        """Take a game away from everybody: the addresses of its files die, play tokens end, the files stay a while.

        Raises NotFound, Forbidden (neither its owner nor an admin).
        """
        now = utc_now()

        def work(session: Session) -> None:
            game = access.owned(session, game_id, by)
            interventions.record(session, game, by, "game.remove")
            game.removed_at = game.updated_at = now
            game.capability_epoch += 1
            session.exec(delete(PlayToken).where(col(PlayToken.game_id) == game_id))

        await self._database.write(work)
        self._closings.announce(game_id)

    async def restore(self, game_id: str, by: Viewer) -> GameView:
        """Have a removed game back as it was. One that is there stays as it is.

        Raises NotFound: it never was there, was somebody else's, or its time is over.
        """

        def work(session: Session) -> GameView:
            game = session.get(Game, game_id)
            if game is not None and game.removed_at is not None:
                _check_kept(session, game, by)
                interventions.record(session, game, by, "game.restore")
                game.removed_at, game.updated_at = None, utc_now()
                session.flush()
            else:
                access.owned(session, game_id, by)
            return views.find(session, game_id, by, self._tokens)

        restored = await self._database.write(work)
        self._closings.announce(game_id)
        return restored

    async def find(self, game_id: str, by: Viewer) -> GameView:
        """A removed game that `by` may have back. Raises NotFound: it is none, was somebody else's, or its time is
        over."""

        def work(session: Session) -> GameView:
            game = session.get(Game, game_id)
            if game is None or game.removed_at is None:
                raise access.unknown()
            _check_kept(session, game, by)
            return views.load(session, [game_id], by, self._tokens)[0]

        return await self._database.read(work)

    async def sweep(self) -> int:
        """Take the files of games off the disk whose time is over; gives how many games those were."""
        return await to_its_end(self._sweep())

    async def _sweep(self) -> int:
        has_files = select(1).where(col(GameVersion.game_id) == col(Game.id)).exists()
        has_saves = select(1).where(col(Save.game_id) == col(Game.id)).exists()

        def work(session: Session) -> tuple[Sequence[str], Sequence[str]]:
            over = session.exec(select(Game.id).where(col(Game.removed_at) <= utc_now() - KEPT, has_files)).all()
            purge(session, over)
            # Also of those whose clearing was interrupted.
            kept = session.exec(select(Game.id).where(col(Game.removed_at).is_not(None), ~has_files, has_saves)).all()
            return over, kept

        over, kept = await self._database.write(work)
        await self._leftovers.clear({*over, *kept})
        return len(over)


def purge(session: Session, game_ids: Collection[str]) -> None:
    """Delete what belongs to removed games, but for the row that the ledger names. Their files are to go afterwards
    (`Leftovers`): files without a row are only in the way, and a row without its files would be a broken game."""
    for table in (GameVersion, GameHost, Favourite):
        session.exec(delete(table).where(col(table.game_id).in_(game_ids)))
    session.exec(update(Game).where(col(Game.id).in_(game_ids)).values(has_cover=False))


def _check_kept(session: Session, game: Game, by: Viewer) -> None:
    """Raises NotFound where this removed game is not there for `by` any more."""
    is_kept = game.removed_at is not None and game.removed_at > utc_now() - KEPT and _has_files(session, game.id)
    if not is_kept or not access.may_change(game.owner_id, by):
        raise access.unknown()


def _has_files(session: Session, game_id: str) -> bool:
    return session.exec(select(GameVersion.number).where(GameVersion.game_id == game_id)).first() is not None
