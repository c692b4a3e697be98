"""The page of the audit, and the page of invitations: what they show, and what they do."""

import re
from datetime import timedelta

from nicegui import ui
from nicegui.testing import User as Browser
from sqlmodel import Session

from pages.admin.audit import Wish, wish_of
from tests.factories import PASSWORD, Factory
from tests.pages.admin.conftest import eventually
from tests.pages.admin.test_users import link_shown, rows_of, the_admin, told
from vanilla import audit
from vanilla.accounts.users import UserChanges
from vanilla.models import AuditEntry, utc_now
from vanilla.services import Services


def sentences(browser: Browser) -> list[str]:
    """What the page of the audit says, from the top."""
    (listed,) = browser.find(marker="audit").elements
    assert isinstance(listed, ui.html)
    return re.findall(r'class="sentence">([^<]*)<', listed.content)


class TestAudit:
    async def test_tells_changes_as_sentences_with_their_exact_time(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        me, mira = await the_admin(services), await make.user("<mira>", token_limit=5)
        await services.users.update(mira.id, UserChanges(token_limit=50), by=me.id)
        await admin.open("/admin/audit")
        assert sentences(admin)[0] == "admin raised &lt;mira&gt;&#x27;s limit from 5 to 50 tokens"
        (listed,) = admin.find(marker="audit").elements
        assert isinstance(listed, ui.html)
        assert re.search(r'<time [^>]*title="20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC"', listed.content)

    async def test_is_narrowed_down_by_who_what_about_what_and_when(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        me = await the_admin(services)
        mira = await make.user("mira", by=me.id)
        await services.users.set_password(mira.id, PASSWORD, by=mira.id)
        await services.sessions.close_all(mira.id, by=me.id)
        old = utc_now() - timedelta(days=8)
        await services.database.write(
            lambda session: session.add(
                AuditEntry(created_at=old, actor_id=me.id, action="settings.update", subject="server_tools")
            )
        )
        await admin.open("/admin/audit")
        assert len(sentences(admin)) == 5
        admin.find(marker="actor").trigger("change", mira.id)
        await eventually(lambda: sentences(admin) == ["mira chose a new password"])
        admin.find(marker="actor").trigger("change", me.id)
        await eventually(lambda: len(sentences(admin)) == 3)
        admin.find(marker="noun").trigger("change", "settings")
        await eventually(lambda: sentences(admin) == ["admin changed server tools"])
        admin.find("7 days").click()
        await admin.should_see("Nothing of this kind has been changed.")
        admin.find(marker="noun").trigger("change", "")
        await eventually(lambda: len(sentences(admin)) == 2)
        admin.find(marker="search").trigger("input", "MIRA")
        await eventually(lambda: sentences(admin)[:1] == ["admin signed mira out everywhere"])
        await admin.open(f"/admin/audit?who={mira.id}")
        assert sentences(admin) == ["mira chose a new password"]
        await admin.open("/admin/audit?who=somebody&what=nonsense&days=5&before=x")
        await admin.should_see("Nothing of this kind has been changed.")

    async def test_goes_back_page_by_page(self, admin: Browser, services: Services) -> None:
        def work(session: Session) -> None:
            for number in range(55):
                audit.record(session, by=None, action="settings.update", subject=f"setting {number}")

        await services.database.write(work)
        await admin.open("/admin/audit?what=settings")
        assert (len(sentences(admin)), sentences(admin)[0]) == (50, "The server changed setting 54")
        await admin.should_not_see("Newest")
        admin.find("Older").click()
        await eventually(lambda: len(sentences(admin)) == 5)
        assert sentences(admin)[-1] == "The server changed setting 0"
        await admin.should_not_see("Older")
        admin.find("Newest").click()
        await eventually(lambda: len(sentences(admin)) == 50)

    def test_the_address_of_the_csv_asks_for_the_same(self) -> None:
        assert Wish().csv_address == "/admin/api/audit.csv"
        wish = wish_of("me", "user", "a&b", "", "7")
        assert wish.csv_address == "/admin/api/audit.csv?actor=me&action=user&subject=a%26b"
        assert wish.address == "/admin/audit?who=me&what=user&about=a%26b&before=7"
        assert "since=" in wish_of("", "", "", "30", "").csv_address


class TestInvitations:
    async def test_an_admin_makes_a_link_that_lets_a_friend_in(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        await admin.open("/admin/users")
        admin.find("Invite a friend").click()
        await admin.should_see("A note for yourself.")
        fields = {"note": "Noor", "token_limit": "5,000", "limit_period": "day", "days": "3"}
        admin.find(marker="ask").trigger("submit", fields)
        await admin.should_see("Send this link to Noor")
        await admin.should_see("good for 3 days")
        link = link_shown(admin)
        assert link.startswith("http://test/invitation/")
        await admin.should_see("Invitations, 1 open")
        user = await services.invitations.accept(link.rpartition("/")[2], "noor", PASSWORD)
        assert (user.token_limit, user.limit_period) == (5_000, "day")
        await admin.open("/admin/invitations?state=accepted")
        assert f'<a href="/admin/users/{user.id}">noor</a> came in' in rows_of(admin)

    async def test_says_in_the_dialog_what_is_wrong(self, admin: Browser, services: Services) -> None:
        await admin.open("/admin/invitations")
        await admin.should_see("No invitation is open.")
        admin.find("Invite a friend").click()
        await admin.should_see("Make the link")
        usual = {"note": "", "token_limit": "", "limit_period": "total", "days": "7"}
        for wrong, sentence in (
            ({"days": "8"}, "Choose how long"),
            ({"token_limit": "many"}, "whole number"),
            ({"note": "x" * 81}, "Whom it is for"),
            ({"limit_period": ""}, "over which time"),
        ):
            admin.find(marker="ask").trigger("submit", {**usual, **wrong})
            await admin.should_see(sentence)
        assert (await services.invitations.list())[0] == []

    async def test_an_open_one_is_taken_back(self, admin: Browser, services: Services) -> None:
        me = await the_admin(services)
        _, row = await services.invitations.create(by=me.id, note="<b>Noor</b>", token_limit=5)
        await admin.open("/admin/invitations")
        assert "&lt;b&gt;Noor&lt;/b&gt;" in rows_of(admin)
        assert "5 tokens" in rows_of(admin)
        for pressed in ({"act": "revoke", "of": "nothing"}, {"act": "delete", "of": row.id}, None):
            admin.find(marker="rows").trigger("click", pressed)
        admin.find(marker="rows").trigger("click", {"act": "revoke", "of": row.id})
        await admin.should_see("Its link lets nobody in any more.")
        admin.find(marker="ask").trigger("submit", {})
        await told(admin, "The invitation is taken back.")
        await admin.should_see("No invitation is open.")
        admin.find("Taken back").click()
        await eventually(lambda: "taken back" in rows_of(admin))
        (invited,), _ = await services.invitations.list()
        assert invited.state == "revoked"
