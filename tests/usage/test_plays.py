"""What a play page is told of its own player and game while calls run."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from tests.usage.conftest import entry
from tests.usage.test_feed import live_call
from vanilla.usage import plays as plays_module
from vanilla.usage.feed import SPENT, Feed
from vanilla.usage.plays import PlayNow, Plays, Tokens


@pytest.fixture
async def feed(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Feed]:
    """Open, and quick to tell."""
    monkeypatch.setattr(plays_module, "SECONDS_BETWEEN_PUSHES", 0.01)
    await feed.open()
    yield feed
    await feed.close()


class Page:
    """An open play page, and what it was told."""

    def __init__(self, plays: Plays, user_id: str = "mira", game_id: str = "dragon") -> None:
        self.told: list[PlayNow] = []
        self.watch = plays.watch(user_id, game_id, self.told.append)

    async def until(self, holds: Callable[[PlayNow], bool]) -> PlayNow:
        """The first thing it is told for which that holds."""
        async with asyncio.timeout(2):
            while not any(holds(now) for now in self.told):
                await asyncio.sleep(0.002)
        return next(now for now in self.told if holds(now))


async def test_a_page_is_told_while_its_game_calls_and_once_it_has_settled(feed: Feed) -> None:
    page = Page(feed.plays)
    call = live_call(prompt_tokens=10)
    feed.started(call)
    assert await page.until(lambda now: now.calls == 1) == PlayNow(1, Tokens(0, 10), Tokens(0, 10))
    call.completion_tokens = 7
    await page.until(lambda now: now.in_game.running == 17)
    feed.ended(call, entry(game_id="dragon", prompt_tokens=12, completion_tokens=8))
    assert await page.until(lambda now: now.in_game.settled == 20) == PlayNow(0, Tokens(20, 0), Tokens(20, 0))
    assert page.told[-1].in_game.total == 20


async def test_a_call_that_cost_nothing_leaves_nothing(feed: Feed) -> None:
    page = Page(feed.plays)
    call = live_call()
    feed.started(call)
    await page.until(lambda now: now.calls == 1)
    feed.ended(call, None)
    async with asyncio.timeout(2):
        while page.told[-1] != PlayNow():
            await asyncio.sleep(0.002)


async def test_other_games_and_programs_of_the_player_count_towards_the_limit_alone(feed: Feed) -> None:
    page = Page(feed.plays)
    for number, game_id in enumerate(("snail", "", "dragon")):
        call = live_call(number, game_id=game_id)
        feed.started(call)
        feed.ended(call, entry(game_id=game_id))
    now = await page.until(lambda now: now.in_all.settled == 45)
    assert (now.in_game.settled, now.calls) == (15, 0)


async def test_nobody_elses_calls_are_told(feed: Feed) -> None:
    page = Page(feed.plays)
    await page.until(lambda now: now == PlayNow())
    for number in range(3):
        call = live_call(number, user_id="ada")
        feed.started(call)
        feed.ended(call, entry(user_id="ada", game_id="dragon"))
    hers = Page(feed.plays, "ada")
    await hers.until(lambda now: now == PlayNow())  # what was before she came is no part of this visit
    assert page.told == [PlayNow()]


async def test_each_page_counts_its_own_visit(feed: Feed) -> None:
    first = Page(feed.plays)
    feed.ended(live_call(), entry(game_id="dragon"))
    second = Page(feed.plays)
    feed.ended(live_call(), entry(game_id="dragon"))
    assert (await first.until(lambda now: now.in_game.settled == 30)).in_all == Tokens(30, 0)
    assert (await second.until(lambda now: now.in_game.settled == 15)).in_all == Tokens(15, 0)
    assert second.watch.now() == second.told[-1]


async def test_a_call_that_was_under_way_before_the_page_shows(feed: Feed) -> None:
    feed.started(live_call())
    assert (await Page(feed.plays).until(lambda now: now.calls == 1)).in_game == Tokens(0, 10)


async def test_a_refusal_by_a_limit_is_told_and_no_other(feed: Feed) -> None:
    page = Page(feed.plays)
    feed.refused("mira", "mira", "ollama", "too fast")
    feed.refused("mira", "mira", "ollama", SPENT)
    feed.refused("ada", "ada", "ollama", SPENT)
    assert (await page.until(lambda now: now.refusals > 0)).refusals == 1


async def test_nothing_is_told_twice_and_pushes_keep_their_distance(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plays_module, "SECONDS_BETWEEN_PUSHES", 0.05)
    page = Page(feed.plays)
    await page.until(lambda now: now == PlayNow())
    call = live_call()
    feed.started(call)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while loop.time() - began < 0.3:
        call.completion_tokens += 1
        await asyncio.sleep(0.001)
    assert 2 <= len(page.told) <= 8
    before = len(page.told)
    await asyncio.sleep(0.12)  # it runs on and says nothing new
    assert len(page.told) <= before + 1


async def test_a_page_that_has_gone_is_forgotten(feed: Feed) -> None:
    page, stays = Page(feed.plays), Page(feed.plays)
    page.watch.end()
    page.watch.end()
    feed.started(live_call())
    await stays.until(lambda now: now.calls == 1)
    assert page.told == []
    stays.watch.end()
    assert not feed.plays._players


async def test_a_page_that_breaks_harms_no_other(feed: Feed, caplog: pytest.LogCaptureFixture) -> None:
    def broken(_now: PlayNow) -> None:
        raise RuntimeError("gone")

    feed.plays.watch("mira", "dragon", broken)
    page = Page(feed.plays)
    feed.started(live_call())
    await page.until(lambda now: now.calls == 1)
    assert [record.message for record in caplog.records] == [
        "A play page could not be told what it uses and is dropped"
    ]
    caplog.clear()
