"""The catalogue: which games there are, whose, and how often they are played. Rows and files go together here."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, StrictStr
from sqlalchemy import func, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlmodel import Session, col, delete

from vanilla.database import Database
from vanilla.errors import Invalid, NotFound
from vanilla.games import about, access, bundles, covers, interventions, overview, search, versions, views
from vanilla.games.access import NOBODY, Someone, Viewer, Visibility
from vanilla.games.bundles import Bundle, Kind, Limits
from vanilla.games.closings import Closings
from vanilla.games.cover_changes import CoverChanges
from vanilla.games.files import Files, Manifest, on_thread, to_its_end
from vanilla.games.leftovers import Leftovers
from vanilla.games.quota import Quota
from vanilla.games.tokens import TokensUsed
from vanilla.games.views import GameView, Sort, Wish
from vanilla.models import Game, GameVersion, Play, PlayToken, User, new_game_id, utc_now
from vanilla.settings import Settings

UNPACKED_AT_ONCE = 2  # more would only take the disk and the processor from players


class GameChanges(BaseModel):
    """What to change of a game: only the fields that are given. Its slug stays, so that shared addresses do."""

    model_config = ConfigDict(extra="forbid")

    title: StrictStr = ""
    description: StrictStr = ""
    tags: list[StrictStr] = []
    visibility: Visibility = "shared"


class Catalogue:
    """All games that are there. Text that comes in is cleaned; what cannot be is refused with Invalid."""

    def __init__(
        self,
        database: Database,
        files: Files,
        settings: Settings,
        *,
        quota: Quota,
        leftovers: Leftovers,
        closings: Closings,
        tokens: TokensUsed,
        cover_changes: CoverChanges,
    ) -> None:
        self._database = database
        self._files = files
        self._limits = Limits.of(settings)
        self._quota = quota
        self._leftovers = leftovers
        self._closings = closings
        self._tokens = tokens
        self._unpacking = asyncio.Semaphore(UNPACKED_AT_ONCE)
        self._cover_changes = cover_changes

    async def open(self) -> None:
        """Remove files that a server that died left without a row."""
        kept = await self._database.read(_versions)
        for game_id, numbers in (await self._files.versions()).items():
            if game_id not in kept:
                await self._files.remove_game(game_id)
                continue
            for number in set(numbers) - kept[game_id]:
                await self._files.remove_version(game_id, number)

    async def warm_up(self) -> None:
        """Add up what games have used, before the first visitor has to wait for it."""
        await self._database.read(lambda session: self._tokens.of(session, []))

    async def unpack(self, source: Path, kind: Kind, into: Path, entry: str = "") -> Bundle:
        """A checked game from an upload in staging; `entry` is the page to open, where its author chose one.

        Raises InvalidBundle, OutOfSpace.
        """
        async with self._unpacking:
            return await on_thread(bundles.unpack, source, kind, into, self._limits, entry, self._files.check_room)

    async def check_storage(self, owner_id: str, more_bytes: int = 0) -> None:
        """Raises TooLarge when the user's games would take more than USER_STORAGE_MB."""
        await self._database.read(lambda session: self._quota.check(session, owner_id, more_bytes))

    async def storage(self, owner_id: str) -> tuple[int, int]:
        """Bytes that the user's games take (removed ones make way, and do not count), and the most they may take."""
        used = await self._database.read(lambda session: self._quota.used(session, owner_id))
        return used, self._quota.most_bytes

    async def create(
        self,
        owner_id: str,
        bundle: Bundle,
        *,
        title: str = "",
        description: str = "",
        tags: Sequence[str] = (),
        cover: Path | None = None,
        visibility: Visibility = "shared",
        notes: str = "",
    ) -> GameView:
        """Publish a new game from a bundle in staging, which is used up. What is left empty is taken from the bundle.

        `cover` is a picture on disk, `notes` are the first version's; a draft is seen by its owner alone. Raises
        Invalid (texts, cover), TooLarge (the owner's storage, cover), OutOfSpace.
        """
        game = Game(
            id=new_game_id(),
            title=about.checked_title(title) or bundle.title or "Untitled game",
            description=about.checked_description(description) or bundle.description,
            tags=about.checked_tags(tags) or bundle.tags,
            slug="",
            owner_id=owner_id,
            version=1,
            last_version=1,
            talks=bundle.talks,
            has_cover=cover is not None or bool(bundle.cover),
            visibility=visibility,
            created_at=(now := utc_now()),
            updated_at=now,
        )
        game.slug = about.slug(game.title)
        version = versions.version_row(game.id, 1, bundle, notes=versions.checked_notes(notes) or bundle.notes)
        await self.check_storage(owner_id, bundle.size_bytes)
        images = await on_thread(covers.encoded, cover) if cover else bundle.cover
        return await to_its_end(self._publish(game, version, bundle, images))

    async def publish_folder(
        self, owner_id: str, folder: Path, *, title: str, description: str, tags: Sequence[str] = ()
    ) -> GameView:
        """Publish a copy of a folder on disk, such as an example that comes with Vanilla. Raises as `create` does."""
        async with self._files.staging() as staging:
            bundle = await on_thread(bundles.copy, folder, staging / "unpacked", self._limits)
            return await self.create(owner_id, bundle, title=title, description=description, tags=tags)

    async def is_untouched(self) -> bool:
        """Whether there has never been a game here; one that was removed counts."""
        ever = select(func.count()).select_from(Game)
        return await self._database.read(lambda session: session.execute(ever).scalar_one() == 0)

    async def tags(self, limit: int = 30) -> list[tuple[str, int]]:
        """The tags of shared games and how many games have each, the commonest first."""
        each = func.json_each(col(Game.tags)).table_valued("value", joins_implicitly=True)
        uses = func.count()
        statement = (
            select(each.c.value, uses)
            .select_from(Game)
            .where(col(Game.removed_at).is_(None), access.is_listed_for(NOBODY))
            .group_by(each.c.value)
            .order_by(uses.desc(), each.c.value)
            .limit(limit)
        )
        return await self._database.read(lambda session: [(row[0], row[1]) for row in session.execute(statement)])

    async def list(
        self,
        *,
        viewer: Viewer = NOBODY,
        search: str = "",
        tag: str = "",
        talks: bool | None = None,
        mine: bool = False,
        favourites: bool = False,
        removed: bool = False,
        sort: Sort = "recent",
        limit: int = 24,
        offset: int = 0,
    ) -> tuple[list[GameView], int]:
        """A page of the games that are listed for `viewer`, and how many match in all: `views.Wish` says what each
        field asks for."""
        wish = Wish(
            search=search,
            tag=tag,
            talks=talks,
            mine=mine,
            favourites=favourites,
            removed=removed,
            sort=sort,
            limit=limit,
            offset=offset,
        )
        return await self._database.read(lambda session: views.page(session, wish, viewer, self._tokens))

    async def overview(
        self, by: Viewer, wanted: overview.Search, *, limit: int = 50, offset: int = 0
    ) -> tuple[Sequence[overview.Entry], int]:
        """A page of all games for an admin, and how many match in all. Raises Forbidden."""
        access.check_admin(by)
        return await self._database.read(
            lambda session: overview.page(session, by, self._tokens, wanted, limit=limit, offset=offset)
        )

    async def get(self, game_id: str, viewer: Viewer = NOBODY) -> GameView:
        """A game that `viewer` may open. Raises NotFound: it is not there, was removed, or is somebody else's draft."""
        return await self._database.read(lambda session: views.find(session, game_id, viewer, self._tokens))

    async def check_owned(self, game_id: str, by: Viewer) -> None:
        """Returns where `by` may change this game. Raises NotFound, Forbidden."""
        await self._database.read(lambda session: access.owned(session, game_id, by))

    async def change(self, game_id: str, changes: GameChanges, by: Viewer) -> GameView:
        """Change what is given. A game that becomes a draft is shut to all others at once: the addresses of its files
        die, and so do the tokens of those who play it.

        Raises NotFound, Forbidden (neither its owner nor an admin), Invalid.
        """
        given = {name: getattr(changes, name) for name in changes.model_fields_set}
        texts = {
            "title": about.checked_title,
            "description": about.checked_description,
            "tags": about.checked_tags,
        }
        values = {name: texts[name](value) if name in texts else value for name, value in given.items()}
        if values.get("title") == "":
            raise Invalid("A game needs a title.")

        def work(session: Session) -> tuple[GameView, bool]:
            game = access.owned(session, game_id, by)
            is_closed = game.visibility != "draft" and values.get("visibility") == "draft"
            if changed := _differences(game, values):
                interventions.record(session, game, by, "game.update", changed)
            for name, value in values.items():
                setattr(game, name, value)
            if is_closed:
                game.capability_epoch += 1
                others = (col(PlayToken.game_id) == game_id, col(PlayToken.user_id) != game.owner_id)
                session.exec(delete(PlayToken).where(*others))
            game.search_text = _search_text(session, game)
            game.updated_at = utc_now()
            session.flush()
            return views.find(session, game_id, by, self._tokens), is_closed

        view, is_closed = await self._database.write(work)
        if is_closed:
            self._closings.announce(game_id)
        return view

    async def cover(self, game: GameView, size: str = "card") -> tuple[str, bytes]:
        """Media type and bytes of a game's cover, `card` (640x480) or `page` (1280x960)."""
        if game.has_cover:
            try:
                return "image/webp", await self._files.cover(game.id, f"{size}.webp")
            except NotFound:
                pass  # it has just been taken away
        return "image/svg+xml", covers.drawn(game.title).encode()

    async def set_cover(self, game_id: str, picture: Path, by: Viewer) -> GameView:
        """Give a game another cover, from a picture on disk. Raises NotFound, Forbidden, Invalid, TooLarge."""
        return await self._cover_changes.set(game_id, picture, by)

    async def remove_cover(self, game_id: str, by: Viewer) -> GameView:
        """Have a game's cover drawn from its name again. Raises NotFound, Forbidden."""
        return await self._cover_changes.remove(game_id, by)

    async def record_play(self, user_id: str, game_id: str) -> None:
        """Count that a user opened a game. Raises NotFound."""
        now = utc_now()

        def work(session: Session) -> None:
            counted = session.execute(
                update(Game)
                .where(access.is_there(game_id))
                .values(plays=col(Game.plays) + 1)
                .execution_options(synchronize_session=False)
            )
            if counted.rowcount == 0:  # type: ignore[attr-defined]
                raise access.unknown()
            play = insert(Play).values(user_id=user_id, game_id=game_id, plays=1, last_played_at=now)
            again = {"plays": col(Play.plays) + 1, "last_played_at": now}
            session.execute(play.on_conflict_do_update(index_elements=["user_id", "game_id"], set_=again))

        await self._database.write(work)

    async def _publish(self, game: Game, version: GameVersion, bundle: Bundle, images: dict[str, bytes]) -> GameView:
        # Files first: a row that is there has its files, whenever the server dies.
        def work(session: Session) -> tuple[GameView, list[str]]:
            gone = self._quota.make_room(session, game.owner_id, bundle.size_bytes)
            made = Game(**game.model_dump())
            made.search_text = _search_text(session, made)
            session.add(made)
            session.flush()
            session.add(GameVersion(**version.model_dump()))
            session.flush()
            return views.find(session, game.id, Someone(game.owner_id), self._tokens), gone

        try:
            await self._files.publish(game.id, 1, bundle.folder, Manifest(bundle.entry, bundle.files, bundle.packed))
            if images:
                await self._files.save_cover(game.id, images)
            view, gone = await self._database.write(work)
        except BaseException:
            await self._files.remove_game(game.id)
            raise
        await self._leftovers.clear(gone)
        return view


def _differences(game: Game, values: dict[str, Any]) -> dict[str, Any]:
    """`[before, after]` by field; of a description, which may be long, only that it is another."""
    changed = {name: [getattr(game, name), new] for name, new in values.items() if getattr(game, name) != new}
    return {name: "changed" if name == "description" else change for name, change in changed.items()}


def _search_text(session: Session, game: Game) -> str:
    owner = session.get(User, game.owner_id)
    return search.text_of(game.title, game.description, game.tags, owner.username if owner else "")


def _versions(session: Session) -> dict[str, set[int]]:
    """Of games that are there, and of removed ones that can still be had back."""
    kept: dict[str, set[int]] = {}
    for game_id, number in session.execute(select(col(GameVersion.game_id), col(GameVersion.number))):
        kept.setdefault(game_id, set()).add(number)
    return kept
