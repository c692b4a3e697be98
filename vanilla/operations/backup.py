"""Making a backup, while the server runs: database, games, saves and secret as they were at one moment.

Files first, which takes long and loses nothing: those of a version or a save never change once a row names them. Then
one read transaction of the database is that moment: what came up since the files were read is added, and the database
is copied within it. So whatever row is in the copy has its files in the archive, and no half of a settlement is.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vanilla import __version__
from vanilla.errors import OutOfSpace, Unavailable
from vanilla.models import utc_now, utc_text
from vanilla.operations import archive, storage
from vanilla.operations.archive import Header, Progress, Writer
from vanilla.settings import Settings

MB = 1_000_000
PAUSE = 0.2  # seconds before the database is looked at anew, where files went while it was read
_VERSIONS = "SELECT game_id, number FROM game_versions"
_COVERS = "SELECT id FROM games WHERE has_cover"
_SAVES = "SELECT user_id, game_id, value FROM saves, json_each(saves.parts)"


@dataclass(frozen=True, slots=True)
class Backup:
    """What was written. `missing` are files that the database names and that were not there before either."""

    path: Path
    size_bytes: int
    missing: Sequence[str] = ()


def make(settings: Settings, target: Path, progress: Progress = lambda _read: None, *, leave_free: int = 0) -> Backup:
    """Write a backup to `target`, which is there in the end whole and durable or not at all. Blocks, for as long as it
    takes to read everything once.

    Raises OutOfSpace where it would leave less than `leave_free` bytes of the disk, Unavailable (no database, or one
    that is damaged), FileExistsError and OSError.
    """
    database = storage.database_path(settings)
    if not database.exists():
        raise Unavailable(f"There is no database at {database}: is DATA_DIR right, and was the server ever started?")
    with _told(), closing(_opened(database)) as source:
        header = Header(__version__, _revision(source), utc_text(utc_now()), storage.taken(settings).backed_up)
        _check_room(target.parent, header.size_bytes, leave_free)
        with archive.written(target, header, progress) as writer:
            reading = _Reading(settings.data_dir, writer)
            reading.add_all()
            with _copy_beside(target) as copy:
                missing = _copy_consistently(source, copy, reading)
                if not settings.session_secret.get_secret_value():
                    with suppress(FileNotFoundError):  # it is made when it is first used
                        writer.add(archive.SECRET, settings.data_dir / archive.SECRET)
                writer.add(archive.DATABASE, copy)
    return Backup(target, target.stat().st_size, missing)


class _Reading:
    """The files of games and saves, as they go into the archive. What is in it is remembered."""

    def __init__(self, data_dir: Path, writer: Writer) -> None:
        self._data_dir = data_dir
        self._writer = writer
        self._done: set[str] = set()  # a version or a cover by its folder, a part of a save by its file

    def add_all(self) -> None:
        """All there is now. What goes meanwhile is left out: no row names it any more."""
        for game in _folders(self._data_dir / "games"):
            for folder in _folders(game):
                self._add(f"games/{game.name}/{folder.name}")
        for user in _folders(self._data_dir / "saves"):
            for game in _folders(user):
                for part in sorted(game.iterdir() if game.is_dir() else ()):
                    self._add(f"saves/{user.name}/{game.name}/{part.name}")

    def add_named(self, source: sqlite3.Connection) -> list[str]:
        """What the database names in its transaction and is not in the archive. Gives what could not be found."""
        versions = [f"games/{game}/{number}" for game, number in _rows(source, _VERSIONS)]
        covers = [f"games/{game}/cover" for (game,) in _rows(source, _COVERS)]
        parts = [f"saves/{user}/{game}/{part}" for user, game, part in _rows(source, _SAVES)]
        return [name for name in (*versions, *covers, *parts) if name not in self._done and not self._add(name)]

    def _add(self, name: str) -> bool:
        """Put in a file, or a folder with all in it; gives whether it was all there."""
        path = self._data_dir / name
        try:
            if path.is_dir():
                # A cover is replaced as a whole: its few files are read before the first is put in.
                if path.name == "cover":
                    for image, data in [(file.name, file.read_bytes()) for file in _files(path)]:
                        self._writer.add_bytes(f"{name}/{image}", data)
                else:
                    for file in _files(path):
                        self._writer.add(f"{name}/{file.relative_to(path).as_posix()}", file)
            else:
                self._writer.add(name, path)
        except FileNotFoundError:
            return False
        self._done.add(name)
        return True


@contextmanager
def _told() -> Iterator[None]:
    """What SQLite cannot do, as a sentence."""
    try:
        yield
    except sqlite3.Error as error:
        raise Unavailable(f"The database cannot be read, and no backup was made: {error}.") from None


def _rows(source: sqlite3.Connection, query: str) -> list[tuple[Any, ...]]:
    try:
        return source.execute(query).fetchall()
    except sqlite3.OperationalError as error:
        if str(error).startswith("no such"):  # a table of a newer Vanilla: this database waits for an upgrade
            return []
        raise


def _copy_consistently(source: sqlite3.Connection, copy: Path, reading: _Reading) -> list[str]:
    """Copy the database to a moment at which all that it names is in the archive. Gives what it names in vain: what is
    missing twice was missing before."""
    missing: list[str] = []
    while True:
        source.execute("BEGIN")
        try:
            before, missing = missing, reading.add_named(source)
            if set(missing) <= set(before):
                with closing(sqlite3.connect(copy)) as target:
                    source.backup(target)  # in one step, within the transaction: what is written goes on beside it
                    _check(target)
                return missing
        finally:
            source.execute("ROLLBACK")
        time.sleep(PAUSE)


def _check(copy: sqlite3.Connection) -> None:
    """The copy is sound, and one file. Raises Unavailable."""
    found = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise Unavailable(f"The database is damaged, and no backup was made of it: {found}.")
    copy.execute("PRAGMA journal_mode=delete").close()


@contextmanager
def _copy_beside(target: Path) -> Iterator[Path]:
    copy = target.with_name(f"{target.name}.db-part")
    copy.touch(mode=0o600, exist_ok=False)
    try:
        yield copy
    finally:
        for path in (copy, *(copy.with_name(copy.name + suffix) for suffix in ("-wal", "-shm", "-journal"))):
            path.unlink(missing_ok=True)


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA query_only=on").close()
    connection.execute("PRAGMA busy_timeout=5000").close()
    return connection


def _revision(source: sqlite3.Connection) -> str:
    try:
        (revision,) = source.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.DatabaseError, TypeError):
        raise Unavailable(
            "The database is none of Vanilla's, or it is damaged: start the server to hear more."
        ) from None
    return str(revision)


def _check_room(folder: Path, needed: int, leave_free: int) -> None:
    free = storage.free_bytes(folder)
    if free - needed < leave_free:
        raise OutOfSpace(
            f"The disk is too full for a backup: it may take {needed // MB + 1:,} MB, {free // MB:,} MB are free"
            + (f" and {leave_free // MB:,} MB are kept free" if leave_free else "")
            + ". Delete older backups, or make it elsewhere: python main.py backup --to FOLDER."
        )


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
