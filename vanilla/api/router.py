"""Every route of the HTTP API, in one place, and the JSON that answers what is none of them."""

from fastapi import APIRouter, FastAPI
from starlette.routing import Match, Route
from starlette.types import Receive, Scope, Send

from vanilla.api import (
    admin_usage,
    admin_users,
    audit,
    auth,
    backups,
    controls,
    docs,
    failures,
    games,
    health,
    hosts,
    inference,
    invitations,
    metrics,
    middleware,
    play,
    saves,
    tokens,
    usage,
    versions,
)
from vanilla.api.game_files import GameFiles
from vanilla.errors import MethodNotAllowed, NotFound
from vanilla.services import Services

ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    tokens.router,
    admin_users.router,
    invitations.router,
    audit.router,
    admin_usage.router,
    controls.router,
    backups.router,
    usage.router,
    health.router,
    metrics.router,
    inference.router,
    games.router,
    versions.router,
    hosts.router,
    play.router,
    saves.router,
    docs.router,
)


def install(app: FastAPI, services: Services) -> None:
    """Put the API onto the application: routes, then what answers below their prefixes where there is no route (the
    pages' own app would answer HTML), failures, middleware."""
    app.router.routes.extend(inference.mounts(services))  # first: the path that games wait for
    for router in ROUTERS:  # nothing is added to their routes, which including them would build a second time
        app.router.routes.extend(router.routes)
    for prefix in failures.API_PREFIXES:
        for path in (prefix + "{rest:path}", prefix.rstrip("/")):
            app.router.routes.append(Route(path, _NothingHere(), include_in_schema=False))
    docs.install(app, services, ROUTERS)
    failures.install(app)
    middleware.install(app, services.settings)
    app.add_middleware(GameFiles, services=services)  # the outermost


class _NothingHere:
    """Plain ASGI, since Starlette takes a function for the answer to GET alone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = sorted(
            {
                method
                for router in ROUTERS
                for route in router.routes
                if route.matches(scope)[0] is Match.PARTIAL
                for method in getattr(route, "methods", None) or ()
            }
        )
        method, path = scope["method"], scope["path"]
        if allowed:
            listed = ", ".join(allowed)
            raise MethodNotAllowed(f"{method} is not possible here; allowed: {listed}.", headers={"allow": listed})
        raise NotFound(f"There is nothing at {path}.")
