"""All pages together: registers them, then mounts NiceGUI on our app."""

import logging
from pathlib import Path

import nicegui
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from nicegui import Client, ui
from nicegui.translations import translations
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from pages import clients, design, plain, remains
from pages.assets import Assets
from pages.sockets import BoundedSockets
from pages.visitor import Instead
from vanilla.errors import VanillaError
from vanilla.services import Services

NICEGUI_STATIC = Path(nicegui.__file__).parent / "static"


def register(app: FastAPI, services: Services) -> None:
    """Add every page to `app`. Comes after all routes of the API: NiceGUI takes every path that is left."""
    # Imported here and not above: NiceGUI's reset between tests takes away the modules that have pages.
    from pages import account, admin, docs, edit, games, invitation, login, play, upload

    for page in (login, invitation, games, play, edit, upload, account, docs, admin):
        page.register(services)
    docs.register_reference(app, services)
    services.revocations.subscribe(clients.close_revoked)
    nicegui.app.on_connect(clients.note_connected)
    remains.clear_up()
    app.add_middleware(BoundedSockets)
    app.mount("/static", Assets(design.STATIC), name="vanilla-static")
    # NiceGUI would compress its own files anew for everybody, on the event loop.
    app.mount(f"/_nicegui/{nicegui.__version__}/static", Assets(NICEGUI_STATIC, is_settled=True))
    _answer_errors()
    logging.getLogger("nicegui").addFilter(_is_a_fault)
    ui.add_head_html(design.head() + design.live_head(), shared=True)
    translations["en-US"].update(_CONNECTION)
    ui.run_with(
        app,
        title="Vanilla",
        favicon=design.STATIC / "brand.svg",
        dark=None,
        language="en-US",
        tailwind=False,
        reconnect_timeout=clients.RECONNECT_SECONDS,
        show_welcome_message=False,
    )


def _answer_errors() -> None:
    """Errors of pages, drawn without NiceGUI: no client is left behind, and no visitor reads what went wrong inside."""
    inner = nicegui.app
    inner.add_exception_handler(Instead, _instead)
    inner.add_exception_handler(VanillaError, _vanilla_error)
    inner.add_exception_handler(RequestValidationError, _not_found)
    inner.add_exception_handler(404, _not_found)
    inner.add_exception_handler(HTTPException, _http_error)
    inner.add_exception_handler(Exception, _unexpected)


def _is_a_fault(record: logging.LogRecord) -> bool:
    """Whether a line of NiceGUI's tells of more than a refusal, which the page itself has told its visitor."""
    return record.exc_info is None or not isinstance(record.exc_info[1], VanillaError)


def _instead(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Instead)
    return error.response


def _vanilla_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, VanillaError)
    _drop_page_of(request)
    return plain.message(_TITLES.get(error.status, "That did not work"), error.message, status=error.status)


def _not_found(request: Request, _error: Exception) -> Response:
    if request.url.path.startswith("/_nicegui"):
        return PlainTextResponse("Not found.", 404)
    _drop_page_of(request)
    return plain.message(_TITLES[404], "Nothing is at this address. It may have been removed.", status=404)


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if request.url.path.startswith("/_nicegui"):
        return PlainTextResponse(str(error.detail), error.status_code, error.headers)
    _drop_page_of(request)
    is_wrong_method = error.status_code == 405
    sentence = "This address is a page: open it in the browser." if is_wrong_method else "Go back and try again."
    return plain.message("That did not work", sentence, status=error.status_code)


def _unexpected(request: Request, _error: Exception) -> Response:
    # Starlette raises the error again once this answer is sent, so the server's log has all of it.
    _drop_page_of(request)
    return plain.message(
        "Something broke",
        "The fault is ours, and it has been written to the log. Try again; if it stays, tell the host.",
        status=500,
    )


def _drop_page_of(request: Request) -> None:
    """The client that NiceGUI made for a page that then failed would stay for a minute."""
    for client in list(Client.instances.values()):
        if client.request.scope is request.scope and not client.has_socket_connection:
            clients.drop(client)


_TITLES = {
    401: "Sign in first",
    403: "Not for you",
    404: "Nothing here",
    429: "Too fast",
    503: "Not now",
}

# What steady.js and NiceGUI show while the server cannot be reached.
_CONNECTION = {
    "connection_lost": "The connection is lost.",
    "trying_to_reconnect": "This page comes back by itself.",
    "message_too_long": "That is too long.",
    "message_too_long_body": "Send at most 1 MB at once.",
}
