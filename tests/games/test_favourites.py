"""A favourite is one's own, and of a game that one may open."""

import pytest

from tests.games.library import MIRA, SAM, Library
from vanilla.errors import NotFound


async def test_it_is_kept_once_and_let_go_once(library: Library) -> None:
    game = await library.add("Dragon")
    for _ in range(2):
        await library.favourites.add(game.id, SAM)
    assert await library.titles(SAM, favourites=True) == ["Dragon"]
    assert await library.titles(MIRA, favourites=True) == []
    for _ in range(2):
        await library.favourites.remove(game.id, SAM)
    assert await library.titles(SAM, favourites=True) == []


async def test_an_unlisted_game_is_kept_by_whom_its_address_was_given_to(library: Library) -> None:
    game = await library.add("Secret", visibility="unlisted")
    await library.favourites.add(game.id, SAM)
    assert await library.titles(SAM) == []
    assert await library.titles(SAM, favourites=True) == ["Secret"]
    await library.change(game.id, visibility="draft")
    assert await library.titles(SAM, favourites=True) == []


async def test_there_is_none_of_a_game_that_is_not_there_for_oneself(library: Library) -> None:
    draft = await library.add(visibility="draft")
    removed = await library.add()
    await library.removals.remove(removed.id, MIRA)
    for game_id in (draft.id, removed.id, "nothing"):
        for call in (library.favourites.add, library.favourites.remove):
            with pytest.raises(NotFound):
                await call(game_id, SAM)
    await library.favourites.add(draft.id, MIRA)
