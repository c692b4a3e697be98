"""Looking after users: the table, the dialogs, what they say."""

import asyncio

import pytest
from nicegui import ui
from nicegui.testing import User as Browser
from sqlmodel import Session

from pages.admin.dialogs import limit_of
from tests.factories import PASSWORD, Factory
from tests.pages.admin.conftest import eventually
from vanilla.errors import Invalid, Unauthenticated
from vanilla.models import User
from vanilla.services import Services


async def the_admin(services: Services) -> User:
    (row,), _ = await services.users.list("admin", 1, 0)
    return row


async def told(browser: Browser, sentence: str) -> None:
    """Wait for a notice."""
    await eventually(lambda: browser.notify.contains(sentence))
    browser.find(ui.dialog).trigger("hide")  # as a real browser does when a dialog has closed


def texts(browser: Browser) -> list[str]:
    assert browser.client is not None
    return [text for element in browser.client.elements.values() if (text := getattr(element, "text", ""))]


class TestTable:
    async def test_shows_name_tokens_limit_and_state(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira", token_limit=100_000, limit_period="month")

        def use(session: Session) -> None:
            row = session.get(User, mira.id)
            assert row is not None
            row.tokens_used, row.total_tokens = 92_130, 500_000

        await services.database.write(use)
        await admin.open("/admin/users")
        for words in ("mira", "500,000", "92,130 of 100,000 / month", "active", "no limit", "1 to 2 of 2"):
            await admin.should_see(words)

    async def test_names_are_text(self, admin: Browser, make: Factory) -> None:
        await make.user("<b>mira</b>")
        await admin.open("/admin/users")
        await admin.should_see("<b>mira</b>")

    async def test_finds_by_name_and_says_when_nobody_has_it(self, admin: Browser, make: Factory) -> None:
        await make.user("mira")
        await make.user("jon")
        await admin.open("/admin/users")
        admin.find(marker="search").trigger("input", "MIR")
        await admin.should_see("1 to 1 of 1")
        assert "jon" not in texts(admin)
        admin.find(marker="search").trigger("input", "nobody")
        await admin.should_see("Nobody has such a name.")

    async def test_has_pages_of_twenty(self, admin: Browser, make: Factory) -> None:
        for number in range(22):
            await make.user(f"friend {number:02}")
        await admin.open("/admin/users")
        await admin.should_see("1 to 20 of 23")
        assert "friend 20" not in texts(admin)
        admin.find("Next").click()
        await admin.should_see("21 to 23 of 23")
        assert "friend 20" in texts(admin)
        admin.find("Previous").click()
        await admin.should_see("1 to 20 of 23")


class TestCreate:
    async def test_lets_somebody_in(self, admin: Browser, make: Factory, services: Services) -> None:
        await admin.open("/admin/users")
        admin.find("New user").click()
        await admin.should_see("Create user")
        fields = {"username": "mira", "password": PASSWORD, "token_limit": "50,000", "limit_period": "day"}
        admin.find(marker="ask").trigger("submit", fields)
        await admin.should_see("0 of 50,000 / day")
        assert admin.notify.contains("mira can sign in now")
        mira = await services.users.authenticate("mira", PASSWORD)
        assert (mira.token_limit, mira.limit_period, mira.is_admin) == (50_000, "day", False)

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"username": "Admin"}, "The name Admin is taken: choose another."),
            ({"password": "short"}, "The password is too short: use at least 8 characters."),
            ({"token_limit": "lots"}, "Write the limit as a whole number"),
        ],
    )
    async def test_says_in_the_dialog_what_is_wrong(
        self, admin: Browser, services: Services, fields: dict[str, str], sentence: str
    ) -> None:
        await admin.open("/admin/users")
        admin.find("New user").click()
        await admin.should_see("Create user")
        usual = {"username": "mira", "password": PASSWORD, "token_limit": "", "limit_period": "total"}
        admin.find(marker="ask").trigger("submit", {**usual, **fields})
        await admin.should_see(sentence)
        await admin.should_see("Create user")
        assert (await services.users.list("", 10, 0))[1] == 1


