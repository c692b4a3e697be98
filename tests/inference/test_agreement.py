"""A game's first call of a model waits at the door for its player, and everybody else's passes."""

import asyncio
import gc
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.model_servers import ModelServer
from tests.inference.conftest import NO_TLS, Platform
from tests.inference.test_relay import ASK_CLAUDE, ASK_LLAMA, CHAT, MESSAGES
from tests.servers import server_process
from vanilla.accounts import consents
from vanilla.accounts.caller import Caller, Credential
from vanilla.accounts.users import UserChanges
from vanilla.inference import agreement
from vanilla.models import Game, User, utc_now
from vanilla.operations.controls import ControlsChange

COUNT = "/api/inference/anthropic/v1/messages/count_tokens"
COMPLETIONS = "/api/inference/ollama/v1/chat/completions"


class Play:
    """A game that somebody plays, and its calls."""

    def __init__(self, platform: Platform, user: User, game_id: str, client: httpx.AsyncClient, sid: str) -> None:
        self.platform = platform
        self.user = user
        self.game_id = game_id
        self.client = client
        self.sid = sid
        self.consents = platform.services.consents

    async def decide(self, is_allowed: bool) -> None:
        await self.consents.decide(self.user.id, self.game_id, is_allowed)

    async def waits(self, calls: int = 1) -> None:
        """Return once so many calls wait for the answer."""
        async with asyncio.timeout(10):
            while self.consents.calls_waiting != calls:
                await asyncio.sleep(0.005)


@pytest.fixture
async def play(platform: Platform) -> Play:
    user, _ = await platform.friend()
    now = utc_now()
    columns = Game(slug="g", title="G", owner_id=user.id, version=1, created_at=now, updated_at=now).model_dump()
    await platform.services.database.write(lambda session: session.add(Game(**columns)))
    _, session = await platform.services.sessions.open(user)
    caller = Caller(user.id, user.username, False, Credential.SESSION, session_id=session.sid)
    token = await platform.services.play_tokens.open(caller, columns["id"], 1)
    client = await platform.client(token, origin="null")
    return Play(platform, user, columns["id"], client, session.sid)


