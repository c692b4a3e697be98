from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlmodel import Session, col, select

from tests.factories import PASSWORD, Factory
from vanilla import audit
from vanilla.accounts.users import UserChanges
from vanilla.models import AuditEntry, User, utc_now
from vanilla.operations.audit import SERVER, AuditSearch, _conditions
from vanilla.operations.sentences import ACTIONS, Names, sentence
from vanilla.services import Services

NAMES = Names(
    users={"ada": "ada", "mira": "mira"},
    games={"g1": "Orbit"},
    notes={"i1": "Mira from work"},
)


def told(action: str, details: dict[str, Any] | None = None, *, by: str | None = "ada", subject: str = "mira") -> str:
    entry = AuditEntry(created_at=utc_now(), actor_id=by, action=action, subject=subject, details=details or {})
    return sentence(entry, NAMES)


class TestSentences:
    @pytest.mark.parametrize(
        ("action", "details", "expected"),
        [
            (
                "user.create",
                {"is_admin": False, "token_limit": 50_000, "limit_period": "month"},
                "ada created mira, with 50,000 tokens a month",
            ),
            (
                "user.create",
                {"is_admin": True, "token_limit": None, "limit_period": "total"},
                "ada created mira as an admin, with no limit",
            ),
            (
                "user.update",
                {"token_limit": [50_000, 80_000], "period": "month"},
                "ada raised mira's limit from 50,000 to 80,000 tokens a month",
            ),
            (
                "user.update",
                {"token_limit": [5, 0], "period": "total"},
                "ada lowered mira's limit from 5 to 0 tokens",
            ),
            (
                "user.update",
                {"token_limit": [None, 5], "period": "day"},
                "ada gave mira's account a limit of 5 tokens a day",
            ),
            (
                "user.update",
                {"token_limit": [7_000, None], "period": "total"},
                "ada lifted mira's limit of 7,000 tokens",
            ),
            (
                "user.update",
                {"limit_period": ["total", "day"], "token_limit": [5, 10], "period": "day"},
                "ada had mira's limit count by the day instead of in all,"
                " and raised mira's limit from 5 to 10 tokens a day",
            ),
            ("user.update", {"is_active": [True, False]}, "ada switched mira off"),
            ("user.update", {"is_active": [False, True]}, "ada switched mira on"),
            (
                "user.update",
                {"is_admin": [True, False], "invitations_revoked": 2},
                "ada made mira a plain user, and with that took back 2 open invitations",
            ),
            ("user.update", {"is_admin": [False, True]}, "ada made mira an admin"),
            (
                "user.update",
                {"requests_per_minute": [None, 20], "concurrent_calls": [3, None]},
                "ada changed mira's calls a minute from the usual to 20,"
                " and changed mira's calls at once from 3 to the usual",
            ),
            ("user.delete", {"games": 1}, "ada deleted a user, now mira, with 1 game"),
            ("user.password", {}, "ada set a new password for mira"),
            ("reset.create", {}, "ada made a link for mira to choose a new password"),
            ("session.close_all", {"sessions": 2}, "ada signed mira out everywhere"),
        ],
    )
    def test_tell_what_happened_to_a_user(self, action: str, details: dict[str, Any], expected: str) -> None:
        assert told(action, details) == expected

    @pytest.mark.parametrize(
        ("action", "details", "expected"),
        [
            ("user.password", {}, "mira chose a new password"),
            ("user.password", {"by_link": True}, "mira chose a new password by a link"),
            ("session.close_all", {}, "mira signed out all their other browsers"),
            (
                "user.update",
                {"token_limit": [5, 6], "period": "total"},
                "mira raised their own limit from 5 to 6 tokens",
            ),
            ("user.update", {"is_admin": [True, False]}, "mira made themselves a plain user"),
        ],
    )
    def test_tell_what_somebody_did_to_themselves(self, action: str, details: dict[str, Any], expected: str) -> None:
        assert told(action, details, by="mira") == expected

    @pytest.mark.parametrize(
        ("action", "subject", "details", "expected"),
        [
            (
                "invitation.create",
                "i1",
                {"token_limit": 5, "limit_period": "day", "days": 7},
                "ada invited somebody (Mira from work), with 5 tokens a day, good for 7 days",
            ),
            ("invitation.revoke", "i1", {}, "ada took back the invitation for Mira from work"),
            ("invitation.revoke", "gone", {}, "ada took back an invitation"),
            ("invitation.accept", "i1", {"created_by": "mira"}, "ada came in by mira's invitation"),
            (
                "settings.update",
                "max_num_ctx",
                {"max_num_ctx": [32_768, 65_536]},
                "ada changed max num ctx from 32,768 to 65,536",
            ),
            (
                "settings.update",
                "server_tools",
                {"server_tools": [False, True]},
                "ada changed server tools from off to on",
            ),
            ("inference.stop", "", {}, "ada stopped all inference"),
            ("backup.create", "b.tar.gz", {"size_bytes": 5}, "ada made the backup b.tar.gz"),
            ("backup.download", "", {}, "ada downloaded a backup"),
            ("game.update", "g1", {"title": ["Orb", "Orbit"]}, "ada changed the game Orbit: title from Orb to Orbit"),
            ("host.approve", "g1", {"host": "fonts.example.org"}, "ada allowed fonts.example.org for Orbit"),
            ("game.remove", "g1", {}, "ada removed the game Orbit"),
            ("game.restore", "gone", {}, "ada brought back a game that is gone"),
            ("weather.turn", "rain", {}, "ada did weather turn: rain"),
        ],
    )
    def test_tell_what_happened_to_other_things(
        self, action: str, subject: str, details: dict[str, Any], expected: str
    ) -> None:
        assert told(action, details, subject=subject) == expected

    def test_say_what_they_can_of_people_who_are_gone(self) -> None:
        assert (
            told("user.password", by="x", subject="y")
            == "somebody who is gone set a new password for somebody who is gone"
        )
        assert told("user.password", by=None) == "The server set a new password for mira"

    @pytest.mark.parametrize("action", ACTIONS)
    def test_of_every_action_stand_even_without_details(self, action: str) -> None:
        assert told(action, {}).startswith("ada ")


