"""HEAD, and paths with a slash too many."""

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import browser
from tests.factories import ADMIN_PASSWORD, Factory, sign_in
from vanilla.api.failures import API_PREFIXES

READABLE = (
    "/healthz",
    "/readyz",
    "/auth/me",
    "/api/games",
    "/api/tokens",
    "/api/inference/models",
    "/api/inference/usage",
    "/api/inference/usage/stats",
    "/admin/api/users",
    "/admin/api/usage",
    "/admin/api/usage.csv",
)


@pytest.mark.parametrize("path", READABLE)
async def test_head_is_get_without_the_body(make: Factory, path: str) -> None:
    admin = await make.admin()
    whole, head = await admin.get(path), await admin.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert whole.content
    for name in ("content-type", "content-length"):
        assert head.headers.get(name) == whole.headers.get(name)


async def test_head_needs_the_same_credentials(client: httpx.AsyncClient, make: Factory) -> None:
    assert (await client.head("/api/games")).status_code == 401
    assert (await (await make.signed_in()).head("/admin/api/users")).status_code == 403


async def test_head_of_what_is_not_read_is_405(make: Factory) -> None:
    answer = await (await make.admin()).head("/auth/login")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize("path", [path for path in READABLE if path.startswith(API_PREFIXES)])
async def test_a_slash_behind_an_api_path_changes_nothing(make: Factory, path: str) -> None:
    admin = await make.admin()
    assert (await admin.get(f"{path}/")).content == (await admin.get(path)).content


async def test_nor_does_it_behind_what_changes_something(app: FastAPI, client: httpx.AsyncClient) -> None:
    async with browser(app) as admin:
        answer = await admin.post("/auth/login/", json={"username": "admin", "password": ADMIN_PASSWORD})
        assert answer.status_code == 200
        new = {"username": "mira", "password": "long enough"}
        assert (await admin.post("/admin/api/users/", json=new)).status_code == 201
        assert (await admin.post("/auth/logout/")).status_code == 200
    await sign_in(client, "mira", "long enough")


async def test_nor_does_it_open_what_is_closed(client: httpx.AsyncClient) -> None:
    """The rules of paths hold for the path that is meant."""
    for path in ("/auth/password/", "/api/tokens/", "/admin/api/users/"):
        answer = await client.post(path, json={}, headers={"origin": "https://evil.example"})
        assert answer.status_code == 403
        assert (await client.post(path, content=b"x" * 70_000)).status_code == 413
    answer = await client.get("/auth/me/", headers={"origin": "null"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (401, "*")


@pytest.mark.parametrize("prefix", API_PREFIXES)
async def test_the_api_itself_is_nothing_in_json(client: httpx.AsyncClient, prefix: str) -> None:
    for path in (prefix, prefix.rstrip("/")):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")
