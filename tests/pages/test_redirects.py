"""Where a path has a slash too many, the way leads back to this very site, whatever the request says its Host is."""

import httpx
import pytest


@pytest.mark.parametrize("host", ["evil.example", "test", "evil.example:80", "[::1]:3000"])
@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/login/", "/login"),
        ("/login/?next=/docs", "/login?next=/docs"),
        ("/admin/", "/admin"),
        ("/login//", "/login"),
        ("/play/a b/", "/play/a%20b"),
    ],
)
async def test_are_without_a_host(client: httpx.AsyncClient, host: str, path: str, location: str) -> None:
    answer = await client.get(path, headers={"host": host})
    assert (answer.status_code, answer.headers["location"]) == (307, location)
