import asyncio

import httpx
import pytest

from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory
from vanilla.accounts.users import UserChanges
from vanilla.services import Services


async def test_only_an_admins_session_is_let_in(client: httpx.AsyncClient, make: Factory) -> None:
    friend, admin = await make.user(), await make.user(is_admin=True)
    for somebody, status in [
        (client, 401),
        (await make.signed_in(friend), 403),
        (await make.with_api_token(admin), 403),
        (await make.playing(admin, origin=False), 403),
    ]:
        answers = [
            await somebody.get("/admin/api/users"),
            await somebody.post("/admin/api/users", json={"username": "x", "password": PASSWORD}),
            await somebody.put(f"/admin/api/users/{friend.id}", json={"is_admin": True}),
        ]
        assert [answer.status_code for answer in answers] == [status] * 3
    assert (await (await make.signed_in(admin)).get("/admin/api/users")).status_code == 200


async def test_who_is_no_admin_any_more_is_out_at_once(make: Factory, services: Services) -> None:
    admin = await make.user(is_admin=True)
    client = await make.signed_in(admin)
    assert (await client.get("/admin/api/users")).status_code == 200
    await services.users.update(admin.id, UserChanges(is_admin=False))
    assert (await client.get("/admin/api/users")).status_code == 403


async def test_the_list_has_totals_and_comes_in_pages(make: Factory) -> None:
    for name in ("ada", "Bea", "cleo"):
        await make.user(name)
    admin = await make.admin()
    answer = (await admin.get("/admin/api/users", params={"limit": 2, "offset": 1})).json()
    assert answer["total"] == 4
    assert [row["username"] for row in answer["items"]] == ["admin", "Bea"]
    assert (answer["items"][0]["total_tokens"], answer["items"][1]["last_active_at"]) == (0, None)
    assert answer["items"][0]["last_active_at"] is not None
    found = (await admin.get("/admin/api/users", params={"search": "BE"})).json()
    assert ([row["username"] for row in found["items"]], found["total"]) == (["Bea"], 1)
    for wrong in ({"limit": 0}, {"limit": 201}, {"offset": -1}, {"limit": "many"}, {"search": "x" * 101}):
        assert (await admin.get("/admin/api/users", params=wrong)).status_code == 422


async def test_nothing_in_the_answers_is_a_secret(make: Factory, services: Services) -> None:
    user = await make.user()
    stored = await services.users.get(user.id)
    admin = await make.admin()
    text = (await admin.get("/admin/api/users")).text
    assert "password" not in text
    assert stored.password_hash not in text


async def test_a_user_is_made(make: Factory) -> None:
    admin = await make.admin()
    new = {"username": "Rana", "password": PASSWORD, "token_limit": 0, "limit_period": "month"}
    answer = await admin.post("/admin/api/users", json=new)
    assert answer.status_code == 201
    assert (answer.json()["token_limit"], answer.json()["limit_period"]) == (0, "month")
    client = await make.browser()
    assert (await client.post("/auth/login", json={"username": "rana", "password": PASSWORD})).status_code == 200


async def test_of_two_who_take_a_name_at_once_one_gets_201_and_one_409(make: Factory) -> None:
    admin = await make.admin()
    answers = await asyncio.gather(
        *(admin.post("/admin/api/users", json={"username": name, "password": PASSWORD}) for name in ("Rana", "RANA"))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]


async def test_what_the_body_names_changes_and_the_rest_stays(make: Factory) -> None:
    user = await make.user(token_limit=500)
    admin = await make.admin()
    address = f"/admin/api/users/{user.id}"
    changed = (await admin.put(address, json={"limit_period": "day", "concurrent_calls": 2})).json()
    assert (changed["token_limit"], changed["limit_period"], changed["concurrent_calls"]) == (500, "day", 2)
    changed = (await admin.put(address, json={"token_limit": None, "concurrent_calls": None})).json()
    assert (changed["token_limit"], changed["limit_period"], changed["concurrent_calls"]) == (None, "day", None)
    assert (await admin.put(address, json={})).json() == changed


@pytest.mark.parametrize(
    "body",
    [
        {"token_limit": -1},
        {"token_limit": "5"},
        {"limit_period": "week"},
        {"is_admin": "yes"},
        {"password": "short"},
        {"requests_per_minute": 0},
        {"username": "other"},
        [],
    ],
)
async def test_a_bad_value_is_422_and_changes_nothing(make: Factory, services: Services, body: object) -> None:
    user = await make.user()
    before = (await services.users.get(user.id)).model_dump()
    answer = await (await make.admin()).put(f"/admin/api/users/{user.id}", json=body)
    assert answer.status_code == 422
    assert (await services.users.get(user.id)).model_dump() == before


async def test_nobody_is_404(make: Factory) -> None:
    answer = await (await make.admin()).put("/admin/api/users/nobody", json={"is_active": False})
    assert answer.status_code == 404


async def test_who_is_switched_off_gets_401_with_everything_at_once(make: Factory) -> None:
    user = await make.user()
    theirs = [await make.signed_in(user), await make.with_api_token(user), await make.playing(user)]
    for client in theirs:
        assert (await client.get("/auth/me")).status_code == 200
    answer = await (await make.admin()).put(f"/admin/api/users/{user.id}", json={"is_active": False})
    assert answer.json()["is_active"] is False
    for client in theirs:
        assert (await client.get("/auth/me")).status_code == 401


async def test_a_password_set_by_an_admin_ends_everything(make: Factory) -> None:
    user = await make.user()
    theirs = [await make.signed_in(user), await make.with_api_token(user), await make.playing(user)]
    await (await make.admin()).put(f"/admin/api/users/{user.id}", json={"password": "another good one"})
    for client in theirs:
        assert (await client.get("/auth/me")).status_code == 401
    await make.signed_in(user, password="another good one")


@pytest.mark.parametrize("body", [{"is_active": False}, {"is_admin": False}])
async def test_the_last_admin_cannot_lock_everybody_out(make: Factory, body: dict[str, bool]) -> None:
    admin = await make.admin()
    own_id = (await admin.get("/auth/me")).json()["user"]["id"]
    answer = await admin.put(f"/admin/api/users/{own_id}", json=body)
    assert answer.status_code == 409
    assert "last active admin" in answer.json()["error"]["message"]
    second = await make.user(is_admin=True, password=ADMIN_PASSWORD)
    assert (await admin.put(f"/admin/api/users/{own_id}", json=body)).status_code == 200
    assert (await (await make.signed_in(second, ADMIN_PASSWORD)).get("/admin/api/users")).status_code == 200
