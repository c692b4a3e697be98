"""The HTTP contract: the plan's paths and methods, and the names and types of the JSON that stands behind them.

What each route does is tested beside its own module; here stands what a program may rely on.
"""

import json
from typing import Any

import httpx
import pytest

from tests.api.shapes import (
    ERROR,
    GAME,
    INT,
    LEDGER_ROW,
    LISTED_USER,
    TEXT,
    TOKENS,
    USAGE,
    USER,
    Moment,
    problems,
)
from tests.api.test_usage import spend
from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory, sign_in
from tests.games.archives import PAGE, zipped
from vanilla.services import Services

NEW_USER = {"username": "mira", "password": "long enough"}


def test_a_shape_finds_what_is_missing_and_what_is_of_another_type() -> None:
    assert problems({**dict.fromkeys(TOKENS, 1), "more": None}, TOKENS) == []
    assert problems({"prompt_tokens": 1.0, "completion_tokens": True}, TOKENS) == [
        "body.total_tokens is missing",
        "body.prompt_tokens is 1.0",
        "body.completion_tokens is True",
    ]
    assert problems([{"at": "2026-11-23"}], [{"at": Moment | None}]) == ["body[].at is '2026-11-23'"]


class TestPlan:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/auth/login"),
            ("POST", "/auth/logout"),
            ("POST", "/auth/register"),
            ("GET", "/auth/me"),
            ("POST", "/api/inference/anthropic/messages"),
            ("POST", "/api/inference/ollama/chat"),
            ("GET", "/api/inference/usage"),
            ("GET", "/api/inference/usage/stats"),
            ("GET", "/admin/api/users"),
            ("POST", "/admin/api/users"),
            ("PUT", "/admin/api/users/{id}"),
            ("GET", "/admin/api/usage"),
            ("GET", "/admin/api/usage/{id}"),
            ("GET", "/api/games"),
            ("POST", "/api/games"),
        ],
    )
    async def test_each_of_its_endpoints_is_there_with_its_method(
        self, make: Factory, services: Services, method: str, path: str
    ) -> None:
        (user,), _ = await services.users.list("admin")
        admin = await make.admin()
        answer = await admin.request(method, path.replace("{id}", user.id), json={} if method in "POST PUT" else None)
        assert answer.status_code in (200, 400, 422), answer.text
        assert answer.headers["content-type"] == "application/json"

    async def test_a_game_is_played_at_its_address_with_and_without_a_slash(self, client: httpx.AsyncClient) -> None:
        for path in ("/games/dragon/", "/games/dragon"):
            answer = await client.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "/play/dragon")


class TestUser:
    async def test_is_the_same_wherever_it_is_told(self, client: httpx.AsyncClient, make: Factory) -> None:
        admin = await make.admin()
        made = await admin.post("/admin/api/users", json={**NEW_USER, "token_limit": 500, "limit_period": "day"})
        registered = await admin.post("/auth/register", json={**NEW_USER, "username": "jon"})
        assert (made.status_code, registered.status_code) == (201, 201)
        changed = await admin.put(f"/admin/api/users/{made.json()['id']}", json={"requests_per_minute": 9})
        login = await client.post("/auth/login", json=NEW_USER)
        me = await client.get("/auth/me")
        assert (changed.status_code, login.status_code, me.status_code) == (200, 200, 200)
        for user in (made.json(), registered.json(), changed.json(), login.json()["user"], me.json()["user"]):
            assert problems(user, USER) == []
        assert changed.json() == login.json()["user"] == me.json()["user"]
        assert (made.json()["token_limit"], made.json()["limit_period"]) == (500, "day")
        assert (registered.json()["token_limit"], registered.json()["limit_period"]) == (None, "total")

    async def test_a_listed_one_has_its_totals(self, make: Factory, services: Services) -> None:
        await spend(services, await make.user("mira"))
        body = (
            await (await make.admin()).get("/admin/api/users", params={"search": "", "limit": 9, "offset": 0})
        ).json()
        assert problems(body, {"items": [LISTED_USER], "total": INT}) == []
        assert [(user["username"], user["total_tokens"]) for user in body["items"]] == [("admin", 0), ("mira", 15)]

    @pytest.mark.parametrize(("limit", "status"), [(0, 201), (None, 201), (1, 201), (-1, 422), (1.5, 422), ("9", 422)])
    async def test_a_limit_is_none_or_a_whole_number(self, make: Factory, limit: Any, status: int) -> None:
        admin = await make.admin()
        answer = await admin.post("/admin/api/users", json={**NEW_USER, "token_limit": limit})
        assert answer.status_code == status
        user_id = (await make.user()).id
        changed = await admin.put(f"/admin/api/users/{user_id}", json={"token_limit": limit})
        assert changed.status_code == {201: 200}.get(status, status)

    async def test_names_and_passwords_may_be_in_any_script(self, client: httpx.AsyncClient, make: Factory) -> None:
        name, password = "Mïra 世界 🐉", "pässwörd 世界 🐉"
        made = await (await make.admin()).post("/auth/register", json={"username": name, "password": password})
        assert (made.status_code, made.json()["username"]) == (201, name)
        await sign_in(client, name, password)


