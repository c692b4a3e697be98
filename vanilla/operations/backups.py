"""The backups that are kept: making one at a time, beside everything else; listing, fetching and deleting them."""

import asyncio
import contextlib
import fcntl
import logging
import re
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

from sqlmodel import Session

from vanilla import audit
from vanilla.database import Database
from vanilla.errors import Conflict, NotFound, Unavailable, VanillaError
from vanilla.models import utc_now
from vanilla.operations import backup, storage
from vanilla.operations.backup import Backup
from vanilla.operations.controls import ControlPanel, Controls
from vanilla.settings import Settings

logger = logging.getLogger(__name__)

MB = 1_000_000
NAME = re.compile(r"vanilla-(\d{8}-\d{6})(?:-(\d{1,9}))?\.tar\.gz")
STAMP = "%Y%m%d-%H%M%S"  # in UTC
TELL_EVERY = 0.25  # seconds
_LOCK = ".vanilla-backup.lock"
_LEFT = ("vanilla-*.tar.gz.part", "vanilla-*.tar.gz.db-part*")  # of one that was killed


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that is there."""

    name: str
    size_bytes: int
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Making:
    """A backup under way. `total_bytes` is about what it has to read."""

    name: str
    read_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the last one that was made here: what was missing, or why there is none."""

    name: str
    missing: Sequence[str] = ()
    problem: str | None = None


