import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import Message
from starlette.websockets import WebSocket

from main import create_api
from tests.conftest import browser
from tests.factories import Factory
from vanilla.api.middleware import LARGEST_SMALL_BODY, readable_path
from vanilla.settings import Settings

OURS = {"origin": "http://test"}
FOREIGN = [{"origin": "null"}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}]


async def connect(app: FastAPI, path: str, **headers: str) -> list[Message]:
    """What a WebSocket's client is told."""
    told: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"} if not told else {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        told.append(message)

    raw = [(name.encode(), value.encode()) for name, value in {"host": "test", **headers}.items()]
    scope: dict[str, Any] = {
        "type": "websocket",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": raw,
        "client": ("192.0.2.1", 1),
        "subprotocols": [],
    }
    await app(scope, receive, send)
    return told


class TestOurPagesOnly:
    @pytest.mark.parametrize("headers", FOREIGN)
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("POST", "/auth/login"),
            ("POST", "/auth/logout"),
            ("POST", "/auth/password"),
            ("POST", "/api/tokens"),
            ("DELETE", "/api/tokens/x"),
            ("PUT", "/admin/api/users/x"),
            ("POST", "/api/games"),
            ("POST", "/api/inference/anthropic/messages"),
            ("POST", "/_nicegui/client/x/upload/1"),
            ("POST", "/_nicegui_ws/socket.io/"),
            ("GET", "/_nicegui_ws/socket.io/?EIO=4&transport=polling"),
            ("POST", "/nothing/here"),
            ("WEIRD", "/auth/login"),
        ],
    )
    async def test_another_site_changes_nothing(
        self, make: Factory, method: str, path: str, headers: dict[str, str]
    ) -> None:
        client = await make.signed_in()
        assert (await client.request(method, path, headers=headers)).status_code == 403

    async def test_another_site_signs_nobody_in(self, make: Factory) -> None:
        user = await make.user()
        client = await make.browser(headers={"origin": "https://evil.example"})
        answer = await client.post("/auth/login", data={"username": user.username, "password": "correct horse battery"})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        message = answer.json()["error"]["message"]
        assert "https://evil.example" in message
        assert "http://test" in message
        assert "PUBLIC_URL" in message

    async def test_our_pages_and_programs_do(self, make: Factory) -> None:
        client = await make.signed_in()
        for headers in (OURS, {}, {"sec-fetch-site": "same-origin"}):
            assert (await client.post("/api/tokens", json={"name": "x"}, headers=headers)).status_code == 201

    async def test_a_token_speaks_from_anywhere_where_tokens_count(self, make: Factory) -> None:
        program = await make.with_api_token()
        for headers in FOREIGN:
            for path in ("/api/games", "/api/inference/ollama/api/pull"):
                answer = await program.post(path, headers=headers)
                assert "PUBLIC_URL" not in answer.text
            assert (await program.post("/api/tokens", json={"name": "x"}, headers=headers)).status_code == 403
            assert "PUBLIC_URL" in (await program.post("/auth/logout", headers=headers)).text

    async def test_a_dead_token_from_anywhere_is_401(self, client: httpx.AsyncClient) -> None:
        headers = {"origin": "null", "authorization": "Bearer vp_gone"}
        answer = await client.post("/api/inference/anthropic/v1/messages", json={}, headers=headers)
        assert answer.status_code == 401
        two = {**headers, "x-api-key": "vk_other"}
        answer = await client.post("/api/inference/anthropic/v1/messages", json={}, headers=two)
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == "*"

    async def test_a_cookie_does_not_pay_for_another_sites_token(self, make: Factory) -> None:
        client = await make.signed_in()
        headers = {"origin": "null", "authorization": "Bearer vp_gone"}
        assert (await client.post("/api/inference/anthropic/v1/messages", headers=headers)).status_code == 401
        basic = {"origin": "null", "authorization": "Basic eDp5"}
        assert (await client.post("/api/inference/anthropic/v1/messages", headers=basic)).status_code == 403

    @pytest.mark.parametrize("headers", FOREIGN)
    async def test_a_socket_is_closed_before_it_opens(self, app: FastAPI, headers: dict[str, str]) -> None:
        app.router.routes.insert(0, WebSocketRoute("/socket", _accept))
        async with app.router.lifespan_context(app):
            (message,) = await connect(app, "/socket", **headers)
            assert message["type"] == "websocket.close"
            bearer = await connect(app, "/socket", authorization="Bearer vk_x", **headers)
            assert bearer[0]["type"] == "websocket.close"
            for ours in ({}, OURS):
                assert (await connect(app, "/socket", **ours))[0]["type"] == "websocket.accept"


