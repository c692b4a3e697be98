"""The play page: who sees it, what it may frame, and what it says about a game."""

import asyncio
import contextlib
import itertools
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from nicegui import Client
from nicegui.testing import User
from sqlmodel import update

from pages import clients
from tests import factories
from tests.factories import PASSWORD, Factory, sign_in
from vanilla import models
from vanilla.accounts.caller import Caller, Credential
from vanilla.accounts.users import UserChanges
from vanilla.errors import Forbidden, Unavailable
from vanilla.games import bundles
from vanilla.games.access import HOST
from vanilla.games.views import GameView
from vanilla.models import utc_now
from vanilla.operations.controls import ControlsChange
from vanilla.services import Services
from vanilla.usage.feed import LiveCall
from vanilla.usage.ledger import Entry


@pytest.fixture
async def game(services: Services, make: Factory, tmp_path: Path) -> GameView:
    owner = await make.user("ada")
    (tmp_path / "snail").mkdir()
    (tmp_path / "snail" / "index.html").write_text("<p>snail")
    return await services.catalogue.publish_folder(
        owner.id, tmp_path / "snail", title="Snail <Rally>", description="The slowest race."
    )


async def test_nobody_is_sent_to_sign_in_and_back(client: httpx.AsyncClient, game: GameView) -> None:
    answer = await client.get(f"/play/{game.id}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next=/play/{game.id}")


async def test_a_game_that_is_not_there_is_said_not_to_be(make: Factory, services: Services, game: GameView) -> None:
    browser = await make.signed_in()
    assert (await browser.get("/play/nothing")).status_code == 404
    await services.removals.remove(game.id, by=HOST)
    assert (await browser.get(f"/play/{game.id}")).status_code == 404


