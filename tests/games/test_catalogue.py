"""Games are published whole or not at all, changed by their owners, counted as they are played."""

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlmodel import Session, col, select

from tests.games.archives import PAGE
from tests.games.library import ADMIN, MIRA, SAM, Library
from vanilla.errors import Forbidden, Invalid, NotFound, TooLarge
from vanilla.games.bundles import InvalidBundle
from vanilla.games.views import GameView
from vanilla.models import GameVersion


def folders(library: Library) -> list[str]:
    return sorted(path.name for path in (library.settings.data_dir / "games").iterdir())


async def test_what_is_not_said_is_taken_from_the_bundle(library: Library) -> None:
    game = await library.add()
    assert (game.title, game.slug, game.owner, game.owner_id, game.version) == (
        "Snail Rally",
        "snail-rally",
        "Mira",
        "mira",
        1,
    )
    said = await library.add("Ärger & Öl", description="Why", tags=["A", "b,C"])
    assert (said.title, said.slug, said.description, said.tags) == ("Ärger & Öl", "arger-ol", "Why", ["a", "b", "c"])
    assert (await library.add("日本")).slug == "game"


async def test_storage_holds_however_many_uploads_come_at_once(library: Library) -> None:
    uploads = [library.add(contents=bytes(700_000)) for _ in range(5)]
    results = await asyncio.gather(*uploads, return_exceptions=True)
    assert len([result for result in results if isinstance(result, GameView)]) == 2
    assert all("2 MB is the most" in str(result) for result in results if isinstance(result, TooLarge))
    assert len(folders(library)) == 2
    await library.add(owner=SAM, contents=bytes(700_000))
    assert await library.catalogue.storage("sam") == (700_000 + len(PAGE), 2_000_000)


