"""What admins set while the server runs, and that calls obey it at once."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.factories import ADMIN_PASSWORD, sign_in
from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.conftest import Platform
from tests.inference.test_relay import ASK_CLAUDE, ASK_LLAMA, CHAT, MESSAGES
from vanilla.operations.controls import ControlPanel, ControlsChange


@pytest.fixture
async def admin(platform: Platform) -> httpx.AsyncClient:
    client = await platform.client(None)
    await sign_in(client, "admin", ADMIN_PASSWORD)
    return client


class TestSettings:
    async def test_are_for_admins(self, platform: Platform) -> None:
        anyone = await platform.client(None)
        assert (await anyone.get("/admin/api/settings")).status_code == 401
        _, token = await platform.friend()
        friend = await platform.client(token)
        for method, path in (("GET", "settings"), ("PATCH", "settings"), ("GET", "upstreams")):
            assert (await friend.request(method, f"/admin/api/{path}", json={})).status_code == 403

    async def test_survive_a_restart(self, platform: Platform, admin: httpx.AsyncClient) -> None:
        change = {"allowed_models": {"ollama": ["llama*"]}, "game_tokens_per_day": None, "server_tools": True}
        assert (await admin.patch("/admin/api/settings", json=change)).status_code == 200
        assert (await admin.patch("/admin/api/settings", json={"max_num_ctx": 1024})).status_code == 200
        again = ControlPanel(platform.services.database)
        await again.open()
        assert dict(again.now.allowed_models) == {"ollama": ["llama*"]}
        assert (again.now.game_tokens_per_day, again.now.server_tools, again.now.max_num_ctx) == (None, True, 1024)
        assert again.now.inference_enabled

    @pytest.mark.parametrize(
        "change",
        [
            {"unknown": 1},
            {"allowed_models": {"openai": ["*"]}},
            {"allowed_models": {"ollama": "*"}},
            {"allowed_models": {"ollama": [""]}},
            {"game_tokens_per_day": -1},
            {"inference_enabled": "perhaps"},
            [],
        ],
    )
    async def test_that_make_no_sense_are_422(self, admin: httpx.AsyncClient, change: Any) -> None:
        answer = await admin.patch("/admin/api/settings", json=change)
        assert answer.status_code == 422
        assert answer.json()["error"]["message"]


class TestCalls:
    async def test_of_a_model_that_is_not_allowed_are_403(
        self,
        platform: Platform,
        admin: httpx.AsyncClient,
        claude: ModelServer,
    ) -> None:
        _, token = await platform.friend()
        friend = await platform.client(token)
        await admin.patch("/admin/api/settings", json={"allowed_models": {"anthropic": ["claude-opus-*"]}})
        answer = await friend.post(MESSAGES, json=ASK_CLAUDE)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")
        assert "claude-opus-*" in answer.json()["error"]["message"]
        assert claude.seen == []
        assert (await friend.post(CHAT, json=ASK_LLAMA)).status_code == 200
        models = (await friend.get("/api/inference/models")).json()["items"]
        assert [model["model"] for model in models] == ["llama3.2"]

    async def test_are_all_stopped_by_one_switch(
        self,
        platform: Platform,
        admin: httpx.AsyncClient,
        llama: ModelServer,
    ) -> None:
        llama.default = Answer(words=("word ",) * 500, pause=0.02)
        user, token = await platform.friend()
        friend = await platform.client(token)
        async with friend.stream("POST", CHAT, json=ASK_LLAMA) as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            await admin.patch("/admin/api/settings", json={"inference_enabled": False})
            async with asyncio.timeout(1):
                rest = [line async for line in lines]
        assert "switched models off" in rest[-1]
        for path, asked in ((CHAT, ASK_LLAMA), (MESSAGES, ASK_CLAUDE)):
            answer = await friend.post(path, json=asked)
            assert answer.status_code == 503
            assert "switched" in answer.text
        await admin.patch("/admin/api/settings", json={"inference_enabled": True})
        llama.default = Answer()
        assert (await friend.post(CHAT, json=ASK_LLAMA)).status_code == 200
        assert [row.status for row in await platform.ledger()] == ["aborted", "ok"]
        assert (await platform.user(user.id)).tokens_held == 0

    async def test_that_were_still_being_read_are_stopped_by_it_too(
        self, platform: Platform, llama: ModelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is asked of a model server once the switch is off, however early the call came."""
        is_estimating, may_go_on = asyncio.Event(), asyncio.Event()

        async def slow_estimate(_text: str) -> int:
            is_estimating.set()
            await may_go_on.wait()
            return 5

        monkeypatch.setattr("vanilla.inference.estimate.prompt_tokens", slow_estimate)
        user, token = await platform.friend()
        friend = await platform.client(token)
        asking = asyncio.create_task(friend.post(CHAT, json=ASK_LLAMA))
        await is_estimating.wait()
        await platform.services.controls.change(ControlsChange(inference_enabled=False), by=user.id)
        may_go_on.set()
        assert (await asking).status_code == 503
        assert llama.seen == []
        assert await platform.holds() == 0

    @pytest.mark.parametrize(
        "extra",
        [
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
            {"mcp_servers": [{"type": "url", "url": "https://example.org", "name": "x"}]},
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image", "source": {"type": "file", "file_id": "f"}}]}
                ]
            },
        ],
    )
    async def test_that_run_things_at_the_upstream_wait_for_an_admins_yes(
        self,
        platform: Platform,
        admin: httpx.AsyncClient,
        extra: dict[str, Any],
    ) -> None:
        _, token = await platform.friend()
        friend = await platform.client(token)
        answer = await friend.post(MESSAGES, json={**ASK_CLAUDE, **extra})
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")
        await admin.patch("/admin/api/settings", json={"server_tools": True})
        assert (await friend.post(MESSAGES, json={**ASK_CLAUDE, **extra})).status_code == 200

    async def test_with_tools_of_their_own_pass(self, platform: Platform) -> None:
        _, token = await platform.friend()
        friend = await platform.client(token)
        tools = [
            {"name": "look", "input_schema": {"type": "object", "properties": {}}},
            {"type": "custom", "name": "go", "input_schema": {"type": "object"}},
            {"type": "bash_20250124", "name": "bash"},
        ]
        assert (await friend.post(MESSAGES, json={**ASK_CLAUDE, "tools": tools})).status_code == 200

    @pytest.mark.parametrize(
        ("extra", "status"),
        [
            ({"options": {"num_ctx": 32_768}}, 200),
            ({"options": {"num_ctx": 32_769}}, 400),
            ({"options": {"NUM_CTX": 10}}, 400),
            ({"keep_alive": "5m"}, 200),
            ({"keep_alive": 3600}, 200),
            ({"keep_alive": "1h0.5s"}, 400),
            ({"keep_alive": -1}, 400),
            ({"keep_alive": "-1m"}, 400),
            ({"keep_alive": "for ever"}, 400),
            ({"Keep_Alive": 1}, 400),
        ],
    )
    async def test_keep_to_the_hosts_memory(
        self,
        platform: Platform,
        extra: dict[str, Any],
        status: int,
    ) -> None:
        _, token = await platform.friend()
        friend = await platform.client(token)
        assert (await friend.post(CHAT, json={**ASK_LLAMA, **extra})).status_code == status


