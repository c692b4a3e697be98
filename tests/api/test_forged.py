"""Requests as a hostile game would make them if no browser held it back: on every route that there is, about things
that are there, with an admin's cookies and forged headers, or with tokens that are not its own."""

import httpx
import pytest
from fastapi import FastAPI

from tests.api.test_authorisation import ANYBODY, TABLE, every_route
from tests.factories import Factory
from tests.rows import rows
from vanilla.services import Services
from vanilla.settings import Settings

SAFE = ("GET ", "HEAD ", "OPTIONS ", "ANY ")

Headers = list[tuple[str, str]]

FORGED: dict[str, Headers] = {
    "a game": [("origin", "null")],
    "a game that calls itself a page of ours": [("origin", "null"), ("sec-fetch-site", "same-origin")],
    "a game with a page of ours as its referrer": [("origin", "null"), ("referer", "http://test/admin/users")],
    "a game behind a proxy of its own": [
        ("origin", "http://evil"),
        ("x-forwarded-host", "evil"),
        ("forwarded", "host=evil"),
    ],
    "a game that means another method": [("origin", "null"), ("x-http-method-override", "DELETE")],
    "a game that says two origins": [("origin", "http://test"), ("origin", "null")],
    "a game that says a list of origins": [("origin", "http://test null")],
    "a site that hides its origin": [("sec-fetch-site", "cross-site")],
    "another name below ours": [("origin", "http://games.test"), ("sec-fetch-site", "same-site")],
    "a name that begins as ours": [("origin", "http://test.evil.example")],
    "another port": [("origin", "http://test:8080")],
    "another scheme": [("origin", "https://test")],
    "a file": [("origin", "file://")],
}


@pytest.fixture
async def admin(make: Factory) -> httpx.AsyncClient:
    """An admin's browser."""
    return await make.admin()


@pytest.fixture
async def things(make: Factory) -> dict[str, str]:
    """The parts of addresses that lead to something: a game, a user, a token."""
    victim = await make.user("mira")
    game = await make.game(victim)
    token = (await (await make.signed_in(victim)).post("/api/tokens", json={"name": "bot"})).json()
    return {"game_id": game.id, "user_id": victim.id, "token_id": token["id"], "number": "1", "version": "1"}


@pytest.mark.parametrize("who", FORGED)
async def test_an_admins_cookies_change_nothing(
    app: FastAPI, admin: httpx.AsyncClient, things: dict[str, str], settings: Settings, who: str
) -> None:
    before = rows(settings.data_dir / "vanilla.db")
    for route in every_route(app):
        method, path = addressed(route, things)
        body = {"content": b"{}", "headers": [("content-type", "application/json"), *FORGED[who]]}
        answer = await admin.request(method, path, **body)  # type: ignore[arg-type]
        if not route.startswith(SAFE) and not path.startswith("/games/"):
            assert answer.status_code == 403, f"{route}: {answer.status_code}"
        assert answer.headers.get("access-control-allow-credentials") is None, route
        assert "set-cookie" not in answer.headers, route
    assert (await admin.get("/auth/me")).status_code == 200
    assert rows(settings.data_dir / "vanilla.db") == before


async def test_a_play_token_changes_nothing_beyond_its_game(
    app: FastAPI, make: Factory, things: dict[str, str], settings: Settings
) -> None:
    game = await make.playing((await make.user("ada")), origin=False)
    game.headers["origin"] = "null"
    before = rows(settings.data_dir / "vanilla.db")
    for route in every_route(app):
        method, path = addressed(route, things)
        if path.startswith(("/api/inference/", "/auth/me")) and not (method == "PATCH" and path == "/auth/me"):
            continue  # what the token is for
        answer = await game.request(method, path, content=b"{}", headers={"content-type": "application/json"})
        is_open = route in TABLE and TABLE[route] == ANYBODY
        assert is_open or answer.status_code in (303, 401, 403), f"{route}: {answer.status_code}"
    assert rows(settings.data_dir / "vanilla.db") == before


async def test_a_token_that_is_nearly_right_is_none(make: Factory, services: Services) -> None:
    game = await make.playing((await make.user("ada")), origin=False)
    genuine = game.headers["authorization"].removeprefix("Bearer ")
    assert (await game.get("/auth/me")).status_code == 200
    swapped = genuine[:-1] + ("A" if genuine[-1] != "A" else "B")
    for token in (swapped, genuine[:-1], genuine + "A", genuine.replace("vp_", "vk_"), genuine.swapcase(), "vp_", ""):
        for name, value in (("authorization", f"Bearer {token}"), ("x-api-key", token)):
            stranger = await make.browser(headers={name: value, "origin": "null"})
            assert (await stranger.get("/auth/me")).status_code == 401, token
            assert (await stranger.get("/api/inference/usage")).status_code == 401, token
    both = await make.browser(headers={"authorization": f"Bearer {genuine}", "x-api-key": swapped, "origin": "null"})
    assert (await both.get("/auth/me")).status_code == 401


def addressed(route: str, things: dict[str, str]) -> tuple[str, str]:
    """The method and the path of a route such as `PUT /api/games/{game_id}`, about what is there."""
    method, _, path = route.partition(" ")
    for name, value in things.items():
        path = path.replace(f"{{{name}}}", value)
    path = "/".join("nothing" if part.startswith("{") else part for part in path.split("/"))
    return ("GET" if method == "ANY" else method), path
