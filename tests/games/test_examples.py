"""The games that come with Vanilla are published once, kept current, and are good games to copy."""

import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import browser
from tests.factories import run_sql
from vanilla.games import bundles, examples
from vanilla.games.access import HOST
from vanilla.games.bundles import Limits
from vanilla.games.catalogue import GameChanges
from vanilla.games.examples.upkeep import Upkeep, digest_of
from vanilla.services import Services
from vanilla.settings import Settings

TITLES = ["Dragon at the Bridge", "Odd Eggs", "Tiny Orbit"]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"example_games": True})


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The examples as a later Vanilla might have them: Tiny Orbit with other files, words and another cover."""
    folder = tmp_path / "newer"
    shutil.copytree(examples.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    orbit = folder / "orbit"
    (orbit / "style.css").write_text("body { color: teal }")
    meta = json.loads((orbit / "meta.json").read_text())
    (orbit / "meta.json").write_text(json.dumps({**meta, "description": "Now with three orbits.", "tags": ["new"]}))
    shutil.copy(folder / "eggs" / "cover.webp", orbit / "cover.webp")
    return folder


async def keep(services: Services, folder: Path = examples.FOLDER) -> None:
    """What every start does."""
    admin = (await services.users.list("admin"))[0][0]
    upkeep = Upkeep(services.database, services.files, services.settings, services.catalogue, services.versions)
    await upkeep.run(admin.id, folder)


async def orbit_of(services: Services) -> Any:
    return (await services.catalogue.list(viewer=HOST, search="orbit"))[0][0]


class TestTheFirstStart:
    async def test_publishes_them_as_the_admins(self, client: httpx.AsyncClient, services: Services) -> None:
        games, _ = await services.catalogue.list(sort="new")
        assert [(game.title, game.owner, game.talks) for game in games] == [(title, "admin", True) for title in TITLES]
        assert all(game.description and game.tags and game.has_cover for game in games)

    async def test_is_the_only_one_that_does(self, settings: Settings) -> None:
        from main import create_api

        for _ in range(2):
            app: FastAPI = create_api(settings)
            async with app.router.lifespan_context(app), browser(app):
                games, total = await app.state.services.catalogue.list()
                assert total == len(TITLES)
                assert {game.version for game in games} == {1}

    async def test_leaves_them_out_where_the_host_does_not_want_them(self, settings: Settings) -> None:
        from main import create_api

        app = create_api(settings.model_copy(update={"example_games": False}))
        async with app.router.lifespan_context(app):
            assert (await app.state.services.catalogue.list())[1] == 0


class TestALaterStart:
    async def test_does_not_bring_back_what_was_removed(self, settings: Settings) -> None:
        from main import create_api

        for expected in (3, 0):
            app: FastAPI = create_api(settings)
            async with app.router.lifespan_context(app), browser(app):
                games, total = await app.state.services.catalogue.list()
                assert total == expected
                for game in games:
                    await app.state.services.removals.remove(game.id, by=HOST)

    async def test_brings_newer_examples(self, client: httpx.AsyncClient, services: Services, newer: Path) -> None:
        before = await orbit_of(services)
        picture = await services.catalogue.cover(before)
        await keep(services, newer)
        after = await orbit_of(services)
        assert (after.id, after.version, after.description, after.tags) == (
            before.id,
            2,
            "Now with three orbits.",
            ["new"],
        )
        assert await services.catalogue.cover(after) != picture
        others = [game.version for game in (await services.catalogue.list())[0] if game.id != after.id]
        assert others == [1, 1]
        await keep(services, newer)
        assert (await orbit_of(services)).version == 2

    async def test_takes_no_files_from_an_owner_who_has_their_own(
        self, client: httpx.AsyncClient, services: Services, newer: Path, tmp_path: Path
    ) -> None:
        game = await orbit_of(services)
        (tmp_path / "own.html").write_text("<p>My own orbit")
        async with services.files.staging() as staging:
            mine = await services.catalogue.unpack(tmp_path / "own.html", "html", staging / "unpacked")
            await services.versions.add(game.id, mine, HOST)
        await keep(services, newer)
        after = await orbit_of(services)
        assert (after.version, after.description) == (2, game.description)

    async def test_takes_no_words_and_no_cover_from_an_owner_who_has_their_own(
        self, client: httpx.AsyncClient, services: Services, newer: Path
    ) -> None:
        game = await orbit_of(services)
        await services.catalogue.change(game.id, GameChanges(title="Orbit of mine", tags=["ours"]), HOST)
        await services.catalogue.set_cover(game.id, examples.FOLDER / "dragon" / "cover.webp", HOST)
        mine = await services.catalogue.cover(await orbit_of(services))
        await keep(services, newer)
        after = await orbit_of(services)
        assert (after.version, after.title, after.tags) == (2, "Orbit of mine", ["ours"])
        assert after.description == "Now with three orbits."
        assert await services.catalogue.cover(after) == mine

    async def test_stays_out_of_what_an_owner_tries(
        self, client: httpx.AsyncClient, services: Services, newer: Path, tmp_path: Path
    ) -> None:
        game = await orbit_of(services)
        (tmp_path / "next.html").write_text("<p>The next one")
        async with services.files.staging() as staging:
            draft = await services.catalogue.unpack(tmp_path / "next.html", "html", staging / "unpacked")
            await services.versions.add(game.id, draft, HOST, publish=False)
        await keep(services, newer)
        assert [each.number for each in await services.versions.list(game.id, HOST)] == [2, 1]


class TestAnInstallFromBeforeAnythingWasRemembered:
    async def test_has_its_examples_brought_up_to_date(
        self, client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        old = tmp_path / "old"
        shutil.copytree(examples.FOLDER / "orbit", old)
        (old / "style.css").write_text("")
        (old / "cover.webp").unlink()
        for game in (await services.catalogue.list())[0]:
            await services.removals.remove(game.id, by=HOST)
        await forget(services)
        admin = (await services.users.list("admin"))[0][0]
        game = await services.catalogue.publish_folder(admin.id, old, title="Orbit, dear friends", description="")
        monkeypatch.setattr("vanilla.games.examples.upkeep._BEFORE", {digest_of(old): "orbit"})
        await keep(services)
        after = await services.catalogue.get(game.id)
        assert (after.version, after.title, after.has_cover) == (2, "Orbit, dear friends", True)
        assert {game.title for game in (await services.catalogue.list())[0]} >= set(TITLES[:2])

    async def test_gets_none_where_it_has_none(self, client: httpx.AsyncClient, services: Services) -> None:
        for game in (await services.catalogue.list())[0]:
            await services.removals.remove(game.id, by=HOST)
        await forget(services)
        await keep(services)
        assert (await services.catalogue.list())[1] == 0


class TestEach:
    @pytest.mark.parametrize("name", examples.NAMES)
    def test_is_small_enough_to_read(self, name: str) -> None:
        paths = [examples.FOLDER / name / path for path in examples.files(name)]
        assert paths[0].name == "index.html"
        assert max(path.stat().st_size for path in paths) < 10_000
        assert sum(path.stat().st_size for path in paths) < 40_000
        everything = sum(path.stat().st_size for path in (examples.FOLDER / name).rglob("*") if path.is_file())
        assert everything < 120_000  # a font and a cover

    @pytest.mark.parametrize("name", examples.NAMES)
    def test_comes_without_a_warning(self, name: str, tmp_path: Path, settings: Settings) -> None:
        bundle = bundles.copy(examples.FOLDER / name, tmp_path / "copy", Limits.of(settings))
        assert bundle.warnings == []
        assert bundle.talks
        assert bundle.cover
        assert bundle.digest == digest_of(examples.FOLDER / name)

    def test_is_in_a_folder_that_is_published(self) -> None:
        folders = {path.parent.name for path in examples.FOLDER.glob("*/index.html")}
        assert folders == set(examples.NAMES)
        assert Path(examples.__file__).parent == examples.FOLDER

    def test_has_the_same_file_for_models(self) -> None:
        assert len({(examples.FOLDER / name / "js" / "model.js").read_text() for name in examples.NAMES}) == 1


async def forget(services: Services) -> None:
    """As if nothing had ever been remembered."""
    await run_sql(services.database, "delete from runtime_settings")
