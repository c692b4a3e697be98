"""Other hosts over HTTP: from the owner's wish to the policy of the game's files."""

from typing import Any

import pytest

from tests.factories import Factory
from tests.games import archives


async def test_what_is_approved_stands_in_the_policy_of_the_games_files(make: Factory) -> None:
    owner, admin, player = await make.signed_in(), await make.admin(), await make.signed_in()
    game = (await owner.post("/api/games", files={"file": ("game.zip", archives.good())})).json()["id"]

    async def policy() -> str:
        now = (await player.post(f"/api/games/{game}/play")).json()
        page = await player.get(f"{now['url']}index.html")
        assert page.status_code == 200
        return page.headers["content-security-policy"]

    asked = await owner.put(f"/api/games/{game}/hosts", json=["https://Fonts.example.org/", "cdn.example.org"])
    assert asked.json()["items"] == [
        {"host": "cdn.example.org", "approved": False, "refused": False},
        {"host": "fonts.example.org", "approved": False, "refused": False},
    ]
    assert "example.org" not in await policy()
    before = (await player.post(f"/api/games/{game}/play")).json()["url"]
    waiting = (await admin.get("/admin/api/hosts")).json()["items"]
    assert [(each["game_id"], each["host"], each["approved_at"]) for each in waiting] == [
        (game, "cdn.example.org", None),
        (game, "fonts.example.org", None),
    ]
    assert (await admin.post(f"/admin/api/games/{game}/hosts/fonts.example.org")).status_code == 204
    assert "https://fonts.example.org" in await policy()
    assert "cdn.example.org" not in await policy()
    assert (await player.get(f"{before}index.html")).status_code == 404
    shown = (await player.get(f"/api/games/{game}")).json()["hosts"]
    assert {each["host"]: each["approved"] for each in shown} == {"cdn.example.org": False, "fonts.example.org": True}
    assert (await admin.delete(f"/admin/api/games/{game}/hosts/fonts.example.org")).status_code == 204
    assert "example.org" not in await policy()
    shown = (await owner.get(f"/api/games/{game}")).json()["hosts"]
    assert [(each["approved"], each["refused"]) for each in shown] == [(False, False), (False, True)]
    assert (await owner.put(f"/api/games/{game}/hosts", json=[])).json() == {"items": []}


@pytest.mark.parametrize(
    "body",
    [["test"], ["*"], ["fonts.example.org:80"], ["127.0.0.1"], "fonts.example.org", [1], {}, ["a.example"] * 101],
)
async def test_what_is_no_host_is_422(make: Factory, body: Any) -> None:
    owner = await make.signed_in()
    game = (await owner.post("/api/games", files={"file": ("game.zip", archives.good())})).json()["id"]
    answer = await owner.put(f"/api/games/{game}/hosts", json=body)
    assert answer.status_code == 422
    assert (await owner.get(f"/api/games/{game}")).json()["hosts"] == []
