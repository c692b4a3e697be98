"""The catalogue: which games there are, whose, and how often they are played. Rows and files go together here."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col

from vanilla.database import Database
from vanilla.errors import Conflict, TooLarge
from vanilla.games import about, bundles, covers, views
from vanilla.games.bundles import Bundle, Kind, Limits
from vanilla.games.files import MB, Files, Manifest, on_thread, to_its_end
from vanilla.games.views import GameView
from vanilla.models import Game, GameVersion, Play, User, new_game_id, utc_now
from vanilla.settings import Settings

Sort = Literal["recent", "new", "popular"]
UNPACKED_AT_ONCE = 2  # more would only take the disk and the processor from players


class Catalogue:
    """All games that are there. Text that comes in is cleaned; what cannot be is refused with Invalid."""

    def __init__(self, database: Database, files: Files, settings: Settings) -> None:
        self._database = database
        self._files = files
        self._limits = Limits.of(settings)
        self._storage_bytes = settings.user_storage_mb * MB
        self._unpacking = asyncio.Semaphore(UNPACKED_AT_ONCE)

    async def open(self) -> None:
        """Remove files that a server that died left without a row."""
        kept = await self._database.read(_versions)
        for game_id, numbers in (await self._files.versions()).items():
            if game_id not in kept:
                await self._files.remove_game(game_id)
                continue
            for number in set(numbers) - kept[game_id]:
                await self._files.remove_version(game_id, number)

    async def unpack(self, source: Path, kind: Kind, into: Path) -> Bundle:
        """A checked game from an upload in staging. Raises InvalidBundle, OutOfSpace."""
        async with self._unpacking:
            return await on_thread(bundles.unpack, source, kind, into, self._limits)

    async def check_storage(self, owner_id: str, more_bytes: int = 0) -> None:
        """Raises TooLarge when the user's games would take more than USER_STORAGE_MB."""
        await self._database.read(lambda session: self._check_storage(session, owner_id, more_bytes))

    async def storage(self, owner_id: str) -> tuple[int, int]:
        """Bytes that the user's games take, and the most they may take."""
        return await self._database.read(lambda session: _stored(session, owner_id)), self._storage_bytes

    async def create(
        self,
        owner_id: str,
        bundle: Bundle,
        *,
        title: str = "",
        description: str = "",
        tags: Sequence[str] = (),
        cover: Path | None = None,
    ) -> GameView:
        """Publish a new game from a bundle in staging, which is used up. What is left empty is taken from the bundle.

        `cover` is a picture on disk. Raises Invalid (texts, cover), TooLarge (the owner's storage, cover), OutOfSpace.
        """
        game = Game(
            id=new_game_id(),
            title=about.checked_title(title) or bundle.title or "Untitled game",
            description=about.checked_description(description) or bundle.description,
            tags=about.checked_tags(tags) or bundle.tags,
            slug="",
            owner_id=owner_id,
            version=1,
            talks=bundle.talks,
            has_cover=cover is not None,
            created_at=(now := utc_now()),
            updated_at=now,
        )
        game.slug = about.slug(game.title)
        await self.check_storage(owner_id, bundle.size_bytes)
        images = await on_thread(covers.encoded, cover) if cover else {}
        return await to_its_end(self._publish(game, bundle, images))

    async def publish_folder(
        self, owner_id: str, folder: Path, *, title: str, description: str, tags: Sequence[str] = ()
    ) -> GameView:
        """Publish a copy of a folder on disk, such as an example that comes with Vanilla. Raises as `create` does."""
        async with self._files.staging() as staging:
            bundle = await on_thread(bundles.copy, folder, staging / "unpacked", self._limits)
            return await self.create(owner_id, bundle, title=title, description=description, tags=tags)

    async def add_version(self, game_id: str, bundle: Bundle) -> GameView:
        """Publish a bundle in staging as the next version of a game, and play that from now on.

        Raises NotFound, TooLarge (the owner's storage), OutOfSpace.
        """
        return await to_its_end(self._publish_version(game_id, bundle))

    async def is_untouched(self) -> bool:
        """Whether there has never been a game here; one that was removed counts."""
        ever = select(func.count()).select_from(Game)
        return await self._database.read(lambda session: session.execute(ever).scalar_one() == 0)

    async def tags(self, limit: int = 30) -> list[tuple[str, int]]:
        """The tags in use and how many games have each, the commonest first."""
        each = func.json_each(col(Game.tags)).table_valued("value", joins_implicitly=True)
        uses = func.count()
        statement = (
            select(each.c.value, uses)
            .select_from(Game)
            .where(col(Game.removed_at).is_(None))
            .group_by(each.c.value)
            .order_by(uses.desc(), each.c.value)
            .limit(limit)
        )
        return await self._database.read(lambda session: [(row[0], row[1]) for row in session.execute(statement)])

    async def list(
        self,
        *,
        search: str = "",
        tag: str = "",
        sort: Sort = "recent",
        limit: int = 24,
        offset: int = 0,
        viewer_id: str = "",
    ) -> tuple[list[GameView], int]:
        """A page of the games and how many match in all.

        Every word of `search` must be found in the title, the description, a tag or the owner's name. `recent` begins
        with what the viewer played last, followed by the newest.
        """
        matches = views.matching(search, tag)
        order: dict[Sort, list[ColumnElement[Any]]] = {
            "recent": [col(Play.last_played_at).is_(None), col(Play.last_played_at).desc()],
            "new": [],
            "popular": [col(Game.plays).desc()],
        }
        page = (
            views.shown(viewer_id)
            .where(matches)
            .order_by(*order[sort], col(Game.created_at).desc(), col(Game.id))
            .limit(limit)
            .offset(offset)
        )
        count = select(func.count()).select_from(Game).join(User, col(User.id) == col(Game.owner_id)).where(matches)

        def work(session: Session) -> tuple[list[GameView], int]:
            return [views.view(*row) for row in session.execute(page)], session.execute(count).scalar_one()

        return await self._database.read(work)

    async def get(self, game_id: str, viewer_id: str = "") -> GameView:
        """Raises NotFound for a game that is not there or was removed."""
        return await self._database.read(lambda session: views.find(session, game_id, viewer_id))

    async def cover(self, game: GameView, size: str = "card") -> tuple[str, bytes]:
        """Media type and bytes of a game's cover, `card` (640x480) or `page` (1280x960). Raises NotFound."""
        if not game.has_cover:
            return "image/svg+xml", covers.drawn(game.title).encode()
        return "image/webp", await self._files.cover(game.id, f"{size}.webp")

    async def record_play(self, user_id: str, game_id: str) -> None:
        """Count that a user opened a game. Raises NotFound."""
        now = utc_now()

        def work(session: Session) -> None:
            counted = session.execute(
                update(Game)
                .where(views.is_there(game_id))
                .values(plays=col(Game.plays) + 1)
                .execution_options(synchronize_session=False)
            )
            if counted.rowcount == 0:  # type: ignore[attr-defined]
                raise views.unknown()
            play = insert(Play).values(user_id=user_id, game_id=game_id, plays=1, last_played_at=now)
            again = {"plays": col(Play.plays) + 1, "last_played_at": now}
            session.execute(play.on_conflict_do_update(index_elements=["user_id", "game_id"], set_=again))

        await self._database.write(work)

    async def remove(self, game_id: str) -> None:
        """Take a game away: its row stays for the ledger, the addresses of its files die, the files go.

        Raises NotFound.
        """
        await to_its_end(self._remove(game_id))

    async def _publish(self, game: Game, bundle: Bundle, images: dict[str, bytes]) -> GameView:
        # Files first: a row that is there has its files, whenever the server dies.
        version = _version_row(game.id, 1, bundle, game.created_at)

        def work(session: Session) -> GameView:
            self._check_storage(session, game.owner_id, bundle.size_bytes)
            session.add(Game(**game.model_dump()))
            session.flush()
            session.add(GameVersion(**version.model_dump()))
            session.flush()
            return views.find(session, game.id)

        try:
            await self._files.publish(game.id, 1, bundle.folder, Manifest(bundle.entry, bundle.files))
            if images:
                await self._files.save_cover(game.id, images)
            return await self._database.write(work)
        except BaseException:
            await self._files.remove_game(game.id)
            raise

    async def _publish_version(self, game_id: str, bundle: Bundle) -> GameView:
        game = await self.get(game_id)
        await self.check_storage(game.owner_id, bundle.size_bytes)
        number = game.version + 1
        now = utc_now()
        version = _version_row(game_id, number, bundle, now)
        values = {"version": number, "talks": bundle.talks, "updated_at": now}

        def work(session: Session) -> GameView:
            views.find(session, game_id)
            self._check_storage(session, game.owner_id, bundle.size_bytes)
            session.add(GameVersion(**version.model_dump()))
            session.flush()
            session.execute(update(Game).where(views.is_there(game_id)).values(**values))
            return views.find(session, game_id)

        try:
            await self._files.publish(game_id, number, bundle.folder, Manifest(bundle.entry, bundle.files))
        except FileExistsError:
            raise Conflict("Another version of this game was uploaded at the same moment. Try again.") from None
        try:
            return await self._database.write(work)
        except BaseException:
            await self._files.remove_version(game_id, number)
            raise

    async def _remove(self, game_id: str) -> None:
        now = utc_now()

        def work(session: Session) -> None:
            values = {"removed_at": now, "updated_at": now, "capability_epoch": col(Game.capability_epoch) + 1}
            statement = update(Game).where(views.is_there(game_id)).values(**values)
            if session.execute(statement).rowcount == 0:  # type: ignore[attr-defined]
                raise views.unknown()

        await self._database.write(work)
        await self._files.remove_game(game_id)

    def _check_storage(self, session: Session, owner_id: str, more_bytes: int) -> None:
        used = _stored(session, owner_id)
        if used + more_bytes > self._storage_bytes:
            raise TooLarge(
                f"Your games take {used / MB:,.1f} MB and this would add {more_bytes / MB:,.1f} MB; "
                f"{self._storage_bytes // MB:,} MB is the most. Remove a game you no longer need."
            )


def _stored(session: Session, owner_id: str) -> int:
    """Bytes of all versions of a user's games."""
    statement = (
        select(func.coalesce(func.sum(col(GameVersion.size_bytes)), 0))
        .join(Game, col(Game.id) == col(GameVersion.game_id))
        .where(col(Game.owner_id) == owner_id, col(Game.removed_at).is_(None))
    )
    return int(session.execute(statement).scalar_one())


def _versions(session: Session) -> dict[str, set[int]]:
    statement = (
        select(col(GameVersion.game_id), col(GameVersion.number))
        .join(Game, col(Game.id) == col(GameVersion.game_id))
        .where(col(Game.removed_at).is_(None))
    )
    kept: dict[str, set[int]] = {}
    for game_id, number in session.execute(statement):
        kept.setdefault(game_id, set()).add(number)
    return kept


def _version_row(game_id: str, number: int, bundle: Bundle, now: datetime) -> GameVersion:
    return GameVersion(
        game_id=game_id,
        number=number,
        digest=bundle.digest,
        entry=bundle.entry,
        files=len(bundle.files),
        size_bytes=bundle.size_bytes,
        talks=bundle.talks,
        published_at=now,
        created_at=now,
    )
