"""What is removed is gone at once, can be had back for a week, and is then taken off the disk."""

from datetime import timedelta

import pytest
from sqlmodel import Session, col, select, update

from tests.games.library import ADMIN, MIRA, SAM, Library
from vanilla.errors import Forbidden, NotFound, TooLarge
from vanilla.games import entries
from vanilla.games.views import KEPT
from vanilla.models import Favourite, Game, GameHost, LoginSession, PlayToken, Save, utc_now

CHANGES = entries.checked_changes({"local": {"set": {"level": "seven"}}})


async def age(library: Library, game_id: str, by: timedelta) -> None:
    """As if it had been removed that long ago."""
    statement = update(Game).where(col(Game.id) == game_id).values(removed_at=utc_now() - by)
    await library.database.write(lambda session: session.exec(statement))


class TestRemove:
    async def test_it_is_gone_at_once_and_its_files_stay(self, library: Library) -> None:
        game = await library.add("Dragon", tags=["talking"])
        await library.removals.remove(game.id, MIRA)
        assert await library.titles() == []
        assert await library.catalogue.tags() == []
        for call in (
            library.catalogue.get(game.id, MIRA),
            library.addresses.playable(game.id, MIRA),
            library.removals.remove(game.id, MIRA),
            library.catalogue.record_play("mira", game.id),
            library.change(game.id, title="Other"),
            library.update(game.id, b"2"),
            library.versions.publish(game.id, 1, MIRA),
        ):
            with pytest.raises(NotFound, match="no such game"):
                await call
        row = await library.row(game.id)
        assert (row.title, row.capability_epoch) == ("Dragon", 1)
        assert row.removed_at is not None
        assert library.closed == [game.id]
        assert await library.files.versions() == {game.id: [1]}

    async def test_only_its_owner_and_admins_may(self, library: Library) -> None:
        game, draft = await library.add(), await library.add(visibility="draft")
        with pytest.raises(Forbidden):
            await library.removals.remove(game.id, SAM)
        with pytest.raises(NotFound):
            await library.removals.remove(draft.id, SAM)
        await library.removals.remove(game.id, ADMIN)
        await library.removals.remove(draft.id, MIRA)

    async def test_play_tokens_end_with_it(self, library: Library) -> None:
        now = utc_now()
        games = [await library.add("Dragon"), await library.add("Orbit")]

        def play_both(session: Session) -> None:
            session.add(LoginSession(sid="s", user_id="sam", expire=9, created_at=now, last_seen_at=now))
            session.flush()
            for game in games:
                row = PlayToken(
                    token_hash=game.id, session_sid="s", user_id="sam", game_id=game.id, version=1, expire=9
                )
                session.add(row)

        await library.database.write(play_both)
        await library.removals.remove(games[0].id, MIRA)
        left = await library.database.read(lambda session: session.exec(select(PlayToken.game_id)).all())
        assert left == [games[1].id]


class TestFind:
    async def test_a_removed_game_is_there_for_its_owner_and_admins_while_it_is_kept(self, library: Library) -> None:
        game = await library.add("Dragon")
        for by in (MIRA, ADMIN, SAM):
            with pytest.raises(NotFound):
                await library.removals.find(game.id, by)  # it is not removed
        await library.removals.remove(game.id, MIRA)
        for by in (MIRA, ADMIN):
            found = await library.removals.find(game.id, by)
            assert found.removed_at is not None
            assert found.purged_at == found.removed_at + KEPT
        with pytest.raises(NotFound):
            await library.removals.find(game.id, SAM)
        with pytest.raises(NotFound):
            await library.removals.find("nothing", ADMIN)
        await age(library, game.id, KEPT)
        with pytest.raises(NotFound):
            await library.removals.find(game.id, MIRA)


class TestRestore:
    async def test_it_comes_back_as_it_was_at_other_addresses(self, library: Library) -> None:
        game = await library.add("Dragon", tags=["talking"])
        await library.update(game.id, b"2")
        await library.favourites.add(game.id, SAM)
        before = await library.addresses.playable(game.id, SAM)
        await library.removals.remove(game.id, MIRA)
        (waiting,), _ = await library.catalogue.list(viewer=MIRA, removed=True)
        assert waiting.removed_at is not None
        assert waiting.purged_at == waiting.removed_at + timedelta(days=7)
        restored = await library.removals.restore(game.id, MIRA)
        assert (restored.title, restored.version, restored.removed_at) == ("Dragon", 2, None)
        assert await library.titles(tag="talking") == ["Dragon"]
        assert await library.titles(SAM, favourites=True) == ["Dragon"]
        assert await library.titles(removed=True) == []
        assert (await library.addresses.playable(game.id, SAM)).files != before.files
        with pytest.raises(NotFound):
            await library.addresses.granted(game.id, before.capability)

    async def test_of_others_is_as_if_it_had_never_been(self, library: Library) -> None:
        game = await library.add()
        await library.removals.remove(game.id, MIRA)
        assert await library.titles(SAM, removed=True) == []
        for game_id in (game.id, "nothing"):
            with pytest.raises(NotFound):
                await library.removals.restore(game_id, SAM)
        assert (await library.removals.restore(game.id, ADMIN)).may_change

    async def test_of_what_is_there_changes_nothing(self, library: Library) -> None:
        game = await library.add()
        assert await library.removals.restore(game.id, MIRA) == await library.catalogue.get(game.id, MIRA)
        with pytest.raises(Forbidden):
            await library.removals.restore(game.id, SAM)

    async def test_after_its_time_it_is_too_late(self, library: Library) -> None:
        game = await library.add()
        await library.removals.remove(game.id, MIRA)
        await age(library, game.id, KEPT)  # not swept yet
        assert await library.titles(removed=True) == []
        with pytest.raises(NotFound):
            await library.removals.restore(game.id, MIRA)


