"""Who may call what, with which credential: every route that there is, held against one table."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from nicegui import __version__ as nicegui_version
from starlette.routing import BaseRoute, Mount, Route

from main import create_app
from tests.factories import Factory
from tests.fresh import fresh_nicegui
from vanilla.accounts.users import UserChanges
from vanilla.api.inference import Door
from vanilla.games.access import HOST
from vanilla.games.catalogue import GameChanges
from vanilla.services import Services
from vanilla.settings import Settings

# Who is let in. Pages send everybody else to sign in; the API answers 401, or 403 to whom it knows.
ANYBODY = "anybody"
ANY_CALLER = "a session, an API token or a play token"
ACCOUNT = "a session or an API token"
SESSION = "a session"
ADMIN = "the session of an admin"
PAGE = "a page for a session"
ADMIN_PAGE = "a page for the session of an admin"
AN_OPEN_PAGE = "a page that is open, by an id that nobody else knows"
THIS_MACHINE = "a program on this machine, or METRICS_TOKEN: no credential of the platform's"

ANTHROPIC = "/api/inference/anthropic"
OLLAMA = "/api/inference/ollama"
TABLE: dict[str, str] = {
    "POST /auth/login": ANYBODY,
    "POST /auth/logout": ANYBODY,
    "POST /auth/register": ADMIN,
    "GET /auth/me": ANY_CALLER,
    "PATCH /auth/me": SESSION,
    "POST /auth/password": SESSION,
    "GET /api/tokens": SESSION,
    "POST /api/tokens": SESSION,
    "DELETE /api/tokens/{token_id}": SESSION,
    "GET /admin/api/users": ADMIN,
    "POST /admin/api/users": ADMIN,
    "PUT /admin/api/users/{user_id}": ADMIN,
    "DELETE /admin/api/users/{user_id}": ADMIN,
    "POST /admin/api/users/{user_id}/sign-out": ADMIN,
    "POST /admin/api/users/{user_id}/reset": ADMIN,
    "GET /admin/api/invitations": ADMIN,
    "POST /admin/api/invitations": ADMIN,
    "DELETE /admin/api/invitations/{invitation_id}": ADMIN,
    "GET /admin/api/audit": ADMIN,
    "GET /admin/api/audit.csv": ADMIN,
    "POST /auth/invitation": ANYBODY,
    "POST /auth/reset": ANYBODY,
    "GET /admin/api/usage": ADMIN,
    "GET /admin/api/usage.csv": ADMIN,
    "GET /admin/api/usage/{user_id}": ADMIN,
    "GET /admin/api/settings": ADMIN,
    "PATCH /admin/api/settings": ADMIN,
    "GET /admin/api/upstreams": ADMIN,
    "GET /admin/api/backups": ADMIN,
    "POST /admin/api/backups": ADMIN,
    "GET /admin/api/backups/{name}": ADMIN,
    "DELETE /admin/api/backups/{name}": ADMIN,
    "GET /api/inference/usage": ANY_CALLER,
    "GET /api/inference/usage/stats": ANY_CALLER,
    "GET /api/inference/models": ANY_CALLER,
    "GET /api/openapi.json": ACCOUNT,
    f"POST {ANTHROPIC}/messages": ANY_CALLER,
    f"POST {ANTHROPIC}/v1/messages": ANY_CALLER,
    f"POST {ANTHROPIC}/v1/messages/count_tokens": ANY_CALLER,
    f"GET {ANTHROPIC}/v1/models": ANY_CALLER,
    f"GET {ANTHROPIC}/v1/models/{{model}}": ANY_CALLER,
    f"POST {OLLAMA}/chat": ANY_CALLER,
    f"POST {OLLAMA}/generate": ANY_CALLER,
    f"GET {OLLAMA}/models": ANY_CALLER,
    f"POST {OLLAMA}/api/chat": ANY_CALLER,
    f"POST {OLLAMA}/api/generate": ANY_CALLER,
    f"POST {OLLAMA}/api/embed": ANY_CALLER,
    f"GET {OLLAMA}/api/tags": ANY_CALLER,
    f"POST {OLLAMA}/api/show": ANY_CALLER,
    f"GET {OLLAMA}/api/ps": ANY_CALLER,
    f"GET {OLLAMA}/api/version": ANY_CALLER,
    f"POST {OLLAMA}/v1/chat/completions": ANY_CALLER,
    f"GET {OLLAMA}/v1/models": ANY_CALLER,
    f"GET {OLLAMA}/v1/models/{{model}}": ANY_CALLER,
    "GET /api/games": ACCOUNT,
    "POST /api/games": ACCOUNT,
    "GET /api/games/{game_id}": ACCOUNT,
    "PATCH /api/games/{game_id}": ACCOUNT,
    "DELETE /api/games/{game_id}": ACCOUNT,
    "POST /api/games/{game_id}/restore": ACCOUNT,
    "PUT /api/games/{game_id}/favourite": ACCOUNT,
    "DELETE /api/games/{game_id}/favourite": ACCOUNT,
    "GET /api/games/{game_id}/cover": ACCOUNT,
    "PUT /api/games/{game_id}/cover": ACCOUNT,
    "DELETE /api/games/{game_id}/cover": ACCOUNT,
    "GET /api/games/{game_id}/versions": ACCOUNT,
    "POST /api/games/{game_id}/versions": ACCOUNT,
    "POST /api/games/{game_id}/versions/{number}/publish": ACCOUNT,
    "DELETE /api/games/{game_id}/versions/{number}": ACCOUNT,
    "PUT /api/games/{game_id}/hosts": ACCOUNT,
    "GET /admin/api/hosts": ADMIN,
    "POST /admin/api/games/{game_id}/hosts/{host}": ADMIN,
    "DELETE /admin/api/games/{game_id}/hosts/{host}": ADMIN,
    "POST /api/games/{game_id}/play": SESSION,
    "POST /api/games/{game_id}/play/extend": SESSION,
    "GET /api/games/{game_id}/saves": SESSION,
    "POST /api/games/{game_id}/saves": SESSION,
    "DELETE /api/games/{game_id}/saves": SESSION,
    "GET /api/games/{game_id}/saves/databases": SESSION,
    "POST /api/games/{game_id}/saves/databases": SESSION,
    "GET /api/games/{game_id}/saves/export": SESSION,
    "POST /api/games/{game_id}/saves/import": SESSION,
    "GET /games/{game_id}": ANYBODY,
    "HEAD /games/{game_id}": ANYBODY,
    "GET /games/{game_id}/": ANYBODY,
    "HEAD /games/{game_id}/": ANYBODY,
    **{
        f"{method} /games/{{game_id}}/{{capability}}/{{path:path}}": ANYBODY
        for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
    },
    "GET /static/vanilla.js": ANYBODY,
    "HEAD /static/vanilla.js": ANYBODY,
    "GET /static/vanilla-databases.js": ANYBODY,
    "HEAD /static/vanilla-databases.js": ANYBODY,
    "GET /healthz": ANYBODY,
    "GET /readyz": ANYBODY,
    "GET /metrics": THIS_MACHINE,
    "GET /login": ANYBODY,
    "GET /invitation/{token}": ANYBODY,
    "GET /reset/{token}": ANYBODY,
    "GET /": PAGE,
    "GET /play/{game_id}": PAGE,
    "GET /games/{game_id}/edit": PAGE,
    "GET /upload": PAGE,
    "GET /account": PAGE,
    "GET /docs": PAGE,
    "GET /docs/examples/{name}": PAGE,
    "GET /api/docs": PAGE,
    "HEAD /api/docs": PAGE,
    "GET /admin": ADMIN_PAGE,
    "GET /admin/users": ADMIN_PAGE,
    "GET /admin/users/{user_id}": ADMIN_PAGE,
    "GET /admin/invitations": ADMIN_PAGE,
    "GET /admin/games": ADMIN_PAGE,
    "GET /admin/usage": ADMIN_PAGE,
    "GET /admin/audit": ADMIN_PAGE,
    "GET /admin/settings": ADMIN_PAGE,
    # What there is not, NiceGUI's own files, and its socket.
    "ANY /api": ANYBODY,
    "ANY /auth": ANYBODY,
    "ANY /admin/api": ANYBODY,
    "ANY /api/{rest:path}": ANYBODY,
    "ANY /auth/{rest:path}": ANYBODY,
    "ANY /admin/api/{rest:path}": ANYBODY,
    "ANY /static": ANYBODY,
    "ANY /_nicegui_ws": AN_OPEN_PAGE,
    "ANY /_nicegui/{version}/static": ANYBODY,
    "GET /_nicegui/{version}/libraries/{key:path}": ANYBODY,
    "GET /_nicegui/{version}/components/{key:path}": ANYBODY,
    "GET /_nicegui/{version}/resources/{key}/{path:path}": ANYBODY,
    "GET /_nicegui/{version}/dynamic_resources/{name}": ANYBODY,
    "GET /_nicegui/{version}/esm/{key}/{path:path}": ANYBODY,
    "GET /favicon.ico": ANYBODY,
    "HEAD /favicon.ico": ANYBODY,
}

IN, OUT, REFUSED, LOGIN = "in", "401", "403", "to sign in"
STRANGER = {ANYBODY: IN, PAGE: LOGIN, ADMIN_PAGE: LOGIN}
FRIEND = {ADMIN: REFUSED, ADMIN_PAGE: REFUSED}
API_TOKEN = {**STRANGER, ANY_CALLER: IN, ACCOUNT: IN, SESSION: REFUSED, ADMIN: REFUSED}
PLAY_TOKEN = {**API_TOKEN, ACCOUNT: REFUSED}


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[FastAPI]:
    """The application with its pages, which the other tests of the API leave out."""
    with fresh_nicegui(monkeypatch):
        yield create_app(settings)


async def stranger(make: Factory, services: Services) -> httpx.AsyncClient:
    return await make.browser()


async def friend(make: Factory, services: Services) -> httpx.AsyncClient:
    return await make.signed_in()


async def admin(make: Factory, services: Services) -> httpx.AsyncClient:
    return await make.admin()


async def api_token(make: Factory, services: Services) -> httpx.AsyncClient:
    return await make.with_api_token()


async def admins_api_token(make: Factory, services: Services) -> httpx.AsyncClient:
    return await make.with_api_token((await services.users.list("admin"))[0][0])


async def play_token(make: Factory, services: Services) -> httpx.AsyncClient:
    return await make.playing(origin=False)


async def admins_play_token(make: Factory, services: Services) -> httpx.AsyncClient:
    return await make.playing((await services.users.list("admin"))[0][0], origin=False)


async def dead_session(make: Factory, services: Services) -> httpx.AsyncClient:
    user = await make.user()
    client = await make.signed_in(user)
    await services.sessions.close_all(user.id)
    return client


async def dead_api_token(make: Factory, services: Services) -> httpx.AsyncClient:
    user = await make.user()
    client = await make.with_api_token(user)
    await services.api_tokens.revoke_all(user.id)
    return client


async def play_token_of_a_removed_game(make: Factory, services: Services) -> httpx.AsyncClient:
    game = await make.game()
    client = await make.playing(game=game, origin=False)
    await services.removals.remove(game.id, by=HOST)
    return client


async def play_token_of_what_became_a_draft(make: Factory, services: Services) -> httpx.AsyncClient:
    game = await make.game()
    client = await make.playing(game=game, origin=False)
    await services.catalogue.change(game.id, GameChanges(visibility="draft"), by=HOST)
    return client


async def play_token_after_sign_out(make: Factory, services: Services) -> httpx.AsyncClient:
    user = await make.user()
    client = await make.playing(user, origin=False)
    await services.sessions.close_all(user.id)
    return client


async def deactivated_session(make: Factory, services: Services) -> httpx.AsyncClient:
    user = await make.user()
    client = await make.signed_in(user)
    await services.users.update(user.id, UserChanges(is_active=False))
    return client


async def deactivated_token(make: Factory, services: Services) -> httpx.AsyncClient:
    user = await make.user()
    client = await make.with_api_token(user)
    await services.users.update(user.id, UserChanges(is_active=False))
    return client


async def session_beside_a_wrong_bearer(make: Factory, services: Services) -> httpx.AsyncClient:
    client = await make.admin()
    client.headers["x-api-key"] = "vk_wrong"
    return client


@pytest.mark.parametrize(
    ("caller", "let_in", "otherwise"),
    [
        (stranger, STRANGER, OUT),
        (friend, FRIEND, IN),
        (admin, {}, IN),
        (api_token, API_TOKEN, OUT),
        (admins_api_token, API_TOKEN, OUT),
        (play_token, PLAY_TOKEN, OUT),
        (admins_play_token, PLAY_TOKEN, OUT),
        (dead_session, STRANGER, OUT),
        (dead_api_token, STRANGER, OUT),
        (play_token_of_a_removed_game, STRANGER, OUT),
        (play_token_of_what_became_a_draft, STRANGER, OUT),
        (play_token_after_sign_out, STRANGER, OUT),
        (deactivated_session, STRANGER, OUT),
        (deactivated_token, STRANGER, OUT),
        (session_beside_a_wrong_bearer, {ANYBODY: IN, PAGE: IN, ADMIN_PAGE: IN}, OUT),
    ],
)
async def test_every_route_lets_in_whom_the_table_says(
    app: FastAPI,
    make: Factory,
    services: Services,
    caller: Callable[[Factory, Services], Awaitable[httpx.AsyncClient]],
    let_in: dict[str, str],
    otherwise: str,
) -> None:
    client = await caller(make, services)
    routes = [route for route in every_route(app) if route in TABLE and route != "POST /auth/logout"]
    presents = {"authorization", "x-api-key"} & set(client.headers)
    let_in = {**let_in, THIS_MACHINE: OUT if presents else IN, AN_OPEN_PAGE: REFUSED}
    expected = {route: let_in.get(TABLE[route], otherwise) for route in routes}
    assert {route: await answer_to(client, route) for route in routes} == expected


async def test_a_session_that_comes_from_a_game_opens_nothing(app: FastAPI, make: Factory) -> None:
    """WebKit sends cookies, strict ones too, from a sandboxed frame: its origin is all that tells."""
    client = await make.admin()
    client.headers["origin"] = "null"
    for route in set(every_route(app)) & set(TABLE):
        is_safe = route.startswith(("GET ", "HEAD ", "OPTIONS ", "ANY ")) and route != "ANY /_nicegui_ws"
        is_page = TABLE[route] in (ANYBODY, PAGE, ADMIN_PAGE)  # which a frame may not show, nor a script read
        assert (route, await answer_to(client, route)) == (route, (IN if is_page else OUT) if is_safe else REFUSED)


async def test_every_route_has_its_line_in_the_table(app: FastAPI, client: httpx.AsyncClient) -> None:
    assert set(every_route(app)) - set(TABLE) == set()


async def test_the_list_of_routes_is_whole(app: FastAPI, client: httpx.AsyncClient) -> None:
    found = every_route(app)
    assert {"POST /auth/login", f"POST {OLLAMA}/api/chat", "GET /admin/users", "ANY /_nicegui_ws"} <= set(found)
    assert len(found) > 70


# What an owner does with a game: for others it is forbidden, or, of a draft, not even there.
OWNERS_ROUTES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("PATCH", "", {"json": {"title": "Mine now"}}),
    ("PUT", "/cover", {"files": {"cover": ("a.png", b"no picture")}}),
    ("DELETE", "/cover", {}),
    ("PUT", "/hosts", {"json": ["fonts.example.org"]}),
    ("GET", "/versions", {}),
    ("POST", "/versions", {"files": {"file": ("a.html", b"<p>Mine now")}}),
    ("POST", "/versions/1/publish", {}),
    ("DELETE", "/versions/1", {}),
    ("POST", "/restore", {}),
    ("DELETE", "", {}),
)
VIEWERS_ROUTES = (
    ("GET", ""),
    ("GET", "/cover"),
    ("PUT", "/favourite"),
    ("DELETE", "/favourite"),
    ("POST", "/play"),
    ("POST", "/play?version=1"),
)


class TestGames:
    @pytest.mark.parametrize(("visibility", "refused"), [("shared", 403), ("unlisted", 403), ("draft", 404)])
    async def test_are_their_owners_to_change(
        self, make: Factory, services: Services, visibility: str, refused: int
    ) -> None:
        owner, admin = await make.user(), (await services.users.list("admin"))[0][0]
        game = await make.game(owner, visibility=visibility)
        nobody = await make.browser()
        others = [await make.signed_in(), await make.with_api_token(), await make.with_api_token(admin)]
        games = [await make.playing(user, game, origin=False) for user in (owner, admin)]
        for method, path, body in OWNERS_ROUTES:
            answers = [
                (await client.request(method, f"/api/games/{game.id}{path}", **body)).status_code
                for client in (nobody, *others, *games)
            ]
            assert (method, path, answers) == (method, path, [401, *[refused] * 3, 403, 403])
        unchanged = await services.catalogue.get(game.id, HOST)
        assert (unchanged.title, unchanged.hosts) == ("Game", ())
        admins = await make.admin()
        for client in (await make.signed_in(owner), await make.with_api_token(owner), admins):
            again = await make.game(owner, visibility=visibility)
            for method, path, body in OWNERS_ROUTES:
                answer = await client.request(method, f"/api/games/{again.id}{path}", **body)
                # The picture is none, and the version that is played cannot go: what matters is that they were let in.
                assert answer.status_code in (200, 201, 204, 409, 422), f"{method} {path}: {answer.text}"

    async def test_a_draft_is_not_there_for_others(self, make: Factory, services: Services) -> None:
        owner, admin = await make.user(), (await services.users.list("admin"))[0][0]
        draft, game = await make.game(owner, visibility="draft"), await make.game(owner, visibility="unlisted")
        friend, owners, admins = await make.signed_in(), await make.signed_in(owner), await make.admin()
        programs = [await make.with_api_token(user) for user in (owner, admin)]
        for method, path in VIEWERS_ROUTES:
            for client in (owners, admins):
                assert (await client.request(method, f"/api/games/{draft.id}{path}")).status_code in (200, 204)
            assert (await friend.request(method, f"/api/games/{game.id}{path}")).status_code in (200, 204)
            assert (await friend.request(method, f"/api/games/{draft.id}{path}")).status_code == 404
            if "play" not in path:
                answers = [await each.request(method, f"/api/games/{draft.id}{path}") for each in programs]
                assert answers[0].status_code in (200, 204)
                assert answers[1].status_code == 404  # a token of an admin's is no admin
        for path in (f"/play/{draft.id}", f"/play/{draft.id}?version=1"):
            assert (await friend.get(path)).status_code == 404
            assert (await owners.get(path)).status_code == 200

    async def test_hosts_are_decided_by_an_admins_session_alone(self, make: Factory, services: Services) -> None:
        owner, admin = await make.user(), (await services.users.list("admin"))[0][0]
        game = await make.game(owner)
        path = f"/admin/api/games/{game.id}/hosts/fonts.example.org"
        owners = await make.signed_in(owner)
        assert (await owners.put(f"/api/games/{game.id}/hosts", json=["fonts.example.org"])).status_code == 200
        for client in (owners, await make.with_api_token(admin), await make.playing(admin, game, origin=False)):
            assert (await client.post(path)).status_code == 403
            assert (await client.delete(path)).status_code == 403
        admins = await make.admin()
        assert (await admins.post(path)).status_code == 204
        assert (await services.catalogue.get(game.id)).hosts[0].is_approved


class TestOtherPeoplesThings:
    async def test_a_game_is_removed_by_its_owner_or_an_admins_session_alone(self, make: Factory) -> None:
        owner = await make.user()
        game = await make.game(owner)
        for client in (await make.signed_in(), await make.with_api_token(), await make.playing(owner, game)):
            assert (await client.delete(f"/api/games/{game.id}")).status_code == 403
        assert (await (await make.signed_in(owner)).delete(f"/api/games/{game.id}")).status_code == 204
        other = await make.game(owner)
        assert (await (await make.admin()).delete(f"/api/games/{other.id}")).status_code == 204

    async def test_a_token_is_revoked_by_its_owner_alone(self, make: Factory) -> None:
        owner = await make.signed_in()
        token = (await owner.post("/api/tokens", json={"name": "mine"})).json()
        for client in (await make.signed_in(), await make.admin()):
            assert (await client.delete(f"/api/tokens/{token['id']}")).status_code == 404
        bearer = {"authorization": f"Bearer {token['token']}"}
        assert (await (await make.browser()).get("/auth/me", headers=bearer)).status_code == 200

    async def test_nobody_keeps_the_play_token_of_another_alive(self, make: Factory, services: Services) -> None:
        game = await make.game()
        theirs = await services.play_tokens.open(await make.caller(), game.id, game.version)
        answer = await (await make.signed_in()).post(f"/api/games/{game.id}/play/extend", json={"token": theirs})
        assert answer.json()["token"] != theirs


def every_route(app: FastAPI) -> list[str]:
    """`GET /auth/me` and so on, as the application and NiceGUI within it have them; ANY where all methods go."""
    return [
        route.replace(f"/{nicegui_version}/", "/{version}/")
        for each in app.routes
        for route in _routes_of(each)
        if route not in ("ANY ", "ANY /")
    ]


def _routes_of(route: BaseRoute) -> Iterator[str]:
    if isinstance(route, Mount) and isinstance(route.app, Door):
        yield from (f"{each.method} {route.path}{each.path}" for each in route.app._backend.routes)
    elif isinstance(route, Mount) and not route.path:
        for each in route.routes:  # NiceGUI's, with our pages
            yield from _routes_of(each)
    elif isinstance(route, Mount):
        yield f"ANY {route.path}"
    elif isinstance(route, APIRoute | Route):
        yield from (f"{method} {route.path}" for method in route.methods or ("ANY",))
    else:  # a router that FastAPI has included
        for each in route.original_router.routes:  # type: ignore[attr-defined]
            yield from _routes_of(each)


async def answer_to(client: httpx.AsyncClient, route: str) -> str:
    """How the caller of a route fares; whatever the path names is not there."""
    method, _, path = route.partition(" ")
    for part in {part for part in path.split("/") if part.startswith("{")}:
        path = path.replace(part, "nothing")
    body: dict[str, str] | None = {} if method in ("POST", "PUT", "PATCH") else None
    answer = await client.request("GET" if method == "ANY" else method, path, json=body)
    if answer.status_code in (401, 403):
        return str(answer.status_code)
    if answer.headers.get("location", "").startswith("/login"):
        return LOGIN
    return IN if answer.status_code < 500 or answer.status_code in (502, 503) else f"{answer.status_code}"
