"""NiceGUI's clients, one for each open page: whose they are, when they must close, how many may wait to connect."""

import asyncio
from typing import Final

from fastapi import Request
from nicegui import Client

from vanilla.accounts.caller import Caller
from vanilla.accounts.revocation import Revocation

MOST_WAITING: Final = 50  # pages served to one visitor that no browser has connected to; each costs up to a megabyte
MOST_STRANGERS: Final = 200  # pages of people who are not signed in, connected or not
RECONNECT_SECONDS: Final = 10.0  # a page whose connection broke is kept for so long
CLOSE_AFTER: Final = 0.5  # seconds between asking a browser to leave and taking the page away

_USER: Final = "user_id"  # in a request's scope, where the line logged for it takes it from
_CALLER: Final = "vanilla_caller"
_CONNECTED: Final = "vanilla_connected"


def are_too_many_waiting(request: Request) -> bool:
    """Whether whoever asks should be served no further page by NiceGUI for now. Everybody who is signed in has a count
    of their own, and so have all strangers together: they cannot keep anybody from the games.

    A page that was connected once does not count: its browser has moved on, and it goes within seconds. Of strangers it
    does, since it may stay: theirs is the sign-in page, and there is a plain one.
    """
    asks = request.scope.get(_USER)
    if asks is None:
        strangers = [client for client in Client.instances.values() if client.request.scope.get(_USER) is None]
        if len(strangers) >= MOST_STRANGERS:
            return True
    waiting = [client.request for client in Client.instances.values() if _CONNECTED not in client.storage]
    return len([other for other in waiting if other.scope.get(_USER) == asks]) >= MOST_WAITING


def note_user(request: Request, user_id: str) -> None:
    """Note whose request for a page this is, before the page is made."""
    request.scope[_USER] = user_id


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


# Unless somebody is leaving by their own sign-out, which leads to the same page without a way back.
_LEAVE = (
    "if (!('leaving' in document.documentElement.dataset))"
    " location.replace('/login?next=' + encodeURIComponent(location.pathname + location.search))"
)
