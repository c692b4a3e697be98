"""Putting a backup where a Vanilla will start from it.

It is unpacked and checked beside what is there, and then everything changes places by renames, the database last. What
was there is kept in a folder of its own.
"""

import os
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from vanilla import migrations
from vanilla.database import Database
from vanilla.durable import make_durable
from vanilla.errors import Conflict, Invalid, OutOfSpace, Unavailable
from vanilla.operations import archive, storage
from vanilla.operations.archive import DATABASE, FOLDERS, SECRET, Header, Progress
from vanilla.settings import Settings

MB = 1_000_000
WAY, ASIDE = "restoring-", "before-restore-"  # beginnings of folders in DATA_DIR
Moves = list[tuple[Path, Path]]  # from where, to where
BESIDE_DATABASE = ("-wal", "-shm", "-journal")  # of the one before they would be taken for the restored one's


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored; `aside` is the folder in which lies what was there before."""

    header: Header
    aside: Path | None


def check(path: Path, into: Path, progress: Progress = lambda _read: None) -> Header:
    """Unpack the archive at `path` into the empty folder `into`, with all that can be checked before it is used.

    Raises Invalid with a sentence, OSError.
    """
    header = archive.extracted(path, into, progress)
    database = into / DATABASE
    if not database.is_file():
        raise Invalid(f"{path} holds no database: it is not one that Vanilla made.")
    try:
        with closing(sqlite3.connect(database)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except (sqlite3.DatabaseError, TypeError) as error:
        raise Invalid(f"The database in {path} cannot be read: {error}.") from None
    if found != "ok":
        raise Invalid(f"The database in {path} is damaged: {found}.")
    if not migrations.is_known(revision):
        raise Invalid(
            f"{path} was made by a newer Vanilla ({header.vanilla}, its database at revision {revision}): upgrade this"
            " one first."
        )
    return header


def restore(
    settings: Settings, path: Path, now: datetime, progress: Progress = lambda _read: None, *, force: bool = False
) -> Restored:
    """Put what is in the archive at `path` into DATA_DIR, and its database where DATABASE_URL has it. Blocks.

    Raises InvalidSettings while a server runs, Conflict where there is something already and not `force`, Invalid for
    an archive that is damaged or not ours, OutOfSpace, OSError. After any of them everything is as it was.
    """
    data, database = settings.data_dir, storage.database_path(settings)
    stamp = f"{now:%Y%m%d-%H%M%S}"
    size = archive.read_header(path).size_bytes
    with Database(settings.sqlalchemy_url).claimed():
        data.mkdir(parents=True, exist_ok=True)
        there = _there(data, database)
        if there and not force:
            raise Conflict(
                f"{data} is not empty: it has {_listed(there)}. Give --force to put the backup in their place; they are"
                f" kept, in a folder {ASIDE}..."
            )
        if (free := storage.free_bytes(data)) < size:
            raise OutOfSpace(f"The disk is too full: the backup takes {size // MB + 1:,} MB, {free // MB:,} are free.")
        with _way(data / f"{WAY}{stamp}") as way:
            header = check(path, way, progress)
            os.sync()  # all of it, before anything is moved
            aside = data / f"{ASIDE}{stamp}"
            with _undone_on_error(aside, _draft(database)) as moves:
                _set_aside(there, aside, moves)
                _put(way, data, database, moves)
    return Restored(header, aside if there else None)


def _there(data: Path, database: Path) -> list[Path]:
    """What a restored Vanilla must not find."""
    names = (*FOLDERS, "staging", SECRET, DATABASE)
    found = [data / name for name in names if (data / name).exists()]
    found += [path for path in _with_its_log(database) if path.exists() and path not in found]
    return found


def _with_its_log(database: Path) -> list[Path]:
    return [database, *(database.with_name(database.name + suffix) for suffix in BESIDE_DATABASE)]


def _set_aside(paths: Sequence[Path], aside: Path, moves: Moves) -> None:
    """Move them into one folder; a database of another disk stays on it, under a name of its own."""
    if not paths:
        return
    aside.mkdir()
    for path in paths:
        is_near = path.parent.stat().st_dev == aside.stat().st_dev
        _move(path, aside / path.name if is_near else path.with_name(f"{path.name}.{aside.name}"), moves)
    make_durable(aside, *{path.parent for path in paths})


def _put(way: Path, data: Path, database: Path, moves: Moves) -> None:
    for name in (*FOLDERS, SECRET):
        if (way / name).exists():
            _move(way / name, data / name, moves)
    database.parent.mkdir(parents=True, exist_ok=True)
    draft = _draft(database)
    shutil.move(way / DATABASE, draft)  # a copy, where DATABASE_URL leads to another disk
    make_durable(draft)
    _move(draft, database, moves)
    make_durable(data, database.parent)


def _move(path: Path, place: Path, moves: Moves) -> None:
    path.rename(place)
    moves.append((path, place))


@contextmanager
def _undone_on_error(aside: Path, draft: Path) -> Iterator[Moves]:
    """Where the block fails, all goes back to where it was."""
    moves: Moves = []
    try:
        yield moves
    except BaseException:
        for path, place in reversed(moves):
            place.rename(path)
        draft.unlink(missing_ok=True)
        if aside.exists():
            aside.rmdir()
        raise


def _draft(database: Path) -> Path:
    return database.with_name(f"{database.name}.restored")


@contextmanager
def _way(folder: Path) -> Iterator[Path]:
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise Unavailable(f"{folder.parent} cannot be written to: {error.strerror}.") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _listed(paths: Sequence[Path]) -> str:
    names = [path.name for path in paths]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
