import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlmodel import Session, col, select, update

from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory
from vanilla.accounts.periods import period_key
from vanilla.accounts.revocation import Revocation
from vanilla.accounts.users import UserChanges
from vanilla.errors import Conflict, Invalid, NotFound, Unauthenticated
from vanilla.models import LoginSession, UsageHour, User, utc_now
from vanilla.services import Services


async def the_admin(services: Services) -> User:
    return await services.users.authenticate("admin", ADMIN_PASSWORD)


class TestFirstAdmin:
    async def test_the_first_start_made_the_admin_with_the_password_that_was_set(self, services: Services) -> None:
        assert (await the_admin(services)).is_admin

    async def test_a_later_start_changes_nothing(self, services: Services) -> None:
        assert await services.users.ensure_admin("second", "another password") is None
        assert (await services.users.list())[1] == 1

    async def test_without_a_password_one_is_made_and_given_once(self, services: Services) -> None:
        await services.database.write(lambda session: session.delete(session.get(User, _only_id(session))))
        made = await services.users.ensure_admin("root", None)
        assert made is not None
        assert len(made) >= 16
        assert (await services.users.authenticate("root", made)).is_admin
        assert await services.users.ensure_admin("root", None) is None


class TestNames:
    async def test_a_name_is_trimmed_and_composed(self, services: Services) -> None:
        user = await services.users.create(username="  Zoe\u0308 ", password=PASSWORD)
        assert user.username == "Zo\u00eb"
        for typed in ("zoe\u0308", " ZO\u00cb "):
            assert (await services.users.authenticate(typed, PASSWORD)).id == user.id

    @pytest.mark.parametrize("taken", ["Mira", "mira", " MIRA "])
    async def test_names_that_differ_by_case_are_one(self, services: Services, taken: str) -> None:
        await services.users.create(username="Mira", password=PASSWORD)
        with pytest.raises(Conflict, match="taken"):
            await services.users.create(username=taken, password=PASSWORD)

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "   ",
            "x" * 41,
            "two\nlines",
            "zero\u200bwidth",
            "nul\0",
            "half\ud800",
            "turned\u202e",
            "\u3164",
            "\u2800",
        ],
    )
    async def test_a_name_that_cannot_be_read_is_refused(self, services: Services, name: str) -> None:
        with pytest.raises(Invalid):
            await services.users.create(username=name, password=PASSWORD)

    async def test_a_name_in_letters_of_a_special_form_passes_for_nobody(self, services: Services) -> None:
        with pytest.raises(Invalid, match="write admin"):
            await services.users.create(username="\uff41dmin", password=PASSWORD)
        assert (await services.users.create(username="\u30df\u30e9", password=PASSWORD)).username == "\u30df\u30e9"

    async def test_of_two_who_take_a_name_at_once_one_gets_it(self, services: Services) -> None:
        answers = await asyncio.gather(
            *(services.users.create(username=name, password=PASSWORD) for name in ["Rana", "rana"] * 5),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, User) for answer in answers) == 1
        assert sum(isinstance(answer, Conflict) for answer in answers) == 9
        assert (await services.users.list("rana"))[1] == 1


