"""A player's answer to a game that wants to spend their tokens: asked once, kept, taken back."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import Session

from tests.factories import Factory
from vanilla.accounts.caller import Caller, Credential
from vanilla.accounts.consents import REFUSED, UNANSWERED, ConsentNow, Consents
from vanilla.accounts.revocation import Revocation
from vanilla.errors import Forbidden, TooManyRequests, Unauthenticated, Unavailable
from vanilla.models import Consent
from vanilla.services import Services


@pytest.fixture
async def player(make: Factory) -> Caller:
    """Who comes with a play token."""
    caller = await make.caller()
    return replace(caller, credential=Credential.PLAY_TOKEN, game_id=(await make.game()).id)


@pytest.fixture
async def other(make: Factory) -> Caller:
    """Somebody else, in another game."""
    caller = await make.caller()
    return replace(caller, credential=Credential.PLAY_TOKEN, game_id=(await make.game()).id)


@pytest.fixture(autouse=True)
async def _no_call_is_left(services: Services) -> AsyncIterator[None]:
    yield
    services.consents.close()
    async with asyncio.timeout(5):
        while services.consents.calls_waiting:
            await asyncio.sleep(0)


class Page:
    """An open play page, and what it was told."""

    def __init__(self, consents: Consents, player: Caller) -> None:
        self.told: list[ConsentNow] = []
        self.leave = consents.subscribe(player.user_id, player.game_id, self.told.append)


async def asked(consents: Consents, player: Caller, calls: int = 1) -> list["asyncio.Task[None]"]:
    """Calls of the player's game that wait for the answer."""
    before = consents.calls_waiting
    tasks = [asyncio.create_task(consents.settled(player)) for _ in range(calls)]
    async with asyncio.timeout(5):
        while consents.calls_waiting < before + calls or not (await standing(consents, player)).is_asking:
            await asyncio.sleep(0)
    return tasks


async def standing(consents: Consents, player: Caller) -> ConsentNow:
    return await consents.standing(player.user_id, player.game_id)


async def decide(consents: Consents, player: Caller, is_allowed: bool) -> None:
    await consents.decide(player.user_id, player.game_id, is_allowed)


def impatient(services: Services, **times: Any) -> Consents:
    """Another memory on the same database, as after a restart."""
    return Consents(services.database, services.revocations, **times)


