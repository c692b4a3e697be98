"""What tests with browsers start from."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.fakes.model_servers import ModelServer
from tests.fresh import fresh_nicegui


@pytest.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer().serving() as server:
        yield server


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """NiceGUI as it is before any application: for tests that open a `house` and take no `app`."""
    with fresh_nicegui(monkeypatch):
        monkeypatch.setattr("vanilla.accounts.passwords.ROUNDS", 4)  # bcrypt's least: 1 ms instead of 240
        yield
