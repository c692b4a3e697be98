"""`python main.py serve`: the same as no command, at another address if one is given."""

from typing import Annotated

import typer


def serve(
    context: typer.Context,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on, in place of HOST.", show_default=False)
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, in place of PORT.", show_default=False)] = None,
) -> None:
    """Serve until stopped (Ctrl-C). The same happens without any command."""
    given = {"host": host, "port": port}
    raise typer.Exit(context.obj(**{name: value for name, value in given.items() if value is not None}))
