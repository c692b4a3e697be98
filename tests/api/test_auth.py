from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlmodel import Session

from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory, sign_in
from vanilla.accounts.sessions import hash_of
from vanilla.accounts.users import UserChanges
from vanilla.models import User
from vanilla.services import Services

USER_FIELDS = {
    "id",
    "username",
    "is_admin",
    "is_active",
    "token_limit",
    "limit_period",
    "own_token_limit",
    "tokens_used",
    "requests_per_minute",
    "concurrent_calls",
    "created_at",
}


async def form(client: httpx.AsyncClient, **fields: str) -> httpx.Response:
    """Sign in as the form of the login page does."""
    return await client.post("/auth/login", data=fields)


class TestLogin:
    async def test_wrong_names_and_wrong_passwords_are_401_alike(
        self, client: httpx.AsyncClient, make: Factory
    ) -> None:
        user = await make.user()
        answers = [
            await client.post("/auth/login", json={"username": name, "password": password})
            for name, password in [("nobody", PASSWORD), (user.username, "wrong"), (user.username, "x" * 100)]
        ]
        assert {answer.status_code for answer in answers} == {401}
        assert {answer.json()["error"]["message"] for answer in answers} == {"Wrong username or password."}
        assert not any("set-cookie" in answer.headers for answer in answers)

    async def test_json_gives_the_user_and_a_cookie(self, client: httpx.AsyncClient, make: Factory) -> None:
        user = await make.user(token_limit=500, limit_period="day")
        answer = await client.post("/auth/login", json={"username": user.username.upper(), "password": PASSWORD})
        assert answer.status_code == 200
        shown = answer.json()["user"]
        assert set(shown) == USER_FIELDS
        assert (shown["id"], shown["token_limit"], shown["limit_period"]) == (user.id, 500, "day")
        assert (await client.get("/auth/me")).json() == {"user": shown}

    async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(self, make: Factory) -> None:
        user = await make.user()
        for base_url, name, secure in [
            ("http://test", "vanilla_session", ""),
            ("https://test", "__Host-vanilla_session", True),
        ]:
            client = await make.browser(base_url=base_url)
            answer = await client.post("/auth/login", json={"username": user.username, "password": PASSWORD})
            cookie = SimpleCookie(answer.headers["set-cookie"])[name]
            assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "lax", "/")
            assert (cookie["secure"], cookie["domain"]) == (secure, "")
            assert (await client.get("/auth/me")).status_code == 200

    async def test_a_cookie_planted_over_http_is_nothing_on_https(self, make: Factory, services: Services) -> None:
        secret, _ = await services.sessions.open(await make.user())
        client = await make.browser(base_url="https://test", headers={"cookie": f"vanilla_session={secret}"})
        assert (await client.get("/auth/me")).status_code == 401

    async def test_signing_in_again_ends_the_session_before(self, make: Factory, services: Services) -> None:
        user = await make.user()
        client = await make.signed_in(user)
        before = client.cookies["vanilla_session"]
        await sign_in(client, user.username, PASSWORD)
        assert client.cookies["vanilla_session"] != before
        assert [row.sid for row in await services.sessions.list(user.id)] == [
            hash_of(client.cookies["vanilla_session"])
        ]

    async def test_a_cookie_brought_along_is_never_taken_over(self, make: Factory) -> None:
        user = await make.user()
        client = await make.browser(headers={"cookie": "vanilla_session=chosen-by-an-attacker"})
        await sign_in(client, user.username, PASSWORD)
        stranger = await make.browser(headers={"cookie": "vanilla_session=chosen-by-an-attacker"})
        assert (await stranger.get("/auth/me")).status_code == 401

    @pytest.mark.parametrize(
        ("content", "content_type", "says"),
        [
            ("{}", "application/json", "username"),
            ('{"username": 1, "password": "x"}', "application/json", "username"),
            ("not json", "application/json", "JSON"),
            ("[]", "application/json", ""),
            ('{"username":"a","password":"b"}', "text/plain", "Content-Type"),
            ("", "", "Content-Type"),
            ('{"username":"\\ud800","password":"\\ud800"}', "application/json", ""),
        ],
    )
    async def test_what_is_no_login_is_422_and_says_why(
        self, client: httpx.AsyncClient, content: str, content_type: str, says: str
    ) -> None:
        answer = await client.post("/auth/login", content=content, headers={"content-type": content_type})
        assert answer.status_code in (401, 422)
        assert answer.status_code == 422 or "ud800" in content
        assert says in answer.json()["error"]["message"]

    async def test_the_form_goes_on_to_its_next(self, client: httpx.AsyncClient, make: Factory) -> None:
        user = await make.user()
        for target, location in [("/play/abc?x=1", "/play/abc?x=1"), ("", "/"), ("//evil.example", "/")]:
            answer = await form(client, username=user.username, password=PASSWORD, next=target)
            assert (answer.status_code, answer.headers["location"]) == (303, location)
            assert "vanilla_session" in answer.headers["set-cookie"]

    async def test_the_form_comes_back_with_what_is_wrong(self, client: httpx.AsyncClient, make: Factory) -> None:
        user = await make.user()
        answer = await form(client, username=user.username, password="wrong", next="/play/abc?x=1&y=2")
        assert answer.status_code == 303
        location = urlsplit(answer.headers["location"])
        assert location.path == "/login"
        assert parse_qs(location.query) == {"error": ["wrong"], "next": ["/play/abc?x=1&y=2"]}
        assert "set-cookie" not in answer.headers

    async def test_who_is_switched_off_stays_out(
        self, client: httpx.AsyncClient, make: Factory, services: Services
    ) -> None:
        user = await make.user()
        await services.users.update(user.id, UserChanges(is_active=False))
        answer = await client.post("/auth/login", json={"username": user.username, "password": PASSWORD})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers

    async def test_guessing_is_slowed_and_the_owner_gets_in_from_elsewhere(self, make: Factory) -> None:
        user = await make.user()
        thief = await make.browser(client=("192.0.2.1", 1))
        answers = [
            await thief.post("/auth/login", json={"username": user.username, "password": f"guess {n}"})
            for n in range(8)
        ]
        assert answers[0].status_code == 401
        assert answers[-1].status_code == 429
        assert answers[-1].headers["retry-after"].isdigit()
        again = await form(thief, username=user.username, password=PASSWORD)
        assert parse_qs(urlsplit(again.headers["location"]).query)["error"] == ["slow"]
        await make.signed_in(user, client=("192.0.2.2", 1))

    async def test_a_form_with_a_file_for_a_name_is_just_wrong(self, client: httpx.AsyncClient) -> None:
        answer = await client.post("/auth/login", files={"username": b"x", "password": b"y"})
        assert answer.headers["location"].startswith("/login?error=wrong")