class TestSweep:
    async def test_it_takes_what_is_over_and_nothing_else(self, library: Library) -> None:
        there, waiting, over = [await library.add(title) for title in ("There", "Waiting", "Over")]
        await library.hosts.ask(over.id, ["fonts.example.org"], MIRA)
        await library.favourites.add(over.id, SAM)
        for game in (waiting, over):
            await library.removals.remove(game.id, MIRA)
        await age(library, over.id, KEPT + timedelta(seconds=1))
        assert await library.removals.sweep() == 1
        assert await library.removals.sweep() == 0
        assert sorted(await library.files.versions()) == sorted([there.id, waiting.id])
        assert await library.numbers(over.id) == []
        assert await library.database.read(lambda session: session.exec(select(Favourite)).all()) == []
        assert await library.database.read(lambda session: session.exec(select(GameHost)).all()) == []
        assert (await library.row(over.id)).title == "Over"  # the ledger names it
        assert await library.titles(removed=True) == ["Waiting"]

    async def test_what_players_have_saved_stays_as_long_as_the_game_can_come_back(self, library: Library) -> None:
        game = await library.add()
        await library.saves.change(SAM, game.id, "batch", CHANGES)
        await library.removals.remove(game.id, MIRA)
        await library.removals.sweep()
        await library.removals.restore(game.id, MIRA)
        _, kept = await library.saves.local(SAM, game.id)
        assert b"seven" in kept
        await library.removals.remove(game.id, MIRA)
        await age(library, game.id, KEPT)
        await library.removals.sweep()
        assert await library.database.read(lambda session: session.exec(select(Save)).all()) == []
        assert [path for path in (library.settings.data_dir / "saves").rglob("*") if path.is_file()] == []

    async def test_a_sweep_that_died_halfway_is_brought_to_its_end(
        self, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        game = await library.add()
        await library.saves.change(SAM, game.id, "batch", CHANGES)
        await library.removals.remove(game.id, MIRA)
        await age(library, game.id, KEPT)

        async def die(_game_id: str) -> None:
            raise RuntimeError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(library.files, "remove_game", die)
            with pytest.raises(RuntimeError):
                await library.removals.sweep()
        assert await library.files.versions() != {}
        await library.catalogue.open()
        await library.removals.sweep()
        assert await library.files.versions() == {}
        assert await library.database.read(lambda session: session.exec(select(Save)).all()) == []


class TestStorage:
    async def test_removed_games_make_way_the_first_one_first(self, library: Library) -> None:
        old, newer = [await library.add(title, contents=bytes(600_000)) for title in ("Old", "Newer")]
        await library.removals.remove(old.id, MIRA)
        await age(library, old.id, timedelta(days=2))
        await library.removals.remove(newer.id, MIRA)
        assert await library.catalogue.storage("mira") == (0, 2_000_000)
        await library.add("Small", contents=bytes(100_000))
        assert await library.titles(removed=True) == ["Newer", "Old"]
        await library.add("Large", contents=bytes(1_100_000))
        assert await library.titles(removed=True) == ["Newer"]
        assert sorted(await library.files.versions()) == sorted(
            [newer.id, *[game.id for game in (await library.catalogue.list())[0]]]
        )
        assert (await library.removals.restore(newer.id, MIRA)).title == "Newer"
        with pytest.raises(TooLarge):
            await library.add("One more", contents=bytes(600_000))

    async def test_nobody_elses_games_make_way(self, library: Library) -> None:
        theirs = await library.add(owner=SAM, contents=bytes(1_500_000))
        await library.removals.remove(theirs.id, SAM)
        await library.add(contents=bytes(1_500_000))
        assert (await library.removals.restore(theirs.id, SAM)).id == theirs.id

    async def test_a_version_too_takes_their_room(self, library: Library) -> None:
        game, removed = await library.add(contents=bytes(900_000)), await library.add(contents=bytes(900_000))
        await library.removals.remove(removed.id, MIRA)
        await library.update(game.id, b"1" * 900_000)
        assert list(await library.files.versions()) == [game.id]
