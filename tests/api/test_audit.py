"""Who changed what, over the API: every route by which an admin changes something writes it down."""

import asyncio
import csv
import io
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlmodel import col, func, select

from tests.api.test_authorisation import ADMIN, TABLE, every_route
from tests.factories import PASSWORD, Factory
from vanilla.models import AuditEntry
from vanilla.services import Services

SAFE = ("GET ", "HEAD ")

# A request of each route by which an admin changes something, that is accepted, and the actions that it leaves.
CHANGES: Mapping[str, tuple[dict[str, Any], list[str]]] = {
    "POST /auth/register": ({"json": {"username": "noor", "password": PASSWORD}}, ["user.create"]),
    "POST /admin/api/users": ({"json": {"username": "kim", "password": PASSWORD}}, ["user.create"]),
    "PUT /admin/api/users/{user_id}": (
        {"json": {"token_limit": 5, "password": "a brand new one"}},
        ["user.password", "user.update"],
    ),
    "POST /admin/api/users/{user_id}/sign-out": ({}, ["session.close_all"]),
    "POST /admin/api/users/{user_id}/reset": ({}, ["reset.create"]),
    "DELETE /admin/api/users/{user_id}": ({}, ["user.delete"]),
    "POST /admin/api/invitations": ({"json": {"note": "Noor"}}, ["invitation.create"]),
    "DELETE /admin/api/invitations/{invitation_id}": ({}, ["invitation.revoke"]),
    "PATCH /admin/api/settings": (
        {"json": {"inference_enabled": False, "server_tools": True}},
        ["inference.stop", "settings.update"],
    ),
    "POST /admin/api/backups": ({}, ["backup.create"]),
    "DELETE /admin/api/backups/{name}": ({}, ["backup.delete"]),
    "POST /admin/api/games/{game_id}/hosts/{host}": ({}, ["host.approve"]),
    "DELETE /admin/api/games/{game_id}/hosts/{host}": ({}, ["host.refuse"]),
}


async def last_id(services: Services) -> int:
    return await services.database.read(lambda session: session.exec(select(func.max(AuditEntry.id))).one() or 0)


async def actions_after(services: Services, number: int) -> list[tuple[str | None, str]]:
    """Who did what after that entry."""
    statement = select(AuditEntry).where(col(AuditEntry.id) > number).order_by(col(AuditEntry.id))
    return [
        (entry.actor_id, entry.action)
        for entry in await services.database.read(lambda session: session.exec(statement).all())
    ]


async def test_every_change_that_an_admin_can_make_is_tried_here(app: FastAPI, client: httpx.AsyncClient) -> None:
    changing = {route for route, who in TABLE.items() if who == ADMIN and not route.startswith(SAFE)}
    assert set(CHANGES) == changing & set(every_route(app))


@pytest.mark.parametrize("route", CHANGES)
async def test_a_change_by_an_admin_is_written_down(make: Factory, services: Services, route: str) -> None:
    admin = await make.admin()
    me = (await admin.get("/auth/me")).json()["user"]["id"]
    mira = await make.user("mira")
    game = await make.game(mira)
    host = "fonts.example.org"
    await (await make.signed_in(mira)).put(f"/api/games/{game.id}/hosts", json=[host])
    invitation = (await admin.post("/admin/api/invitations", json={})).json()["id"]
    backup = await _backup(admin) if "{name}" in route else ""
    method, _, path = route.partition(" ")
    path = path.format(user_id=mira.id, invitation_id=invitation, game_id=game.id, host=host, name=backup)
    request, expected = CHANGES[route]
    before = await last_id(services)
    answer = await admin.request(method, path, **request)
    assert answer.status_code < 300, answer.text
    async with asyncio.timeout(10):
        while not (found := await actions_after(services, before)):  # a backup is made after its answer
            await asyncio.sleep(0.02)
    assert sorted(found, key=str) == [(me, action) for action in sorted(expected)]


