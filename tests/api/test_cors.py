import httpx
import pytest

from tests.factories import Factory
from vanilla.api.cors import is_open

SDK_HEADERS = "authorization,anthropic-version,content-type,x-api-key,x-stainless-lang,x-stainless-retry-count"
NAMES = {
    "request-id",
    "retry-after",
    "x-should-retry",
    "anthropic-ratelimit-tokens-limit",
    "anthropic-ratelimit-tokens-remaining",
    "anthropic-ratelimit-tokens-reset",
}


@pytest.mark.parametrize("path", ["/api/inference/anthropic/v1/messages", "/api/inference/ollama/api/chat", "/auth/me"])
async def test_a_preflight_allows_what_was_asked(client: httpx.AsyncClient, path: str) -> None:
    asked = {
        "origin": "null",
        "access-control-request-method": "POST",
        "access-control-request-headers": SDK_HEADERS,
    }
    answer = await client.options(path, headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-methods"] == "POST"
    assert answer.headers["access-control-allow-headers"] == SDK_HEADERS
    assert answer.headers["access-control-max-age"] == "600"
    assert "access-control-allow-credentials" not in answer.headers


async def test_every_status_may_be_read_from_anywhere(client: httpx.AsyncClient, make: Factory) -> None:
    game = await make.playing()
    answers = [
        await client.get("/auth/me", headers={"origin": "null"}),  # 401
        await client.post("/api/inference/anthropic/messages", headers={"origin": "null"}),  # 403
        await game.get("/auth/me"),  # 200
        await game.get("/api/inference/nothing"),  # 404
        await game.request("DELETE", "/auth/me"),  # 405
        await game.get("/api/inference/usage"),
    ]
    assert {200, 401, 403, 404, 405} <= {answer.status_code for answer in answers}
    for answer in answers:
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        assert set(answer.headers["access-control-expose-headers"].split(", ")) >= NAMES
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/auth/login", "/api/tokens", "/api/games", "/admin/api/users", "/auth/me/x"])
async def test_no_other_path_is_open(client: httpx.AsyncClient, path: str) -> None:
    asked = {"origin": "null", "access-control-request-method": "GET"}
    for answer in (await client.options(path, headers=asked), await client.get(path, headers={"origin": "null"})):
        assert not [name for name in answer.headers if name.startswith("access-control")]
    assert not is_open(path)


async def test_options_alone_are_no_preflight(client: httpx.AsyncClient) -> None:
    answer = await client.options("/auth/me")
    assert answer.status_code == 405
    assert answer.headers["access-control-allow-origin"] == "*"
