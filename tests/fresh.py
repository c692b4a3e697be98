"""NiceGUI as it is before any application: it keeps one for each process."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from nicegui import Client
from nicegui.testing.general import nicegui_reset_globals


@contextmanager
def fresh_nicegui(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For one application, whose pages answer users that are simulated."""
    with nicegui_reset_globals():
        gc.freeze()  # what the reset's collection has just walked through: the next one has only this test's to do
        monkeypatch.setenv("NICEGUI_USER_SIMULATION", "true")
        yield
        # Or the reset would have their modules imported anew, as if importing them had made the pages.
        Client.page_routes.clear()
