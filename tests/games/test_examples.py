"""The games that come with Vanilla are published once, and are good games to copy."""

from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import browser
from vanilla.games import examples
from vanilla.games.access import HOST
from vanilla.services import Services
from vanilla.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"example_games": True})


async def test_the_first_start_publishes_them_as_the_admins(client: httpx.AsyncClient, services: Services) -> None:
    games, total = await services.catalogue.list(sort="new")
    assert total == len(examples.NAMES)
    assert [(game.title, game.owner, game.talks) for game in games] == [
        ("Dragon at the Bridge", "admin", True),
        ("Tiny Orbit", "admin", False),
    ]
    assert all(game.description and game.tags for game in games)


async def test_what_an_admin_removed_does_not_come_back(settings: Settings) -> None:
    from main import create_api

    for expected in (2, 0):
        app: FastAPI = create_api(settings)
        async with app.router.lifespan_context(app), browser(app):
            games, total = await app.state.services.catalogue.list()
            assert total == expected
            for game in games:
                await app.state.services.removals.remove(game.id, by=HOST)


async def test_a_host_may_do_without_them(settings: Settings) -> None:
    from main import create_api

    app = create_api(settings.model_copy(update={"example_games": False}))
    async with app.router.lifespan_context(app):
        assert (await app.state.services.catalogue.list())[1] == 0


@pytest.mark.parametrize("name", examples.NAMES)
def test_each_is_small_enough_to_read(name: str) -> None:
    sizes = {path.name: path.stat().st_size for path in (examples.FOLDER / name).rglob("*") if path.is_file()}
    assert "index.html" in sizes
    assert max(sizes.values()) < 10_000
    assert sum(sizes.values()) < 30_000


def test_every_folder_is_published() -> None:
    folders = {path.parent.name for path in examples.FOLDER.glob("*/index.html")}
    assert folders == set(examples.NAMES)
    assert Path(examples.__file__).parent == examples.FOLDER
