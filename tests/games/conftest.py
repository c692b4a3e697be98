import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.games.library import Library, move_into
from vanilla.database import Database
from vanilla.settings import Settings


@pytest.fixture
async def library(settings: Settings) -> AsyncIterator[Library]:
    """The parts that keep games, on a database of their own, with 2 MB of storage for each user."""
    settings = settings.model_copy(update={"user_storage_mb": 2})
    database = Database(settings.sqlalchemy_url)
    await asyncio.to_thread(database.open)
    await database.write(move_into())
    yield Library(database, settings)
    await asyncio.to_thread(database.close)
