import httpx
import pytest


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize(
    "path", ["/api/nothing", "/auth/nothing", "/admin/api/nothing", "/api/", "/auth/", "/admin/api/"]
)
async def test_nothing_below_the_api_is_404_in_json(client: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == 404
    assert answer.json()["error"] == {"type": "not_found_error", "message": f"There is nothing at {path}."}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/auth/login", "POST"),
        ("PUT", "/api/tokens", "GET, POST"),
        ("POST", "/admin/api/users/x", "DELETE, PUT"),
    ],
)
async def test_a_wrong_method_is_405_and_says_which_are_right(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert allowed in answer.json()["error"]["message"]
