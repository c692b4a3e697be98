"""Usage on the account page: ranges, bars by day or by week, figures by game and by model."""

from datetime import UTC, date, datetime, timedelta

import pytest
from nicegui.testing import User as Browser

from pages.account_usage import Usage, buckets
from tests import factories
from tests.factories import PASSWORD, Factory, sign_in
from vanilla.models import new_id, utc_now
from vanilla.services import Services
from vanilla.usage.ledger import Entry
from vanilla.usage.statistics import Point, Totals

TODAY = date(2026, 11, 23)  # a Monday


async def test_a_range_shows_what_was_used_in_it_and_no_more(user: Browser, make: Factory, services: Services) -> None:
    mira, other = await make.user("mira"), await make.user("sam")
    game = await make.game(title="<b>Hexfall</b>")
    now = utc_now()
    await factories.record(
        services.database,
        _entry(mira.id, now, 1000, game.id),
        _entry(mira.id, now - timedelta(days=20), 500),
        _entry(other.id, now, 77_777, game.id),
    )
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account?days=7")
    for words in ("<b>Hexfall</b>", "1,010", "1,000"):
        await user.should_see(words)
    await user.should_not_see("Outside a game")
    user.find("30 days").click()
    await user.should_see("Outside a game")
    await user.should_see("1,520")  # 1000 + 500, and 10 out of each
    await user.should_not_see("77,777")


@pytest.mark.parametrize("days", ["1e9", "-1", "<script>", "31"])
async def test_an_unknown_range_is_the_usual_one(user: Browser, make: Factory, days: str) -> None:
    await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open(f"/account?days={days}")
    await user.should_see("No tokens used in 30 days")


async def test_the_figures_behind_the_bars_are_there_for_who_asks(
    user: Browser, make: Factory, services: Services
) -> None:
    mira = await make.user("mira")
    await factories.record(services.database, _entry(mira.id, utc_now(), 4321))
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    figures = user.find(marker="figures")
    figures.trigger("toggle", True)
    assert user.client is not None
    drawn = [e.props.get("innerHTML", "") for e in user.client.elements.values() if "innerHTML" in e.props]
    (table,) = [html for html in drawn if "figures-table" in html]
    assert '<td class="number">4,331</td>' in table
    figures.trigger("toggle", False)
    assert not any("figures-table" in e.props.get("innerHTML", "") for e in user.client.elements.values())


async def test_somebody_who_is_out_gets_no_other_range(user: Browser, make: Factory, services: Services) -> None:
    mira = await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    assert user.client is not None
    user.client.storage.clear()  # as if the page had not been closed yet
    await services.sessions.close_all(mira.id)
    user.find("7 days").click()
    await user.should_not_see("No tokens used in 7 days")


def test_up_to_three_months_have_a_bar_for_each_day() -> None:
    unit, starts, tokens = buckets(_usage(90, {TODAY: 5, TODAY - timedelta(days=1): 3}), TODAY)
    assert (unit, len(starts), starts[-1]) == ("day", 90, TODAY)
    assert tokens == {(TODAY, "ollama"): 5, (TODAY - timedelta(days=1), "ollama"): 3}


def test_a_year_has_a_bar_for_each_week_and_loses_nothing() -> None:
    used = {TODAY - timedelta(days=back): back + 1 for back in range(365)}
    unit, starts, tokens = buckets(_usage(365, used), TODAY)
    assert unit == "week"
    assert starts[0] == TODAY - timedelta(days=364)
    assert all(start.weekday() == 0 for start in starts[1:])
    assert {start for start, _ in tokens} <= set(starts)
    assert sum(tokens.values()) == sum(used.values())
    assert tokens[TODAY, "ollama"] == used[TODAY], "a week that has just begun"


def _usage(days: int, used: dict[date, int]) -> Usage:
    points = [
        Point(start=datetime.combine(day, datetime.min.time(), UTC), backend="ollama", total_tokens=tokens)
        for day, tokens in used.items()
    ]
    return Usage(days, Totals(), points, [], [])


def _entry(user_id: str, moment: datetime, prompt_tokens: int, game_id: str = "") -> Entry:
    return Entry(
        id=new_id(),
        timestamp=moment,
        user_id=user_id,
        backend="anthropic",
        model="claude-haiku-4-5",
        prompt_tokens=prompt_tokens,
        completion_tokens=10,
        game_id=game_id,
    )
