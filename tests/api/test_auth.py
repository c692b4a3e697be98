import httpx

from tests.factories import Factory


async def test_nobody_is_told_to_sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.get("/auth/me")
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"


async def test_a_user_signs_in(make: Factory) -> None:
    friend = await make.signed_in()
    me = (await friend.get("/auth/me")).json()["user"]
    assert me["is_admin"] is False
