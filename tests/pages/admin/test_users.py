"""Looking after users: the table, the dialogs, what they say."""

import asyncio
import re
from functools import partial

import pytest
from nicegui import ui
from nicegui.testing import User as Browser
from sqlmodel import Session

from pages.admin.dialogs import limit_of
from pages.admin.users import COLUMNS
from tests.factories import PASSWORD, Factory
from tests.pages.admin.conftest import eventually
from vanilla.accounts.users import UserChanges
from vanilla.errors import Invalid, Unauthenticated
from vanilla.models import User, new_id, utc_now
from vanilla.services import Services


async def the_admin(services: Services) -> User:
    (row,), _ = await services.users.list("admin", 1, 0)
    return row


async def told(browser: Browser, sentence: str) -> None:
    """Wait for a notice."""
    await eventually(lambda: browser.notify.contains(sentence))
    browser.find(ui.dialog).trigger("hide")  # as a real browser does when a dialog has closed


def press(browser: Browser, act: str, user: User) -> None:
    """Press a button in the row of a user."""
    browser.find(marker="rows").trigger("click", {"act": act, "of": user.id})


def rows_of(browser: Browser) -> str:
    """The rows of the table, as HTML."""
    (body,) = browser.find(marker="body").elements
    assert isinstance(body, ui.html)
    return str(body.content)


def order(browser: Browser) -> list[str]:
    """The names in the table, from the top."""
    return re.findall(r'class="clip">([^<]*)</a>', rows_of(browser))


def is_sorted(browser: Browser, how: dict[str, str]) -> bool:
    """Whether the table says that it is sorted so."""
    return sorted_by(browser) == how


def sorted_by(browser: Browser) -> dict[str, str]:
    """By which column the table says that it is sorted, and how."""
    headings = {}
    for key in COLUMNS:
        (sorter,) = browser.find(marker=f"sort-{key}").elements
        assert sorter.parent_slot is not None
        headings[key] = str(sorter.parent_slot.parent.props["aria-sort"])
    return {key: how for key, how in headings.items() if how != "none"}


def link_shown(browser: Browser) -> str:
    """The link in the dialog that shows one."""
    assert browser.client is not None
    (link,) = [
        element.props["data-copy"] for element in browser.client.elements.values() if "data-copy" in element.props
    ]
    return str(link)


async def many(services: Services, count: int) -> None:
    """So many users, `friend 00` and on."""
    now = utc_now()

    def work(session: Session) -> None:
        for number in range(count):
            name = f"friend {number:02}"
            session.add(
                User(id=new_id(), username=name, username_key=name, password_hash="", created_at=now, updated_at=now)
            )

    await services.database.write(work)


