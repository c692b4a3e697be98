"""How many calls at once and a minute."""

import asyncio
import dataclasses
from contextlib import AsyncExitStack

import pytest

from main import create_api
from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.conftest import Platform
from tests.inference.test_relay import ASK_LLAMA, CHAT
from tests.servers import serving
from vanilla.accounts.caller import Caller, Credential
from vanilla.accounts.users import UserChanges
from vanilla.errors import TooManyRequests
from vanilla.inference.pace import Pace
from vanilla.settings import Settings

MIRA = Caller("u1", "mira", False, Credential.API_TOKEN, requests_per_minute=3, concurrent_calls=2)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class TestPace:
    def test_counts_what_runs_and_forgets_what_has_ended(self) -> None:
        pace = Pace()
        caller = dataclasses.replace(MIRA, requests_per_minute=None)
        with pace.of(caller), pace.of(caller):
            with pytest.raises(TooManyRequests, match="2 calls at once") as raised:
                pace.of(caller).__enter__()
            with pace.of(dataclasses.replace(caller, user_id="u2")):
                pass
        assert raised.value.headers["retry-after"] == "1"
        with pace.of(caller):
            pass
        assert pace._running == {}

    def test_a_minute_is_any_sixty_seconds(self) -> None:
        clock = Clock()
        pace = Pace(clock=clock)
        for _ in range(3):
            with pace.of(MIRA):
                clock.now += 10
        with pytest.raises(TooManyRequests, match="3 calls a minute") as raised:
            pace.of(MIRA).__enter__()
        assert raised.value.headers["retry-after"] == "31"
        clock.now += 31
        with pace.of(MIRA):
            pass
        with pytest.raises(TooManyRequests):
            pace.of(MIRA).__enter__()

    def test_none_is_no_bound(self) -> None:
        pace = Pace()
        free = dataclasses.replace(MIRA, requests_per_minute=None, concurrent_calls=None)
        for _ in range(1000):
            with pace.of(free):
                pass

    def test_nothing_at_all_blocks(self) -> None:
        pace = Pace()
        with pytest.raises(TooManyRequests):
            pace.of(dataclasses.replace(MIRA, requests_per_minute=0)).__enter__()


async def test_a_users_own_pace_holds_from_the_next_call(platform: Platform, llama: ModelServer) -> None:
    llama.default = Answer(pause=0.05)
    user, token = await platform.friend()
    client = await platform.client(token)
    assert (await client.post(CHAT, json=ASK_LLAMA)).status_code == 200
    await platform.services.users.update(user.id, UserChanges(concurrent_calls=2))
    answers = await asyncio.gather(*(client.post(CHAT, json=ASK_LLAMA) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 429, 429, 429]
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert "at once" in refused.json()["error"]
    assert refused.headers["retry-after"] == "1"
    assert (await platform.services.feed.current()).range.refusals == {"too fast": 3}
    assert len(await platform.ledger()) == 3


class TestDefaults:
    def test_hold_for_whom_nothing_else_was_set(self) -> None:
        pace = Pace(2, 1)
        plain = dataclasses.replace(MIRA, requests_per_minute=None, concurrent_calls=None)
        with pace.of(plain), pytest.raises(TooManyRequests, match="1 calls at once"):
            pace.of(plain).__enter__()
        with pace.of(plain):
            pass
        with pytest.raises(TooManyRequests, match="2 calls a minute"):
            pace.of(plain).__enter__()
        with pace.of(dataclasses.replace(MIRA, user_id="u2")), pace.of(dataclasses.replace(MIRA, user_id="u2")):
            pass  # a user's own bounds may also be wider

    async def test_are_those_of_the_settings(self, open_settings: Settings, llama: ModelServer) -> None:
        app = create_api(open_settings.model_copy(update={"requests_per_minute": 1}))
        async with AsyncExitStack() as stack, serving(app) as origin:
            platform = Platform(origin, app.state.services, stack)
            user, token = await platform.friend()
            client = await platform.client(token)
            assert [(await client.post(CHAT, json=ASK_LLAMA)).status_code for _ in range(2)] == [200, 429]
            await platform.services.users.update(user.id, UserChanges(requests_per_minute=5))
            assert (await client.post(CHAT, json=ASK_LLAMA)).status_code == 200