class TestAuthenticate:
    async def test_wrong_names_and_wrong_passwords_read_the_same(self, services: Services, make: Factory) -> None:
        user = await make.user()
        told = []
        for name, password in [("nobody", PASSWORD), (user.username, "wrong password"), (user.username, "x" * 100)]:
            with pytest.raises(Unauthenticated) as caught:
                await services.users.authenticate(name, password)
            told.append(caught.value.message)
        assert len(set(told)) == 1

    async def test_a_name_that_nobody_has_costs_a_hash_too(
        self, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spent = []
        plain = services.passwords.spend

        async def spend() -> None:
            spent.append(1)
            await plain()

        monkeypatch.setattr(services.passwords, "spend", spend)
        with pytest.raises(Unauthenticated):
            await services.users.authenticate("nobody", PASSWORD)
        assert spent == [1]

    async def test_who_is_switched_off_learns_it_only_with_the_right_password(
        self, services: Services, make: Factory
    ) -> None:
        user = await make.user()
        await services.users.update(user.id, UserChanges(is_active=False))
        with pytest.raises(Unauthenticated, match="switched off"):
            await services.users.authenticate(user.username, PASSWORD)
        with pytest.raises(Unauthenticated, match="Wrong username or password"):
            await services.users.authenticate(user.username, "wrong password")


class TestList:
    async def test_a_search_finds_parts_of_names_in_any_case(self, services: Services, make: Factory) -> None:
        for name in ("Mira", "miranda", "Theo", "100%", "under_score"):
            await make.user(name)
        assert [user.username for user in (await services.users.list("MIR"))[0]] == ["Mira", "miranda"]
        assert [user.username for user in (await services.users.list("%"))[0]] == ["100%"]
        assert [user.username for user in (await services.users.list("_"))[0]] == ["under_score"]

    async def test_it_comes_in_pages_and_says_how_many_there_are(self, services: Services, make: Factory) -> None:
        for name in ("c", "a", "b"):
            await make.user(name)
        page, total = await services.users.list(limit=2, offset=1)
        assert ([user.username for user in page], total) == (["admin", "b"], 4)


class TestUpdate:
    async def test_only_what_is_given_changes(self, services: Services, make: Factory) -> None:
        user = await make.user(token_limit=500)
        changed = await services.users.update(user.id, UserChanges(requests_per_minute=5))
        assert (changed.token_limit, changed.requests_per_minute) == (500, 5)
        changed = await services.users.update(user.id, UserChanges(token_limit=None))
        assert (changed.token_limit, changed.requests_per_minute) == (None, 5)
        assert changed.updated_at > user.updated_at

    @pytest.mark.parametrize(
        "changes",
        [
            {"token_limit": -1},
            {"token_limit": 1.5},
            {"token_limit": "10"},
            {"token_limit": True},
            {"token_limit": 10**30},
            {"limit_period": "week"},
            {"limit_period": None},
            {"is_admin": None},
            {"is_active": 1},
            {"password": None},
            {"concurrent_calls": 0},
            {"username": "other"},
        ],
    )
    def test_values_that_mean_nothing_are_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            UserChanges.model_validate(changes)

    async def test_nobody_is_not_found(self, services: Services) -> None:
        with pytest.raises(NotFound):
            await services.users.update("nobody", UserChanges(is_admin=True))

    @pytest.mark.parametrize("change", [{"is_active": False}, {"is_admin": False}])
    async def test_the_last_active_admin_stays(self, services: Services, make: Factory, change: dict[str, Any]) -> None:
        admin = await the_admin(services)
        idle = await make.user(is_admin=True)
        await services.users.update(idle.id, UserChanges(is_active=False))
        with pytest.raises(Conflict, match="last active admin"):
            await services.users.update(admin.id, UserChanges.model_validate(change))
        assert (await services.users.get(admin.id)).is_active
        assert (await services.users.get(admin.id)).is_admin

    async def test_admins_who_demote_each_other_at_once_leave_one(self, services: Services, make: Factory) -> None:
        admins = [await the_admin(services), *[await make.user(is_admin=True) for _ in range(4)]]
        answers = await asyncio.gather(
            *(services.users.update(admin.id, UserChanges(is_admin=False)) for admin in admins), return_exceptions=True
        )
        assert sum(isinstance(answer, Conflict) for answer in answers) == 1
        users, _ = await services.users.list()
        assert sum(user.is_admin for user in users) == 1

    @pytest.mark.parametrize("change", [{"is_active": False}, {"password": "a new password"}])
    async def test_who_is_out_is_announced_after_it_is_stored(
        self, services: Services, make: Factory, change: dict[str, Any]
    ) -> None:
        user = await make.user()
        await services.sessions.open(user)
        await services.api_tokens.create(user.id, "one")
        heard: list[tuple[Revocation, bool, int]] = []

        def listen(revocation: Revocation) -> None:
            stored = services.database.read_now(lambda session: session.get(User, user.id))
            sessions = services.database.read_now(lambda session: len(session.exec(select(LoginSession)).all()))
            assert stored is not None
            heard.append((revocation, stored.updated_at > user.updated_at, sessions))

        services.revocations.subscribe(listen)
        await services.users.update(user.id, UserChanges.model_validate(change))
        assert heard == [(Revocation(user.id), True, 0)]
        assert await services.sessions.list(user.id) == []
        assert await services.api_tokens.list(user.id) == []

    async def test_a_bad_password_changes_nothing_else(self, services: Services, make: Factory) -> None:
        user = await make.user(token_limit=1)
        with pytest.raises(Invalid):
            await services.users.update(user.id, UserChanges(token_limit=2, password="short"))
        assert (await services.users.get(user.id)).token_limit == 1


class TestUsage:
    async def test_another_period_counts_what_was_used_in_it(self, services: Services, make: Factory) -> None:
        user, other = await make.user(), await make.user()
        now = utc_now()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        month = today.replace(day=1)
        await services.database.write(
            lambda session: session.add_all(
                [
                    _hour(user, today, 10),
                    _hour(user, today - timedelta(hours=1), 200),
                    _hour(user, month - timedelta(hours=1), 4000),
                    _hour(other, today, 70000),
                ]
            )
        )
        in_month = 10 + (200 if today - timedelta(hours=1) >= month else 0)
        day = await services.users.update(user.id, UserChanges(limit_period="day"))
        assert (day.period, day.tokens_used) == (period_key("day", now), 10)
        in_a_month = await services.users.update(user.id, UserChanges(limit_period="month"))
        assert (in_a_month.period, in_a_month.tokens_used) == (period_key("month", now), in_month)
        total = await services.users.update(user.id, UserChanges(limit_period="total"))
        assert (total.period, total.tokens_used) == ("total", 4210)

    async def test_what_was_used_in_an_earlier_period_does_not_count(self, services: Services, make: Factory) -> None:
        user = await make.user(limit_period="day")
        assert user.period == period_key("day", utc_now())
        row = User(**{**user.model_dump(), "period": "2020-01-01", "tokens_used": 900})
        assert services.users.current_usage(row) == 0
        assert services.users.current_usage(row, utc_now().replace(year=2020, month=1, day=1)) == 900

    async def test_saying_the_same_period_again_counts_nothing_anew(self, services: Services, make: Factory) -> None:
        user = await make.user()
        await services.database.write(
            lambda session: session.exec(update(User).where(col(User.id) == user.id).values(tokens_used=77))
        )
        same = await services.users.update(user.id, UserChanges(limit_period="total", token_limit=5))
        assert same.tokens_used == 77


def _hour(user: User, moment: Any, tokens: int) -> UsageHour:
    return UsageHour(
        hour=int(moment.timestamp()) // 3600,
        user_id=user.id,
        backend="ollama",
        model="m",
        game_id="",
        calls=1,
        total_tokens=tokens,
    )


def _only_id(session: Session) -> str:
    return session.exec(select(User.id)).one()
