"""The usage page and a user's own: ranges, totals, calls."""

from datetime import timedelta

from nicegui import ui
from nicegui.testing import User as Browser

from tests.factories import Factory
from tests.pages.admin.conftest import Spend, eventually
from vanilla.models import utc_now


def texts(browser: Browser) -> list[str]:
    assert browser.client is not None
    return [text for element in browser.client.elements.values() if (text := getattr(element, "text", ""))]


def csv_address(browser: Browser) -> str:
    (link,) = browser.find("Download CSV").elements
    return str(link.props["href"])


class TestUsage:
    async def test_is_empty_at_first_and_says_so(self, admin: Browser) -> None:
        await admin.open("/admin/usage")
        await admin.should_see("No calls in this range.")
        await admin.should_see("Tokens a day")

    async def test_sums_by_user_model_backend_and_game(self, admin: Browser, make: Factory, spend: Spend) -> None:
        await spend(await make.user("mira"))
        await spend(await make.user("jon"), backend="anthropic", model="claude-haiku-4-5", estimated=True)
        await admin.open("/admin/usage")
        for words in ("mira", "jon", "llama3.2", "claude-haiku-4-5", "anthropic", "Outside games", "2,468", "ok*"):
            await admin.should_see(words)
        assert (await admin.http_client.get(csv_address(admin))).text.count("\r\n") == 3

    async def test_a_range_changes_all_of_it(self, admin: Browser, make: Factory, spend: Spend) -> None:
        await spend(await make.user("mira"), timestamp=utc_now() - timedelta(days=3))
        await admin.open("/admin/usage?days=1")
        await admin.should_see("Tokens an hour")
        assert "mira" not in texts(admin)
        assert csv_address(admin).endswith("days=1")
        admin.find("7 d").click()
        await eventually(lambda: "mira" in texts(admin))
        assert csv_address(admin).endswith("days=7")
        assert len(admin.find(ui.echart).elements) == 1

    async def test_a_range_that_there_is_not_is_the_usual_one(self, admin: Browser) -> None:
        await admin.open("/admin/usage?days=nonsense")
        await admin.should_see("Tokens a day")

    async def test_many_users_are_the_first_and_a_number(self, admin: Browser, make: Factory, spend: Spend) -> None:
        for number in range(23):
            await spend(await make.user(f"friend {number}"), prompt_tokens=1000 - number)
        await admin.open("/admin/usage")
        await admin.should_see("3 more with fewer tokens.")


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