class TestChange:
    async def test_limit_and_role_change_in_place(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        await admin.open("/admin/users")
        (edit,) = admin.find(marker=f"edit-{mira.id}").elements
        admin.find(marker=f"edit-{mira.id}").click()
        await admin.should_see("Edit mira")
        fields = {"token_limit": "7000", "limit_period": "month", "is_admin": "yes"}
        admin.find(marker="ask").trigger("submit", fields)
        await admin.should_see("0 of 7,000 / month")
        assert admin.find(marker=f"edit-{mira.id}").elements == {edit}  # so focus comes back to it
        changed = await services.users.get(mira.id)
        assert (changed.token_limit, changed.limit_period, changed.is_admin) == (7000, "month", True)
        assert admin.notify.contains("mira is changed.")

    async def test_a_limit_can_be_lifted(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira", token_limit=5)
        await admin.open("/admin/users")
        admin.find(marker=f"edit-{mira.id}").click()
        await admin.should_see("Edit mira")
        admin.find(marker="ask").trigger("submit", {"token_limit": " ", "limit_period": "total"})
        await admin.should_not_see("0 of 5")
        assert (await services.users.get(mira.id)).token_limit is None

    async def test_a_pace_is_set_and_left_to_the_host_again(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        mira = await make.user("mira")
        await admin.open("/admin/users")
        admin.find(marker=f"edit-{mira.id}").click()
        await admin.should_see("Empty for any number.")
        fields = {"token_limit": "", "limit_period": "total", "requests_per_minute": "20", "concurrent_calls": "2"}
        admin.find(marker="ask").trigger("submit", fields)
        await told(admin, "mira is changed.")
        changed = await services.users.get(mira.id)
        assert (changed.requests_per_minute, changed.concurrent_calls) == (20, 2)
        assert not changed.is_admin
        admin.find(marker=f"edit-{mira.id}").click()
        await admin.should_see("Edit mira")
        admin.find(marker="ask").trigger("submit", {**fields, "requests_per_minute": " ", "concurrent_calls": ""})
        await told(admin, "mira is changed.")
        async with asyncio.timeout(5):
            while (await services.users.get(mira.id)).concurrent_calls is not None:
                await asyncio.sleep(0.01)

    @pytest.mark.parametrize(
        ("pace", "sentence"),
        [
            ({"requests_per_minute": "0"}, "At least 1 call"),
            ({"concurrent_calls": "-1"}, "Write the calls at once as a whole number"),
            ({"concurrent_calls": "1000001"}, "Write the calls at once as a whole number"),
        ],
    )
    async def test_a_pace_that_makes_no_sense_is_refused_with_a_sentence(
        self, admin: Browser, make: Factory, services: Services, pace: dict[str, str], sentence: str
    ) -> None:
        mira = await make.user("mira")
        await admin.open("/admin/users")
        admin.find(marker=f"edit-{mira.id}").click()
        await admin.should_see("Edit mira")
        admin.find(marker="ask").trigger("submit", {"token_limit": "5", "limit_period": "total", **pace})
        await admin.should_see(sentence)
        assert (await services.users.get(mira.id)).token_limit is None

    async def test_switched_off_and_on_again(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        theirs = await make.signed_in(mira)
        await admin.open("/admin/users")
        admin.find(marker=f"switch-{mira.id}").click()
        await admin.should_see("They are signed out at once")
        admin.find(marker="ask").trigger("submit", {})
        await told(admin, "mira is switched off.")
        assert "switched off" in texts(admin)
        await admin.should_not_see(ui.dialog)
        assert (await theirs.get("/auth/me")).status_code == 401
        admin.find(marker=f"switch-{mira.id}").click()
        await admin.should_see("They can sign in again with their password.")
        admin.find(marker="ask").trigger("submit", {})
        await told(admin, "mira can sign in again.")
        assert "switched off" not in texts(admin)
        assert (await services.users.get(mira.id)).is_active

    async def test_the_last_admin_stays_and_the_dialog_says_why(self, admin: Browser, services: Services) -> None:
        me = await the_admin(services)
        await admin.open("/admin/users")
        admin.find(marker=f"switch-{me.id}").click()
        await admin.should_see("They are signed out at once")
        admin.find(marker="ask").trigger("submit", {})
        await admin.should_see("admin is the last active admin")
        assert (await services.users.get(me.id)).is_active

    async def test_a_new_password_ends_the_old_one(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        theirs = await make.signed_in(mira)
        await admin.open("/admin/users")
        admin.find(marker=f"password-{mira.id}").click()
        await admin.should_see("This signs out all their browsers and API tokens.")
        admin.find(marker="ask").trigger("submit", {"password": "a brand new one"})
        await told(admin, "mira has a new password.")
        assert (await theirs.get("/auth/me")).status_code == 401
        await services.users.authenticate("mira", "a brand new one")
        with pytest.raises(Unauthenticated):
            await services.users.authenticate("mira", PASSWORD)

    async def test_ones_own_new_password_leaves_the_page_signed_in(self, admin: Browser, services: Services) -> None:
        me = await the_admin(services)
        await admin.open("/admin/users")
        admin.find(marker=f"password-{me.id}").click()
        await admin.should_see("your other browsers")
        admin.find(marker="ask").trigger("submit", {"password": "a brand new one"})
        await told(admin, "admin has a new password.")
        assert (await admin.http_client.get("/auth/me")).status_code == 200


class TestLimitOf:
    @pytest.mark.parametrize(
        ("text", "limit"), [("", None), ("0", 0), ("100000", 100_000), ("1,000", 1000), ("1 000.000", 1_000_000)]
    )
    def test_reads_numbers_as_people_write_them(self, text: str, limit: int | None) -> None:
        assert limit_of({"token_limit": text, "limit_period": "day"}) == (limit, "day")

    @pytest.mark.parametrize("text", ["-1", "many", "1e9", "٣", "9" * 16, "9" * 400])
    def test_refuses_what_is_no_limit(self, text: str) -> None:
        with pytest.raises(Invalid, match="whole number"):
            limit_of({"token_limit": text, "limit_period": "total"})

    def test_refuses_a_period_that_there_is_not(self) -> None:
        with pytest.raises(Invalid, match="over which time"):
            limit_of({"token_limit": "1", "limit_period": "week"})
