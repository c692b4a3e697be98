"""Accounts alone: the database is opened and nothing else, so these tests are quick."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from fastapi import FastAPI

from main import assemble
from tests.factories import ADMIN_PASSWORD, Factory
from vanilla.services import Services
from vanilla.settings import Settings


@pytest.fixture
async def services(settings: Settings) -> AsyncIterator[Services]:
    """Every part, of which only the database is open; there is the first admin."""
    services = assemble(settings)
    services.database.open()
    await services.users.ensure_admin("admin", ADMIN_PASSWORD)
    yield services
    services.passwords.close()
    services.database.close()


@pytest.fixture
async def make(services: Services) -> AsyncIterator[Factory]:
    """Makes users; there is no application to sign in to."""
    async with AsyncExitStack() as stack:
        yield Factory(FastAPI(), services, stack)
