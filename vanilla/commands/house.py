"""The Vanilla on this machine, as a command finds it: its database, and whether a server has it open."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from vanilla.commands.failures import CommandFailed
from vanilla.database import Database
from vanilla.settings import InvalidSettings, Settings


@dataclass(frozen=True, slots=True)
class House:
    """An open database; `is_serving` where a server has it open too."""

    database: Database
    is_serving: bool


@contextmanager
def opened(settings: Settings) -> Iterator[House]:
    """The database, for changes that may be made beside a running server. No server can start while none runs.

    Raises CommandFailed, InvalidSettings.
    """
    check_owner(settings)
    database = Database(settings.sqlalchemy_url)
    if database.path is None or not database.path.exists():
        raise CommandFailed(
            f"There is no database at {database.path}: start the server once, or mend DATA_DIR, which is"
            f" {settings.data_dir.resolve()}."
        )
    with ExitStack() as stack:
        is_serving = False
        try:
            stack.enter_context(database.claimed())
        except InvalidSettings:
            is_serving = True
            if not database.is_current():
                raise CommandFailed(
                    "The server that runs is of another version than this command: restart it first."
                ) from None
        stack.enter_context(database.told())
        database.open()
        stack.callback(database.close)
        yield House(database, is_serving)


def check_owner(settings: Settings) -> None:
    """Raises CommandFailed where root would leave files that the server, another user's, cannot write to."""
    folder = settings.data_dir
    if not folder.exists() or os.geteuid() != 0:
        return
    owner = folder.stat().st_uid
    if owner != 0:
        raise CommandFailed(
            f"{folder} belongs to {_name_of(owner)}: run this as that user, with sudo -u {_name_of(owner)} before it."
        )


def said(words: str) -> None:
    """A line for whoever typed the command."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def noted(words: str) -> None:
    """A line beside what was asked for."""
    sys.stderr.write(f"{words}\n")


def shown(path: Path) -> str:
    """A path as it can be typed from here."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path.resolve())


def _name_of(uid: int) -> str:
    import pwd  # not on every platform

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
