"""Saves: what games keep for a player, and which games do. They follow the player to every browser.

A save of a kind is a row that names its files (vanilla.games.parts). A change makes a new file and then, in one
transaction, a row that names it: a server that dies in between leaves the save as it was. Changes are merged key by
key, one after the other per user and game, so that two tabs or two devices never lose each other's writes to different
keys; of two writes to one key the last one holds.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import IO, Literal
from weakref import WeakValueDictionary

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, func, select

from vanilla.database import Database
from vanilla.errors import Conflict, NotFound
from vanilla.games import access, entries, exports, records
from vanilla.games.access import Viewer
from vanilla.games.entries import Changes, Contents
from vanilla.games.files import MB, Files, on_thread, to_its_end
from vanilla.games.parts import Owner, Parts
from vanilla.models import Game, Save, User, new_id, utc_now
from vanilla.settings import Settings

Kind = Literal["local", "databases"]  # localStorage, cookies and vanilla.storage; and IndexedDB
MOST_PARTS = 32  # of databases: a change adds one, and this many are put together into one again
MOST_BATCHES = 32  # whose ids are remembered
ATTEMPTS = 5
HEAVY_AT_ONCE = 2  # megabytes read, merged and written: more at once would only take the processor from players
SMALL = 1_000_000  # bytes that are saved however full the disk is


@dataclass(frozen=True, slots=True)
class State:
    """Where a save stands. `batches` are the ids of the last changes, so that one sent twice is made once."""

    revision: int = 0
    size_bytes: int = 0
    updated_at: datetime | None = None
    batches: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SavedGame:
    """A game that keeps something for a user."""

    game_id: str
    title: str
    size_bytes: int
    updated_at: datetime


class Saves:
    """Every player's saves. Only their owner may see or change them; what games a player may open is theirs too."""

    def __init__(self, database: Database, files: Files, settings: Settings) -> None:
        self._database = database
        self._files = files
        self._parts = Parts(settings)
        self._most_bytes = settings.max_databases_mb * MB
        self._locks: WeakValueDictionary[Owner, asyncio.Lock] = WeakValueDictionary()
        self._heavy = asyncio.Semaphore(HEAVY_AT_ONCE)

    async def open(self) -> None:
        """Remove the files that a server that died left without a row, and those of users and games that are gone."""
        named = await self._database.read(_named)
        await on_thread(self._parts.sweep, named)

    async def local(self, viewer: Viewer, game_id: str) -> tuple[State, bytes]:
        """What a game starts with: `{"local": {...}, "cookies": {...}, "storage": {...}}` as JSON. Raises NotFound."""
        row = await self._opened(viewer, game_id, "local")
        if row is None:
            return State(), entries.write_json(entries.empty())
        (part,) = row.parts
        return _state(row), await on_thread(self._parts.path((viewer.user_id, game_id), part).read_bytes)

    async def databases(self, viewer: Viewer, game_id: str) -> tuple[State, Iterator[bytes], int]:
        """The segments of a game's databases (vanilla.games.records), in pieces, and how many bytes they are.

        Raises NotFound.
        """
        row = await self._opened(viewer, game_id, "databases")
        if row is None:
            return State(), iter(()), 0
        paths = [self._parts.path((viewer.user_id, game_id), part) for part in row.parts]
        return _state(row), records.streamed(paths), row.size_bytes

    async def change(self, viewer: Viewer, game_id: str, batch: str, changes: Changes) -> State:
        """Merge changes into a game's storage. A batch whose id is known is not made again.

        Raises NotFound, TooLarge (5 MB), OutOfSpace.
        """

        def merged(owner: Owner, parts: Sequence[str]) -> list[str]:
            contents = entries.empty()
            for part in parts:
                contents = entries.read(self._parts.path(owner, part).read_bytes())
            entries.apply(contents, changes)
            entries.check_size(contents)
            return [self._parts.write(owner, [entries.write_json(contents)])]

        return await to_its_end(self._change(viewer, game_id, "local", batch, merged))

    async def change_databases(self, viewer: Viewer, game_id: str, batch: str, segment: IO[bytes], size: int) -> State:
        """Add a segment (vanilla.games.records) of `size` bytes to a game's databases.

        Raises Invalid, NotFound, TooLarge (MAX_DATABASES_MB), OutOfSpace.
        """
        await on_thread(records.checked, segment, size)
        if size > SMALL:
            await on_thread(self._files.check_room, size)

        def added(owner: Owner, parts: Sequence[str]) -> list[str]:
            is_small = size + self._parts.size(owner, parts) <= self._most_bytes
            if is_small and len(parts) < MOST_PARTS:
                segment.seek(0)
                return [*parts, self._parts.write(owner, iter(lambda: segment.read(SMALL), b""))]
            with self._files_of(owner, parts) as files:
                values = records.live([*files, segment])
                records.check_size(values, self._most_bytes)
                return [self._parts.write(owner, records.written(values))]

        return await to_its_end(self._change(viewer, game_id, "databases", batch, added))

    async def export(self, viewer: Viewer, game_id: str) -> tuple[str, Iterator[bytes]]:
        """Everything that a game keeps for this user: its title, and a JSON file in pieces. Raises NotFound."""
        owner = (viewer.user_id, game_id)

        def work(session: Session) -> tuple[str, dict[str, Save]]:
            rows = session.exec(select(Save).where(*_of(owner))).all()
            game = session.get(Game, game_id)
            if game is None or not rows:
                raise NotFound("This game has saved nothing for you.")
            return game.title, {row.kind: row for row in rows}

        title, rows = await self._database.read(work)
        paths = {kind: [self._parts.path(owner, part) for part in row.parts] for kind, row in rows.items()}
        pieces = exports.written(game_id, title, utc_now(), paths.get("local", []), paths.get("databases", []))
        return title, pieces

    async def replace(self, viewer: Viewer, game_id: str, exported: IO[bytes]) -> None:
        """Put an exported file in the place of everything that a game keeps for this user.

        Raises Invalid, NotFound, TooLarge, OutOfSpace.
        """
        async with self._heavy:
            contents, values = await on_thread(exports.read, exported, self._most_bytes)
            await on_thread(self._files.check_room, sum(len(value) for value in values.values()))
            await to_its_end(self._replace(viewer, game_id, contents, values))

    async def reset(self, user_id: str, game_id: str) -> None:
        """Forget everything that a game keeps for this user; nothing happens where there is nothing."""
        owner = (user_id, game_id)
        async with self._lock(owner):
            await self._database.write(lambda session: session.exec(delete(Save).where(*_of(owner))))
            await on_thread(self._parts.remove_all, owner)

    async def forget_game(self, game_id: str) -> None:
        """Forget what a game keeps for everybody: it is gone for good."""
        users = select(col(Save.user_id)).where(col(Save.game_id) == game_id).distinct()
        for user_id in await self._database.read(lambda session: session.exec(users).all()):
            await self.reset(user_id, game_id)

    async def games_of(self, user_id: str) -> Sequence[SavedGame]:
        """The games that keep something for a user, the last saved first."""
        last = func.max(col(Save.updated_at))
        statement = (
            select(col(Save.game_id), col(Game.title), func.sum(col(Save.size_bytes)), last)
            .join(Game, col(Game.id) == col(Save.game_id))
            .where(col(Save.user_id) == user_id)
            .group_by(col(Save.game_id), col(Game.title))
            .order_by(last.desc())
        )
        return await self._database.read(lambda session: [SavedGame(*row) for row in session.exec(statement)])

    async def _opened(self, viewer: Viewer, game_id: str, kind: Kind) -> Save | None:
        return await self._database.read(lambda session: _open(session, viewer, game_id, kind))

    async def _change(
        self,
        viewer: Viewer,
        game_id: str,
        kind: Kind,
        batch: str,
        build: Callable[[Owner, Sequence[str]], list[str]],
    ) -> State:
        """`build` makes new parts out of those that there are, on a thread; then the row names them."""
        owner = (viewer.user_id, game_id)
        async with self._lock(owner):
            # The lock is this process's. Where another one was quicker, there is more to merge with.
            for _ in range(ATTEMPTS):
                row = await self._opened(viewer, game_id, kind)
                if row is not None and batch in row.batches:
                    return _state(row)
                before = row.parts if row is not None else []
                async with self._turn(row.size_bytes if row is not None else 0):
                    parts = await on_thread(build, owner, before)
                made = set(parts) - set(before)
                try:
                    size = await on_thread(self._parts.size, owner, parts)
                    stored = await self._database.write(
                        partial(_name, viewer, game_id, kind, batch, parts, size, row.revision if row else 0)
                    )
                except BaseException:
                    await on_thread(self._parts.remove, owner, made)
                    raise
                if stored is not None:
                    await on_thread(self._parts.replace, owner, set(before) - set(parts))
                    return stored
                await on_thread(self._parts.remove, owner, made)
        raise Conflict("This game is being saved from too many places at once.")

    async def _replace(self, viewer: Viewer, game_id: str, contents: Contents, values: dict[str, bytes]) -> None:
        owner = (viewer.user_id, game_id)
        async with self._lock(owner):
            local = await on_thread(self._parts.write, owner, [entries.write_json(contents)])
            made = {"local": local}
            try:
                segment = [records.head([(key, len(value)) for key, value in values.items()]), *values.values()]
                made["databases"] = await on_thread(self._parts.write, owner, segment)
                sizes = {kind: await on_thread(self._parts.size, owner, [part]) for kind, part in made.items()}

                def work(session: Session) -> list[str]:
                    before = []
                    for kind, part in made.items():
                        row = _open(session, viewer, game_id, kind)
                        before += row.parts if row is not None else []
                        revision = row.revision if row is not None else 0
                        _name(viewer, game_id, kind, new_id(), [part], sizes[kind], revision, session)
                    return before

                before = await self._database.write(work)
            except BaseException:
                await on_thread(self._parts.remove, owner, made.values())
                raise
            await on_thread(self._parts.replace, owner, before)

    def _lock(self, owner: Owner) -> asyncio.Lock:
        return self._locks.setdefault(owner, asyncio.Lock())

    @asynccontextmanager
    async def _turn(self, size: int) -> AsyncIterator[None]:
        if size <= SMALL:
            yield
            return
        async with self._heavy:
            yield

    @contextmanager
    def _files_of(self, owner: Owner, parts: Sequence[str]) -> Iterator[list[IO[bytes]]]:
        with ExitStack() as stack:
            yield [stack.enter_context(self._parts.path(owner, part).open("rb")) for part in parts]


