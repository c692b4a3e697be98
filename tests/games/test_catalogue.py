import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlmodel import Session, col, select

from tests.games.archives import PAGE, zipped
from vanilla.database import Database
from vanilla.errors import NotFound, TooLarge
from vanilla.games.bundles import Bundle, InvalidBundle
from vanilla.games.catalogue import Catalogue
from vanilla.games.files import Files
from vanilla.games.views import GameView
from vanilla.models import Game, GameVersion, User, utc_now
from vanilla.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"user_storage_mb": 2})


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.sqlalchemy_url)
    await asyncio.to_thread(database.open)
    await database.write(lambda session: session.add_all([_user("mira"), _user("sam")]))
    yield database
    await asyncio.to_thread(database.close)


@pytest.fixture
def files(settings: Settings) -> Files:
    files = Files(settings)
    files.open()
    return files


@pytest.fixture
def catalogue(database: Database, files: Files, settings: Settings) -> Catalogue:
    return Catalogue(database, files, settings)


def _user(name: str) -> User:
    return User(
        id=name, username=name.title(), username_key=name, password_hash="", created_at=utc_now(), updated_at=utc_now()
    )


async def bundle(catalogue: Catalogue, staging: Path, files: dict[str, bytes] | None = None) -> Bundle:
    source = staging / "upload.zip"
    source.write_bytes(zipped(files or {"index.html": PAGE}))
    return await catalogue.unpack(source, "zip", staging / "unpacked")


async def add(
    catalogue: Catalogue, files: Files, title: str = "", *, owner: str = "mira", contents: bytes = b"", **texts: object
) -> GameView:
    async with files.staging() as staging:
        made = await bundle(catalogue, staging, {"index.html": PAGE, "data.bin": contents})
        return await catalogue.create(owner, made, title=title, **texts)  # type: ignore[arg-type]


async def titles(catalogue: Catalogue, **query: object) -> list[str]:
    games, total = await catalogue.list(**query)  # type: ignore[arg-type]
    assert total == len(games)
    return [game.title for game in games]


def folders(settings: Settings) -> list[str]:
    return sorted(path.name for path in (settings.data_dir / "games").iterdir())


async def test_what_is_not_said_is_taken_from_the_bundle(catalogue: Catalogue, files: Files) -> None:
    game = await add(catalogue, files)
    assert (game.title, game.slug, game.owner, game.owner_id, game.version) == (
        "Snail Rally",
        "snail-rally",
        "Mira",
        "mira",
        1,
    )
    said = await add(catalogue, files, "Ärger & Öl", description="Why", tags=["A", "b,C"])
    assert (said.title, said.slug, said.description, said.tags) == ("Ärger & Öl", "arger-ol", "Why", ["a", "b", "c"])
    assert (await add(catalogue, files, "日本")).slug == "game"


async def test_a_game_is_found_by_any_of_its_words(catalogue: Catalogue, files: Files) -> None:
    await add(catalogue, files, "Dragon at the Bridge", description="Talk your way across.", tags=["talking"])
    await add(catalogue, files, "Über Orbit 100%", owner="sam", tags=["Größe", "one_button"])
    for search, found in {
        "DRAGON": ["Dragon at the Bridge"],
        "bridge across": ["Dragon at the Bridge"],
        "talking": ["Dragon at the Bridge"],
        "mira": ["Dragon at the Bridge"],
        "über": ["Über Orbit 100%"],
        "ÜBER sam": ["Über Orbit 100%"],
        "größe": ["Über Orbit 100%"],
        "100%": ["Über Orbit 100%"],
        "1%0": [],
        "one_b": ["Über Orbit 100%"],
        "one-b": [],
        "dragon orbit": [],
        "' OR 1=1 --": [],
        "\ud800": ["Über Orbit 100%", "Dragon at the Bridge"],
        "  ": ["Über Orbit 100%", "Dragon at the Bridge"],
    }.items():
        assert await titles(catalogue, search=search) == found, search
    assert await titles(catalogue, tag="ONE_button") == ["Über Orbit 100%"]
    assert await titles(catalogue, tag="button") == []
    assert await catalogue.tags() == [("größe", 1), ("one_button", 1), ("talking", 1)]


async def test_the_order_is_what_was_asked_for(catalogue: Catalogue, files: Files) -> None:
    one, two, three = [await add(catalogue, files, title) for title in ("One", "Two", "Three")]
    for player, game in (("mira", one), ("sam", two), ("sam", two), ("mira", two), ("mira", one), ("sam", one)):
        await asyncio.sleep(0.002)  # plays are told apart by the millisecond
        await catalogue.record_play(player, game.id)
    assert await titles(catalogue, sort="new") == ["Three", "Two", "One"]
    assert await titles(catalogue, viewer_id="mira") == ["One", "Two", "Three"]
    assert await titles(catalogue, viewer_id="nobody") == ["Three", "Two", "One"]
    await catalogue.record_play("mira", two.id)
    assert await titles(catalogue, sort="popular") == ["Two", "One", "Three"]
    assert await titles(catalogue, viewer_id="mira") == ["Two", "One", "Three"]
    assert (await catalogue.get(two.id, "sam")).plays == 4
    assert (await catalogue.get(three.id, "sam")).last_played_at is None
    page, total = await catalogue.list(sort="new", limit=1, offset=1)
    assert ([game.title for game in page], total) == (["Two"], 3)