async def test_when_the_row_cannot_be_written_the_files_go(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    async def failing(work: object) -> None:
        raise RuntimeError("the disk of the database is full")

    with monkeypatch.context() as patch:
        patch.setattr(library.database, "write", failing)
        with pytest.raises(RuntimeError):
            await library.add()
    assert folders(library) == []


async def test_an_upload_that_is_cancelled_is_there_wholly_or_not_at_all(library: Library) -> None:
    for steps in range(0, 40, 3):
        task = asyncio.create_task(library.add())
        for _ in range(steps):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        games, _ = await library.catalogue.list()
        assert folders(library) == sorted(game.id for game in games)
        for game in games:
            assert (await library.files.find(game.id, game.version, "")).path.read_bytes() == PAGE
    assert list((library.settings.data_dir / "staging").iterdir()) == []


async def test_files_without_a_row_go_at_start(library: Library) -> None:
    game = await library.add()
    await library.update(game.id, b"second")

    def forget(session: Session) -> None:
        version = session.exec(select(GameVersion).where(col(GameVersion.number) == 2)).one()
        session.delete(version)

    await library.database.write(forget)
    (library.settings.data_dir / "games" / "orphan" / "1").mkdir(parents=True)
    removed = await library.add()
    await library.removals.remove(removed.id, MIRA)
    await library.catalogue.open()
    assert await library.files.versions() == {game.id: [1], removed.id: [1]}


async def test_a_folder_is_published_as_an_upload_is(library: Library, tmp_path: Path) -> None:
    example = tmp_path / "example"
    example.mkdir()
    (example / "index.html").write_bytes(PAGE)
    game = await library.catalogue.publish_folder(
        "mira", example, title="Dragon", description="Talk.", tags=["example"]
    )
    assert (game.title, game.tags, game.owner) == ("Dragon", ["example"], "Mira")
    assert (await library.files.find(game.id, 1, "")).path.read_bytes() == PAGE
    assert (example / "index.html").exists()
    (example / "index.html").unlink()
    with pytest.raises(InvalidBundle):
        await library.catalogue.publish_folder("mira", example, title="Dragon", description="")


class TestChange:
    async def test_only_its_owner_and_admins_may(self, library: Library) -> None:
        game = await library.add("Dragon")
        with pytest.raises(Forbidden):
            await library.change(game.id, SAM, title="Mine")
        with pytest.raises(NotFound):
            await library.change("nothing", title="Mine")
        assert (await library.change(game.id, ADMIN, title="Ours")).title == "Ours"
        assert (await library.change(game.id, MIRA, description="Talk.")).title == "Ours"

    async def test_what_is_not_named_stays_and_so_does_the_slug(self, library: Library) -> None:
        game = await library.add("Dragon", description="Talk.", tags=["talking"])
        changed = await library.change(game.id, title="  Wyrm \u202e at  the Bridge")
        assert (changed.title, changed.slug) == ("Wyrm at the Bridge", "dragon")
        assert (changed.description, changed.tags, changed.visibility) == ("Talk.", ["talking"], "shared")
        assert changed.updated_at >= game.updated_at
        emptied = await library.change(game.id, description="", tags=[])
        assert (emptied.title, emptied.description, emptied.tags) == ("Wyrm at the Bridge", "", [])

    async def test_it_is_found_by_its_new_words_alone(self, library: Library) -> None:
        game = await library.add("Dragon", tags=["old"])
        await library.change(game.id, title="Wyrm", tags=["new"])
        assert await library.titles(search="wyrm mira") == ["Wyrm"]
        assert await library.titles(search="dragon") == []
        assert await library.titles(tag="new") == ["Wyrm"]
        assert await library.titles(tag="old") == []

    @pytest.mark.parametrize("changes", [{"title": " "}, {"title": "x" * 81}, {"tags": ["x" * 31]}])
    async def test_texts_are_checked(self, library: Library, changes: dict[str, Any]) -> None:
        game = await library.add("Dragon")
        with pytest.raises(Invalid):
            await library.change(game.id, **changes)
        assert (await library.catalogue.get(game.id)).title == "Dragon"

    async def test_a_game_that_becomes_a_draft_is_closed_once(self, library: Library) -> None:
        game = await library.add()
        assert (await library.change(game.id, visibility="unlisted")).capability_epoch == 0
        assert (await library.change(game.id, visibility="draft")).capability_epoch == 1
        assert (await library.change(game.id, visibility="draft")).capability_epoch == 1
        assert (await library.change(game.id, visibility="shared")).capability_epoch == 1
        assert library.closed == [game.id]


class TestCover:
    async def test_it_is_changed_and_taken_away(self, library: Library, tmp_path: Path) -> None:
        game = await library.add()
        drawn = game.cover_url
        picture = _picture(tmp_path / "cover.png")
        covered = await library.catalogue.set_cover(game.id, picture, MIRA)
        assert covered.cover_url != drawn
        media_type, data = await library.catalogue.cover(covered)
        assert media_type == "image/webp"
        with Image.open(io.BytesIO(data)) as image:
            assert image.size == (640, 480)
        again = await library.catalogue.remove_cover(game.id, ADMIN)
        assert again.cover_url == drawn
        assert (await library.catalogue.cover(again))[0] == "image/svg+xml"

    async def test_not_by_others_nor_with_what_is_no_picture(self, library: Library, tmp_path: Path) -> None:
        game = await library.add()
        with pytest.raises(Forbidden):
            await library.catalogue.set_cover(game.id, _picture(tmp_path / "cover.png"), SAM)
        with pytest.raises(Forbidden):
            await library.catalogue.remove_cover(game.id, SAM)
        (tmp_path / "cover.svg").write_text("<svg/>")
        with pytest.raises(Invalid):
            await library.catalogue.set_cover(game.id, tmp_path / "cover.svg", MIRA)
        assert not (await library.catalogue.get(game.id)).has_cover

    async def test_many_changes_at_once_leave_one_whole_cover(self, library: Library, tmp_path: Path) -> None:
        game = await library.add()
        pictures = [_picture(tmp_path / f"{number}.png") for number in range(4)]
        await asyncio.gather(*(library.catalogue.set_cover(game.id, each, MIRA) for each in pictures))
        covered = await library.catalogue.get(game.id)
        assert covered.has_cover
        assert (await library.catalogue.cover(covered))[0] == "image/webp"


def _picture(path: Path) -> Path:
    Image.new("RGB", (800, 500), "teal").save(path)
    return path
