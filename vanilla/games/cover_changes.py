"""Giving games other covers, one after the other: the files and the row are of the same picture."""

import asyncio
from pathlib import Path

from sqlmodel import Session

from vanilla.database import Database
from vanilla.games import about, access, covers, interventions, views
from vanilla.games.access import Viewer
from vanilla.games.files import Files, on_thread, to_its_end
from vanilla.games.tokens import TokensUsed
from vanilla.games.views import GameView
from vanilla.models import utc_now


class CoverChanges:
    """All of it is for the game's owner and admins."""

    def __init__(self, database: Database, files: Files, tokens: TokensUsed) -> None:
        self._database = database
        self._files = files
        self._tokens = tokens
        self._turn = asyncio.Lock()

    async def set(self, game_id: str, picture: Path, by: Viewer) -> GameView:
        """Give a game another cover, from a picture on disk. Raises NotFound, Forbidden, Invalid, TooLarge."""
        await self._database.read(lambda session: access.owned(session, game_id, by))
        images = await on_thread(covers.encoded, picture)
        return await to_its_end(self._change(game_id, images, by))

    async def remove(self, game_id: str, by: Viewer) -> GameView:
        """Have a game's cover drawn from its name again. Raises NotFound, Forbidden."""
        return await to_its_end(self._change(game_id, {}, by))

    async def adopt(self, game_id: str, number: int, by: Viewer) -> None:
        """Use the picture that a version of a game brings, where the game has no cover of its own.

        Raises NotFound, Forbidden, OutOfSpace.
        """
        game = await self._database.read(lambda session: access.owned(session, game_id, by))
        if not game.has_cover and (images := await self._brought(game_id, number)):
            await to_its_end(self._change(game_id, images, by, is_adopted=True))

    async def _brought(self, game_id: str, number: int) -> dict[str, bytes]:
        manifest = await self._files.manifest(game_id, number)
        said = ""
        if about.META in manifest.files:
            meta = await self._files.find(game_id, number, about.META)
            said = await on_thread(about.cover_named, meta.path)
        if not (name := covers.name_of(said, manifest.files)):
            return {}
        picture = await self._files.find(game_id, number, name)
        try:
            return await on_thread(covers.encoded, picture.path)
        except covers.NO_PICTURE:
            return {}  # its upload was warned of that

    async def _change(
        self, game_id: str, images: dict[str, bytes], by: Viewer, *, is_adopted: bool = False
    ) -> GameView:
        def work(session: Session) -> GameView:
            game = access.owned(session, game_id, by)
            details = {"cover": ["uploaded" if has else "drawn" for has in (game.has_cover, bool(images))]}
            if not is_adopted and (images or game.has_cover):
                interventions.record(session, game, by, "game.update", details)
            game.has_cover, game.updated_at = bool(images), utc_now()
            session.flush()
            return views.find(session, game_id, by, self._tokens)

        async with self._turn:
            if images:
                await self._files.save_cover(game_id, images)  # first: the new address never shows the old picture
            return await self._database.write(work)