@pytest.mark.parametrize(
    ("route", "body", "status"),
    [
        ("PUT /admin/api/users/{user_id}", {"token_limit": -1}, 422),
        ("PUT /admin/api/users/nobody", {"token_limit": 1}, 404),
        ("PUT /admin/api/users/{me}", {"is_admin": False, "token_limit": 1}, 409),
        ("DELETE /admin/api/users/{me}", None, 409),
        ("POST /admin/api/users", {"username": "MIRA", "password": PASSWORD}, 409),
        ("PUT /admin/api/users/{user_id}", {"token_limit": None, "is_active": True}, 200),
        ("PUT /admin/api/users/{user_id}", {}, 200),
    ],
)
async def test_what_changes_nothing_leaves_nothing(
    make: Factory, services: Services, route: str, body: Any, status: int
) -> None:
    admin = await make.admin()
    me = (await admin.get("/auth/me")).json()["user"]["id"]
    mira = await make.user("mira")
    before = await last_id(services)
    method, _, path = route.partition(" ")
    answer = await admin.request(method, path.format(user_id=mira.id, me=me), json=body)
    assert answer.status_code == status
    assert await last_id(services) == before


async def test_what_users_do_for_their_own_safety_is_written_down(make: Factory, services: Services) -> None:
    mira = await make.user("mira")
    theirs = await make.signed_in(mira)
    before = await last_id(services)
    change = {"current_password": PASSWORD, "new_password": "a brand new one"}
    assert (await theirs.post("/auth/password", json=change)).status_code == 200
    wrong = {**change, "current_password": "wrong"}
    assert (await theirs.post("/auth/password", json=wrong)).status_code == 422
    await (await make.browser()).post("/auth/login", json={"username": "mira", "password": "wrong"})
    assert await actions_after(services, before) == [(mira.id, "user.password")]


async def test_no_secret_ever_stands_in_it(make: Factory, services: Services) -> None:
    admin = await make.admin()
    mira = await make.user("mira")
    secrets = ["a very secret password"]
    await admin.put(f"/admin/api/users/{mira.id}", json={"password": secrets[0]})
    paths = ("/admin/api/invitations", f"/admin/api/users/{mira.id}/reset")
    secrets += [(await admin.post(path, json={})).json()["link"].rpartition("/")[2] for path in paths]
    shown = (await admin.get("/admin/api/audit", params={"limit": 500})).text
    stored = (await services.users.get(mira.id)).password_hash
    for secret in (*secrets, stored):
        assert secret not in shown


class TestReading:
    async def test_comes_in_pages_with_sentences(self, make: Factory) -> None:
        admin = await make.admin()
        mira = await make.user("mira", token_limit=50_000, limit_period="month")
        for limit in (60_000, 70_000, 80_000):
            await admin.put(f"/admin/api/users/{mira.id}", json={"token_limit": limit})
        params: dict[str, Any] = {"subject": "mira", "action": "user.update", "limit": 2}
        first = (await admin.get("/admin/api/audit", params=params)).json()
        assert [item["sentence"] for item in first["items"]] == [
            "admin raised mira's limit from 70,000 to 80,000 tokens a month",
            "admin raised mira's limit from 60,000 to 70,000 tokens a month",
        ]
        item = first["items"][0]
        assert (item["actor"], item["subject"], item["subject_name"]) == ("admin", mira.id, "mira")
        assert item["details"] == {"token_limit": [70_000, 80_000], "period": "month"}
        second = (await admin.get("/admin/api/audit", params={**params, "before": first["next"]})).json()
        assert [each["details"]["token_limit"] for each in second["items"]] == [[50_000, 60_000]]
        assert second["next"] is None
        for wrong in ({"limit": 0}, {"before": "x"}, {"since": "yesterday"}, {"subject": "x" * 101}):
            assert (await admin.get("/admin/api/audit", params=wrong)).status_code == 422

    async def test_comes_as_csv_with_nothing_that_a_spreadsheet_would_run(
        self, make: Factory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("vanilla.api.audit.A_READ", 3)
        admin = await make.admin()
        evil = await make.user("=HYPERLINK(1)")
        for limit in range(8):
            await admin.put(f"/admin/api/users/{evil.id}", json={"token_limit": limit})
        answer = await admin.get("/admin/api/audit.csv", params={"action": "user.update"})
        assert answer.headers["content-disposition"].startswith('attachment; filename="vanilla-audit-')
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert rows[0]["details"] == '{"token_limit": [6, 7], "period": "total"}'
        assert len(rows) == 8
        assert {row["subject_name"] for row in rows} == {"'=HYPERLINK(1)"}


async def _backup(admin: httpx.AsyncClient) -> str:
    await admin.post("/admin/api/backups")
    async with asyncio.timeout(10):
        while not (items := (await admin.get("/admin/api/backups")).json()["items"]):
            await asyncio.sleep(0.02)
    return str(items[0]["name"])
