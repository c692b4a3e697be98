"""`python main.py <command>`: the commands by their names. Each is a function of a module of its own, named here."""

import sys
from collections.abc import Sequence

import typer

from vanilla.commands.failures import CommandFailed
from vanilla.commands.upload import upload
from vanilla.settings import InvalidSettings

FAILED = 2  # the exit status, as for a command that was typed wrongly

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True)
app.command()(upload)


@app.callback()
def vanilla() -> None:
    """Vanilla: browser games for friends, with language models. Without a command it serves."""


def run(arguments: Sequence[str]) -> int:
    """Do what was typed. Gives the exit status: 0 done, 2 not done, with the reason on standard error."""
    try:
        status = app(list(arguments), prog_name="python main.py", standalone_mode=True)
    except SystemExit as end:
        status = end.code
    except (CommandFailed, InvalidSettings) as error:
        sys.stderr.write(f"{error}\n")
        return FAILED
    return status if isinstance(status, int) else 0