class TestAnswer:
    async def test_a_yes_lets_every_waiting_call_go_on_at_once(self, services: Services, player: Caller) -> None:
        calls = await asked(services.consents, player, 3)
        await decide(services.consents, player, True)
        async with asyncio.timeout(1):
            await asyncio.gather(*calls)
        assert services.consents.has_allowed(player.user_id, player.game_id)
        assert services.consents.calls_waiting == 0

    async def test_a_no_refuses_every_waiting_call_and_those_to_come(self, services: Services, player: Caller) -> None:
        calls = await asked(services.consents, player, 2)
        await decide(services.consents, player, False)
        for call in calls:
            with pytest.raises(Forbidden, match=REFUSED):
                await call
        async with asyncio.timeout(1):
            with pytest.raises(Forbidden, match=REFUSED):
                await services.consents.settled(player)
        assert not services.consents.has_allowed(player.user_id, player.game_id)

    async def test_it_outlives_the_server_and_costs_one_query_then(
        self, services: Services, player: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await decide(services.consents, player, True)
        again = impatient(services)
        assert not again.has_allowed(player.user_id, player.game_id), "it does not know yet"
        queries = 0
        read = services.database.read

        async def counted(work: Any) -> Any:
            nonlocal queries
            queries += 1
            return await read(work)

        monkeypatch.setattr(services.database, "read", counted)
        await asyncio.gather(*(again.settled(player) for _ in range(20)))
        await again.settled(player)
        assert again.has_allowed(player.user_id, player.game_id)
        assert queries == 1

    async def test_it_is_for_one_player_and_one_game(self, services: Services, player: Caller, other: Caller) -> None:
        await decide(services.consents, player, True)
        hasty = impatient(services, patience=0.01)
        for someone in (replace(player, user_id=other.user_id), replace(player, game_id=other.game_id)):
            with pytest.raises(Forbidden, match=UNANSWERED):
                await hasty.settled(someone)

    async def test_the_player_may_change_it(self, services: Services, player: Caller) -> None:
        for is_allowed in (True, False, True):
            await decide(services.consents, player, is_allowed)
            assert await standing(services.consents, player) == ConsentNow(is_allowed, False)
            assert await standing(impatient(services), player) == ConsentNow(is_allowed, False)

    async def test_a_decision_beats_a_query_that_began_before_it(
        self, services: Services, player: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read, may_go_on, is_reading = services.database.read, asyncio.Event(), asyncio.Event()

        async def slow(work: Any) -> Any:
            answer = await read(work)
            is_reading.set()
            await may_go_on.wait()
            return answer

        monkeypatch.setattr(services.database, "read", slow)
        call = asyncio.create_task(services.consents.settled(player))
        await is_reading.wait()
        await decide(services.consents, player, True)
        may_go_on.set()
        async with asyncio.timeout(1):
            await call


class TestWaiting:
    async def test_ends_unanswered_after_a_while_and_nothing_is_kept(self, services: Services, player: Caller) -> None:
        hasty = impatient(services, patience=0.02, lingers=0)
        for _ in range(2):  # the next call asks again
            page = Page(hasty, player)
            with pytest.raises(Forbidden, match="was not answered"):
                await hasty.settled(player)
            async with asyncio.timeout(1):
                while len(page.told) < 2:
                    await asyncio.sleep(0)
            assert page.told == [ConsentNow(None, True), ConsentNow(None, False)]
            page.leave()
        key = (player.user_id, player.game_id)
        assert await services.database.read(lambda session: _row(session, key)) is None

    async def test_ends_when_its_caller_leaves(self, services: Services, player: Caller) -> None:
        consents = impatient(services, lingers=0)
        page = Page(consents, player)
        stays, leaves = await asked(consents, player, 2)
        leaves.cancel()
        await asyncio.gather(leaves, return_exceptions=True)
        assert consents.calls_waiting == 1
        assert page.told == [ConsentNow(None, True)], "the other one still asks"
        stays.cancel()
        await asyncio.gather(stays, return_exceptions=True)
        async with asyncio.timeout(1):
            while len(page.told) < 2:
                await asyncio.sleep(0)
        assert page.told[-1] == ConsentNow(None, False)

    async def test_a_game_that_hangs_up_and_calls_again_keeps_one_question(
        self, services: Services, player: Caller
    ) -> None:
        page = Page(services.consents, player)
        for _ in range(5):
            (call,) = await asked(services.consents, player)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        assert page.told == [ConsentNow(None, True)]
        await decide(services.consents, player, True)  # though no call waits at this moment
        await services.consents.settled(player)
        assert page.told[-1] == ConsentNow(True, False)

    async def test_ends_with_the_server(self, services: Services, player: Caller) -> None:
        calls = await asked(services.consents, player, 2)
        services.consents.close()
        for call in calls:
            with pytest.raises(Unavailable, match="stopping"):
                await call
        with pytest.raises(Unavailable, match="stopping"):
            await services.consents.settled(player)
        services.consents.open()
        await decide(services.consents, player, True)
        await services.consents.settled(player)

    async def test_ends_when_its_player_is_out_and_not_with_another_session(
        self, services: Services, player: Caller, other: Caller
    ) -> None:
        (call,) = await asked(services.consents, player)
        (others,) = await asked(services.consents, other)
        services.revocations.announce(Revocation(player.user_id, session_id="another"))
        services.revocations.announce(Revocation(player.user_id, token_id="an API token"))
        await asyncio.sleep(0)
        assert not call.done()
        services.revocations.announce(Revocation(player.user_id, session_id=player.session_id))
        with pytest.raises(Unauthenticated):
            await call
        services.revocations.announce(Revocation(other.user_id))
        with pytest.raises(Unauthenticated):
            await others

    async def test_is_for_so_many_calls_of_a_user_and_leaves_nothing_behind(
        self, services: Services, player: Caller, other: Caller
    ) -> None:
        consents = impatient(services, most_waiting=4, lingers=0)
        waiting = await asked(consents, player, 4)
        results = await asyncio.gather(*(consents.settled(player) for _ in range(10_000)), return_exceptions=True)
        assert {type(result) for result in results} == {TooManyRequests}
        assert {result.retry_after for result in results if isinstance(result, TooManyRequests)} == {5}
        assert consents.calls_waiting == 4
        (others,) = await asked(consents, other)  # nobody else has to wait for that
        for each in (*waiting, others):
            each.cancel()
        await asyncio.gather(*waiting, others, return_exceptions=True)
        async with asyncio.timeout(1):
            while consents._questions:
                await asyncio.sleep(0)
        assert not consents._waiting

    async def test_a_flood_does_not_keep_a_refusal_from_being_told(self, services: Services, player: Caller) -> None:
        consents = impatient(services, most_waiting=1)
        await decide(consents, player, False)
        results = await asyncio.gather(*(consents.settled(player) for _ in range(50)), return_exceptions=True)
        assert {type(result) for result in results} == {Forbidden}


class TestPages:
    async def test_every_open_page_of_the_player_and_game_is_told(
        self, services: Services, player: Caller, other: Caller
    ) -> None:
        pages = [Page(services.consents, player), Page(services.consents, player)]
        elsewhere = Page(services.consents, other)
        await asked(services.consents, player, 2)
        await decide(services.consents, player, True)
        for page in pages:
            assert page.told == [ConsentNow(None, True), ConsentNow(True, False)]
        assert elsewhere.told == []

    async def test_one_that_has_gone_is_told_nothing_more(self, services: Services, player: Caller) -> None:
        page, stays = Page(services.consents, player), Page(services.consents, player)
        page.leave()
        page.leave()
        await decide(services.consents, player, True)
        assert (page.told, len(stays.told)) == ([], 1)
        stays.leave()
        assert not services.consents._watchers

    async def test_one_that_breaks_harms_no_call(
        self, services: Services, player: Caller, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(_now: ConsentNow) -> None:
            raise RuntimeError("gone")

        services.consents.subscribe(player.user_id, player.game_id, broken)
        page = Page(services.consents, player)
        (call,) = await asked(services.consents, player)
        await decide(services.consents, player, True)
        await call
        assert len(page.told) == 2
        assert len(caplog.records) == 1, "it is dropped the first time"
        caplog.clear()


def test_it_says_what_to_do() -> None:
    for sentence in (REFUSED, UNANSWERED):
        assert sentence.endswith(".")
        assert "above the game" in sentence


def test_revocations_know_whom_they_concern() -> None:
    caller = Caller("u", "mira", False, Credential.PLAY_TOKEN, session_id="s", game_id="g")
    assert Revocation("u").concerns(caller)
    assert Revocation("u", session_id="s").concerns(caller)
    assert not Revocation("u", session_id="t").concerns(caller)
    assert not Revocation("u", token_id="t").concerns(caller)
    assert not Revocation("v").concerns(caller)


def _row(session: Session, key: tuple[str, str]) -> Consent | None:
    return session.get(Consent, key)
