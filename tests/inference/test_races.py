"""Hundreds of calls at once over real sockets: no limit is passed, nothing stays held, every sum agrees."""

import asyncio
import collections
import random
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlmodel import select

from tests.factories import ADMIN_PASSWORD, sign_in
from tests.fakes.model_servers import Answer, ModelServer
from tests.inference import books
from tests.inference.conftest import NO_TLS, Platform
from tests.inference.test_relay import CHAT, MESSAGES
from vanilla.accounts.caller import Caller, Credential
from vanilla.accounts.users import UserChanges
from vanilla.models import Game, GameDay, User, utc_now

CALLS_EACH = 50
GAME_CAP = 1_500
COMPLETIONS = "/api/inference/ollama/v1/chat/completions"
ASKED: dict[str, dict[str, Any]] = {
    MESSAGES: {"max_tokens": 100},
    CHAT: {"options": {"num_predict": 100}},
    COMPLETIONS: {"max_tokens": 100},
}


@dataclass
class Friend:
    """A user, and how they may spend."""

    user: User
    token: str
    limit: int | None
    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)


async def test_three_hundred_calls_at_once_keep_every_limit(
    platform: Platform, claude: ModelServer, llama: ModelServer
) -> None:
    # More than is left for most, so that caps are lowered; what a server makes of its cap is never more.
    for server in (claude, llama):
        server.default = Answer(prompt_tokens=20, completion_tokens=80, words=("word ",) * 12, pause=0.003)
    friends = await _friends(platform)
    chance = random.Random(3)  # the same races each time, as far as the machine allows
    calls = [_call(platform, friend, chance) for friend in friends for _ in range(CALLS_EACH)]
    chance.shuffle(calls)
    await asyncio.gather(*calls)
    async with asyncio.timeout(10):
        while await platform.holds():
            await asyncio.sleep(0.02)

    path = platform.services.database.path
    assert path is not None
    books.check(path)
    rows = await platform.ledger()
    assert len({row.id for row in rows}) == len(rows)
    assert {row.backend for row in rows} == {"anthropic", "ollama"}
    for friend in friends:
        own = [row for row in rows if row.user_id == friend.user.id]
        used = sum(row.total_tokens for row in own)
        after = await platform.user(friend.user.id)
        assert after.tokens_used == after.total_tokens == used > 0
        assert friend.limit is None or used <= friend.limit, friend
        assert friend.outcomes["finished"] <= len(own) <= friend.outcomes["finished"] + friend.outcomes["left"]
        assert sum(friend.outcomes.values()) == CALLS_EACH
        assert (friend.outcomes["refused"] > 0) is (friend.limit is not None), friend
    days = await platform.services.database.read(lambda session: session.exec(select(GameDay)).all())
    assert {day.user_id for day in days} == {friend.user.id for friend in friends[-2:]}
    assert all(0 < day.tokens_used <= GAME_CAP for day in days)


async def _friends(platform: Platform) -> list[Friend]:
    """Six of them: with limits over every period, an own limit, and two who play a game that has a cap."""
    admin = await platform.client(None)
    await sign_in(admin, "admin", ADMIN_PASSWORD)
    answer = await admin.patch("/admin/api/settings", json={"game_tokens_per_day": GAME_CAP})
    assert answer.status_code == 200
    allowances: list[dict[str, Any]] = [
        {"token_limit": 2_000},
        {"token_limit": 3_000, "limit_period": "day"},
        {"token_limit": 2_500, "limit_period": "month"},  # and 1,000 of their own
        {},
        {"token_limit": 1_000_000, "limit_period": "month"},
        {},
    ]
    friends = []
    for number, allowance in enumerate(allowances):
        user, token = await platform.friend()
        changes = UserChanges(**allowance, requests_per_minute=1000, concurrent_calls=1000)
        await platform.services.users.update(user.id, changes)
        limit = allowance.get("token_limit")
        if number == 2:
            await platform.services.users.set_own_limit(user.id, limit := 1_000)
        if number >= 4:
            token, limit = await _play_token(platform, user), GAME_CAP
        friends.append(Friend(user, token, limit))
    return friends


async def _play_token(platform: Platform, user: User) -> str:
    now = utc_now()
    game = Game(slug="g", title="G", owner_id=user.id, version=1, created_at=now, updated_at=now)
    columns = game.model_dump()
    await platform.services.database.write(lambda session: session.add(Game(**columns)))
    _, session = await platform.services.sessions.open(user)
    caller = Caller(user.id, user.username, False, Credential.SESSION, session_id=session.sid)
    await platform.services.consents.decide(user.id, columns["id"], True)
    return await platform.services.play_tokens.open(caller, columns["id"], 1)


async def _call(platform: Platform, friend: Friend, chance: random.Random) -> None:
    """One call of a random kind, by someone who may leave early."""
    path = chance.choice(list(ASKED))
    body = {"model": "m", "messages": [{"role": "user", "content": "Who goes?"}], **ASKED[path]}
    body["stream"] = chance.random() < 0.6
    leaves_after = chance.randrange(1, 6) if chance.random() < 0.25 else None
    async with httpx.AsyncClient(base_url=platform.origin, trust_env=False, verify=NO_TLS, timeout=60) as client:
        headers = {"authorization": f"Bearer {friend.token}"}
        async with client.stream("POST", path, json=body, headers=headers) as answer:
            if answer.status_code != 200:
                assert answer.status_code == 429, await answer.aread()
                friend.outcomes["refused"] += 1
                return
            parts = 0
            async for _ in answer.aiter_raw():
                parts += 1
                if body["stream"] and parts == leaves_after:
                    friend.outcomes["left"] += 1
                    return
    friend.outcomes["finished"] += 1
