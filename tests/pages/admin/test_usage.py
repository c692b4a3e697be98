"""The usage page and a user's own: ranges, totals, calls."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User as Browser

from pages.charts import minute_text
from pages.elements import Words
from tests.factories import Factory
from tests.pages.admin.conftest import Spend, eventually, texts
from vanilla.models import utc_now
from vanilla.services import Services


def href(browser: Browser, words: str) -> str:
    (link,) = (
        each for each in browser.find(kind=Words, content=words).elements if each.tag == "a" and each.text == words
    )
    return str(link.props["href"])


def csv_address(browser: Browser) -> str:
    (link,) = browser.find("Download CSV").elements
    return str(link.props["href"])


class TestUsage:
    async def test_is_empty_at_first_and_says_so(self, admin: Browser) -> None:
        await admin.open("/admin/usage")
        await admin.should_see("No calls in this range")
        assert href(admin, "The last year") == "/admin/usage?range=1y"

    async def test_sums_by_user_model_backend_and_game(self, admin: Browser, make: Factory, spend: Spend) -> None:
        await spend(await make.user("mira"))
        await spend(await make.user("jon"), backend="anthropic", model="claude-haiku-4-5", estimated=True)
        await admin.open("/admin/usage")
        for words in ("mira", "jon", "llama3.2", "claude-haiku-4-5", "anthropic", "Outside games", "2,468", "ok*"):
            await admin.should_see(words)
        assert (await admin.http_client.get(csv_address(admin))).text.count("\r\n") == 3

    async def test_a_range_is_an_address(self, admin: Browser, make: Factory, spend: Spend) -> None:
        await spend(await make.user("mira"), timestamp=utc_now() - timedelta(days=3))
        await admin.open("/admin/usage?range=24h")
        await admin.should_see("No calls in this range")
        assert "mira" not in texts(admin)
        assert href(admin, "7 d") == "/admin/usage?range=7d"
        await admin.open("/admin/usage?range=7d")
        await admin.should_see("Tokens an hour")
        assert "mira" in texts(admin)
        assert len(admin.find(ui.echart).elements) == 1

    async def test_what_makes_no_sense_is_the_usual_range(self, admin: Browser, make: Factory, spend: Spend) -> None:
        await spend(await make.user("mira"))
        for query in ("range=nonsense", "from=yesterday", "from=2026-11-02&to=2026-11-01", "from=0001-01-01T00:00:00"):
            await admin.open(f"/admin/usage?{query}")
            await admin.should_see("Tokens a day")

    async def test_many_users_are_the_first_and_a_number(self, admin: Browser, make: Factory, spend: Spend) -> None:
        for number in range(13):
            await spend(await make.user(f"friend {number}"), prompt_tokens=1000 - number)
        await admin.open("/admin/usage")
        await admin.should_see("3 more with fewer tokens.")

    async def test_days_of_ones_own_are_whole_days(self, admin: Browser, make: Factory, spend: Spend) -> None:
        mira = await make.user("mira")
        for day in (1, 2, 3):
            await spend(mira, timestamp=datetime(2026, 3, day, 23, 59, tzinfo=UTC), model=f"model-of-{day}")
        await admin.open("/admin/usage?from=2026-03-02&to=2026-03-02")
        await admin.should_see("model-of-2")
        assert not {"model-of-1", "model-of-3"} & set(texts(admin))
        lines = (await admin.http_client.get(csv_address(admin))).text
        assert ("model-of-2" in lines, "model-of-1" in lines, "model-of-3" in lines) == (True, False, False)
        await admin.open("/admin/usage?from=2026-03-02")
        await admin.should_see("model-of-3")
        assert "model-of-1" not in texts(admin)

    async def test_a_minute_of_a_chart_is_that_minute(self, admin: Browser, make: Factory, spend: Spend) -> None:
        mira = await make.user("mira")
        now = utc_now().replace(second=30)
        for minutes in (10, 11, 12):
            await spend(mira, timestamp=now - timedelta(minutes=minutes), model=f"model-of-{minutes}")
        first, last = (minute_text(now - timedelta(minutes=minutes)) for minutes in (11, 10))
        await admin.open(f"/admin/usage?from={first}&to={last}")
        await admin.should_see("1,234")
        assert {words for words in texts(admin) if words.startswith("model-of")} == {"model-of-11"}


class TestFilters:
    async def test_each_narrows_sums_calls_and_csv(
        self, admin: Browser, make: Factory, spend: Spend, services: Services
    ) -> None:
        mira, jon = await make.user("mira"), await make.user("jon")
        game = await make.game(mira, title="Dragon")
        await spend(mira, game_id=game.id, prompt_tokens=11_000)
        await spend(mira, backend="anthropic", model="claude", prompt_tokens=22_000)
        await spend(jon, status="failed", prompt_tokens=33_000)
        for query, tokens in (
            (f"user={mira.id}", ["22,234", "11,234"]),
            (f"game={game.id}", ["11,234"]),
            ("game=none", ["33,234", "22,234"]),
            ("model=claude", ["22,234"]),
            ("backend=ollama", ["33,234", "11,234"]),
            ("status=ok", ["22,234", "11,234"]),
            ("status=failed", ["33,234"]),
            ("status=not-ok", ["33,234"]),
            (f"user={mira.id}&status=failed", []),
        ):
            for when in ("range=1h", "range=1y"):
                await admin.open(f"/admin/usage?{when}&{query}")
                await eventually(lambda: {"By model", "No calls in this range"} & set(texts(admin)) != set())
                total = sum(int(each.replace(",", "")) for each in tokens)
                assert not tokens or f"{total:,}" in texts(admin), (query, when)
                lines = (await admin.http_client.get(csv_address(admin))).text.splitlines()
                assert len(lines) == 1 + len(tokens), (query, when)

    async def test_are_shown_and_each_can_be_dropped(self, admin: Browser, make: Factory, spend: Spend) -> None:
        mira = await make.user("mira")
        await spend(mira)
        await admin.open(f"/admin/usage?range=7d&user={mira.id}&model=llama3.2")
        for name, without in (
            ("mira", "/admin/usage?range=7d&model=llama3.2"),
            ("llama3.2", f"/admin/usage?range=7d&user={mira.id}"),
        ):
            chips = [
                each for each in admin.find(kind=Words).elements if each.props.get("aria-label") == f"Not only {name}"
            ]
            assert [each.props["href"] for each in chips] == [without]
        assert href(admin, "24 h") == f"/admin/usage?range=24h&user={mira.id}&model=llama3.2"

    async def test_a_name_that_was_typed_becomes_an_id(self, admin: Browser, make: Factory) -> None:
        mira = await make.user("Mira")
        game = await make.game(mira, title="The Dragon")
        answer = await admin.http_client.get("/admin/usage?range=7d&who=+mira+&title=the+dragon&model=m")
        assert answer.headers["location"] == f"/admin/usage?range=7d&user={mira.id}&game={game.id}&model=m"
        for query, sentence in (("who=nobody", "Nobody is called nobody."), ("title=none", "No game is called none.")):
            await admin.open(f"/admin/usage?{query}")
            await admin.should_see(sentence)

    async def test_a_user_who_is_gone_and_a_game_that_is_not_there_do_no_harm(self, admin: Browser) -> None:
        await admin.open("/admin/usage?user=gone&game=gone&model=%3Cb%3E&backend=x&status=y")
        for words in ("A deleted user", "A removed game", "<b>", "No calls in this range"):
            await admin.should_see(words)

    async def test_refused_calls_are_listed_by_minute_user_and_reason(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        mira = await make.user("mira")
        for _ in range(3):
            services.feed.refused(mira.id, "mira", "ollama", "spent")
        services.feed.refused("", "", "anthropic", "upstream 529")
        await admin.open("/admin/usage?range=1h&status=refused")
        for words in ("Refused calls", "mira", "limit spent", "3", "model server said 529"):
            await admin.should_see(words)
        await admin.open(f"/admin/usage?range=1h&status=refused&user={mira.id}")
        assert "model server said 529" not in texts(admin)
        await admin.open("/admin/usage?range=1h&status=refused&reason=upstream+529")
        assert "model server said 529" in texts(admin)
        assert "limit spent" not in texts(admin)
        await admin.open("/admin/usage?range=1h&status=refused&user=other")
        await admin.should_see("No call was refused in this range.")

    async def test_refused_calls_go_on_page_by_page(
        self, admin: Browser, make: Factory, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pages.admin.refusals.A_PAGE", 2)
        mira = await make.user("mira")
        for reason in ("one", "two", "three"):
            services.feed.refused(mira.id, "mira", "ollama", reason)
        await admin.open("/admin/usage?range=1h&status=refused")
        shown = [each for each in texts(admin) if each in ("one", "two", "three")]
        assert len(shown) == 2
        admin.find("Show older").click()
        await eventually(lambda: {"one", "two", "three"} <= set(texts(admin)))


class TestCalls:
    async def test_older_ones_come_when_asked_with_the_same_filter(
        self, admin: Browser, make: Factory, spend: Spend
    ) -> None:
        mira = await make.user("mira")
        for number in range(30):
            await spend(mira, timestamp=utc_now() - timedelta(minutes=number), completion_tokens=70_000 + number)
            await spend(mira, timestamp=utc_now() - timedelta(minutes=number), model="other", completion_tokens=9)
        await admin.open("/admin/usage?model=llama3.2")
        assert "70,024" in texts(admin)
        assert "70,025" not in texts(admin)
        admin.find("Show older").click()
        await eventually(lambda: "70,029" in texts(admin))
        assert "9" not in texts(admin)
        await admin.should_not_see("Show older")


class TestSlowSums:
    async def test_come_when_they_are_there(
        self, admin: Browser, make: Factory, spend: Spend, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("pages.admin.usage.PATIENCE", 0.0)
        await spend(await make.user("mira"))
        go_on, of = asyncio.Event(), services.reports.of

        async def slow(*args: Any) -> Any:
            await go_on.wait()
            return await of(*args)

        monkeypatch.setattr(services.reports, "of", slow)
        await admin.open("/admin/usage")
        await admin.should_see("Adding up these calls.")
        await admin.should_see("llama3.2")  # the calls are there
        await admin.should_not_see("By model")
        go_on.set()
        await eventually(lambda: "By model" in texts(admin))
        await admin.should_not_see("Adding up these calls.")

    async def test_that_fail_say_so(
        self, admin: Browser, services: Services, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr("pages.admin.usage.PATIENCE", 0.0)

        async def fails(*_args: Any) -> Any:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            raise RuntimeError("disk is gone")

        monkeypatch.setattr(services.reports, "of", fails)
        await admin.open("/admin/usage")
        await admin.should_see("These calls could not be added up.")
        assert "disk is gone" in caplog.text


class TestUser:
    async def test_shows_who_it_is_and_their_calls_alone(self, admin: Browser, make: Factory, spend: Spend) -> None:
        mira = await make.user("mira", token_limit=5000)
        await spend(mira, first_byte_ms=412, duration_ms=3400)
        await spend(await make.user("jon"), model="not-mine")
        await admin.open(f"/admin/users/{mira.id}")
        for words in ("mira", "0 of 5,000", "active", "llama3.2", "0.41 s", "3.40 s", "1,234 tokens in 1 call"):
            await admin.should_see(words)
        assert "not-mine" not in texts(admin)

    async def test_shows_older_calls_when_asked(self, admin: Browser, make: Factory, spend: Spend) -> None:
        mira = await make.user("mira")
        for number in range(27):
            await spend(mira, timestamp=utc_now() - timedelta(minutes=number), completion_tokens=70_000 + number)
        await admin.open(f"/admin/users/{mira.id}")
        assert "70,026" not in texts(admin)
        admin.find("Show older").click()
        await eventually(lambda: "70,026" in texts(admin))
        assert texts(admin).count("70,000") == 1
        await admin.should_not_see("Show older")

    async def test_a_limit_changes_in_place(self, admin: Browser, make: Factory) -> None:
        mira = await make.user("mira")
        await admin.open(f"/admin/users/{mira.id}")
        await admin.should_see("No calls yet.")
        admin.find("Edit").click()
        await admin.should_see("Edit mira")
        admin.find(marker="ask").trigger("submit", {"token_limit": "900", "limit_period": "total"})
        await eventually(lambda: "0 of 900" in texts(admin))