def _open(session: Session, viewer: Viewer, game_id: str, kind: str) -> Save | None:
    """The row of a save, where there is one. Raises NotFound for a game that this viewer may not play."""
    access.opened(session, game_id, viewer)
    return session.get(Save, (viewer.user_id, game_id, kind))


def _name(
    viewer: Viewer,
    game_id: str,
    kind: str,
    batch: str,
    parts: list[str],
    size: int,
    revision: int,
    session: Session,
) -> State | None:
    """Let the row name these parts, if it still has this revision; else None. Raises NotFound."""
    if session.get(User, viewer.user_id) is None:
        raise NotFound("This account is gone.")
    row = _open(session, viewer, game_id, kind)
    if (row.revision if row is not None else 0) != revision:
        return None
    if row is None:
        row = Save(user_id=viewer.user_id, game_id=game_id, kind=kind, revision=0, batches=[])
        session.add(row)
    row.revision = revision + 1
    row.parts, row.size_bytes, row.updated_at = parts, size, utc_now()
    row.batches = [*row.batches, batch][-MOST_BATCHES:]
    session.flush()
    return _state(row)


def _of(owner: Owner) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(Save.user_id) == owner[0], col(Save.game_id) == owner[1]


def _named(session: Session) -> dict[Owner, set[str]]:
    named: dict[Owner, set[str]] = {}
    for row in session.exec(select(Save)):
        named.setdefault((row.user_id, row.game_id), set()).update(row.parts)
    return named


def _state(row: Save) -> State:
    return State(row.revision, row.size_bytes, row.updated_at, tuple(row.batches))