class TestSmallBodies:
    @pytest.mark.parametrize(
        "path",
        [
            "/auth/login",
            "/auth/register",
            "/api/tokens",
            "/api/games/x/play/extend",
            "/api/of/tomorrow",
            "/admin/api/users",
        ],
    )
    async def test_a_large_body_is_413_before_anybody_reads_it(self, client: httpx.AsyncClient, path: str) -> None:
        told = await client.post(path, content=b"x" * (LARGEST_SMALL_BODY + 1))
        assert told.status_code == 413
        assert told.json()["error"]["type"] == "request_too_large"
        assert "64 kB" in told.json()["error"]["message"]

    async def test_a_body_without_a_length_is_counted(self, client: httpx.AsyncClient) -> None:
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while sent < 100 * LARGEST_SMALL_BODY:
                sent += 1000
                yield b"x" * 1000

        assert (await client.post("/auth/login", content=endless())).status_code == 413

    async def test_what_fits_arrives_whole(self, make: Factory) -> None:
        admin = await make.admin()
        body = b'{"username": "Rana", "password": "correct horse battery"' + b" " * (LARGEST_SMALL_BODY - 57) + b"}"
        assert len(body) == LARGEST_SMALL_BODY
        answer = await admin.post("/auth/register", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 201

    @pytest.mark.parametrize("length", ["-1", "abc", "9" * 5000, "1_0"])
    async def test_a_length_that_is_none_does_not_confuse_it(self, client: httpx.AsyncClient, length: str) -> None:
        answer = await client.post("/auth/login", content=b"{}", headers={"content-length": length})
        assert answer.status_code in (413, 422)


class TestLastResort:
    @pytest.fixture
    def app(self, app: FastAPI) -> FastAPI:
        async def fails(_request: object) -> Response:
            raise RuntimeError("the secret inside")

        async def breaks(_request: object) -> Response:
            async def chunks() -> AsyncIterator[bytes]:
                yield b"begun"
                raise RuntimeError("the secret inside")

            return StreamingResponse(chunks())

        app.router.routes[:0] = [
            Route("/api/inference/anthropic/fails", fails),
            Route("/api/inference/ollama/fails", fails),
            Route("/page/fails", fails),
            Route("/api/breaks", breaks),
        ]
        return app

    async def test_what_nobody_expected_is_a_500_that_says_nothing_and_is_logged_once(
        self, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = await client.get("/api/inference/anthropic/fails")
        assert answer.status_code == 500
        assert answer.json()["error"]["type"] == "api_error"
        assert answer.json()["request_id"] == answer.headers["request-id"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "secret" not in answer.text
        logged = [record for record in caplog.records if record.exc_info]
        assert len(logged) == 1
        assert (await client.get("/api/inference/ollama/fails")).json().keys() == {"error"}
        page = await client.get("/page/fails")
        assert page.headers["content-type"].startswith("text/plain")
        assert "secret" not in page.text

    async def test_an_answer_that_breaks_does_not_end_cleanly(self, client: httpx.AsyncClient, app: FastAPI) -> None:
        told: list[Message] = []

        async def receive() -> Message:
            return await asyncio.Future()  # the caller stays

        async def send(message: Message) -> None:
            told.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "method": "GET",
            "scheme": "http",
            "path": "/api/breaks",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"test")],
            "client": ("192.0.2.1", 1),
        }
        await app(scope, receive, send)
        assert [message["type"] for message in told] == ["http.response.start", "http.response.body"]
        assert told[-1]["more_body"] is True


class TestSecurityHeaders:
    @pytest.fixture
    def app(self, app: FastAPI) -> FastAPI:
        async def page(_request: object) -> Response:
            return HTMLResponse("<p>hello")

        async def file(_request: object) -> Response:
            return HTMLResponse("<p>game", headers={"content-security-policy": "sandbox"})

        async def text(_request: object) -> Response:
            return PlainTextResponse("text")

        app.router.routes[:0] = [Route("/page", page), Route("/file", file), Route("/text", text)]
        return app

    async def test_a_page_has_them_all(self, client: httpx.AsyncClient) -> None:
        headers = (await client.get("/page")).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "camera=()" in headers["permissions-policy"]

    async def test_a_policy_of_its_own_stays_and_may_be_framed(self, client: httpx.AsyncClient) -> None:
        headers = (await client.get("/file")).headers
        assert headers["content-security-policy"] == "sandbox"
        assert "x-frame-options" not in headers
        assert headers["x-content-type-options"] == "nosniff"

    async def test_what_is_no_page_needs_no_policy(self, client: httpx.AsyncClient) -> None:
        headers = (await client.get("/text")).headers
        assert "content-security-policy" not in headers
        assert headers["x-content-type-options"] == "nosniff"