async def test_a_removed_game_is_gone_but_its_row_stays_for_the_ledger(
    catalogue: Catalogue, files: Files, database: Database, settings: Settings
) -> None:
    game = await add(catalogue, files)
    await catalogue.remove(game.id)
    assert await titles(catalogue) == []
    assert await catalogue.tags() == []
    for call in (catalogue.get(game.id), catalogue.remove(game.id), catalogue.record_play("mira", game.id)):
        with pytest.raises(NotFound, match="no such game"):
            await call
    row = await database.read(lambda session: session.get(Game, game.id))
    assert row is not None
    assert (row.title, row.capability_epoch) == ("Snail Rally", 1)
    assert row.removed_at is not None
    assert folders(settings) == []


async def test_a_new_version_is_the_one_that_is_played(catalogue: Catalogue, files: Files) -> None:
    game = await add(catalogue, files)
    async with files.staging() as staging:
        made = await bundle(catalogue, staging, {"index.html": PAGE, "a.js": b"vanilla.chat()"})
        newer = await catalogue.add_version(game.id, made)
    assert (newer.version, newer.talks, newer.title) == (2, True, "Snail Rally")
    assert (await files.find(game.id, 2, "a.js")).size == 14
    assert (await files.find(game.id, 1, "index.html")).size == len(PAGE)
    async with files.staging() as staging:
        with pytest.raises(NotFound):
            await catalogue.add_version("unknown", await bundle(catalogue, staging))


async def test_storage_holds_however_many_uploads_come_at_once(
    catalogue: Catalogue, files: Files, settings: Settings
) -> None:
    uploads = [add(catalogue, files, contents=bytes(700_000)) for _ in range(5)]
    results = await asyncio.gather(*uploads, return_exceptions=True)
    assert len([result for result in results if isinstance(result, GameView)]) == 2
    assert all("2 MB is the most" in str(result) for result in results if isinstance(result, TooLarge))
    assert len(folders(settings)) == 2
    await add(catalogue, files, owner="sam", contents=bytes(700_000))
    assert await catalogue.storage("sam") == (700_000 + len(PAGE), 2_000_000)


async def test_a_version_counts_towards_the_storage(catalogue: Catalogue, files: Files) -> None:
    game = await add(catalogue, files, contents=bytes(1_200_000))
    async with files.staging() as staging:
        made = await bundle(catalogue, staging, {"index.html": PAGE, "x": bytes(1_200_000)})
        with pytest.raises(TooLarge):
            await catalogue.add_version(game.id, made)
    assert (await catalogue.get(game.id)).version == 1
    assert await files.versions() == {game.id: [1]}


async def test_when_the_row_cannot_be_written_the_files_go(
    catalogue: Catalogue, files: Files, database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failing(work: object) -> None:
        raise RuntimeError("the disk of the database is full")

    game = await add(catalogue, files)
    with monkeypatch.context() as patch:
        patch.setattr(database, "write", failing)
        with pytest.raises(RuntimeError):
            await add(catalogue, files)
        async with files.staging() as staging:
            made = await bundle(catalogue, staging)
            with pytest.raises(RuntimeError):
                await catalogue.add_version(game.id, made)
    assert await files.versions() == {game.id: [1]}
    async with files.staging() as staging:
        assert (await catalogue.add_version(game.id, await bundle(catalogue, staging))).version == 2


async def test_an_upload_that_is_cancelled_is_there_wholly_or_not_at_all(
    catalogue: Catalogue, files: Files, database: Database, settings: Settings
) -> None:
    for steps in range(0, 40, 3):
        task = asyncio.create_task(add(catalogue, files))
        for _ in range(steps):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        games, _ = await catalogue.list()
        assert folders(settings) == sorted(game.id for game in games)
        for game in games:
            assert (await files.find(game.id, game.version, "")).path.read_bytes() == PAGE
    assert list((settings.data_dir / "staging").iterdir()) == []


async def test_files_without_a_row_go_at_start(
    catalogue: Catalogue, files: Files, database: Database, settings: Settings
) -> None:
    game = await add(catalogue, files)
    async with files.staging() as staging:
        await catalogue.add_version(game.id, await bundle(catalogue, staging))

    def forget(session: Session) -> None:
        version = session.exec(select(GameVersion).where(col(GameVersion.number) == 2)).one()
        session.delete(version)

    await database.write(forget)
    (settings.data_dir / "games" / "orphan" / "1").mkdir(parents=True)
    await catalogue.open()
    assert await files.versions() == {game.id: [1]}


async def test_a_folder_is_published_as_an_upload_is(catalogue: Catalogue, files: Files, tmp_path: Path) -> None:
    example = tmp_path / "example"
    example.mkdir()
    (example / "index.html").write_bytes(PAGE)
    game = await catalogue.publish_folder("mira", example, title="Dragon", description="Talk.", tags=["example"])
    assert (game.title, game.tags, game.owner) == ("Dragon", ["example"], "Mira")
    assert (await files.find(game.id, 1, "")).path.read_bytes() == PAGE
    assert (example / "index.html").exists()
    (example / "index.html").unlink()
    with pytest.raises(InvalidBundle):
        await catalogue.publish_folder("mira", example, title="Dragon", description="")
