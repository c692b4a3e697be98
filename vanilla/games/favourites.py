"""Games that a user keeps at hand."""

from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, delete

from vanilla.database import Database
from vanilla.games import access
from vanilla.games.access import Viewer
from vanilla.models import Favourite, utc_now


class Favourites:
    """Read through `Catalogue.list(favourites=True)` and `GameView.is_favourite`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, game_id: str, by: Viewer) -> None:
        """Keep a game at hand; nothing happens where it is already. Raises NotFound."""
        row = insert(Favourite).values(user_id=by.user_id, game_id=game_id, created_at=utc_now())

        def work(session: Session) -> None:
            access.opened(session, game_id, by)
            session.connection().execute(row.on_conflict_do_nothing())

        await self._database.write(work)

    async def remove(self, game_id: str, by: Viewer) -> None:
        """Keep it no longer; nothing happens where it was not. Raises NotFound."""

        def work(session: Session) -> None:
            access.opened(session, game_id, by)
            mine = delete(Favourite).where(col(Favourite.user_id) == by.user_id, col(Favourite.game_id) == game_id)
            session.exec(mine)

        await self._database.write(work)
