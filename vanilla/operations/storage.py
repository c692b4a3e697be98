"""What takes room on the disk, and how much is left."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from vanilla.settings import Settings

BACKUPS = "backups"  # folder in DATA_DIR


@dataclass(frozen=True, slots=True)
class Taken:
    """Bytes. Those of games and saves are what their rows say, so that no million of files has to be looked at."""

    database: int
    games: int
    saves: int
    backups: int
    free: int

    @property
    def backed_up(self) -> int:
        """What a backup reads."""
        return self.database + self.games + self.saves


def taken(settings: Settings) -> Taken:
    """How much is taken now. Blocks. Raises sqlite3.Error, OSError."""
    path = database_path(settings)
    with closing(sqlite3.connect(path)) as connection:
        games, saves = (_sum(connection, table) for table in ("game_versions", "saves"))
    return Taken(
        database=sum(_size(path.with_name(path.name + suffix)) for suffix in ("", "-wal")),
        games=games,
        saves=saves,
        backups=sum(_size(file) for file in backups_folder(settings).glob("*.tar.gz")),
        free=free_bytes(settings.data_dir),
    )


def database_path(settings: Settings) -> Path:
    """The SQLite file, wherever DATABASE_URL has it."""
    return Path(make_url(settings.sqlalchemy_url).database or "")


def backups_folder(settings: Settings) -> Path:
    """Where backups are kept that were not asked for elsewhere."""
    return settings.data_dir / BACKUPS


def free_bytes(folder: Path) -> int:
    """What is free on the disk of `folder`, which may not be there yet."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _sum(connection: sqlite3.Connection, table: str) -> int:
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone() is None:
        return 0  # a database that waits for an upgrade
    return int(connection.execute(f"SELECT coalesce(sum(size_bytes), 0) FROM {table}").fetchone()[0])  # noqa: S608


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
