"""`python main.py <command>`: the commands by their names. Each is a function of a module of its own, named here."""

import sys
from collections.abc import Callable, Sequence

import typer

from vanilla.commands.backup import backup
from vanilla.commands.doctor import doctor
from vanilla.commands.failures import CommandFailed
from vanilla.commands.people import create_admin, reset_password
from vanilla.commands.restore import restore
from vanilla.commands.serve import serve
from vanilla.commands.upload import upload
from vanilla.errors import VanillaError
from vanilla.settings import InvalidSettings

FAILED = 2  # the exit status, as for a command that was typed wrongly

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True)
for command in (serve, create_admin, reset_password, backup, restore, doctor, upload):
    app.command()(command)


@app.callback()
def vanilla() -> None:
    """Vanilla: browser games for friends, with language models. Without a command it serves.

    Each command reads the same settings as the server, from the environment and from .env, and says more with --help.
    """


def run(arguments: Sequence[str], serve: Callable[..., int]) -> int:
    """Do what was typed; `serve` is what serves, with settings by name. Gives the exit status: 0 done, 2 not done, with
    the reason on standard error; 1 where `doctor` has found something broken."""
    try:
        status = app(list(arguments), prog_name="python main.py", standalone_mode=True, obj=serve)
    except SystemExit as end:
        status = end.code
    except (CommandFailed, InvalidSettings, VanillaError) as error:
        return _failed(str(error))
    except OSError as error:
        return _failed(f"{error.filename}: {error.strerror}." if error.filename else f"{error.strerror or error}.")
    return status if isinstance(status, int) else 0


def _failed(reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    return FAILED
