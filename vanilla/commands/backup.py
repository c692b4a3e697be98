"""`python main.py backup`: everything in one file, whether the server runs or not."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from vanilla.commands.failures import CommandFailed
from vanilla.commands.house import check_owner, noted, opened, said, shown
from vanilla.commands.progress import progress
from vanilla.database import Database
from vanilla.models import utc_now
from vanilla.operations import backup as making
from vanilla.operations import backups, storage
from vanilla.operations.backup import Backup
from vanilla.settings import Settings, load_settings

MB = 1_000_000
ENDING = ".tar.gz"


def backup(
    to: Annotated[
        Path | None,
        typer.Option(
            help="A folder, or a file that ends with .tar.gz, in place of DATA_DIR/backups.", show_default=False
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Then delete all but so many of the newest in that folder; in DATA_DIR/backups, the settings page says"
            " how many.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Back everything up into one file.

    Database, games, saves and the games' secret, while the server runs or not. What is in it belongs to one moment. The
    settings (.env) are not in it, nor earlier backups. Whoever has the file has every password's hash: keep it as you
    keep the server.
    """
    settings = load_settings()
    path = storage.database_path(settings)
    if not path.exists():
        raise CommandFailed(
            f"There is no database at {path}: start the server once, or mend DATA_DIR, which is"
            f" {settings.data_dir.resolve()}."
        )
    check_owner(settings)
    if to is None:
        folder, name, keep = storage.backups_folder(settings), "", keep or backups.kept_as_set(settings)
    elif to.name.endswith(ENDING):
        if keep is not None:
            raise CommandFailed("--keep needs a folder: give --to one, or leave it out.")
        folder, name = to.parent, to.name
    else:
        folder, name = to, ""
    if not folder.is_dir() and to is not None:
        raise CommandFailed(f"There is no folder {folder}: make it first.")
    with nullcontext() if name else backups.alone(folder):
        target = folder / (name or backups.new_name(folder, utc_now()))
        with progress(storage.taken(settings).backed_up, "Backing up") as bar:
            done = making.make(settings, target, bar)
        gone = backups.prune(folder, keep) if keep is not None else []
    _note(settings, done)
    said(f"{shown(target)}, {done.size_bytes / MB:,.1f} MB")
    for missing in done.missing:
        noted(f"Note: {missing} is in the database and not on the disk, and so not in the backup.")
    for old in gone:
        noted(f"Deleted {old}, an older one.")


def _note(settings: Settings, done: Backup) -> None:
    """In the audit, unless the database waits for an upgrade, which is not a backup's to make."""
    if Database(settings.sqlalchemy_url).is_current():
        with opened(settings) as house:
            house.database.write_now(lambda session: backups.note_made(session, done, by=None))