@pytest.fixture
async def ada(make: Factory) -> User:
    return await make.user("ada", is_admin=True)


class TestFind:
    async def test_gives_the_newest_first_a_page_at_a_time(self, services: Services, ada: User) -> None:
        def work(session: Session) -> None:
            for number in range(7):
                audit.record(session, by=ada.id, action="settings.update", subject=f"setting {number}")

        await services.database.write(work)
        search = AuditSearch(action="settings.update")
        first = await services.audit.find(search, limit=3)
        assert [row.subject for row in first] == ["setting 6", "setting 5", "setting 4"]
        before = first[-1].entry.id
        second = await services.audit.find(search, limit=3, before=before)
        await services.database.write(lambda session: audit.record(session, by=None, action="settings.update"))
        assert [row.subject for row in second] == ["setting 3", "setting 2", "setting 1"]
        assert second == await services.audit.find(search, limit=3, before=before), "what is new moves no page"
        assert await services.audit.find(search, before=10**9) == []

    async def test_by_who_what_about_what_and_when(self, services: Services, make: Factory, ada: User) -> None:
        mira, sam = [await make.user(name, by=ada.id) for name in ("mira", "sam")]
        await services.users.update(mira.id, UserChanges(token_limit=5), by=ada.id)
        await services.users.set_password(sam.id, PASSWORD, by=sam.id)
        secret, _ = await services.invitations.create(by=ada.id, note="Noor")

        async def found(**options: Any) -> list[str]:
            return [row.sentence for row in await services.audit.find(AuditSearch(**options))]

        assert await found(actor=sam.id) == ["sam chose a new password"]
        assert await found(actor=SERVER, subject="ada") == ["The server created ada as an admin, with no limit"]
        assert await found(subject="IRA") == [
            "ada gave mira's account a limit of 5 tokens",
            "ada created mira, with no limit",
        ]
        assert await found(subject=mira.id) == await found(subject="mira")
        assert await found(action="user.update") == ["ada gave mira's account a limit of 5 tokens"]
        assert len(await found(action="user", actor=ada.id)) == 3
        assert await found(action="use") == []
        assert await found(subject="noor") == ["ada invited somebody (Noor), with no limit, good for 7 days"]
        assert await found(subject="%") == []
        now = utc_now()
        assert await found(until=now - timedelta(minutes=1)) == []
        assert await found(since=now + timedelta(minutes=1)) == []
        assert len(await found(since=now - timedelta(minutes=1), until=now + timedelta(minutes=1))) == 7
        assert secret not in str(await services.audit.find(AuditSearch()))

    async def test_names_who_ever_did_something(self, services: Services, make: Factory, ada: User) -> None:
        mira = await make.user("mira", by=ada.id)
        assert await services.audit.actors() == [(ada.id, "ada")]
        await services.users.set_password(mira.id, PASSWORD, by=mira.id)
        assert await services.audit.actors() == [(ada.id, "ada"), (mira.id, "mira")]

    async def test_a_user_who_is_deleted_takes_their_name_out_of_it(
        self, services: Services, make: Factory, ada: User
    ) -> None:
        mira = await make.user("mira", by=ada.id)
        await services.deletions.delete(mira.id, by=ada.id)
        assert [row.sentence for row in await services.audit.find(AuditSearch(subject=mira.id))] == [
            "ada deleted a user, now Deleted user 1",
            "ada created Deleted user 1, with no limit",
        ]

    async def test_reads_no_table_from_end_to_end(self, services: Services, ada: User) -> None:
        """What the pages ask goes by an index; a search about a word alone may look at every entry."""
        week_ago = utc_now() - timedelta(days=7)
        for search in (
            AuditSearch(),
            AuditSearch(actor=ada.id),
            AuditSearch(actor=SERVER),
            AuditSearch(action="user.update"),
            AuditSearch(since=week_ago),
            AuditSearch(actor=ada.id, since=week_ago),
        ):
            plan = await services.database.read(partial(_plan, search))
            assert "USING INDEX" in plan, (search, plan)
            assert "TEMP B-TREE" not in plan, (search, plan)


def _plan(search: AuditSearch, session: Session) -> str:
    order = (col(AuditEntry.created_at).desc(), col(AuditEntry.id).desc())
    statement = select(AuditEntry).where(*_conditions(search)).order_by(*order).limit(50)
    compiled = statement.compile(session.connection(), compile_kwargs={"literal_binds": True})
    return "; ".join(str(row[3]) for row in session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}"))
