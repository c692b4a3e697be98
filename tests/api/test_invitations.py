"""Links that let somebody in: made by admins, used by whoever has one, guessed by nobody."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.factories import PASSWORD, Factory


async def invite(admin: httpx.AsyncClient, **body: Any) -> dict[str, Any]:
    answer = await admin.post("/admin/api/invitations", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def secret_of(made: dict[str, Any]) -> str:
    return str(made["link"]).rpartition("/")[2]


class TestMaking:
    async def test_shows_the_link_once_and_lists_what_became_of_it(self, make: Factory) -> None:
        admin = await make.admin()
        made = await invite(admin, note="Noor", token_limit=5_000, limit_period="month", days=3)
        assert made["link"].startswith("http://test/invitation/")
        assert (made["note"], made["state"], made["created_by"], made["token_limit"]) == (
            "Noor",
            "open",
            "admin",
            5_000,
        )
        listed = (await admin.get("/admin/api/invitations")).json()
        assert (listed["total"], listed["counts"]["open"]) == (1, 1)
        assert {name: value for name, value in made.items() if name != "link"} == listed["items"][0]
        assert secret_of(made) not in str(listed)
        assert (await admin.delete(f"/admin/api/invitations/{made['id']}")).status_code == 204
        assert (await admin.get("/admin/api/invitations", params={"state": "revoked"})).json()["total"] == 1
        assert (await admin.get("/admin/api/invitations", params={"state": "open"})).json()["items"] == []

    @pytest.mark.parametrize(
        "body", [{"days": 0}, {"days": 91}, {"days": "7"}, {"token_limit": -1}, {"limit_period": "week"}, {"by": "me"}]
    )
    async def test_refuses_what_makes_no_sense(self, make: Factory, body: dict[str, Any]) -> None:
        admin = await make.admin()
        assert (await admin.post("/admin/api/invitations", json=body)).status_code == 422

    async def test_what_is_not_there_or_over_cannot_be_taken_back(self, make: Factory) -> None:
        admin = await make.admin()
        made = await invite(admin)
        path = f"/admin/api/invitations/{made['id']}"
        assert [(await admin.delete(path)).status_code for _ in range(2)] == [204, 404]
        assert (await admin.delete("/admin/api/invitations/nothing")).status_code == 404


class TestAccepting:
    async def test_a_program_gets_the_user_and_a_session(self, make: Factory) -> None:
        made = await invite(await make.admin(), token_limit=500, limit_period="day")
        friend = await make.browser()
        body = {"token": secret_of(made), "username": "mira", "password": PASSWORD}
        answer = await friend.post("/auth/invitation", json=body)
        assert (answer.status_code, answer.json()["user"]["token_limit"]) == (201, 500)
        me = (await friend.get("/auth/me")).json()["user"]
        assert (me["username"], me["limit_period"], me["is_admin"]) == ("mira", "day", False)
        again = await (await make.browser()).post("/auth/invitation", json={**body, "username": "other"})
        assert again.status_code == 404
        assert "has been used" in again.json()["error"]["message"]

    async def test_a_form_lands_on_the_games_signed_in(self, make: Factory) -> None:
        made = await invite(await make.admin())
        friend = await make.browser(headers={"origin": "http://test"})
        form = {"token": secret_of(made), "username": "mira", "password": PASSWORD}
        answer = await friend.post("/auth/invitation", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await friend.get("/auth/me")).json()["user"]["username"] == "mira"

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"username": "Admin"}, "?error=taken"),
            ({"username": "two\nlines"}, "?error=name"),
            ({"username": ""}, "?error=name"),
            ({"password": "short"}, "?error=password"),
            ({"password": "x" * 80}, "?error=password"),
        ],
    )
    async def test_a_form_comes_back_with_what_is_wrong(
        self, make: Factory, fields: dict[str, str], error: str
    ) -> None:
        made = await invite(await make.admin())
        friend = await make.browser()
        form = {"token": secret_of(made), "username": "mira", "password": PASSWORD, **fields}
        answer = await friend.post("/auth/invitation", data=form)
        assert answer.headers["location"] == f"/invitation/{secret_of(made)}{error}"
        assert not friend.cookies
        assert (await friend.post("/auth/invitation", data={**form, "username": "mira", "password": PASSWORD})).headers[
            "location"
        ] == "/"

    @pytest.mark.parametrize(
        "token", ["../../admin", "//evil.example", "nothing", "", "x" * 300, "a?b#c", "\r\nset-cookie: x"]
    )
    async def test_a_form_with_a_wrong_link_goes_to_a_page_that_says_so(self, make: Factory, token: str) -> None:
        friend = await make.browser()
        answer = await friend.post("/auth/invitation", data={"token": token, "username": "mira", "password": PASSWORD})
        assert answer.status_code == 303
        location = answer.headers["location"]
        assert location in ("/invitation/unknown", "/invitation/nothing")

    async def test_of_two_browsers_with_one_link_one_gets_in(self, make: Factory) -> None:
        made = await invite(await make.admin())
        friends = [await make.browser() for _ in range(4)]
        answers = await asyncio.gather(
            *(
                friend.post(
                    "/auth/invitation", data={"token": secret_of(made), "username": f"f{number}", "password": PASSWORD}
                )
                for number, friend in enumerate(friends)
            )
        )
        assert sorted(answer.headers["location"] == "/" for answer in answers) == [False, False, False, True]
        assert len([friend for friend in friends if friend.cookies]) == 1

    async def test_takes_the_place_of_whoever_was_signed_in_here(self, make: Factory) -> None:
        admin = await make.admin()
        made = await invite(admin)
        before = dict(admin.cookies)
        await admin.post("/auth/invitation", data={"token": secret_of(made), "username": "mira", "password": PASSWORD})
        assert (await admin.get("/auth/me")).json()["user"]["username"] == "mira"
        assert (await (await make.browser(cookies=before)).get("/auth/me")).status_code == 401

    async def test_another_site_cannot_send_the_form(self, make: Factory) -> None:
        made = await invite(await make.admin())
        form = {"token": secret_of(made), "username": "mira", "password": PASSWORD}
        for origin in ("https://evil.example", "null"):
            friend = await make.browser(headers={"origin": origin})
            assert (await friend.post("/auth/invitation", data=form)).status_code == 403
            assert (await friend.post("/auth/reset", data=form)).status_code == 403


async def test_guessing_is_slowed_by_address(make: Factory) -> None:
    guesser = await make.browser(client=("203.0.113.9", 1))
    answers = []
    guess = {"username": "mira", "password": PASSWORD, "token": "guess19"}
    for number in range(24):
        path = ("/auth/invitation", "/auth/reset")[number % 2]
        answers.append((await guesser.post(path, json={**guess, "token": f"guess{number}"})).status_code)
    assert (answers[:20], answers[-1]) == ([404] * 20, 429)
    slowed = await guesser.post("/auth/invitation", json=guess)
    assert (slowed.status_code, "Too many wrong links" in slowed.text) == (429, True)
    location = (await guesser.post("/auth/invitation", data=guess)).headers["location"]
    assert location.startswith("/invitation/guess19?error=slow&seconds=")
    assert (await guesser.post("/auth/reset", json=guess)).status_code == 429
    made = await invite(await make.admin())
    friend = await make.browser(client=("198.51.100.7", 1))
    form = {"token": secret_of(made), "username": "mira", "password": PASSWORD}
    assert (await friend.post("/auth/invitation", json=form)).status_code == 201


class TestResets:
    async def test_a_link_of_an_admin_lets_the_user_choose(self, make: Factory) -> None:
        mira = await make.user("mira")
        theirs = await make.signed_in(mira)
        admin = await make.admin()
        answer = await admin.post(f"/admin/api/users/{mira.id}/reset")
        assert answer.status_code == 201
        token = answer.json()["link"].removeprefix("http://test/reset/")
        assert (await theirs.get("/auth/me")).status_code == 200
        friend = await make.browser()
        short = await friend.post("/auth/reset", data={"token": token, "password": "short"})
        assert short.headers["location"] == f"/reset/{token}?error=password"
        assert (await friend.post("/auth/reset", json={"token": token, "password": "short"})).status_code == 422
        chosen = await friend.post("/auth/reset", json={"token": token, "password": "a brand new one"})
        assert (chosen.status_code, chosen.json()["user"]["username"]) == (200, "mira")
        assert (await friend.get("/auth/me")).status_code == 200
        assert (await theirs.get("/auth/me")).status_code == 401
        again = await friend.post("/auth/reset", data={"token": token, "password": "a brand new one"})
        assert again.headers["location"] == f"/reset/{token}"
        assert (await admin.post("/admin/api/users/nobody/reset")).status_code == 404
