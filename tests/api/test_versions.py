"""Versions over HTTP: uploaded, tried, published, rolled back."""

from typing import Any

import httpx
import pytest

from tests.factories import Factory
from tests.games import archives
from tests.games.archives import PAGE, zipped
from vanilla.services import Services


async def add(client: httpx.AsyncClient, game: str, contents: bytes, **fields: Any) -> httpx.Response:
    data = zipped({"index.html": PAGE + contents})
    return await client.post(f"/api/games/{game}/versions", files={"file": ("game.zip", data)}, data=fields)


async def new_game(client: httpx.AsyncClient) -> str:
    answer = await client.post("/api/games", files={"file": ("game.zip", archives.good())})
    assert answer.status_code == 201
    return str(answer.json()["id"])


async def played(client: httpx.AsyncClient, game: str, version: int | None = None) -> str:
    """The page that opens when this client plays."""
    query = "" if version is None else f"?version={version}"
    now = (await client.post(f"/api/games/{game}/play{query}")).json()
    page = await client.get(f"{now['url']}index.html")
    assert page.status_code == 200
    return page.text


async def test_a_version_is_tried_published_and_taken_back(make: Factory, services: Services) -> None:
    owner, friend = await make.signed_in(), await make.signed_in()
    game = await new_game(owner)
    answer = await add(owner, game, b"<p>second", notes="Faster", publish="false")
    assert answer.status_code == 201
    second = answer.json()
    assert (second["number"], second["notes"], second["is_current"], second["published_at"]) == (
        2,
        "Faster",
        False,
        None,
    )
    assert (second["files"], second["talks"], second["warnings"], second["unchanged"]) == (1, False, [], False)
    assert second["size_bytes"] == len(PAGE) + 9
    assert second["preview_url"] == f"/play/{game}?version=2"
    assert "second" in await played(owner, game, 2)
    assert "second" not in await played(friend, game)
    assert (await friend.post(f"/api/games/{game}/play?version=2")).status_code == 403
    assert (await services.catalogue.get(game)).plays == 1  # a preview is no play
    published = await owner.post(f"/api/games/{game}/versions/2/publish")
    assert (published.status_code, published.json()["is_current"]) == (200, True)
    assert "second" in await played(friend, game)
    assert (await owner.delete(f"/api/games/{game}/versions/2")).status_code == 409
    assert (await owner.post(f"/api/games/{game}/versions/1/publish")).status_code == 200
    assert "second" not in await played(friend, game)
    assert (await owner.delete(f"/api/games/{game}/versions/2")).status_code == 204
    listed = (await owner.get(f"/api/games/{game}/versions")).json()
    assert (listed["total"], [each["number"] for each in listed["items"]]) == (1, [1])
    assert (await owner.post(f"/api/games/{game}/play?version=2")).status_code == 404


async def test_a_play_page_that_stays_open_goes_on_with_its_preview(make: Factory, services: Services) -> None:
    owner = await make.signed_in()
    game = await new_game(owner)
    await add(owner, game, b"<p>second", publish="false")
    extended = await owner.post(f"/api/games/{game}/play/extend?version=2", json={"token": "vp_of_last_night"})
    assert extended.status_code == 200
    assert extended.json()["token"].startswith("vp_")
    assert (await owner.post(f"/api/games/{game}/play/extend?version=3", json={"token": "x"})).status_code == 404


async def test_the_same_again_is_said_to_be_unchanged(make: Factory) -> None:
    owner = await make.signed_in()
    game = await new_game(owner)
    first = (await add(owner, game, b"<p>second")).json()
    again = await add(owner, game, b"<p>second")
    assert (again.status_code, again.json()) == (200, {**first, "unchanged": True})


async def test_a_program_of_the_owners_updates_a_game(make: Factory) -> None:
    user = await make.user()
    program = await make.with_api_token(user)
    game = await new_game(program)
    assert (await add(program, game, b"<p>second")).status_code == 201
    assert (await add(await make.with_api_token(), game, b"<p>third")).status_code == 403


async def test_nothing_of_an_upload_is_read_before_it_is_clear_who_sends_it(make: Factory) -> None:
    game = await new_game(await make.signed_in())

    async def never() -> Any:
        yield pytest.fail("the body was read")

    for client, status in ((await make.browser(), 401), (await make.signed_in(), 403)):
        for method, path in (("POST", "versions"), ("PUT", "cover")):
            headers = {"content-type": "multipart/form-data; boundary=x", "content-length": "99"}
            answer = await client.request(method, f"/api/games/{game}/{path}", content=never(), headers=headers)
            assert answer.status_code == status


@pytest.mark.parametrize(
    ("fields", "status"), [({"publish": "maybe"}, 422), ({"notes": "x" * 2001}, 422), ({"publish": "False"}, 201)]
)
async def test_fields_are_checked(make: Factory, fields: dict[str, str], status: int) -> None:
    owner = await make.signed_in()
    game = await new_game(owner)
    answer = await add(owner, game, b"<p>second", **fields)
    assert answer.status_code == status, answer.text
    total = (await owner.get(f"/api/games/{game}/versions")).json()["total"]
    assert total == (2 if status == 201 else 1)


async def test_a_bad_archive_is_422_and_leaves_nothing(make: Factory, services: Services) -> None:
    owner = await make.signed_in()
    game = await new_game(owner)
    answer = await owner.post(f"/api/games/{game}/versions", files={"file": ("game.zip", b"PK\3\4 and no more")})
    assert answer.status_code == 422
    assert answer.json()["error"]["problems"]
    assert await services.files.versions() == {game: [1]}
    assert list((services.settings.data_dir / "staging").iterdir()) == []


@pytest.mark.parametrize("number", ["0", "7", "99999999999999999999", "x"])
async def test_a_version_that_is_not_there_is_not_found(make: Factory, number: str) -> None:
    owner = await make.signed_in()
    game = await new_game(owner)
    for method, path in (("POST", f"/{number}/publish"), ("DELETE", f"/{number}")):
        answer = await owner.request(method, f"/api/games/{game}/versions{path}")
        assert answer.status_code == (404 if number in "07" else 422)
