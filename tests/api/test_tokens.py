import httpx
import pytest

from tests.factories import Factory


async def test_nobody_and_no_token_sees_or_makes_tokens(client: httpx.AsyncClient, make: Factory) -> None:
    user = await make.user()
    for somebody, status in [
        (client, 401),
        (await make.with_api_token(user), 403),
        (await make.playing(user, origin=False), 403),
    ]:
        assert (await somebody.get("/api/tokens")).status_code == status
        assert (await somebody.post("/api/tokens", json={"name": "x"})).status_code == status
        assert (await somebody.delete("/api/tokens/x")).status_code == status


async def test_the_secret_is_shown_once(make: Factory) -> None:
    client = await make.signed_in()
    answer = await client.post("/api/tokens", json={"name": "my bot"})
    assert answer.status_code == 201
    made = answer.json()
    assert made["name"] == "my bot"
    assert made["token"].startswith("vk_")
    listed = await client.get("/api/tokens")
    assert made["token"] not in listed.text
    (row,) = listed.json()["items"]
    assert (row["id"], row["name"], row["last_used_at"]) == (made["id"], "my bot", None)
    program = await make.browser(headers={"x-api-key": made["token"]})
    assert (await program.get("/auth/me")).status_code == 200
    assert (await client.get("/api/tokens")).json()["items"][0]["last_used_at"] is not None


async def test_nobody_sees_or_ends_the_tokens_of_another(make: Factory) -> None:
    mine, other = await make.signed_in(), await make.signed_in()
    made = (await mine.post("/api/tokens", json={"name": "mine"})).json()
    assert (await other.get("/api/tokens")).json() == {"items": []}
    assert (await other.delete(f"/api/tokens/{made['id']}")).status_code == 404
    assert len((await mine.get("/api/tokens")).json()["items"]) == 1


async def test_a_revoked_token_is_401_at_once(make: Factory) -> None:
    client = await make.signed_in()
    made = (await client.post("/api/tokens", json={"name": "bot"})).json()
    program = await make.browser(headers={"authorization": f"Bearer {made['token']}"})
    assert (await program.get("/auth/me")).status_code == 200
    answer = await client.delete(f"/api/tokens/{made['id']}")
    assert (answer.status_code, answer.content) == (204, b"")
    assert (await program.get("/auth/me")).status_code == 401
    assert (await client.delete(f"/api/tokens/{made['id']}")).status_code == 404


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 5}, {"name": "x" * 61}, []])
async def test_a_token_needs_a_name(make: Factory, body: object) -> None:
    client = await make.signed_in()
    assert (await client.post("/api/tokens", json=body)).status_code == 422
