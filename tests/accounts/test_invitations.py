import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select, update

from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory
from vanilla.accounts.invitations import InvitationOver, Invited, State
from vanilla.accounts.users import UserChanges
from vanilla.errors import Conflict, Invalid, NotFound
from vanilla.models import AuditEntry, Invitation, User, utc_now
from vanilla.services import Services


@pytest.fixture
async def host(services: Services) -> User:
    """The first admin."""
    return await services.users.authenticate("admin", ADMIN_PASSWORD)


async def invite(services: Services, host: User, **options: Any) -> tuple[str, Invitation]:
    return await services.invitations.create(by=host.id, **options)


async def expire(services: Services, invitation: Invitation) -> None:
    past = utc_now() - timedelta(seconds=1)
    await services.database.write(
        lambda session: session.exec(
            update(Invitation).where(col(Invitation.id) == invitation.id).values(expires_at=past)
        )
    )


async def audited(services: Services) -> list[tuple[str | None, str, str]]:
    """Who did what to what, but for making the first admin."""
    entries = await services.database.read(
        lambda session: session.exec(select(AuditEntry).order_by(col(AuditEntry.id)).offset(1)).all()
    )
    return [(entry.actor_id, entry.action, entry.subject) for entry in entries]


class TestAccept:
    async def test_makes_the_user_with_the_limit_of_the_invitation(self, services: Services, host: User) -> None:
        secret, row = await invite(services, host, token_limit=5_000, limit_period="month")
        user = await services.invitations.accept(secret, "  Mira ", PASSWORD)
        assert (user.username, user.token_limit, user.limit_period) == ("Mira", 5_000, "month")
        assert not user.is_admin
        assert (await services.users.authenticate("mira", PASSWORD)).id == user.id
        assert await audited(services) == [
            (host.id, "invitation.create", row.id),
            (user.id, "invitation.accept", row.id),
        ]

    async def test_of_those_who_come_by_one_link_at_once_one_gets_in(self, services: Services, host: User) -> None:
        secret, _ = await invite(services, host)
        answers = await asyncio.gather(
            *(services.invitations.accept(secret, f"friend{number}", PASSWORD) for number in range(8)),
            return_exceptions=True,
        )
        assert len([answer for answer in answers if isinstance(answer, User)]) == 1
        assert [answer.state for answer in answers if isinstance(answer, InvitationOver)] == ["accepted"] * 7
        assert (await services.users.list())[1] == 2

    async def test_of_two_who_take_one_name_by_two_links_one_gets_it_and_the_other_link_stays(
        self, services: Services, host: User
    ) -> None:
        secrets = [(await invite(services, host))[0] for _ in range(2)]
        answers = await asyncio.gather(
            *(
                services.invitations.accept(secret, name, PASSWORD)
                for secret, name in zip(secrets, ("Mira", "MIRA"), strict=True)
            ),
            return_exceptions=True,
        )
        (won,) = [position for position, answer in enumerate(answers) if isinstance(answer, User)]
        assert isinstance(answers[1 - won], Conflict)
        assert (await services.invitations.accept(secrets[1 - won], "sam", PASSWORD)).username == "sam"

    @pytest.mark.parametrize(
        ("username", "password"), [("", PASSWORD), ("two\nlines", PASSWORD), ("mira", "short"), ("mira", "x" * 73)]
    )
    async def test_a_bad_name_or_password_leaves_the_invitation_open(
        self, services: Services, host: User, username: str, password: str
    ) -> None:
        secret, _ = await invite(services, host)
        with pytest.raises(Invalid):
            await services.invitations.accept(secret, username, password)
        await services.invitations.accept(secret, "mira", PASSWORD)

    async def test_is_refused_once_it_is_over(self, services: Services, host: User) -> None:
        used, revoked, expired = [await invite(services, host) for _ in range(3)]
        await services.invitations.accept(used[0], "mira", PASSWORD)
        await services.invitations.revoke(revoked[1].id, by=host.id)
        await expire(services, expired[1])
        states: list[State] = ["accepted", "revoked", "expired"]
        for (secret, row), state in zip((used, revoked, expired), states, strict=True):
            for attempt in (services.invitations.find(secret), services.invitations.accept(secret, "sam", PASSWORD)):
                with pytest.raises(InvitationOver) as caught:
                    await attempt
                assert caught.value.state == state
            with pytest.raises(InvitationOver):
                await services.invitations.revoke(row.id, by=host.id)

    @pytest.mark.parametrize("secret", ["", "nothing", "\ud800", "x" * 5000])
    async def test_what_is_no_link_is_not_found(self, services: Services, host: User, secret: str) -> None:
        await invite(services, host)
        with pytest.raises(NotFound):
            await services.invitations.accept(secret, "mira", PASSWORD)

    async def test_the_secret_is_kept_nowhere(self, services: Services, host: User) -> None:
        secret, row = await invite(services, host, note="Mira")
        assert len(secret) >= 32
        dump = await services.database.read(
            lambda session: [
                str(found)
                for table in ("invitations", "audit")
                for found in session.connection().exec_driver_sql(f"SELECT * FROM {table}").all()  # noqa: S608
            ]
        )
        assert secret not in "".join(dump)
        assert row.token_hash != secret


