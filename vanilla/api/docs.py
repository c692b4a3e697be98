"""The description of this API, for programs: OpenAPI as JSON. The page that people read is pages/docs/reference.py."""

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, FastAPI, Request

from vanilla.api.callers import Account
from vanilla.api.described import describe
from vanilla.services import Services

router = APIRouter(prefix="/api", tags=["operations"])


@router.get("/openapi.json")
async def openapi(request: Request, _caller: Account) -> dict[str, Any]:
    """OpenAPI 3.1. The same for everybody who may sign in; it tells of routes, not of what is behind them."""
    app: FastAPI = request.app
    return app.openapi()


def install(app: FastAPI, services: Services, routers: Sequence[APIRouter]) -> None:
    """Have `app.openapi()` give the whole description, made when it is first asked for."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app, services, routers)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI's own documentation extends it