class TestUpstreams:
    async def test_are_asked_on_demand(self, admin: httpx.AsyncClient, claude: ModelServer) -> None:
        items = (await admin.get("/admin/api/upstreams")).json()["items"]
        assert [(item["backend"], item["healthy"], item["models"]) for item in items] == [
            ("anthropic", True, 1),
            ("ollama", True, 1),
        ]


class TestOwnLimit:
    async def test_is_set_by_oneself_and_holds(self, platform: Platform) -> None:
        user, token = await platform.friend(token_limit=1000)
        browser = await platform.client(None)
        await sign_in(browser, user.username, "long enough")
        answer = await browser.patch("/auth/me", json={"own_token_limit": 5})
        assert answer.json()["user"]["own_token_limit"] == 5
        friend = await platform.client(token)
        assert (await friend.post(CHAT, json=ASK_LLAMA)).status_code == 429
        usage = (await friend.get("/api/inference/usage")).json()
        assert (usage["token_limit"], usage["remaining_tokens"]) == (5, 5)
        assert (await friend.patch("/auth/me", json={"own_token_limit": None})).status_code == 403
        assert (await browser.patch("/auth/me", json={"own_token_limit": None})).status_code == 200
        assert (await friend.post(CHAT, json=ASK_LLAMA)).status_code == 200
        for wrong in ({"own_token_limit": -1}, {"own_token_limit": "5"}, {}, {"token_limit": 10}):
            assert (await browser.patch("/auth/me", json=wrong)).status_code == 422
