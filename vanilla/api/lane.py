"""The short way of calls to models: what the middleware does for every other request, in one pass.

FastAPI and its middleware cost more than everything else that a call needs here. So a POST to a known call of the
inference API, with a bearer in one plain header, goes straight to the relay. The rules are the same, and whatever is
out of the ordinary (a cookie, two tokens, another method, an unknown path) takes the long way.
"""

import logging
import time

from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from vanilla.api import failures
from vanilla.api.cors import EXPOSED
from vanilla.api.inference import PREFIX
from vanilla.api.middleware import UNEXPECTED, log_request, new_request_id
from vanilla.errors import VanillaError
from vanilla.inference.backends.base import Backend, Route
from vanilla.services import Services

logger = logging.getLogger("vanilla.requests")

# What CORS and the security headers put on every answer of the inference API.
HEADERS = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
]


class Application(FastAPI):
    """FastAPI, with the short way around it."""

    lane: "Lane | None" = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        lane = self.lane
        if lane is not None and scope["type"] == "http" and scope["method"] == "POST":
            call = lane.call_at(scope["path"])
            if call is not None and (bearer := _plain_bearer(scope)) is not None:
                await lane.serve(call, bearer, scope, receive, send)
                return
        await super().__call__(scope, receive, send)


class Lane:
    """Serves the calls of every backend."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._calls: dict[str, tuple[Backend, Route]] = {
            f"{PREFIX}/{backend.name}{route.path}": (backend, route)
            for backend in services.relay.backends.values()
            for route in backend.routes
            if route.method == "POST" and "{" not in route.path
        }

    def call_at(self, path: str) -> tuple[Backend, Route] | None:
        """The call behind a path."""
        return self._calls.get(path)

    async def serve(self, call: tuple[Backend, Route], bearer: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it, whatever happens."""
        request_id = scope["request_id"] = new_request_id()
        started = time.perf_counter()
        status = 0

        async def send_open(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers: list[tuple[bytes, bytes]] = message["headers"]
                headers += HEADERS
                if all(name != b"request-id" for name, _ in headers):
                    headers.append((b"request-id", request_id.encode()))
            await send(message)

        bind_contextvars(request_id=request_id)  # of this request's task, which ends with it
        try:
            caller = await self._services.callers.identify(bearer=bearer, cookie=None)
            scope["user_id"] = caller.user_id
            await self._services.relay.relay(caller, *call, "", scope, receive, send_open)
        except VanillaError as error:
            if status:
                raise
            await failures.answer(error, scope, send_open)
        except Exception:
            logger.exception("POST %s failed", scope["path"])
            # Once an answer has begun, the server cuts the connection: its end must not look like a clean one.
            if not status:
                await failures.answer(VanillaError(UNEXPECTED), scope, send_open)
        finally:
            log_request(scope, status, started)


def _plain_bearer(scope: Scope) -> str | None:
    """The one token that the request carries; None where there is none, more than one, or another kind."""
    found: str | None = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            if found is not None or value[:7].lower() != b"bearer ":
                return None
            found = value[7:].strip().decode("latin-1")
        elif name == b"x-api-key":
            if found is not None:
                return None
            found = value.strip().decode("latin-1")
    return found or None
