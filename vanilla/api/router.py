"""Every route of the HTTP API, in one place, and the JSON that answers what is none of them."""

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from vanilla.api import admin_usage, admin_users, auth, failures, inference, middleware, tokens, usage
from vanilla.errors import MethodNotAllowed, NotFound
from vanilla.services import Services

ROUTERS: tuple[APIRouter, ...] = (
    auth.router,
    tokens.router,
    admin_users.router,
    admin_usage.router,
    usage.router,
    inference.router,
)


def install(app: FastAPI, services: Services) -> None:
    """Put the API onto the application: routes, then what answers below their prefixes where there is no route (the
    pages' own app would answer HTML), failures, middleware."""
    app.router.routes.extend(inference.mounts(services))  # first: the path that games wait for
    for router in ROUTERS:
        app.include_router(router)
    for prefix in failures.API_PREFIXES:
        app.router.routes.append(Route(prefix + "{rest:path}", _nothing_here, methods=None, include_in_schema=False))
    failures.install(app)
    middleware.install(app, services.settings)


async def _nothing_here(request: Request) -> Response:
    allowed = sorted(
        {
            method
            for route in request.app.router.routes
            if route.matches(request.scope)[0] is Match.PARTIAL
            for method in getattr(route, "methods", None) or ()
        }
    )
    if allowed:
        listed = ", ".join(allowed)
        message = f"{request.method} is not possible here; allowed: {listed}."
        raise MethodNotAllowed(message, headers={"allow": listed})
    raise NotFound(f"There is nothing at {request.url.path}.")