async def test_it_may_frame_this_games_files_alone_and_nobody_may_frame_it(make: Factory, game: GameView) -> None:
    browser = await make.signed_in()
    policy = (await browser.get(f"/play/{game.id}")).headers["content-security-policy"]
    files = (await browser.post(f"/api/games/{game.id}/play")).json()["url"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["frame-src"] == f"http://test{files}"
    assert directives["frame-ancestors"] == "'none'"
    elsewhere = (await browser.get("/")).headers["content-security-policy"]
    assert "frame-src 'none'" in elsewhere


async def test_the_page_holds_no_play_token_and_counts_no_play(
    make: Factory, services: Services, game: GameView
) -> None:
    page = await (await make.signed_in()).get(f"/play/{game.id}")
    assert "vp_" not in page.text
    assert (await services.catalogue.get(game.id)).plays == 0


async def test_it_says_whose_game_it_is_and_what_it_has_used(
    user: User, services: Services, make: Factory, game: GameView
) -> None:
    player = await make.user("mira")
    spent = Entry(
        id="1",
        timestamp=utc_now(),
        user_id=player.id,
        backend="ollama",
        model="m",
        prompt_tokens=1000,
        completion_tokens=234,
        game_id=game.id,
    )
    await factories.record(services.database, spent)
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open(f"/play/{game.id}")
    await user.should_see("Snail <Rally>")
    await user.should_see("by ada")
    await user.should_see("never type your password here")
    await user.should_see("You have used 1,234 tokens in this game.")


class Playing:
    """Somebody on the play page, and calls of their game."""

    def __init__(self, user: User, services: Services, caller: Caller, game: GameView) -> None:
        self.user = user
        self.services = services
        self.caller = replace(caller, credential=Credential.PLAY_TOKEN, game_id=game.id)
        self._game = game
        self._numbers = itertools.count()

    async def shows(self, words: str) -> None:
        """Wait until they are seen."""
        async with asyncio.timeout(5):
            while True:
                with contextlib.suppress(AssertionError):
                    return await self.user.should_see(words, retries=1)

    async def hides(self, words: str) -> None:
        """Wait until they are seen no more."""
        async with asyncio.timeout(5):
            while True:
                with contextlib.suppress(AssertionError):
                    return await self.user.should_not_see(words, retries=1)

    def calls(self, tokens: int = 10, **values: Any) -> LiveCall:
        """A call of the game that is under way."""
        call = LiveCall(
            id=f"call-{next(self._numbers)}",
            user_id=self.caller.user_id,
            username=self.caller.username,
            game_id=self._game.id,
            backend="ollama",
            model="m",
            started_at=time.monotonic(),
            wall_started=utc_now(),
            prompt_tokens=tokens,
        )
        self.services.feed.started(call)
        return call

    async def settles(self, call: LiveCall, tokens: int) -> None:
        """The end of that call, in the ledger too."""
        row = Entry(
            id=call.id,
            timestamp=utc_now(),
            user_id=call.user_id,
            backend="ollama",
            model="m",
            prompt_tokens=tokens,
            completion_tokens=0,
            game_id=call.game_id,
        )
        await factories.record(self.services.database, row)
        more = update(models.User).values(tokens_used=models.User.tokens_used + tokens)
        await self.services.database.write(lambda session: session.execute(more))
        self.services.feed.ended(call, row)


@pytest.fixture
async def playing(user: User, services: Services, make: Factory, game: GameView) -> Playing:
    """Mira, who has 10,000 tokens a day, on the page of a game that talks."""
    mira = await make.user("mira", token_limit=10_000, limit_period="day")
    await factories.run_sql(services.database, "update games set talks = 1")
    caller = await make.caller(mira)
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open(f"/play/{game.id}")
    return Playing(user, services, caller, game)


class TestQuestion:
    async def test_it_is_asked_while_a_call_waits_and_gone_once_answered(self, playing: Playing) -> None:
        await playing.hides("use your tokens?")
        waiting = asyncio.create_task(playing.services.consents.settled(playing.caller))
        await playing.shows("May Snail <Rally> use your tokens?")
        await playing.shows("This game by ada asks a language model")
        await playing.shows("10,000 of your 10,000 tokens are left.")
        playing.user.find("Allow").click()
        async with asyncio.timeout(2):
            await waiting
        await playing.hides("use your tokens?")
        await playing.shows("You have allowed it to use your tokens.")

    async def test_a_no_is_kept_shown_and_can_be_changed(self, playing: Playing) -> None:
        waiting = asyncio.create_task(playing.services.consents.settled(playing.caller))
        await playing.shows("Not now")
        playing.user.find("Not now").click()
        with pytest.raises(Forbidden):
            await waiting
        await playing.shows("Tokens not allowed")
        await playing.shows("You have not allowed it to use your tokens.")
        playing.user.find("Allow").click()
        await playing.hides("Tokens not allowed")
        await playing.services.consents.settled(playing.caller)
        playing.user.find("Take that back").click()
        await playing.shows("Tokens not allowed")

    async def test_nobody_who_is_out_answers_it(self, playing: Playing, user: User) -> None:
        waiting = asyncio.create_task(playing.services.consents.settled(playing.caller))
        await playing.shows("Allow")
        await factories.run_sql(playing.services.database, "delete from sessions")
        playing.services.callers.forget(playing.caller.user_id)  # as another process, which announces nothing here
        user.find("Allow").click()
        consent = await playing.services.consents.standing(playing.caller.user_id, playing.caller.game_id)
        assert consent.is_asking
        assert not waiting.done()
        playing.services.consents.close()
        with pytest.raises(Unavailable):
            await waiting

    async def test_a_page_that_has_gone_is_told_nothing(self, playing: Playing) -> None:
        assert playing.services.consents._watchers
        assert playing.services.feed.plays._players
        assert playing.services.users._listeners
        for client in list(Client.instances.values()):
            clients.drop(client)
        assert not playing.services.consents._watchers
        assert not playing.services.feed.plays._players
        assert not playing.services.users._listeners


class TestTokens:
    async def test_they_move_while_calls_run_and_stop_is_there_just_then(self, playing: Playing) -> None:
        await playing.hides("Stop")
        call = playing.calls(1_000)
        await playing.shows("1,000 tokens")
        await playing.shows("Stop")
        call.completion_tokens = 234
        await playing.shows("1,234 tokens")
        await playing.settles(call, 1_250)
        await playing.shows("1,250 tokens")
        await playing.hides("Stop")
        await playing.shows("You have used 1,250 tokens in this game, all of them in this visit.")
        await playing.shows("8,750 of your 10,000 tokens are left.")

    async def test_what_runs_is_told_without_asking_the_database(
        self, playing: Playing, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        call = playing.calls(100)
        await playing.shows("100 tokens")

        async def no_query(_work: object) -> None:
            raise AssertionError("a query for a tick")

        monkeypatch.setattr(playing.services.database, "read", no_query)
        for tokens in (11, 22, 33):
            call.completion_tokens = tokens
            await playing.shows(f"{100 + tokens} tokens")

    async def test_near_the_limit_it_says_what_is_left_and_at_the_limit_when_there_is_more(
        self, playing: Playing
    ) -> None:
        await playing.settles(playing.calls(), 9_100)
        await playing.shows("900 of your 10,000 tokens are left.")
        await playing.shows("They count anew on")
        playing.user.find("Close").click()
        await playing.hides("They count anew on")
        await playing.settles(playing.calls(), 950)
        await playing.shows("Your 10,000 tokens are used up.")
        await playing.shows("They count anew on")

    async def test_another_limit_is_told_at_once(self, playing: Playing) -> None:
        users, mira = playing.services.users, playing.caller.user_id
        await playing.settles(playing.calls(), 9_100)
        await playing.shows("900 of your 10,000 tokens are left.")
        async with asyncio.timeout(2):  # far less than what the page waits between two looks
            await users.update(mira, UserChanges(token_limit=50_000))
            await playing.shows("40,900 of your 50,000 tokens are left.")
            await users.set_own_limit(mira, 9_000)
            await playing.shows("Your 9,000 tokens are used up.")

    async def test_a_refused_call_says_that_too_little_is_left(self, playing: Playing) -> None:
        await playing.settles(playing.calls(), 9_500)
        playing.services.feed.refused(playing.caller.user_id, "mira", "ollama", "spent")
        await playing.shows("The 500 tokens that you have left are too few for what this game asks.")

    async def test_a_game_that_took_all_it_may_in_a_day_is_said_to(self, playing: Playing) -> None:
        await playing.services.controls.change(ControlsChange(game_tokens_per_day=1_000), by=playing.caller.user_id)
        await playing.settles(playing.calls(), 990)
        playing.services.feed.refused(playing.caller.user_id, "mira", "ollama", "spent")
        await playing.shows("This game has used what it may of your tokens today.")

    async def test_a_game_that_does_not_talk_says_nothing_of_limits(
        self, user: User, services: Services, make: Factory, game: GameView
    ) -> None:
        await make.user("mira", token_limit=0)
        await sign_in(user.http_client, "mira", PASSWORD)
        await user.open(f"/play/{game.id}")
        await user.should_not_see("used up")
        await user.should_not_see("They count anew")
        await user.should_not_see("It asks you before")


async def test_stop_ends_the_calls_of_this_game(playing: Playing, monkeypatch: pytest.MonkeyPatch, user: User) -> None:
    stopped: list[tuple[str, str]] = []
    monkeypatch.setattr(playing.services.relay, "stop_game", lambda *who: stopped.append(who))
    playing.calls()
    await playing.shows("Stop")
    user.find(marker="stop").click()
    await playing.shows("Stopped.")
    assert stopped == [(playing.caller.user_id, playing.caller.game_id)]


async def test_a_preview_says_which_version_it_is(
    user: User, services: Services, game: GameView, tmp_path: Path
) -> None:
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "index.html").write_text("<p>faster snail")
    async with services.files.staging() as staging:
        bundle = bundles.copy(tmp_path / "second", staging / "unpacked", bundles.Limits.of(services.settings))
        await services.versions.add(game.id, bundle, HOST)
    await sign_in(user.http_client, "ada", PASSWORD)
    await user.open(f"/play/{game.id}?version=1")
    await user.should_see("by ada, version 1")
    await user.open(f"/play/{game.id}")
    await user.should_not_see("version")


async def test_hosts_that_were_allowed_are_named_to_everybody_and_no_others(
    user: User, services: Services, make: Factory, game: GameView
) -> None:
    hosts = ["cdn.example.org", "data.example.org", "fonts.example.org", "refused.example.org", "waits.example.org"]
    await services.hosts.ask(game.id, hosts, HOST)
    await services.hosts.refuse(game.id, hosts[3], HOST)
    await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open(f"/play/{game.id}")
    await user.should_not_see("talks to")
    for host in hosts[:3]:
        await services.hosts.approve(game.id, host, HOST)
    await user.open(f"/play/{game.id}")
    await user.should_see("This game talks to cdn.example.org, data.example.org and fonts.example.org: ")
    await user.should_not_see("refused.example.org")
    await user.should_not_see("waits.example.org")


async def test_who_may_change_the_game_is_led_to_its_edit_page(user: User, make: Factory, game: GameView) -> None:
    await make.user("mira")
    for name, is_led in (("mira", False), ("ada", True)):
        await sign_in(user.http_client, name, PASSWORD)
        await user.open(f"/play/{game.id}")
        assert user.client is not None
        links = [element.props.get("href") for element in user.client.elements.values()]
        assert (f"/games/{game.id}/edit" in links) is is_led
