"""Whether the server is alive, and whether it can do its work: for supervisors and reverse proxies, without a login."""

import asyncio

from fastapi import APIRouter

from vanilla.api.callers import ServicesDep
from vanilla.errors import Unavailable

router = APIRouter(tags=["health"])
PATIENCE_SECONDS = 2.0


@router.get("/healthz")
async def alive() -> dict[str, str]:
    """200 as long as the process answers."""
    return {"status": "ok"}


@router.get("/readyz")
async def ready(services: ServicesDep) -> dict[str, str]:
    """200 when the database can be read, else 503."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await services.database.ping()
    except (TimeoutError, Unavailable):
        raise Unavailable("The database does not answer.") from None
    return {"status": "ready"}
