"""The API without the pages: quick to make, and a test of it does not fail for a page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from main import assemble, running
from vanilla.api import router
from vanilla.settings import Settings


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The application as `main.create_app` makes it, but for the pages, not yet started."""
    services = assemble(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running(services):
            yield

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    app.state.services = services
    router.install(app, services)
    return app
