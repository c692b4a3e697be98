"""Who plays which version, at which address, and what such an address opens."""

import asyncio
from collections.abc import Callable

import pytest
from sqlmodel import Session

from tests.games.library import ADMIN, MIRA, SAM, Library
from vanilla.errors import Forbidden, NotFound


class TestPlayable:
    async def test_everybody_plays_what_is_published(self, library: Library) -> None:
        game = await library.add()
        await library.update(game.id, b"2")
        await library.update(game.id, b"3", script=b"vanilla.chat()", publish=False)
        for viewer in (MIRA, SAM, ADMIN):
            now = await library.addresses.playable(game.id, viewer)
            assert (now.version, now.talks, now.is_preview) == (2, False, False)
            assert await library.addresses.playable(game.id, viewer, 2) == now

    async def test_any_kept_version_is_tried_by_those_who_may_change_the_game(self, library: Library) -> None:
        game = await library.add()
        await library.update(game.id, b"2", script=b"vanilla.chat()", publish=False)
        with pytest.raises(Forbidden):
            await library.addresses.playable(game.id, SAM, 2)
        for viewer in (MIRA, ADMIN):
            now = await library.addresses.playable(game.id, viewer, 2)
            assert (now.version, now.talks, now.is_preview) == (2, True, True)
            assert await library.addresses.granted(game.id, now.capability) == (2, ())
            with pytest.raises(NotFound):
                await library.addresses.playable(game.id, viewer, 3)

    async def test_a_draft_is_there_for_its_owner_and_admins(self, library: Library) -> None:
        game = await library.add(visibility="draft")
        with pytest.raises(NotFound):
            await library.addresses.playable(game.id, SAM)
        mine, theirs = [await library.addresses.playable(game.id, viewer) for viewer in (MIRA, ADMIN)]
        assert mine.files == theirs.files
        assert mine.files == f"/games/{game.id}/{mine.capability}/"
        assert mine.frame_source("http://test") == f"http://test{mine.files}"


class TestGranted:
    async def test_an_address_opens_its_version_as_long_as_the_game_is_open(self, library: Library) -> None:
        game = await library.add()
        first = (await library.addresses.playable(game.id, SAM)).capability
        await library.update(game.id, b"2")
        second = (await library.addresses.playable(game.id, SAM)).capability
        assert await library.addresses.granted(game.id, first) == (1, ())
        assert await library.addresses.granted(game.id, second) == (2, ())
        await library.change(game.id, visibility="unlisted")
        assert await library.addresses.granted(game.id, second) == (2, ())
        await library.change(game.id, visibility="draft")
        for capability in (first, second):
            with pytest.raises(NotFound):
                await library.addresses.granted(game.id, capability)
        mine = (await library.addresses.playable(game.id, MIRA)).capability
        assert await library.addresses.granted(game.id, mine) == (2, ())
        await library.removals.remove(game.id, MIRA)
        with pytest.raises(NotFound):
            await library.addresses.granted(game.id, mine)

    async def test_it_names_the_hosts_that_are_approved_now(self, library: Library) -> None:
        game = await library.add()
        await library.hosts.ask(game.id, ["fonts.example.org", "cdn.example.org"], MIRA)

        async def hosts() -> tuple[str, ...]:
            now = await library.addresses.playable(game.id, SAM)
            return (await library.addresses.granted(game.id, now.capability))[1]

        assert await hosts() == ()
        await library.hosts.approve(game.id, "fonts.example.org", ADMIN)
        assert await hosts() == ("fonts.example.org",)
        await library.hosts.refuse(game.id, "fonts.example.org", ADMIN)
        assert await hosts() == ()

    async def test_it_is_answered_from_memory(self, library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
        game = await library.add()
        capability = (await library.addresses.playable(game.id, SAM)).capability
        await library.addresses.granted(game.id, capability)
        monkeypatch.setattr(library.database, "read", None)
        assert await library.addresses.granted(game.id, capability) == (1, ())

    async def test_what_was_read_before_a_change_is_not_remembered_after_it(
        self, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        game = await library.add()
        capability = (await library.addresses.playable(game.id, SAM)).capability
        read, has_read, go_on = library.database.read, asyncio.Event(), asyncio.Event()

        async def slow(work: Callable[[Session], object]) -> object:
            result = await read(work)
            has_read.set()
            await go_on.wait()
            return result

        with monkeypatch.context() as patch:
            patch.setattr(library.database, "read", slow)
            late = asyncio.create_task(library.addresses.granted(game.id, capability))
            await has_read.wait()
        await library.removals.remove(game.id, MIRA)
        go_on.set()
        assert await late == (1, ())  # it was asked for before
        with pytest.raises(NotFound):
            await library.addresses.granted(game.id, capability)