class Backups:
    """Those in DATA_DIR/backups. Belongs to one event loop."""

    def __init__(self, database: Database, settings: Settings, controls: ControlPanel) -> None:
        self._database = database
        self._settings = settings
        self._controls = controls
        self._folder = storage.backups_folder(settings)
        self._subscribers: list[Callable[[], None]] = []
        self._task: asyncio.Task[None] | None = None
        self._is_closing = threading.Event()
        self._read = 0
        self.making: Making | None = None
        self.last: Outcome | None = None

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` on the event loop while one is made, and when it is done; the returned function ends that."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    async def list(self) -> Sequence[Kept]:
        """Those there are, the newest first."""
        return await asyncio.to_thread(listed, self._folder)

    async def start(self, by: str) -> str:
        """Begin to make one, in the name of the user `by`; gives its name. Raises Conflict while another is made."""
        if self._task is not None and not self._task.done():
            raise Conflict("A backup is being made. Wait until it is done.")
        self._is_closing.clear()
        self._read = 0
        name = await asyncio.to_thread(new_name, self._folder, utc_now())
        self.making, self.last = Making(name, 0, 0), None
        self._task = asyncio.create_task(self._make(name, by), name="backup")
        self._tell()
        return name

    async def wait(self) -> Outcome | None:
        """Until none is made any more; gives what became of the last one."""
        if self._task is not None:
            await asyncio.shield(self._task)
        return self.last

    async def close(self) -> None:
        """Give up the one that is made."""
        self._is_closing.set()
        if self._task is not None:
            await self._task

    async def open(self, name: str, by: str) -> Path:
        """Where it is, for the user `by`, who takes it away. Raises NotFound."""
        path = await asyncio.to_thread(self._find, name)
        await self._database.write(lambda session: _note(session, by, "backup.download", name))
        return path

    async def delete(self, name: str, by: str) -> None:
        """Delete it, in the name of the user `by`. Raises NotFound."""
        path = await asyncio.to_thread(self._find, name)
        await self._database.write(lambda session: _note(session, by, "backup.delete", name))
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._tell()

    async def storage(self) -> storage.Taken:
        """What takes room on the disk."""
        return await asyncio.to_thread(storage.taken, self._settings)

    async def _make(self, name: str, by: str) -> None:
        loop = asyncio.get_running_loop()
        ticking = asyncio.create_task(self._keep_telling())
        try:
            total = (await self.storage()).backed_up
            self.making = Making(name, 0, total)
            done = await loop.run_in_executor(None, self._make_blocking, name)
        except (VanillaError, OSError, sqlite3.Error) as error:
            problem = error.message if isinstance(error, VanillaError) else f"The backup failed: {_reason(error)}."
            logger.warning("No backup was made: %s", problem)
            self.last = Outcome(name, problem=problem)
        else:
            await self._database.write(lambda session: note_made(session, done, by))
            self.last = Outcome(name, done.missing)
        finally:
            ticking.cancel()
            self.making = None
            self._tell()

    def _make_blocking(self, name: str) -> Backup:
        with alone(self._folder):
            keep_free = self._settings.min_free_disk_mb * MB
            done = backup.make(self._settings, self._folder / name, self._progress, leave_free=keep_free)
            prune(self._folder, self._controls.now.backups_kept)
            return done

    def _progress(self, read: int) -> None:
        if self._is_closing.is_set():
            raise Unavailable("The server is stopping: the backup was given up.")
        self._read += read

    async def _keep_telling(self) -> None:
        while True:
            await asyncio.sleep(TELL_EVERY)
            if self.making is not None and self.making.read_bytes != self._read:
                self.making = Making(self.making.name, self._read, self.making.total_bytes)
                self._tell()

    def _find(self, name: str) -> Path:
        path = self._folder / name
        if not NAME.fullmatch(name) or path.is_symlink() or not path.is_file():
            raise NotFound("There is no such backup.")
        return path

    def _tell(self) -> None:
        for callback in list(self._subscribers):
            callback()


def note_made(session: Session, made: Backup, by: str | None) -> None:
    """Note it in the audit. `by` is None for the command line."""
    details = {"size_bytes": made.size_bytes, **({"missing": len(made.missing)} if made.missing else {})}
    audit.record(session, by=by, action="backup.create", subject=made.path.name, details=details)


def listed(folder: Path) -> list[Kept]:
    """The backups in a folder, the newest first. Blocks."""
    found = []
    for path in folder.glob("vanilla-*.tar.gz"):
        if match := NAME.fullmatch(path.name):
            with contextlib.suppress(FileNotFoundError, ValueError):
                made_at = datetime.strptime(match[1], STAMP).replace(tzinfo=UTC)
                kept = Kept(path.name, path.stat().st_size, made_at)
                found.append((made_at, int(match[2] or 1), kept))
    return [kept for _, _, kept in sorted(found, key=itemgetter(0, 1), reverse=True)]


def new_name(folder: Path, now: datetime) -> str:
    """A name that none has yet, and that sorts behind all that have one of the same second."""
    stem = f"vanilla-{now.astimezone(UTC):{STAMP}}"
    there = [match for path in folder.glob(f"{stem}*") if (match := NAME.fullmatch(path.name))]
    number = max((int(match[2] or 1) for match in there), default=0) + 1
    return f"{stem}-{number}.tar.gz" if there else f"{stem}.tar.gz"


def prune(folder: Path, keep: int) -> list[str]:
    """Delete all but the newest `keep` backups in a folder; gives the names of those. Blocks."""
    gone = [kept.name for kept in listed(folder)[keep:]]
    for name in gone:
        (folder / name).unlink(missing_ok=True)
    return gone


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """The only one, of all processes, that makes a backup in this folder, which is made where it is missing. What one
    that was killed has left goes. Raises Conflict, OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / _LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict("Another backup is being made there. Wait until it is done.") from None
        for pattern in _LEFT:
            for path in folder.glob(pattern):
                path.unlink(missing_ok=True)
        yield


def kept_as_set(settings: Settings) -> int:
    """How many backups an admin wants kept, read from the database. Blocks. Raises sqlite3.Error."""
    with closing(sqlite3.connect(storage.database_path(settings))) as connection:
        try:
            row = connection.execute("SELECT value FROM runtime_settings WHERE name = 'backups_kept'").fetchone()
        except sqlite3.OperationalError:  # a database that waits for an upgrade
            row = None
    return Controls().backups_kept if row is None else int(row[0])


def _note(session: Session, by: str, action: str, name: str) -> None:
    audit.record(session, by=by, action=action, subject=name)


def _reason(error: Exception) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