class TestLogout:
    async def test_it_ends_the_session_on_the_server(self, make: Factory, services: Services) -> None:
        user = await make.user()
        client = await make.signed_in(user)
        secret = client.cookies["vanilla_session"]
        answer = await client.post("/auth/logout")
        assert answer.status_code == 200
        assert "vanilla_session" not in client.cookies
        thief = await make.browser(headers={"cookie": f"vanilla_session={secret}"})
        assert (await thief.get("/auth/me")).status_code == 401
        assert await services.sessions.list(user.id) == []

    async def test_the_form_leads_to_the_login_page(self, make: Factory) -> None:
        client = await make.signed_in()
        answer = await client.post("/auth/logout", data={"from": "menu"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")
        assert (await client.get("/auth/me")).status_code == 401

    async def test_signing_out_twice_is_fine(self, client: httpx.AsyncClient) -> None:
        assert (await client.post("/auth/logout")).status_code == 200

    async def test_a_get_signs_nobody_out(self, make: Factory) -> None:
        client = await make.signed_in()
        answer = await client.get("/auth/logout")
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert (await client.get("/auth/me")).status_code == 200


class TestMe:
    async def test_nobody_is_told_to_sign_in(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/auth/me")
        assert answer.status_code == 401
        assert answer.json()["error"]["type"] == "authentication_error"
        assert answer.json()["request_id"] == answer.headers["request-id"]

    async def test_a_program_sees_its_user_with_either_header(self, make: Factory, services: Services) -> None:
        user = await make.user()
        secret, _ = await services.api_tokens.create(user.id, "bot")
        for headers in (
            {"authorization": f"Bearer {secret}"},
            {"authorization": f"bearer  {secret}"},
            {"x-api-key": secret},
            {"x-api-key": secret, "authorization": f"Bearer {secret}"},
            {"x-api-key": secret, "authorization": "Basic c2l0ZTpndWFyZA=="},
        ):
            answer = await (await make.browser(headers=headers)).get("/auth/me")
            assert set(answer.json()["user"]) == USER_FIELDS

    async def test_a_game_learns_id_and_name_alone(self, make: Factory, services: Services) -> None:
        user = await make.user(is_admin=True)
        client = await make.playing(user)
        assert (await client.get("/auth/me")).json() == {"user": {"id": user.id, "username": user.username}}

    @pytest.mark.parametrize(
        "headers",
        [
            {"authorization": "Bearer vk_wrong"},
            {"authorization": "Bearer"},
            {"authorization": "Token abc"},
            {"authorization": ""},
            {"x-api-key": "sk-ant-placeholder"},
            {"x-api-key": ""},
            {"authorization": "Bearer vk_one", "x-api-key": "vk_two"},
        ],
    )
    async def test_a_wrong_credential_is_401_though_somebody_is_signed_in(
        self, make: Factory, headers: dict[str, str]
    ) -> None:
        client = await make.signed_in()
        assert (await client.get("/auth/me", headers=headers)).status_code == 401

    async def test_a_reverse_proxys_own_password_is_no_credential_of_ours(self, make: Factory) -> None:
        client = await make.signed_in()
        answer = await client.get("/auth/me", headers={"authorization": "Basic c2l0ZTpndWFyZA=="})
        assert answer.status_code == 200

    @pytest.mark.parametrize(
        "headers", [{"origin": "null"}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}]
    )
    async def test_another_site_never_acts_as_who_is_signed_in(self, make: Factory, headers: dict[str, str]) -> None:
        client = await make.signed_in()
        assert (await client.get("/auth/me", headers=headers)).status_code == 401
        assert (await client.get("/auth/me", headers={"origin": "http://test"})).status_code == 200

    async def test_tokens_used_counts_the_current_period(self, make: Factory, services: Services) -> None:
        user = await make.user(limit_period="day")

        def use_up(session: Session) -> None:
            row = session.get_one(User, user.id)
            row.period, row.tokens_used = "2020-01-01", 900

        await services.database.write(use_up)
        client = await make.signed_in(user)
        assert (await client.get("/auth/me")).json()["user"]["tokens_used"] == 0


class TestPassword:
    async def test_nobody_and_no_token_changes_one(self, client: httpx.AsyncClient, make: Factory) -> None:
        change = {"current_password": PASSWORD, "new_password": "another good one"}
        assert (await client.post("/auth/password", json=change)).status_code == 401
        for program in (await make.with_api_token(), await make.playing(origin=False)):
            answer = await program.post("/auth/password", json=change)
            assert answer.status_code == 403
            assert "sign in" in answer.json()["error"]["message"]
        assert (await (await make.playing()).post("/auth/password", json=change)).status_code == 403

    async def test_the_current_one_must_be_right_and_the_new_one_good(self, make: Factory) -> None:
        user = await make.user()
        client = await make.signed_in(user)
        for current, new, says in [
            ("wrong password", "another good one", "current password is wrong"),
            (PASSWORD, "short", "at least 8"),
            (PASSWORD, "é" * 37, "74 bytes"),
        ]:
            answer = await client.post("/auth/password", json={"current_password": current, "new_password": new})
            assert answer.status_code == 422
            assert says in answer.json()["error"]["message"]
        await make.signed_in(user)

    async def test_guessing_the_current_one_is_slowed(self, make: Factory) -> None:
        client = await make.signed_in()
        guess = {"current_password": "guess", "new_password": "another good one"}
        statuses = [(await client.post("/auth/password", json=guess)).status_code for _ in range(8)]
        assert (statuses[0], statuses[-1]) == (422, 429)

    async def test_it_ends_everything_but_this_session(self, make: Factory) -> None:
        user = await make.user()
        here, there = await make.signed_in(user), await make.signed_in(user)
        program, game = await make.with_api_token(user), await make.playing(user)
        answer = await here.post(
            "/auth/password", json={"current_password": PASSWORD, "new_password": "another good one"}
        )
        assert answer.json()["user"]["id"] == user.id
        assert (await here.get("/auth/me")).status_code == 200
        for ended in (there, program, game):
            assert (await ended.get("/auth/me")).status_code == 401
        await make.signed_in(user, password="another good one")
        answer = await there.post("/auth/login", json={"username": user.username, "password": PASSWORD})
        assert answer.status_code == 401


class TestRegister:
    async def test_only_an_admins_session_lets_somebody_in(self, client: httpx.AsyncClient, make: Factory) -> None:
        new = {"username": "Rana", "password": PASSWORD}
        admin_token = await make.with_api_token(await make.user(is_admin=True))
        for somebody, status in [
            (client, 401),
            (await make.signed_in(), 403),
            (await make.with_api_token(), 403),
            (admin_token, 403),
        ]:
            assert (await somebody.post("/auth/register", json=new)).status_code == status
        answer = await (await make.admin()).post("/auth/register", json=new)
        assert answer.status_code == 201
        assert set(answer.json()) == USER_FIELDS
        assert answer.json()["username"] == "Rana"

    async def test_a_taken_name_is_409(self, make: Factory) -> None:
        admin = await make.admin()
        answer = await admin.post("/auth/register", json={"username": "ADMIN", "password": ADMIN_PASSWORD})
        assert answer.status_code == 409
        assert "taken" in answer.json()["error"]["message"]

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"password": "é" * 37}, "74 bytes"),
            ({"password": "short"}, "at least 8"),
            ({"password": "nul\0in the middle"}, "leave it out"),
            ({"username": " "}, "1 to 40"),
            ({"token_limit": -1}, "token_limit"),
            ({"token_limit": "many"}, "token_limit"),
            ({"limit_period": "week"}, "limit_period"),
            ({"is_amdin": True}, "is_amdin"),
        ],
    )
    async def test_a_bad_value_is_422_and_named(self, make: Factory, fields: dict[str, object], says: str) -> None:
        admin = await make.admin()
        answer = await admin.post("/auth/register", json={"username": "Rana", "password": PASSWORD, **fields})
        assert answer.status_code == 422
        assert says in answer.json()["error"]["message"]
