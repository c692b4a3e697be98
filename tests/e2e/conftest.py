"""What tests with browsers start from."""

from collections.abc import AsyncIterator, Iterator

import pytest
from nicegui.testing.general import nicegui_reset_globals

from tests.fakes.model_servers import ModelServer


@pytest.fixture
async def models() -> AsyncIterator[ModelServer]:
    async with ModelServer().serving() as server:
        yield server


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """NiceGUI as it is before any application: for tests that open a `house` and take no `app`."""
    with nicegui_reset_globals():
        monkeypatch.setenv("NICEGUI_USER_SIMULATION", "true")
        monkeypatch.setattr("vanilla.accounts.passwords.ROUNDS", 4)  # bcrypt's least: 1 ms instead of 240
        yield