class TestUsage:
    @pytest.mark.parametrize("period", ["total", "day", "month"])
    @pytest.mark.parametrize(("limit", "remaining"), [(None, None), (0, 0), (15, 0), (100, 85)])
    async def test_says_what_is_used_and_left(
        self, make: Factory, services: Services, period: Any, limit: int | None, remaining: int | None
    ) -> None:
        user = await make.user(token_limit=limit, limit_period=period)
        await spend(services, user)
        for client in (await make.signed_in(user), await make.with_api_token(user), await make.playing(user)):
            body = (await client.get("/api/inference/usage")).json()
            assert problems(body, USAGE) == []
            assert (body["total_tokens"], body["token_limit"], body["remaining_tokens"]) == (15, limit, remaining)
            assert (body["limit_period"], body["resets_at"] is None) == (period, period == "total")

    async def test_stats_are_lists_of_rows_with_their_key(self, make: Factory, services: Services) -> None:
        user = await make.user()
        await spend(services, user)
        body = (await (await make.signed_in(user)).get("/api/inference/usage/stats")).json()
        rows = {f"by_{key}": [{**TOKENS, key: TEXT}] for key in ("backend", "model", "day")}
        assert problems(body, {"totals": TOKENS, **rows}) == []
        assert all(len(body[name]) == 1 for name in rows)

    async def test_an_admin_sees_everybodys(self, make: Factory, services: Services) -> None:
        game = await make.game(title="Dragon")
        user = await make.user("mira")
        await spend(services, user, game_id=game.id)
        admin = await make.admin()
        body = (await admin.get("/admin/api/usage")).json()
        shape = {
            "totals": TOKENS,
            "by_user": [{"user_id": TEXT, "username": TEXT, **TOKENS}],
            "by_backend": [{"backend": TEXT, **TOKENS}],
            "by_model": [{"model": TEXT, **TOKENS}],
            "by_game": [{"game_id": TEXT, "title": TEXT | None, **TOKENS}],
            "series": [{"start": Moment, **TOKENS}],
            "recent": [{**LEDGER_ROW, "username": TEXT, "title": TEXT | None}],
        }
        assert problems(body, shape) == []
        assert all(body[name] for name in shape)
        of_one = (await admin.get(f"/admin/api/usage/{user.id}")).json()
        shape = {"user": USER, "totals": TOKENS, "by_model": [{"model": TEXT, **TOKENS}], "items": [LEDGER_ROW]}
        assert problems(of_one, {**shape, "series": [{"start": Moment, **TOKENS}]}) == []
        assert of_one["items"] == body["recent"]


class TestGames:
    @pytest.mark.parametrize(
        ("name", "data"), [("g.zip", zipped({"index.html": PAGE})), ("g.html", PAGE), ("G.HTM", PAGE)]
    )
    async def test_one_is_uploaded_listed_and_told(self, make: Factory, name: str, data: bytes) -> None:
        fields = {"title": "Schnéckenrennen 🐌", "description": "世界", "tags": "race,quick"}
        for client in (await make.signed_in(), await make.with_api_token()):
            answer = await client.post("/api/games", files={"file": (name, data)}, data=fields)
            assert answer.status_code == 201, answer.text
            game = answer.json()
            assert problems(game, GAME) == []
            assert (game["title"], game["description"], game["tags"]) == (fields["title"], "世界", ["race", "quick"])
            query: dict[str, Any] = {"search": "schnéck", "tag": "race", "sort": "recent", "limit": 1, "offset": 0}
            listed = (await client.get("/api/games", params=query)).json()
            assert problems(listed, {"items": [GAME], "total": INT}) == []
            assert problems((await client.get(f"/api/games/{game['id']}")).json(), GAME) == []
            cover = await client.get(game["cover_url"])
            assert (cover.status_code, cover.headers["content-type"].partition("/")[0]) == (200, "image")


