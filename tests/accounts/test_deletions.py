import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect
from sqlmodel import Session, col, select

from tests import factories
from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory
from tests.rows import rows
from vanilla.accounts.deletions import KEPT
from vanilla.accounts.passwords import Passwords
from vanilla.accounts.revocation import Revocation
from vanilla.accounts.users import UserChanges, Users
from vanilla.database import Database
from vanilla.errors import Conflict, NotFound, Unauthenticated
from vanilla.inference.meter import Wanted
from vanilla.models import AuditEntry, Favourite, Game, Play, Save, User, new_id, utc_now
from vanilla.services import Services
from vanilla.settings import Settings
from vanilla.usage.ledger import Entry

NAME = "mira-who-leaves"


@pytest.fixture
async def host(services: Services) -> User:
    """The first admin."""
    return await services.users.authenticate("admin", ADMIN_PASSWORD)


@pytest.fixture
async def mira(services: Services, make: Factory, host: User) -> User:
    """Someone who came by an invitation, with something in every table that somebody can have something in."""
    secret, _ = await services.invitations.create(by=host.id, note=f"for {NAME}")
    mira = await services.invitations.accept(secret, NAME, PASSWORD)
    caller = await make.caller(mira)
    await services.api_tokens.create(mira.id, f"bot of {NAME}")
    own, other = await make.game(mira, f"The world of {NAME}"), await make.game()
    await services.play_tokens.open(caller, own.id, 1)
    for game in (own, other):
        await services.consents.decide(mira.id, game.id, True)
    await services.password_resets.create(mira.id, by=host.id)
    now = utc_now()

    def work(session: Session) -> None:
        session.add(Favourite(user_id=mira.id, game_id=other.id, created_at=now))
        session.add(Favourite(user_id=host.id, game_id=own.id, created_at=now))
        session.add(Play(user_id=mira.id, game_id=other.id, plays=3, last_played_at=now))
        for user, game in ((mira, other), (host, own)):
            session.add(Save(user_id=user.id, game_id=game.id, kind="local", parts=["a"], batches=[], updated_at=now))

    await services.database.write(work)
    await factories.record(services.database, entry_of(mira, own.id))
    return mira


def entry_of(user: User, game_id: str = "") -> Entry:
    return Entry(
        id=new_id(),
        timestamp=utc_now(),
        user_id=user.id,
        game_id=game_id,
        backend="ollama",
        model="llama3.2",
        prompt_tokens=10,
        completion_tokens=5,
    )


def file_of(services: Services) -> Path:
    assert services.database.path is not None
    return services.database.path


class TestWhatGoes:
    async def test_nothing_in_the_database_says_their_name(self, services: Services, mira: User) -> None:
        assert NAME in str(rows(file_of(services)))
        await services.deletions.delete(mira.id)
        assert NAME not in str(rows(file_of(services)))

    async def test_of_every_table_only_what_is_counted_still_names_their_id(
        self, services: Services, mira: User
    ) -> None:
        """Tables that come later must decide: rows that cascade with their user go, and what stays is listed here."""
        before = rows(file_of(services))
        await services.deletions.delete(mira.id)
        after = rows(file_of(services))
        named = {table for table, found in after.items() if any(mira.id in str(row) for row in found)}
        assert named <= {
            "users",
            "audit",
            "invitations",  # without its note
            "outside_revocations",
            *(table for table in after if table == "token_usage" or table.startswith("usage_")),
        }
        assert {"token_usage", "users", "audit"} <= named
        went = {table for table in before if any(mira.id in str(row) for row in before[table])} - named
        assert went >= {
            *("sessions", "api_tokens", "play_tokens", "games", "favourites", "consents", "saves", "plays"),
            "password_resets",
        }

    async def test_what_others_have_of_other_games_stays(self, services: Services, make: Factory, mira: User) -> None:
        sam = await make.user("sam")
        game = await make.game(sam)
        await services.consents.decide(sam.id, game.id, True)
        await services.sessions.open(sam)
        await services.api_tokens.create(sam.id, "bot")
        before = rows(file_of(services))
        theirs = {table: [row for row in found if sam.id in str(row)] for table, found in before.items()}
        await services.deletions.delete(mira.id)
        after = rows(file_of(services))
        assert {table: [row for row in found if sam.id in str(row)] for table, found in after.items()} == theirs

    async def test_those_who_clear_the_disk_are_told_of_games_and_saves(
        self, services: Services, host: User, mira: User
    ) -> None:
        told: list[Any] = []

        async def clear(*what: Any) -> None:
            told.append(what)

        services.deletions.subscribe(clear)
        games = await services.database.read(
            lambda session: {row.title: row.id for row in session.exec(select(Game)).all()}
        )
        own, other = games[f"The world of {NAME}"], games["Game"]
        await services.deletions.delete(mira.id)
        ((game_ids, saved),) = told
        assert (list(game_ids), sorted(saved)) == ([own], sorted([(mira.id, other), (host.id, own)]))

    async def test_a_table_with_users_is_either_cleared_or_kept_on_purpose(self, services: Services) -> None:
        """A foreign key on users that does not say CASCADE would let rows of a deleted user stay unseen."""
        stays = {"token_usage": "user_id", "game_hosts": "approved_by", "runtime_settings": "updated_by"}
        stays |= {"invitations": "created_by", **dict.fromkeys(KEPT, "user_id")}
        with services.database.engine.connect() as connection:
            schema = inspect(connection)
            for table in schema.get_table_names():
                for key in schema.get_foreign_keys(table):
                    if key["referred_table"] == "users" and key["options"].get("ondelete") != "CASCADE":
                        assert table in stays, f"{table}: what becomes of {key['constrained_columns']}?"


