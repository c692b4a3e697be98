"""The parts that keep games, put together without the rest of the server, and games to try them with."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlmodel import Session, select

from tests.games.archives import PAGE, zipped
from vanilla.database import Database
from vanilla.games.access import Someone, Viewer
from vanilla.games.addresses import Addresses
from vanilla.games.bundles import Bundle
from vanilla.games.catalogue import Catalogue, GameChanges
from vanilla.games.closings import Closings
from vanilla.games.cover_changes import CoverChanges
from vanilla.games.favourites import Favourites
from vanilla.games.files import Files
from vanilla.games.hosts import Hosts
from vanilla.games.leftovers import Leftovers
from vanilla.games.quota import Quota
from vanilla.games.removals import Removals
from vanilla.games.saves import Saves
from vanilla.games.tokens import TokensUsed
from vanilla.games.versions import Versions, VersionView
from vanilla.games.views import GameView
from vanilla.models import Game, GameVersion, User, utc_now
from vanilla.settings import Settings

MIRA, SAM, ADMIN = Someone("mira"), Someone("sam"), Someone("ada", is_admin=True)


@dataclass
class Library:
    """Its users are `mira`, `sam` and `ada`, who is an admin. `closed` has each game that was closed, in order."""

    database: Database
    settings: Settings
    closed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.files = Files(self.settings)
        self.files.open()
        self.closings = Closings()
        self.closings.subscribe(self.closed.append)
        self.tokens = TokensUsed()
        self.quota = Quota(self.settings)
        database, files, closings, tokens = self.database, self.files, self.closings, self.tokens
        self.saves = Saves(database, files, self.settings)
        leftovers = Leftovers(files, self.saves)
        cover_changes = CoverChanges(database, files, tokens)
        self.catalogue = Catalogue(
            database,
            files,
            self.settings,
            quota=self.quota,
            leftovers=leftovers,
            closings=closings,
            tokens=tokens,
            cover_changes=cover_changes,
        )
        self.versions = Versions(database, files, self.quota, leftovers, cover_changes)
        self.removals = Removals(database, leftovers, closings, tokens)
        self.hosts = Hosts(database, self.settings, closings)
        self.favourites = Favourites(database)
        self.addresses = Addresses(database, self.settings, closings, tokens)

    async def bundle(self, staging: Path, files: dict[str, bytes] | None = None) -> Bundle:
        """A checked bundle in staging, of these files."""
        source = staging / "upload.zip"
        source.write_bytes(zipped(files or {"index.html": PAGE}))
        return await self.catalogue.unpack(source, "zip", staging / "unpacked")

    async def add(self, title: str = "", *, owner: Viewer = MIRA, contents: bytes = b"", **fields: Any) -> GameView:
        """A new game of `owner`, with `contents` in its data.bin."""
        async with self.files.staging() as staging:
            made = await self.bundle(staging, {"index.html": PAGE, "data.bin": contents})
            return await self.catalogue.create(owner.user_id, made, title=title, **fields)

    async def update(
        self, game_id: str, contents: bytes, by: Viewer = MIRA, *, script: bytes = b"", **fields: Any
    ) -> VersionView:
        """The next version of a game, with `contents` in its data.bin."""
        async with self.files.staging() as staging:
            made = await self.bundle(staging, {"index.html": PAGE, "data.bin": contents, "a.js": script})
            return await self.versions.add(game_id, made, by, **fields)

    async def change(self, game_id: str, by: Viewer = MIRA, **fields: Any) -> GameView:
        """Change what is named."""
        return await self.catalogue.change(game_id, GameChanges(**fields), by)

    async def titles(self, viewer: Viewer = MIRA, **query: Any) -> list[str]:
        """The titles of a list that is one page long."""
        games, total = await self.catalogue.list(viewer=viewer, **query)
        assert total == len(games)
        return [game.title for game in games]

    async def row(self, game_id: str) -> Game:
        """A game's row, whatever became of the game."""
        return await self.database.read(lambda session: session.get_one(Game, game_id))

    async def numbers(self, game_id: str) -> list[int]:
        """The versions that have a row, the oldest first."""
        wanted = select(GameVersion.number).where(GameVersion.game_id == game_id)
        return sorted(await self.database.read(lambda session: session.exec(wanted).all()))


def people() -> Sequence[User]:
    """Rows for the users of a library."""
    now = utc_now()
    return [
        User(id=key, username=name, username_key=key, password_hash="", is_admin=admin, created_at=now, updated_at=now)
        for key, name, admin in (("mira", "Mira", False), ("sam", "Sám", False), ("ada", "Ada", True))
    ]


def move_into() -> Any:
    """Work that makes those users."""

    def work(session: Session) -> None:
        session.add_all(people())

    return work
