"""The cover that a new version brings."""

import io
import json

import pytest
from PIL import Image

from tests.api.test_games import picture
from tests.games.archives import PAGE
from tests.games.library import ADMIN, MIRA, SAM, Library
from vanilla.errors import Forbidden
from vanilla.games.access import Viewer

NAMED = {"index.html": PAGE, "art/front.png": picture(), "meta.json": json.dumps({"cover": "./art/front.png"}).encode()}
CALLED = {"index.html": PAGE + b"2", "cover.png": picture()}


async def update(
    library: Library, game_id: str, files: dict[str, bytes], by: Viewer = MIRA, *, publish: bool = True
) -> None:
    async with library.files.staging() as staging:
        await library.versions.add(game_id, await library.bundle(staging, files), by, publish=publish)


@pytest.mark.parametrize("files", [NAMED, CALLED])
async def test_a_game_without_one_gets_the_picture_of_its_new_version(
    library: Library, files: dict[str, bytes]
) -> None:
    game = await library.add("Dragon")
    await update(library, game.id, files)
    newer = await library.catalogue.get(game.id)
    assert newer.has_cover
    assert newer.cover_url != game.cover_url
    assert (await library.catalogue.cover(newer))[0] == "image/webp"


async def test_one_that_it_has_already_stays(library: Library) -> None:
    game = await library.add("Dragon")
    await update(library, game.id, NAMED)
    before = await library.catalogue.cover(await library.catalogue.get(game.id))
    other = io.BytesIO()
    Image.new("RGB", (80, 60), "green").save(other, "PNG")
    await update(library, game.id, {**CALLED, "cover.png": other.getvalue()})
    assert await library.catalogue.cover(await library.catalogue.get(game.id)) == before


async def test_a_preview_shows_nothing_before_it_is_published(library: Library) -> None:
    game = await library.add("Dragon")
    await update(library, game.id, NAMED, publish=False)
    assert not (await library.catalogue.get(game.id)).has_cover
    await library.versions.publish(game.id, 2, ADMIN)
    assert (await library.catalogue.get(game.id)).has_cover


@pytest.mark.parametrize(
    "files",
    [
        {"index.html": PAGE + b"3"},
        {"index.html": PAGE, "cover.png": b"no picture"},
        {"index.html": PAGE, "meta.json": b'{"cover": "../../../cover.png"}'},
        {"index.html": PAGE, "meta.json": b"not json"},
    ],
)
async def test_where_there_is_no_picture_the_version_is_played_all_the_same(
    library: Library, files: dict[str, bytes]
) -> None:
    game = await library.add("Dragon", contents=b"other")
    await update(library, game.id, files)
    newer = await library.catalogue.get(game.id)
    assert (newer.version, newer.has_cover) == (2, False)


async def test_covers_are_their_owners_to_change(library: Library) -> None:
    game = await library.add("Dragon")
    with pytest.raises(Forbidden):
        await library.catalogue.remove_cover(game.id, SAM)
    with pytest.raises(Forbidden):
        await library.catalogue.set_cover(game.id, library.settings.data_dir / "vanilla.db", SAM)