class TestMaking:
    @pytest.mark.parametrize("options", [{"note": "x" * 81}, {"note": "two\nlines"}, {"days": 0}, {"days": 91}])
    async def test_refuses_what_makes_no_sense(self, services: Services, host: User, options: dict[str, Any]) -> None:
        with pytest.raises(Invalid):
            await invite(services, host, **options)

    async def test_has_a_bound(self, services: Services, host: User, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("vanilla.accounts.invitations.MOST_OPEN", 2)
        first, _ = [await invite(services, host) for _ in range(2)]
        with pytest.raises(Conflict, match="open already"):
            await invite(services, host)
        await services.invitations.revoke(first[1].id, by=host.id)
        await invite(services, host)


class TestList:
    async def test_tells_what_became_of_each_the_newest_first(self, services: Services, host: User) -> None:
        used, revoked, expired, last = [
            await invite(services, host, note=note) for note in ("used", "revoked", "expired", "open")
        ]
        mira = await services.invitations.accept(used[0], "mira", PASSWORD)
        await services.invitations.revoke(revoked[1].id, by=host.id)
        await expire(services, expired[1])
        found, counts = await services.invitations.list()
        assert [(each.invitation.note, each.state) for each in found] == [
            ("open", "open"),
            ("expired", "expired"),
            ("revoked", "revoked"),
            ("used", "accepted"),
        ]
        assert (found[3].created_by, found[3].username, found[3].invitation.user_id) == ("admin", "mira", mira.id)
        assert counts == {"open": 1, "accepted": 1, "expired": 1, "revoked": 1}
        only, _ = await services.invitations.list("open")
        assert [each.invitation.id for each in only] == [last[1].id]
        page, _ = await services.invitations.list(limit=2, offset=1)
        assert [note(each) for each in page] == ["expired", "revoked"]


class TestAnAdminWhoIsOneNoLonger:
    @pytest.mark.parametrize("how", ["demoted", "deactivated", "deleted"])
    async def test_lets_nobody_in_any_more(self, services: Services, make: Factory, host: User, how: str) -> None:
        other = await make.user(is_admin=True)
        theirs, mine = await invite(services, other), await invite(services, host)
        if how == "deleted":
            await services.deletions.delete(other.id, by=host.id)
        else:
            changes = UserChanges(is_admin=False) if how == "demoted" else UserChanges(is_active=False)
            await services.users.update(other.id, changes, by=host.id)
        with pytest.raises(InvitationOver):
            await services.invitations.accept(theirs[0], "mira", PASSWORD)
        await services.invitations.accept(mine[0], "mira", PASSWORD)

    async def test_a_change_of_something_else_leaves_invitations(self, services: Services, host: User) -> None:
        secret, _ = await invite(services, host)
        await services.users.update(host.id, UserChanges(token_limit=5, is_admin=True, is_active=True), by=host.id)
        await services.invitations.find(secret)


def note(invited: Invited) -> str:
    return invited.invitation.note
