"""`python main.py create-admin` and `reset-password`, for a host who cannot sign in. Both work beside a server."""

import asyncio
import sys
import time
from typing import Annotated

import typer

from vanilla.accounts.callers import Callers
from vanilla.accounts.names import checked_username
from vanilla.accounts.outside import OutsideRevocations
from vanilla.accounts.passwords import Passwords, check_new
from vanilla.accounts.revocation import Revocations
from vanilla.accounts.users import Users
from vanilla.commands.failures import CommandFailed
from vanilla.commands.house import House, noted, opened, said
from vanilla.errors import VanillaError
from vanilla.settings import load_settings

PATIENCE = 3.0  # seconds for the server to notice
LONGEST_LINE = 1000  # characters of what is read as a password

FromStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input, for scripts.")
]


def create_admin(
    username: Annotated[str, typer.Option(help="Their name.", prompt="Username", show_default=False)],
    password_stdin: FromStdin = False,
) -> None:
    """Make an admin. The password is asked for. Works while the server runs."""
    checked_username(username)
    with opened(load_settings()) as house:
        password = _password(from_stdin=password_stdin)
        user = asyncio.run(_users(house).create(username=username, password=password, is_admin=True))
    said(f"{user.username} is an admin now, and signs in with that password.")


def reset_password(
    username: Annotated[str, typer.Option(help="Whose password.", prompt="Username", show_default=False)],
    password_stdin: FromStdin = False,
) -> None:
    """Give somebody a new password.

    It is asked for. Their sessions and API tokens end, and with them open pages and running calls: at once, also while
    the server runs.
    """
    settings = load_settings()
    with opened(settings) as house:
        users = _users(house)
        user = asyncio.run(users.named(username))
        password = _password(from_stdin=password_stdin)
        outside = OutsideRevocations(house.database)
        asyncio.run(users.set_password(user.id, password))
        if house.is_serving:
            outside.note(user.id)
            if not _is_noticed(outside):
                raise CommandFailed(
                    f"{user.username} has the new password, but the running server has not noticed in"
                    f" {PATIENCE:.0f} seconds: restart it, or open pages and running calls of theirs go on for a while."
                )
    said(f"{user.username} has the new password. All their sessions and API tokens have ended.")
    if not user.is_active:
        noted(f"{user.username} is switched off, and cannot sign in: an admin switches them on, on the page Users.")


def _users(house: House) -> Users:
    revocations = Revocations()
    return Users(house.database, Passwords(), revocations, Callers(house.database, revocations))


def _password(*, from_stdin: bool) -> str:
    """A password that can be kept, typed twice without being shown, or the first line of standard input.

    Raises VanillaError, CommandFailed.
    """
    if from_stdin:
        password = sys.stdin.readline(LONGEST_LINE).removesuffix("\n").removesuffix("\r")
        check_new(password)
        return password
    if not sys.stdin.isatty():
        raise CommandFailed("There is no terminal to ask for the password: give it with --password-stdin.")
    while True:
        password = typer.prompt("New password", hide_input=True)
        try:
            check_new(password)
        except VanillaError as error:
            noted(error.message)
            continue
        if typer.prompt("Once more", hide_input=True) == password:
            return str(password)
        noted("That was another one. Try again.")


def _is_noticed(outside: OutsideRevocations) -> bool:
    """Whether the server has acted on it, waiting a while."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        if not outside.are_waiting():
            return True
        time.sleep(0.05)
    return False
