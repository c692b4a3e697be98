"""NiceGUI's clients, one for each open page: whose they are, when they must close, how many may wait to connect."""

import asyncio
from typing import Final

from nicegui import Client

from vanilla.accounts.caller import Caller
from vanilla.accounts.revocation import Revocation

MOST_WAITING: Final = 50  # pages served that no browser has connected to; each costs up to a megabyte for a minute
CLOSE_AFTER: Final = 0.5  # seconds between asking a browser to leave and taking the page away

_CALLER: Final = "vanilla_caller"
_CONNECTED: Final = "vanilla_connected"


def are_too_many_waiting() -> bool:
    """Whether no further page should be served by NiceGUI for now. A page that was connected once does not count: its
    browser has moved on, and it goes within seconds."""
    return sum(_CONNECTED not in client.storage for client in Client.instances.values()) >= MOST_WAITING


def note_connected(client: Client) -> None:
    """A browser has opened this page for real."""
    client.storage[_CONNECTED] = True


def belongs_to(client: Client, caller: Caller) -> None:
    """Note whose page this is, so that it closes when they are out."""
    client.storage[_CALLER] = caller


def close_revoked(revocation: Revocation) -> None:
    """Close the open pages of whoever is out. Runs on the event loop."""
    if revocation.token_id is not None:
        return
    for client in list(Client.instances.values()):
        caller = client.storage.get(_CALLER)
        if not isinstance(caller, Caller) or caller.user_id != revocation.user_id:
            continue
        if revocation.is_whole_user or revocation.session_id == caller.session_id:
            close(client)


def close(client: Client) -> None:
    """Send the browser to the sign-in page, then drop the page: events that still come find nothing."""
    if client.has_socket_connection:
        client.run_javascript(_LEAVE)
        asyncio.get_running_loop().call_later(CLOSE_AFTER, drop, client)
    else:
        drop(client)


def drop(client: Client) -> None:
    """Forget a page."""
    if client.id in Client.instances:
        client.delete()


_LEAVE = "location.replace('/login?next=' + encodeURIComponent(location.pathname + location.search))"