class TestWhatStays:
    async def test_the_ledger_and_its_sums_without_a_name(self, services: Services, mira: User) -> None:
        before = await services.statistics.totals(user_id=mira.id)
        gone = await services.deletions.delete(mira.id)
        assert (gone.id, gone.username, gone.is_active, gone.is_admin) == (mira.id, "Deleted user 1", False, False)
        assert await services.statistics.totals(user_id=mira.id) == before
        (row,) = await services.statistics.recent(10)
        assert (row.entry.user_id, row.username, row.title) == (mira.id, None, None)

    async def test_a_call_in_flight_settles_and_gives_back_what_it_held(self, services: Services, mira: User) -> None:
        hold = new_id()
        await services.meter.hold(Wanted(hold, mira.id, "", "ollama", "llama3.2", prompt_tokens=10, output_cap=90))
        await services.deletions.delete(mira.id)
        assert await services.meter.settle(hold, entry_of(mira))
        gone = await services.users.get(mira.id)
        assert (gone.tokens_held, gone.total_tokens) == (0, 15)
        assert (await services.meter.held()).holds == 0

    async def test_the_name_is_free_and_the_old_password_opens_nothing(
        self, services: Services, make: Factory, mira: User
    ) -> None:
        await services.deletions.delete(mira.id)
        for name in (NAME, "Deleted user 1"):
            with pytest.raises(Unauthenticated):
                await services.users.authenticate(name, PASSWORD)
        again = await make.user(NAME)
        assert again.id != mira.id

    async def test_names_of_the_deleted_are_never_taken(self, services: Services, make: Factory) -> None:
        await make.user("deleted USER 2")
        people = [await make.user() for _ in range(3)]
        gone = [await services.deletions.delete(user.id) for user in people]
        assert [user.username for user in gone] == ["Deleted user 1", "Deleted user 3", "Deleted user 4"]

    async def test_it_is_told_by_whom(self, services: Services, host: User, mira: User) -> None:
        await services.deletions.delete(mira.id, by=host.id)
        entry = await services.database.read(
            lambda session: session.exec(select(AuditEntry).where(col(AuditEntry.action) == "user.delete")).one()
        )
        assert (entry.actor_id, entry.subject, entry.details["games"]) == (host.id, mira.id, 1)

    async def test_nobody_is_changed_or_deleted_twice(self, services: Services, mira: User) -> None:
        await services.deletions.delete(mira.id)
        for attempt in (
            services.deletions.delete(mira.id),
            services.users.update(mira.id, UserChanges(is_active=True)),
            services.users.set_password(mira.id, PASSWORD),
            services.password_resets.create(mira.id, by=None),
        ):
            with pytest.raises(NotFound):
                await attempt


async def test_everything_of_theirs_that_is_open_is_told_to_end(services: Services, mira: User) -> None:
    ended: list[Revocation] = []
    services.revocations.subscribe(ended.append)
    await services.deletions.delete(mira.id)
    assert ended == [Revocation(mira.id)]


async def test_what_came_after_the_deletion_is_swept_away(services: Services, make: Factory, mira: User) -> None:
    await services.deletions.delete(mira.id)
    late = await make.game(mira, "An upload that was on its way")
    kept = await make.game()
    await services.deletions.sweep()
    left = await services.database.read(lambda session: [row.id for row in session.exec(select(Game)).all()])
    assert late.id not in left
    assert kept.id in left


class TestTheLastAdmin:
    """Nobody can lock everybody out, however many try at once."""

    async def test_cannot_be_deleted(self, services: Services, host: User) -> None:
        with pytest.raises(Conflict, match="last active admin"):
            await services.deletions.delete(host.id, by=host.id)
        assert (await services.users.get(host.id)).deleted_at is None

    @pytest.mark.parametrize("how", ["demote", "deactivate", "delete", "all ways"])
    async def test_of_admins_who_do_away_with_each_other_at_once_one_is_left(
        self, services: Services, make: Factory, host: User, how: str
    ) -> None:
        others = [await make.user(is_admin=True) for _ in range(5)]
        everybody = [host, *others]
        ways = {
            "demote": lambda user: services.users.update(user.id, UserChanges(is_admin=False)),
            "deactivate": lambda user: services.users.update(user.id, UserChanges(is_active=False)),
            "delete": lambda user: services.deletions.delete(user.id),
        }
        chosen = list(ways.values()) if how == "all ways" else [ways[how]]
        answers = await asyncio.gather(
            *(chosen[number % len(chosen)](user) for number, user in enumerate(everybody)), return_exceptions=True
        )
        assert len([answer for answer in answers if isinstance(answer, Conflict)]) == 1
        left = [user for user in everybody if (row := await services.users.get(user.id)).is_admin and row.is_active]
        assert len(left) == 1

    async def test_holds_against_another_process_too(
        self, services: Services, make: Factory, host: User, settings: Settings
    ) -> None:
        """As the command line does while the server runs: another writer, on the same file."""
        second = await make.user(is_admin=True)
        other_process = Database(settings.sqlalchemy_url)
        other_process.open()
        passwords = Passwords()
        others_users = Users(other_process, passwords, services.revocations, services.callers)
        try:
            for _ in range(10):
                answers = await asyncio.gather(
                    services.users.update(host.id, UserChanges(is_admin=False)),
                    others_users.update(second.id, UserChanges(is_admin=False)),
                    return_exceptions=True,
                )
                assert len([answer for answer in answers if isinstance(answer, Conflict)]) == 1
                for user in (host, second):
                    await services.users.update(user.id, UserChanges(is_admin=True))
        finally:
            passwords.close()
            other_process.close()