class TestTokens:
    async def test_one_is_shown_once_and_good_until_it_is_revoked(self, make: Factory) -> None:
        owner = await make.signed_in()
        made = await owner.post("/api/tokens", json={"name": "laptop"})
        assert made.status_code == 201
        assert problems(made.json(), {"id": TEXT, "name": TEXT, "token": TEXT, "created_at": Moment}) == []
        assert made.json()["token"].startswith("vk_")
        listed = (await owner.get("/api/tokens")).json()
        assert problems(listed, {"items": [{"id": TEXT, "name": TEXT, "last_used_at": Moment | None}]}) == []
        assert made.json()["token"] not in json.dumps(listed)
        program = await make.browser(headers={"X-API-KEY": made.json()["token"]})
        assert (await program.get("/api/inference/usage")).status_code == 200
        ended = await owner.delete(f"/api/tokens/{made.json()['id']}")
        assert (ended.status_code, ended.content) == (204, b"")
        assert (await program.get("/api/inference/usage")).status_code == 401


# Method, path, what is sent as JSON (bytes as they are), and the status.
WRONG: list[tuple[str, str, Any, int]] = [
    ("GET", "/auth/login", None, 405),
    ("POST", "/auth/login", {"username": "admin", "password": "wrong"}, 401),
    ("POST", "/auth/login", b"{", 422),
    ("POST", "/auth/login", b"x" * 70_000, 413),
    ("POST", "/auth/register", {"username": "x"}, 422),
    ("POST", "/auth/register", {"username": "ADMIN", "password": PASSWORD}, 409),
    ("POST", "/auth/register", b"{", 422),
    ("POST", "/auth/register", b"", 422),
    ("POST", "/auth/password", {"current_password": "no", "new_password": PASSWORD}, 422),
    ("GET", "/auth/nothing", None, 404),
    ("DELETE", "/auth/me", None, 405),
    ("GET", "/admin/api/users?limit=0", None, 422),
    ("GET", "/admin/api/users?offset=-1", None, 422),
    ("POST", "/admin/api/users", {**NEW_USER, "password": "short"}, 422),
    ("POST", "/admin/api/users", {**NEW_USER, "limit_period": "week"}, 422),
    ("POST", "/admin/api/users", [], 422),
    ("PUT", "/admin/api/users/nobody", {}, 404),
    ("PUT", "/admin/api/users/nobody", {"token_limit": -1}, 422),
    ("GET", "/admin/api/usage/nobody", None, 404),
    ("GET", "/admin/api/usage?days=x", None, 422),
    ("GET", "/api/inference/usage/stats?days=0", None, 422),
    ("POST", "/api/inference/usage", {}, 405),
    ("GET", "/api/games/nothing", None, 404),
    ("GET", "/api/games?sort=worst", None, 422),
    ("POST", "/api/games", {}, 400),
    ("DELETE", "/api/games/nothing", None, 404),
    ("POST", "/api/tokens", {}, 422),
    ("DELETE", "/api/tokens/nothing", None, 404),
    ("PATCH", "/api/tokens", {}, 405),
    ("GET", "/api/nothing", None, 404),
    ("PROPFIND", "/api/games", None, 405),
]


class TestErrors:
    async def test_are_json_with_a_sentence(self, make: Factory) -> None:
        admin = await make.admin()
        headers = {"content-type": "application/json"}
        for method, path, sent, status in WRONG:
            content = sent if isinstance(sent, bytes) else None if sent is None else json.dumps(sent).encode()
            answer = await admin.request(method, path, content=content, headers=headers)
            told = (answer.status_code, answer.headers["content-type"])
            assert told == (status, "application/json"), f"{method} {path}: {answer.text}"
            assert problems(answer.json(), {**ERROR, "request_id": TEXT}) == []
            assert answer.json()["type"] == "error"
            assert answer.json()["request_id"] == answer.headers["request-id"]
            assert len(answer.json()["error"]["message"].split()) > 2, answer.text

    @pytest.mark.parametrize("path", ["/healthz", "/readyz"])
    async def test_health_is_for_anyone(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.get(path)
        assert (answer.status_code, list(answer.json())) == (200, ["status"])

    async def test_a_form_that_is_no_form_is_a_sentence(self, client: httpx.AsyncClient) -> None:
        headers = {"content-type": "multipart/form-data"}
        answer = await client.post("/auth/login", content=b"nothing", headers=headers)
        assert (answer.status_code, problems(answer.json(), ERROR)) == (400, [])


async def test_a_wrong_login_leaves_the_session_that_is_there(make: Factory) -> None:
    admin = await make.admin()
    wrong = await admin.post("/auth/login", json={"username": "admin", "password": "wrong"})
    assert (wrong.status_code, (await admin.get("/auth/me")).status_code) == (401, 200)
    await sign_in(admin, "admin", ADMIN_PASSWORD)
