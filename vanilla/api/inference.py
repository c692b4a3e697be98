"""The doors of the inference API: who calls, which call it is, and errors in that API's own shape.

Plain ASGI: a call passes no more layers than it must, and its bytes are not touched on the way.
"""

from fastapi import APIRouter
from starlette.routing import Mount
from starlette.types import Message, Receive, Scope, Send

from vanilla.api import failures
from vanilla.api.callers import AnyCaller, ServicesDep, identify
from vanilla.errors import Forbidden, MethodNotAllowed, NotFound, VanillaError
from vanilla.inference.backends.base import Backend, Route
from vanilla.services import Services

PREFIX = "/api/inference"
router = APIRouter(prefix=PREFIX, tags=["inference"])


@router.get("/models")
async def list_models(services: ServicesDep, _caller: AnyCaller) -> dict[str, list[dict[str, str | bool]]]:
    """The models that the caller may use, from both backends."""
    models = await services.models.available()
    return {
        "items": [
            {"backend": model.backend, "model": model.model, "name": model.name, "embedded": model.embedded}
            for model in models
        ]
    }


def mounts(services: Services) -> list[Mount]:
    """A door for each backend, below its name."""
    return [
        Mount(f"{PREFIX}/{backend.name}", app=Door(services, backend), name=backend.name)
        for backend in services.relay.backends.values()
    ]


class Door:
    """Everything below one backend's path."""

    def __init__(self, services: Services, backend: Backend) -> None:
        self._services = services
        self._backend = backend
        self._prefix = f"{PREFIX}/{backend.name}"
        self._exact = {(route.method, route.path): route for route in backend.routes if "{" not in route.path}
        self._open = [route for route in backend.routes if "{" in route.path]
        self._paths = {route.path for route in backend.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotFound(f"There is nothing at {scope['path']}.")
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            caller = await identify(scope, self._services)
            route, tail = self._route(scope["method"], scope["path"].removeprefix(self._prefix))
            await self._services.relay.relay(caller, self._backend, route, tail, scope, receive, watched)
        except VanillaError as error:
            if started:
                raise
            await failures.answer(error, scope, send)

    def _route(self, method: str, path: str) -> tuple[Route, str]:
        """The call that a path means. Raises NotFound, MethodNotAllowed, Forbidden."""
        method = "GET" if method == "HEAD" else method
        if (route := self._exact.get((method, path))) is not None:
            return route, ""
        for route in self._open:
            stem = route.path.partition("{")[0]
            tail = path.removeprefix(stem)
            if route.method == method and path.startswith(stem) and _is_one_name(tail):
                return route, tail
        if any(path == refused or path.startswith(f"{refused}/") for refused in self._backend.refused):
            raise Forbidden("Games and tokens cannot manage the host's models: ask your host.")
        allowed = sorted({known.method for known in self._backend.routes if known.path == path})
        if allowed:
            raise MethodNotAllowed(f"Use {' or '.join(allowed)} here.", headers={"allow": ", ".join(allowed)})
        known = ", ".join(sorted(self._paths))
        raise NotFound(f"There is nothing at {self._prefix}{path}. Below {self._prefix} there are: {known}.")


def _is_one_name(tail: str) -> bool:
    """Whether it stays what it is in a path: the way to the upstream resolves dots, which would lead elsewhere."""
    return "/" not in tail and tail not in ("", ".", "..")
