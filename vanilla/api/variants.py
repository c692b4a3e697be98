"""Requests that say the same in another way: HEAD, which is GET without the body, and an API path with a slash behind
it, as the routers of other platforms take it."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vanilla.api.failures import API_PREFIXES

OWN_HEAD = ("/games/", "/static/", "/_nicegui")  # files, whose routes answer HEAD without reading them


class HeadAsGet:
    """Answers HEAD wherever GET is answered (RFC 9110, 9.3.2): monitors and link checkers ask so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD" or scope["path"].startswith(OWN_HEAD):
            await self._app(scope, receive, send)
            return

        async def send_bare(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, send_bare)


class TrailingSlash:
    """Takes one slash from the end of a path below the API, so that no client fails for it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path.endswith("/") and path.startswith(API_PREFIXES) and path not in API_PREFIXES:
            scope = {**scope, "path": path[:-1]}
        await self._app(scope, receive, send)
