"""An application of one's own for each test: a fresh folder, a fresh database, no environment, quick passwords."""

import gc
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from nicegui import ui
from nicegui.testing import User

from main import create_app
from tests.factories import ADMIN_PASSWORD, Factory
from tests.fresh import fresh_nicegui
from vanilla.database import Database
from vanilla.services import Services
from vanilla.settings import ClientSettings, Settings

SETTINGS = {name.upper() for name in (*Settings.model_fields, *ClientSettings.model_fields)}


@pytest.fixture(scope="module", autouse=True)
def _short_collections() -> Iterator[None]:
    """NiceGUI's reset collects garbage twice a test: what outlives a test is not walked through each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file at the newest schema, empty: copied, it spares each test the migrations."""
    path = tmp_path_factory.mktemp("migrated") / "vanilla.db"
    database = Database(f"sqlite:///{path}")
    database.open()
    database.close()
    return path


@pytest.fixture(autouse=True)
def _own_environment(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the host's settings, or leaves files of NiceGUI's in the repository."""
    for name in list(os.environ):
        if name.upper() in SETTINGS:
            monkeypatch.delenv(name)
    for kind in (Settings, ClientSettings):
        monkeypatch.setitem(kind.model_config, "env_file", None)
    monkeypatch.setenv("NICEGUI_STORAGE_PATH", str(tmp_path_factory.getbasetemp() / "nicegui"))


@pytest.fixture
def settings(tmp_path: Path, migrated: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with everything in a temporary folder, the admin's password known, and no model server."""
    (tmp_path / "data").mkdir()
    shutil.copy(migrated, tmp_path / "data" / "vanilla.db")
    monkeypatch.setattr("vanilla.accounts.passwords.ROUNDS", 4)  # bcrypt's least: 1 ms instead of 240
    return Settings(
        data_dir=tmp_path / "data",
        admin_password=ADMIN_PASSWORD,
        local_model="off",
        ollama_url="",
        min_free_disk_mb=0,
        example_games=False,
    )


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    """The whole application, as `main.create_app` makes it, not yet started."""
    with fresh_nicegui(monkeypatch):
        yield create_app(settings)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A program that is not signed in, talking to the started application."""
    async with app.router.lifespan_context(app), browser(app) as client:
        yield client


@pytest.fixture
def services(app: FastAPI, client: httpx.AsyncClient) -> Services:
    """The parts of the started application."""
    services: Services = app.state.services
    return services


@pytest.fixture
async def make(app: FastAPI, services: Services) -> AsyncIterator[Factory]:
    """Makes users, and clients that are signed in."""
    async with AsyncExitStack() as stack:
        yield Factory(app, services, stack)


@pytest.fixture
async def user(client: httpx.AsyncClient) -> AsyncIterator[User]:
    """NiceGUI's simulated browser on the started application; sign it in through `user.http_client`."""
    navigate, notify, download = ui.navigate, ui.notify, ui.download
    yield User(client)
    ui.navigate, ui.notify, ui.download = navigate, notify, download


def browser(app: FastAPI) -> httpx.AsyncClient:
    """A client with its own cookies."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")
