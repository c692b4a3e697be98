"""`python main.py restore`: a backup becomes what the next start of the server finds."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from vanilla.commands.failures import CommandFailed
from vanilla.commands.house import check_owner, noted, said, shown
from vanilla.commands.progress import progress
from vanilla.models import utc_now
from vanilla.operations import archive
from vanilla.operations import restore as restoring
from vanilla.settings import load_settings


def restore(
    file: Annotated[Path, typer.Argument(help="A file that `backup` made.", show_default=False)],
    force: Annotated[
        bool, typer.Option("--force", help="Put it in the place of what is there, which is kept in a folder beside it.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only check that the file is whole, and change nothing.")
    ] = False,
) -> None:
    """Put a backup in place for the next start.

    The server must not run. Everything is unpacked and compared with its digests before anything is put in place; what
    fails changes nothing.
    """
    settings = load_settings()
    if not file.is_file():
        raise CommandFailed(f"There is no {file}.")
    header = archive.read_header(file)
    if check:
        with (
            tempfile.TemporaryDirectory(dir=file.parent, prefix=".checking-") as into,
            progress(header.size_bytes, "Checking") as bar,
        ):
            restoring.check(file, Path(into), bar)
        said(f"{file} is whole. Vanilla {header.vanilla} made it at {header.created_at}.")
        return
    check_owner(settings)
    with progress(header.size_bytes, "Restoring") as bar:
        done = restoring.restore(settings, file, utc_now(), bar, force=force)
    said(f"Restored what was backed up at {header.created_at}, into {shown(settings.data_dir)}. Start the server now.")
    if done.aside is not None:
        noted(f"What was there before is in {shown(done.aside)}. Delete it when you trust the restored one.")
    if not (settings.data_dir / archive.SECRET).exists() and not settings.session_secret.get_secret_value():
        noted("Where it was made SESSION_SECRET was set, and it is not in a backup: set it here to the same.")
