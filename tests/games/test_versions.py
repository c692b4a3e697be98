"""Versions: one is played, the last ten are kept, numbers never come back, and whatever races, rows and files agree."""

import asyncio

import pytest
from sqlmodel import Session, col, update

from tests.games.archives import PAGE
from tests.games.library import ADMIN, MIRA, SAM, Library
from vanilla.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from vanilla.games.versions import KEPT, VersionView
from vanilla.models import GameVersion


async def on_disk(library: Library, game_id: str) -> list[int]:
    return (await library.files.versions()).get(game_id, [])


class TestAdd:
    async def test_a_new_version_is_the_one_that_is_played(self, library: Library) -> None:
        game = await library.add()
        version = await library.update(game.id, b"2", script=b"vanilla.chat()", notes=" Faster.\r\n Prettier. ")
        assert (version.number, version.notes, version.is_current, version.talks) == (
            2,
            "Faster.\nPrettier.",
            True,
            True,
        )
        assert version.published_at == version.created_at
        newer = await library.catalogue.get(game.id)
        assert (newer.version, newer.talks, newer.title, newer.size_bytes) == (
            2,
            True,
            "Snail Rally",
            version.size_bytes,
        )
        assert (await library.files.find(game.id, 2, "a.js")).size == 14
        assert (await library.files.find(game.id, 1, "index.html")).size == len(PAGE)

    async def test_a_preview_is_played_by_nobody_else(self, library: Library) -> None:
        game = await library.add()
        preview = await library.update(game.id, b"2", script=b"vanilla.chat()", publish=False)
        assert (preview.number, preview.is_current, preview.published_at) == (2, False, None)
        seen = await library.catalogue.get(game.id)
        assert (seen.version, seen.talks, seen.updated_at) == (1, False, game.updated_at)
        published = await library.versions.publish(game.id, 2, MIRA)
        assert published.is_current
        assert published.published_at is not None
        assert (await library.catalogue.get(game.id)).version == 2

    async def test_only_its_owner_and_admins_may(self, library: Library) -> None:
        game = await library.add()
        with pytest.raises(Forbidden):
            await library.update(game.id, b"2", SAM)
        with pytest.raises(NotFound):
            await library.update("nothing", b"2")
        await library.change(game.id, visibility="draft")
        with pytest.raises(NotFound):
            await library.update(game.id, b"2", SAM)
        assert (await library.update(game.id, b"2", ADMIN)).number == 2

    async def test_the_same_again_makes_no_version(self, library: Library) -> None:
        game = await library.add()
        await library.update(game.id, b"2")
        again = await library.update(game.id, b"2", notes="Once more.")
        assert (again.number, again.is_unchanged, again.notes) == (2, True, "")
        assert await library.numbers(game.id) == await on_disk(library, game.id) == [1, 2]
        back = await library.update(game.id, b"3")
        assert (back.number, back.is_unchanged) == (3, False)

    async def test_the_same_as_a_preview_publishes_that(self, library: Library) -> None:
        game = await library.add()
        await library.update(game.id, b"2", publish=False)
        still = await library.update(game.id, b"2", publish=False)
        assert (still.is_unchanged, still.is_current) == (True, False)
        now = await library.update(game.id, b"2")
        assert (now.number, now.is_unchanged, now.is_current) == (2, True, True)
        assert (await library.catalogue.get(game.id)).version == 2

    async def test_the_oldest_goes_when_there_are_too_many(self, library: Library) -> None:
        game = await library.add()
        for number in range(2, KEPT + 3):
            await library.update(game.id, b"%d" % number, publish=number % 2 == 0)
        kept = list(range(3, KEPT + 3))
        assert await library.numbers(game.id) == await on_disk(library, game.id) == kept
        await library.versions.publish(game.id, 3, MIRA)
        for number in range(KEPT + 3, KEPT + 6):
            await library.update(game.id, b"%d" % number, publish=False)
        kept = [3, *range(7, KEPT + 6)]
        assert len(kept) == KEPT
        assert await library.numbers(game.id) == await on_disk(library, game.id) == kept
        await library.update(game.id, b"the last one")
        assert await library.numbers(game.id) == await on_disk(library, game.id) == list(range(7, KEPT + 7))

    async def test_what_makes_way_makes_room(self, library: Library) -> None:
        game = await library.add(contents=bytes(170_000))
        for number in range(2, KEPT + 1):
            await library.update(game.id, bytes([number]) * 170_000)
        used, most = await library.catalogue.storage("mira")
        assert used + 270_000 + len(PAGE) < most
        assert (await library.update(game.id, bytes([99]) * 450_000)).number == KEPT + 1
        with pytest.raises(TooLarge):
            await library.update(game.id, bytes([98]) * 450_000)

    async def test_it_counts_towards_the_storage(self, library: Library) -> None:
        game = await library.add(contents=bytes(1_200_000))
        with pytest.raises(TooLarge):
            await library.update(game.id, b"1" * 1_200_000)
        assert (await library.catalogue.get(game.id)).version == 1
        assert await library.numbers(game.id) == await on_disk(library, game.id) == [1]

    async def test_notes_are_checked(self, library: Library) -> None:
        game = await library.add()
        with pytest.raises(Invalid, match=r"notes have 2,001 characters"):
            await library.update(game.id, b"2", notes="x" * 2001)

    async def test_when_the_row_cannot_be_written_the_files_go(
        self, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        game = await library.add()
        publish = library.files.publish

        async def then_remove(*args: object) -> None:
            await publish(*args)  # type: ignore[arg-type]
            await library.removals.remove(game.id, MIRA)

        with monkeypatch.context() as patch:
            patch.setattr(library.files, "publish", then_remove)
            with pytest.raises(NotFound):
                await library.update(game.id, b"2")
        assert await on_disk(library, game.id) == [1]
        restored = await library.removals.restore(game.id, MIRA)
        assert restored.version == 1
        assert (await library.update(game.id, b"2")).number == 3  # 2 was taken: it is never given again


class TestPublish:
    async def test_any_version_that_is_kept_comes_back(self, library: Library) -> None:
        game = await library.add()
        await library.update(game.id, b"2", script=b"vanilla.chat()")
        before = {each.number: each for each in await library.versions.list(game.id, MIRA)}
        back = await library.versions.publish(game.id, 1, MIRA)
        assert (back.number, back.is_current, back.published_at) == (1, True, before[1].published_at)
        seen = await library.catalogue.get(game.id)
        assert (seen.version, seen.talks, seen.size_bytes) == (1, False, back.size_bytes)
        assert [(each.number, each.is_current) for each in await library.versions.list(game.id, ADMIN)] == [
            (2, False),
            (1, True),
        ]
        assert (await library.update(game.id, b"3")).number == 3

    async def test_of_others_or_of_what_is_not_there_is_not_possible(self, library: Library) -> None:
        game = await library.add()
        for number, by, error in ((1, SAM, Forbidden), (2, MIRA, NotFound), (0, MIRA, NotFound)):
            with pytest.raises(error):
                await library.versions.publish(game.id, number, by)
        with pytest.raises(Forbidden):
            await library.versions.list(game.id, SAM)


class TestRemove:
    async def test_what_is_not_played_can_go(self, library: Library) -> None:
        game = await library.add()
        await library.update(game.id, b"2", publish=False)
        with pytest.raises(Forbidden):
            await library.versions.remove(game.id, 2, SAM)
        with pytest.raises(Conflict, match="publish another one first"):
            await library.versions.remove(game.id, 1, MIRA)
        await library.versions.remove(game.id, 2, MIRA)
        assert await library.numbers(game.id) == await on_disk(library, game.id) == [1]
        with pytest.raises(NotFound):
            await library.versions.remove(game.id, 2, MIRA)

    async def test_its_number_is_not_given_again(self, library: Library) -> None:
        """Browsers keep the files of a version for ever, at an address that is made of its number."""
        game = await library.add()
        await library.update(game.id, b"2", publish=False)
        await library.versions.remove(game.id, 2, MIRA)
        assert (await library.update(game.id, b"another 2")).number == 3


class TestRaces:
    async def test_two_uploads_at_once_are_two_versions(self, library: Library) -> None:
        game = await library.add()
        made = await asyncio.gather(*(library.update(game.id, b"%d" % each) for each in range(4)))
        assert sorted(each.number for each in made) == [2, 3, 4, 5]
        assert await library.numbers(game.id) == await on_disk(library, game.id) == [1, 2, 3, 4, 5]
        current = [each.number for each in await library.versions.list(game.id, MIRA) if each.is_current]
        assert current == [(await library.catalogue.get(game.id)).version]

    async def test_what_is_removed_and_published_at_once_is_one_or_the_other(self, library: Library) -> None:
        game = await library.add()
        for _ in range(5):
            version = await library.update(game.id, b"next", publish=False)
            results = await asyncio.gather(
                library.versions.remove(game.id, version.number, MIRA),
                library.versions.publish(game.id, version.number, ADMIN),
                return_exceptions=True,
            )
            assert sum(isinstance(each, BaseException) for each in results) == 1
            assert await library.numbers(game.id) == await on_disk(library, game.id)
            assert (await library.catalogue.get(game.id)).version in await library.numbers(game.id)
            await library.versions.publish(game.id, 1, MIRA)
            if isinstance(results[0], BaseException):
                await library.versions.remove(game.id, version.number, MIRA)

    async def test_an_upload_that_is_cancelled_is_there_wholly_or_not_at_all(self, library: Library) -> None:
        game = await library.add()
        for steps in range(0, 30, 3):
            task = asyncio.create_task(library.update(game.id, b"%d" % steps))
            for _ in range(steps):
                await asyncio.sleep(0.0005)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await library.numbers(game.id) == await on_disk(library, game.id)
            assert (await library.catalogue.get(game.id)).version in await library.numbers(game.id)

    async def test_publishing_while_the_game_is_removed_leaves_no_version_behind(self, library: Library) -> None:
        for number in range(5):
            game = await library.add(f"Game {number}")
            results = await asyncio.gather(
                library.update(game.id, b"2"),
                library.removals.remove(game.id, MIRA),
                return_exceptions=True,
            )
            assert isinstance(results[0], VersionView | NotFound)
            assert results[1] is None
            assert await library.numbers(game.id) == await on_disk(library, game.id)
            restored = await library.removals.restore(game.id, MIRA)
            assert (await library.files.find(game.id, restored.version, "")).path.exists()


async def test_a_version_of_a_database_before_notes_is_listed(library: Library) -> None:
    game = await library.add()

    def as_it_was(session: Session) -> None:
        session.exec(update(GameVersion).where(col(GameVersion.game_id) == game.id).values(notes="", published_at=None))

    await library.database.write(as_it_was)
    (only,) = await library.versions.list(game.id, MIRA)
    assert (only.number, only.notes, only.warnings, only.is_current) == (1, "", [], True)