def _use(user_id: str, used: int, total: int, session: Session) -> None:
    row = session.get(User, user_id)
    assert row is not None
    row.tokens_used, row.total_tokens = used, total


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
        mira = await make.user('<b>mira</b>"')
        await admin.open("/admin/users")
        assert f'<a href="/admin/users/{mira.id}" class="clip">&lt;b&gt;mira&lt;/b&gt;&quot;</a>' in rows_of(admin)
        assert "<b>" not in rows_of(admin)

    async def test_finds_by_name_and_says_when_nobody_has_it(self, admin: Browser, make: Factory) -> None:
        await make.user("mira")
        await make.user("jon")
        await admin.open("/admin/users")
        admin.find(marker="search").trigger("input", "MIR")
        await admin.should_see("1 to 1 of 1")
        assert "jon" not in rows_of(admin)
        admin.find(marker="search").trigger("input", "nobody")
        await admin.should_see("Nobody has such a name.")

    async def test_has_pages_of_fifty_that_stay_in_the_address(self, admin: Browser, services: Services) -> None:
        await many(services, 52)
        await admin.open("/admin/users")
        await admin.should_see("1 to 50 of 53")
        assert "friend 51" not in rows_of(admin)
        admin.find("Next").click()
        await admin.should_see("51 to 53 of 53")
        assert "friend 51" in rows_of(admin)
        await admin.open("/admin/users?page=2")
        await admin.should_see("51 to 53 of 53")
        admin.find("Previous").click()
        await admin.should_see("1 to 50 of 53")
        await admin.open("/admin/users?page=9")
        await admin.should_see("There are fewer pages than that.")

    async def test_sorts_by_any_column_and_says_so(self, admin: Browser, make: Factory, services: Services) -> None:
        names = {"ada": (10, 1_000), "mira": (900, 100), "sam": (500, 500)}  # used of 1,000, and of all time
        for name, (used, total) in names.items():
            user = await make.user(name, token_limit=1_000)
            await services.database.write(partial(_use, user.id, used, total))
        await admin.open("/admin/users")
        assert order(admin) == ["ada", "admin", "mira", "sam"]
        assert sorted_by(admin) == {"username": "ascending"}
        for column, expected in {
            "total_tokens": ["ada", "sam", "mira", "admin"],
            "used": ["mira", "sam", "ada", "admin"],
            "created_at": ["sam", "mira", "ada", "admin"],
            "state": ["admin", "ada", "mira", "sam"],
            "last_active_at": ["admin", "ada", "mira", "sam"],
        }.items():
            admin.find(marker=f"sort-{column}").click()
            await eventually(partial(is_sorted, admin, {column: "descending"}))
            assert order(admin) == expected
        admin.find(marker="sort-username").click()
        await eventually(lambda: sorted_by(admin) == {"username": "ascending"})
        admin.find(marker="sort-username").click()
        await eventually(lambda: order(admin) == ["sam", "mira", "admin", "ada"])
        assert sorted_by(admin) == {"username": "descending"}
        await admin.open("/admin/users?sort=total_tokens&order=desc&q=a")
        assert order(admin) == ["ada", "sam", "mira", "admin"]

    async def test_shows_one_kind_of_users(self, admin: Browser, make: Factory, services: Services) -> None:
        near, far, off = [await make.user(name, token_limit=100) for name in ("near", "far", "off")]
        await make.user("none")
        await services.database.write(partial(_use, near.id, 80, 80))
        await services.database.write(partial(_use, far.id, 79, 79))
        await services.users.update(off.id, UserChanges(is_active=False))
        for shown, expected in {
            "active": ["admin", "far", "near", "none"],
            "inactive": ["off"],
            "admin": ["admin"],
            "near": ["near"],
            "nonsense": ["admin", "far", "near", "none", "off"],
        }.items():
            await admin.open(f"/admin/users?show={shown}")
            assert (shown, order(admin)) == (shown, expected)

    async def test_one_who_was_deleted_is_not_in_it(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        await services.deletions.delete(mira.id)
        await admin.open("/admin/users")
        assert order(admin) == ["admin"]
        await admin.open(f"/admin/users/{mira.id}")
        await admin.should_see("This user was deleted.")
        await admin.should_not_see("Sign out everywhere")

    async def test_a_press_on_what_is_not_there_does_nothing(self, admin: Browser, make: Factory) -> None:
        mira = await make.user("mira")
        await admin.open("/admin/users?q=nobody")
        for pressed in ({"act": "edit", "of": mira.id}, {"act": "delete", "of": mira.id}, {"act": 1}, None, "edit"):
            admin.find(marker="rows").trigger("click", pressed)
        await admin.should_not_see("Edit mira")


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
        press(admin, "edit", mira)
        await admin.should_see("Calls a minute")
        fields = {"token_limit": "7000", "limit_period": "month", "is_admin": "yes"}
        admin.find(marker="ask").trigger("submit", fields)
        await admin.should_see("0 of 7,000 / month")
        changed = await services.users.get(mira.id)
        assert (changed.token_limit, changed.limit_period, changed.is_admin) == (7000, "month", True)
        assert admin.notify.contains("mira is changed.")

    async def test_a_limit_can_be_lifted(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira", token_limit=5)
        await admin.open("/admin/users")
        press(admin, "edit", mira)
        await admin.should_see("Calls a minute")
        admin.find(marker="ask").trigger("submit", {"token_limit": " ", "limit_period": "total"})
        await admin.should_not_see("0 of 5")
        assert (await services.users.get(mira.id)).token_limit is None

    async def test_a_pace_is_set_and_left_to_the_host_again(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        mira = await make.user("mira")
        await admin.open("/admin/users")
        press(admin, "edit", mira)
        await admin.should_see("Empty for any number.")
        fields = {"token_limit": "", "limit_period": "total", "requests_per_minute": "20", "concurrent_calls": "2"}
        admin.find(marker="ask").trigger("submit", fields)
        await told(admin, "mira is changed.")
        changed = await services.users.get(mira.id)
        assert (changed.requests_per_minute, changed.concurrent_calls) == (20, 2)
        assert not changed.is_admin
        press(admin, "edit", mira)
        await admin.should_see("Calls a minute")
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
        press(admin, "edit", mira)
        await admin.should_see("Calls a minute")
        admin.find(marker="ask").trigger("submit", {"token_limit": "5", "limit_period": "total", **pace})
        await admin.should_see(sentence)
        assert (await services.users.get(mira.id)).token_limit is None

    async def test_switched_off_and_on_again(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        theirs = await make.signed_in(mira)
        await admin.open("/admin/users")
        press(admin, "switch", mira)
        await admin.should_see("They are signed out at once")
        admin.find(marker="ask").trigger("submit", {})
        await told(admin, "mira is switched off.")
        assert "switched off" in rows_of(admin)
        await admin.should_not_see(ui.dialog)
        assert (await theirs.get("/auth/me")).status_code == 401
        press(admin, "switch", mira)
        await admin.should_see("They can sign in again with their password.")
        admin.find(marker="ask").trigger("submit", {})
        await told(admin, "mira can sign in again.")
        assert "switched off" not in rows_of(admin)
        assert (await services.users.get(mira.id)).is_active

    async def test_the_last_admin_stays_and_the_dialog_says_why(self, admin: Browser, services: Services) -> None:
        me = await the_admin(services)
        await admin.open("/admin/users")
        press(admin, "switch", me)
        await admin.should_see("They are signed out at once")
        admin.find(marker="ask").trigger("submit", {})
        await admin.should_see("admin is the last active admin")
        assert (await services.users.get(me.id)).is_active

    async def test_a_new_password_ends_the_old_one(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        theirs = await make.signed_in(mira)
        await admin.open(f"/admin/users/{mira.id}")
        admin.find("Set password").click()
        await admin.should_see("This signs out all their browsers and API tokens.")
        admin.find(marker="ask").trigger("submit", {"password": "a brand new one"})
        await told(admin, "mira has a new password.")
        assert (await theirs.get("/auth/me")).status_code == 401
        await services.users.authenticate("mira", "a brand new one")
        with pytest.raises(Unauthenticated):
            await services.users.authenticate("mira", PASSWORD)

    async def test_ones_own_new_password_leaves_the_page_signed_in(self, admin: Browser, services: Services) -> None:
        me = await the_admin(services)
        await admin.open(f"/admin/users/{me.id}")
        admin.find("Set password").click()
        await admin.should_see("your other browsers")
        admin.find(marker="ask").trigger("submit", {"password": "a brand new one"})
        await told(admin, "admin has a new password.")
        assert (await admin.http_client.get("/auth/me")).status_code == 200


class TestOneUser:
    async def test_signed_out_everywhere_by_an_admin(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        theirs, program = await make.signed_in(mira), await make.with_api_token(mira)
        await admin.open(f"/admin/users/{mira.id}")
        admin.find("Sign out everywhere").click()
        await admin.should_see("This signs out all their browsers at once.")
        admin.find(marker="ask").trigger("submit", {})
        await told(admin, "mira is signed out everywhere.")
        assert (await theirs.get("/auth/me")).status_code == 401
        assert (await program.get("/auth/me")).status_code == 200

    async def test_chooses_a_new_password_by_a_link(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        await admin.open(f"/admin/users/{mira.id}")
        admin.find("Reset link").click()
        await admin.should_see("You get a link to send to them.")
        admin.find(marker="ask").trigger("submit", {})
        await admin.should_see("Send this link to mira")
        link = link_shown(admin)
        assert link.startswith("http://test/reset/")
        friend = await make.browser()
        answer = await friend.post(
            "/auth/reset", data={"token": link.rpartition("/")[2], "password": "a brand new one"}
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await friend.get("/auth/me")).json()["user"]["username"] == "mira"

    async def test_is_deleted_once_their_name_was_typed(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        mira = await make.user("mira")
        await admin.open(f"/admin/users/{mira.id}")
        admin.find("Delete").click()
        await admin.should_see("Type mira to delete them")
        for typed in ({}, {"typed": "Mira"}, {"typed": "mir"}):
            admin.find(marker="ask").trigger("submit", typed)
            await admin.should_see("Type mira, just so, if you mean it.")
        assert (await services.users.get(mira.id)).deleted_at is None
        admin.find(marker="ask").trigger("submit", {"typed": " mira "})
        await told(admin, "mira is deleted.")
        assert (await services.users.get(mira.id)).deleted_at is not None
        await admin.should_see("This user was deleted.")

    async def test_the_only_admin_cannot_be_deleted(self, admin: Browser, services: Services) -> None:
        me = await the_admin(services)
        await admin.open(f"/admin/users/{me.id}")
        admin.find("Delete").click()
        await admin.should_see("Type admin to delete them")
        admin.find(marker="ask").trigger("submit", {"typed": "admin"})
        await admin.should_see("admin is the last active admin")


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
