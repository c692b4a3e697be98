"""What tests of whole houses start from."""

from collections.abc import Iterator

import pytest
from nicegui.testing.general import nicegui_reset_globals


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """NiceGUI as it is before any application: for tests that open a `house` and take no `app`."""
    with nicegui_reset_globals():
        monkeypatch.setenv("NICEGUI_USER_SIMULATION", "true")
        monkeypatch.setattr("vanilla.accounts.passwords.ROUNDS", 4)  # bcrypt's least: 1 ms instead of 240
        yield
