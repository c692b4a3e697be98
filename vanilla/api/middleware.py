"""What every request passes, from the outside in. Plain ASGI classes, each one rule."""

import secrets

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from vanilla.api.origin import client_address, our_origin
from vanilla.settings import Settings


def install(app: FastAPI, settings: Settings) -> None:
    """Put them around the application; the last one added is the outermost."""
    app.add_middleware(RequestContext, settings=settings)


class RequestContext:
    """Gives the request its id, our origin and the client's address."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["request_id"] = "req_" + secrets.token_hex(12)
        scope["origin"] = our_origin(scope, headers, self._settings)
        scope["client_address"] = client_address(scope, headers, self._settings)
        await self._app(scope, receive, send)