class TestTransport:
    """Browsers are told to come by https where that is the way in, and by nothing else."""

    @pytest.mark.parametrize(
        ("public_url", "days", "told"),
        [
            ("https://games.example.org", 180, "max-age=15552000"),
            ("https://games.example.org", 0, "max-age=0"),
            ("http://games.example.org", 180, None),
            ("", 180, None),
        ],
    )
    async def test_is_told_where_it_holds(self, settings: Settings, public_url: str, days: int, told: str) -> None:
        settings = settings.model_copy(update={"public_url": public_url, "hsts_days": days})
        app = create_api(settings)
        async with app.router.lifespan_context(app), browser(app) as client:
            for path in ("/healthz", "/nothing", "/auth/me"):
                assert (await client.get(path)).headers.get("strict-transport-security") == told


class TestRedirects:
    """Where a path has a slash too many or too few, the way leads back to this very site, whatever Host says."""

    async def test_do_not_take_a_path_for_a_host(self, app: FastAPI, client: httpx.AsyncClient) -> None:
        async def back(request: Request) -> Response:
            return RedirectResponse(f"http://{request.headers['host']}//evil.example/x?a=b")

        async def away(_request: Request) -> Response:
            return RedirectResponse("https://elsewhere.example/x")

        app.router.routes[:0] = [Route("/back", back), Route("/away", away)]
        assert (await client.get("/back")).headers["location"] == "/evil.example/x?a=b"
        assert (await client.get("/away")).headers["location"] == "https://elsewhere.example/x"


class TestRequestContext:
    async def test_a_request_is_logged_in_one_line_without_its_query(
        self, make: Factory, caplog: pytest.LogCaptureFixture
    ) -> None:
        user = await make.user()
        client = await make.signed_in(user)
        caplog.clear()
        with caplog.at_level(logging.INFO, "vanilla.requests"):
            answer = await client.get("/auth/me?token=vk_secret")
        (record,) = [record for record in caplog.records if record.name == "vanilla.requests"]
        assert record.getMessage() == "GET /auth/me"
        fields: dict[str, Any] = record.fields  # type: ignore[attr-defined]
        assert (fields["status"], fields["user_id"]) == (200, user.id)
        assert fields["ms"] > 0
        assert answer.headers["request-id"].startswith("req_")

    async def test_ids_are_ours_and_each_its_own(self, client: httpx.AsyncClient) -> None:
        ids = {(await client.get("/auth/me", headers={"request-id": "theirs"})).headers["request-id"] for _ in range(3)}
        assert len(ids) == 3
        assert "theirs" not in ids

    async def test_an_upstreams_id_is_passed_on(self, app: FastAPI) -> None:
        async def relayed(_request: object) -> Response:
            return PlainTextResponse("x", headers={"request-id": "req_upstream"})

        app.router.routes.insert(0, Route("/api/inference/anthropic/relayed", relayed))
        async with app.router.lifespan_context(app), browser(app) as client:
            answer = await client.get("/api/inference/anthropic/relayed")
        assert answer.headers.get_list("request-id") == ["req_upstream"]

    @pytest.mark.parametrize(
        ("path", "logged"),
        [
            ("/games/abcdefghjk/3.Zm9vYmFyYmF6cXV4MTIzNDU2Zm9vYmFy/js/a.js", "/games/abcdefghjk/[hidden]/js/a.js"),
            ("/games/abcdefghjk/", "/games/abcdefghjk/"),
            ("/_nicegui/client/0b9c-11/upload/7", "/_nicegui/client/[hidden]/upload/7"),
            ("/invitation/s3cret", "/invitation/[hidden]"),
            ("/api/games/abcdefghjk", "/api/games/abcdefghjk"),
        ],
    )
    def test_secrets_in_paths_are_not_logged(self, path: str, logged: str) -> None:
        assert readable_path(path) == logged


async def _accept(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()