class TestYes:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            (MESSAGES, ASK_CLAUDE),
            ("/api/inference/anthropic/v1/messages", {**ASK_CLAUDE, "stream": True}),
            (CHAT, ASK_LLAMA),
            ("/api/inference/ollama/api/generate", {"model": "m", "prompt": "Who goes?"}),
            ("/api/inference/ollama/api/embed", {"model": "m", "input": "Who goes?"}),
            (COMPLETIONS, {"model": "m", "messages": [{"role": "user", "content": "Who goes?"}]}),
        ],
    )
    async def test_every_call_that_costs_waits_for_it(
        self, play: Play, claude: ModelServer, llama: ModelServer, path: str, body: Any
    ) -> None:
        asking = asyncio.create_task(play.client.post(path, json=body))
        await play.waits()
        assert not asking.done()
        assert claude.seen == llama.seen == []
        assert await play.platform.holds() == 0, "nothing is set aside for a call that waits"
        await play.decide(True)
        assert (await asking).status_code == 200
        assert (await play.client.post(path, json=body)).status_code == 200, "it is asked once"
        assert len(await play.platform.ledger()) == 2

    async def test_a_body_of_any_length_arrives_whole(
        self, play: Play, llama: ModelServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await play.platform.services.controls.change(ControlsChange(game_tokens_per_day=None), by=play.user.id)
        for size in (10, agreement.KEPT - 200, agreement.KEPT * 10):
            monkeypatch.setattr(play.consents, "_answers", {})
            await play.platform.services.database.write(_forget)
            content = "a" * size
            asked = {**ASK_LLAMA, "messages": [{"role": "user", "content": content}]}
            asking = asyncio.create_task(play.client.post(CHAT, json=asked))
            await play.waits()
            await play.decide(True)
            assert (await asking).status_code == 200
            assert llama.seen[-1].body["messages"][0]["content"] == content

    async def test_it_lets_every_waiting_call_go_on(self, play: Play) -> None:
        asking = [asyncio.create_task(play.client.post(CHAT, json=ASK_LLAMA)) for _ in range(6)]
        await play.waits(6)
        await play.decide(True)
        assert [answer.status_code for answer in await asyncio.gather(*asking)] == [200] * 6


class TestNo:
    @pytest.mark.parametrize(("path", "body"), [(MESSAGES, ASK_CLAUDE), (CHAT, ASK_LLAMA), (COMPLETIONS, ASK_LLAMA)])
    async def test_it_is_a_403_in_the_apis_own_shape(
        self, play: Play, claude: ModelServer, llama: ModelServer, path: str, body: Any
    ) -> None:
        asking = asyncio.create_task(play.client.post(path, json=body))
        await play.waits()
        await play.decide(False)
        first, later = await asking, await play.client.post(path, json=body)
        for answer in (first, later):
            assert answer.status_code == 403
            error = answer.json()["error"]
            assert (error if isinstance(error, str) else error["message"]) == consents.REFUSED
            if path == MESSAGES:
                assert error["type"] == "permission_error"
            assert answer.headers["access-control-allow-origin"] == "*"
        assert claude.seen == llama.seen == []
        assert await play.platform.ledger() == []

    async def test_it_holds_until_the_player_changes_it(self, play: Play) -> None:
        await play.decide(False)
        assert (await play.client.post(CHAT, json=ASK_LLAMA)).status_code == 403
        await play.decide(True)
        assert (await play.client.post(CHAT, json=ASK_LLAMA)).status_code == 200
        await play.decide(False)
        assert (await play.client.post(CHAT, json=ASK_LLAMA)).status_code == 403

    async def test_no_answer_in_time_is_a_403_and_the_next_call_asks_again(
        self, play: Play, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(play.consents, "_patience", 0.05)
        answer = await play.client.post(MESSAGES, json=ASK_CLAUDE)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")
        assert "was not answered" in answer.json()["error"]["message"]
        monkeypatch.setattr(play.consents, "_patience", 60.0)
        asking = asyncio.create_task(play.client.post(MESSAGES, json=ASK_CLAUDE))
        await play.waits()
        await play.decide(True)
        assert (await asking).status_code == 200


class TestWhoIsNotAsked:
    async def test_a_program_with_an_api_token(self, play: Play) -> None:
        await play.decide(False)
        token, _ = await play.platform.services.api_tokens.create(play.user.id, "mine")
        program = await play.platform.client(token)
        assert (await program.post(CHAT, json=ASK_LLAMA)).status_code == 200

    async def test_a_page_of_ours_with_a_session(self, play: Play) -> None:
        browser = await play.platform.client(None)
        signed_in = await browser.post("/auth/login", json={"username": play.user.username, "password": "long enough"})
        assert signed_in.status_code == 200
        assert (await browser.post(CHAT, json=ASK_LLAMA)).status_code == 200

    async def test_a_game_that_only_counts_or_looks_around(self, play: Play) -> None:
        counted = {"model": "m", "messages": [{"role": "user", "content": "Who goes?"}]}
        assert (await play.client.post(COUNT, json=counted)).status_code == 200
        for path in ("/api/inference/models", "/api/inference/ollama/api/tags", "/api/inference/usage", "/auth/me"):
            assert (await play.client.get(path)).status_code == 200
        assert play.consents.calls_waiting == 0


class TestWaiting:
    async def test_a_caller_who_leaves_waits_no_longer(self, play: Play) -> None:
        with pytest.raises(httpx.ReadTimeout):
            await play.client.post(CHAT, json=ASK_LLAMA, timeout=0.3)
        async with asyncio.timeout(1):
            await play.waits(0)
        assert play.platform.services.relay.callers_admitted == 0

    async def test_a_player_who_is_shown_out_waits_no_longer(self, play: Play) -> None:
        asking = asyncio.create_task(play.client.post(CHAT, json=ASK_LLAMA))
        await play.waits()
        await play.platform.services.sessions.close(play.sid)
        async with asyncio.timeout(1):
            assert (await asking).status_code == 401
        another = await play.platform.services.sessions.open(play.user)
        assert another, "somebody else's session is not concerned"

    async def test_a_deactivated_player_waits_no_longer(self, play: Play) -> None:
        asking = asyncio.create_task(play.client.post(CHAT, json=ASK_LLAMA))
        await play.waits()
        await play.platform.services.users.update(play.user.id, UserChanges(is_active=False))
        async with asyncio.timeout(1):
            assert (await asking).status_code == 401

    async def test_a_server_that_stops_keeps_nobody(self, play: Play) -> None:
        asking = asyncio.create_task(play.client.post(CHAT, json=ASK_LLAMA))
        await play.waits()
        play.consents.close()
        async with asyncio.timeout(1):
            assert (await asking).status_code == 503

    async def test_a_flood_is_turned_away_and_takes_nothing_of_the_players(self, play: Play) -> None:
        """Neither memory nor the calls at once and a minute that the player's other games and programs may make."""
        waiting = [asyncio.create_task(play.client.post(CHAT, json=ASK_LLAMA)) for _ in range(consents.MOST_WAITING)]
        await play.waits(consents.MOST_WAITING)
        limits = httpx.Limits(max_connections=20)
        async with httpx.AsyncClient(
            base_url=play.platform.origin, headers=play.client.headers, trust_env=False, limits=limits
        ) as flood:
            answers = await asyncio.gather(*(flood.post(CHAT, json=ASK_LLAMA) for _ in range(300)))
        assert {answer.status_code for answer in answers} == {429}
        assert {answer.headers["retry-after"] for answer in answers} == {"5"}
        token, _ = await play.platform.services.api_tokens.create(play.user.id, "mine")
        program = await play.platform.client(token)
        assert (await program.post(CHAT, json=ASK_LLAMA)).status_code == 200
        assert (await play.platform.user(play.user.id)).tokens_held == 0
        for call in waiting:
            call.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*waiting)
        await play.waits(0)
        gc.collect()
        assert play.platform.services.relay.callers_admitted == 0


async def test_a_server_process_that_is_told_to_stop_does_not_wait_for_players(tmp_path: Path) -> None:
    async with server_process(DATA_DIR=str(tmp_path), LOCAL_MODEL="off", EXAMPLE_GAMES="false") as server:
        origin = {"origin": server.origin}
        async with httpx.AsyncClient(base_url=server.origin, trust_env=False, verify=NO_TLS, timeout=20) as host:
            await host.post("/auth/login", json={"username": "admin", "password": server.printed_password})
            page = {"file": ("game.html", b"<!doctype html><p>game", "text/html")}
            made = await host.post("/api/games", files=page, headers=origin)
            token = (await host.post(f"/api/games/{made.json()['id']}/play", headers=origin)).json()["token"]
            host.cookies.clear()
            bearer = {"authorization": f"Bearer {token}", "origin": "null"}
            asking = asyncio.create_task(host.post(CHAT, json=ASK_LLAMA, headers=bearer))
            done, _ = await asyncio.wait((asking,), timeout=1.0)
            assert not done, "it waits for its player"
            began = time.monotonic()
            await server.stop()
            assert time.monotonic() - began < 4.0
            assert (await asking).status_code == 503


async def test_the_player_stops_the_calls_of_one_game_and_no_others(
    play: Play, llama: ModelServer, claude: ModelServer
) -> None:
    llama.default.words, llama.default.pause = ("word ",) * 500, 0.02
    claude.default.delay = 5
    await play.decide(True)
    token, _ = await play.platform.services.api_tokens.create(play.user.id, "mine")
    program = await play.platform.client(token)
    async with (
        play.client.stream("POST", CHAT, json=ASK_LLAMA) as stream,
        program.stream("POST", CHAT, json=ASK_LLAMA) as other,
    ):
        lines, others = stream.aiter_lines(), other.aiter_lines()
        await anext(lines)
        await anext(others)
        whole = asyncio.create_task(play.client.post(MESSAGES, json=ASK_CLAUDE))
        await claude.arrived.wait()
        play.platform.services.relay.stop_game(play.user.id, play.game_id)
        async with asyncio.timeout(1):
            rest = [line async for line in lines]
            answer = await whole
        assert "stopped" in rest[-1]
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")
        async with asyncio.timeout(1):
            await llama.left.wait()
        await anext(others)
    rows = await play.platform.ledger()
    assert [(row.status, row.game_id) for row in rows[:2]] == [("aborted", play.game_id)] * 2
    assert (await play.platform.user(play.user.id)).tokens_held == 0 or llama.open


def _forget(session: Any) -> None:
    session.connection().exec_driver_sql("DELETE FROM consents")
