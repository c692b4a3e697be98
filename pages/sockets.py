"""The sockets of open pages: bounded for whoever has no page open, since each costs the server some 70 kB."""

import asyncio
from collections import Counter
from typing import Final
from urllib.parse import parse_qs

from nicegui import Client
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATH: Final = "/_nicegui_ws"
MOST_OF_A_PAGE: Final = 8  # a browser has one, and a second for a moment when its connection changes
MOST_UNKNOWN: Final = 100  # that name no page there is, all together
UNKNOWN_SECONDS: Final = 15.0  # a page of before a restart is told within one that it must load anew
_TRY_AGAIN: Final = 1013  # the code of a closed WebSocket (IANA): the browser's library does so by itself


class BoundedSockets:
    """Lets a WebSocket of a page through that is open here. One that names none is for telling an old page to load
    anew: it gets a few seconds, and there are never many. Polling, the older way, needs a page from the start."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._of_pages: Counter[str] = Counter()
        self._unknown = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope.get("path", "").startswith(PATH):
            await self._app(scope, receive, send)
            return
        query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        page = query.get("client_id", [""])[0]
        is_known = page in Client.instances
        if scope["type"] == "http":
            if is_known or "sid" in query:
                await self._app(scope, receive, send)
            else:
                await _refuse(send)
        elif is_known:
            await self._serve(page, scope, receive, send)
        else:
            await self._serve_briefly(scope, receive, send)

    async def _serve(self, page: str, scope: Scope, receive: Receive, send: Send) -> None:
        if self._of_pages[page] >= MOST_OF_A_PAGE:
            await send({"type": "websocket.close", "code": _TRY_AGAIN})
            return
        self._of_pages[page] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._of_pages[page] -= 1
            if not self._of_pages[page]:
                del self._of_pages[page]

    async def _serve_briefly(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._unknown >= MOST_UNKNOWN:
            await send({"type": "websocket.close", "code": _TRY_AGAIN})
            return
        until = asyncio.get_running_loop().time() + UNKNOWN_SECONDS
        is_over = False

        async def receive_until() -> Message:
            nonlocal is_over
            try:
                async with asyncio.timeout_at(until):
                    return await receive()
            except TimeoutError:
                if not is_over:
                    is_over = True
                    await send({"type": "websocket.close", "code": _TRY_AGAIN})
                return {"type": "websocket.disconnect", "code": _TRY_AGAIN}

        async def send_until(message: Message) -> None:
            if not is_over:
                await send(message)

        self._unknown += 1
        try:
            await self._app(scope, receive_until, send_until)
        finally:
            self._unknown -= 1


async def _refuse(send: Send) -> None:
    body = b"This is for open pages.\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
