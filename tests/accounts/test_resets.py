import asyncio
from datetime import timedelta

import pytest
from sqlmodel import col, select, update

from tests.factories import PASSWORD, Factory
from vanilla.accounts.revocation import Revocation
from vanilla.accounts.users import UserChanges
from vanilla.errors import Conflict, Invalid, NotFound, Unauthenticated
from vanilla.models import AuditEntry, PasswordReset, User, utc_now
from vanilla.services import Services

NEW = "a brand new password"


@pytest.fixture
async def mira(make: Factory) -> User:
    return await make.user("mira")


async def test_the_user_chooses_and_everything_signed_in_ends(services: Services, make: Factory, mira: User) -> None:
    _, session = await services.sessions.open(mira)
    await services.api_tokens.create(mira.id, "bot")
    secret = await services.password_resets.create(mira.id, by=None)
    assert (await services.password_resets.find(secret)).username == "mira"
    assert (await services.users.authenticate("mira", PASSWORD)).id == mira.id, "until it is used all stays as it was"
    ended: list[Revocation] = []
    services.revocations.subscribe(ended.append)
    assert (await services.password_resets.use(secret, NEW)).id == mira.id
    assert ended == [Revocation(mira.id)]
    assert session.sid not in [row.sid for row in await services.sessions.list(mira.id)]
    assert await services.api_tokens.list(mira.id) == []
    await services.users.authenticate("mira", NEW)
    with pytest.raises(Unauthenticated):
        await services.users.authenticate("mira", PASSWORD)
    with pytest.raises(NotFound):
        await services.password_resets.use(secret, "another password")
    last = await services.database.read(
        lambda session: session.exec(select(AuditEntry).order_by(col(AuditEntry.id).desc()).limit(1)).one()
    )
    assert (last.actor_id, last.action, last.subject) == (mira.id, "user.password", mira.id)
    assert NEW not in str(last.details)


async def test_of_two_who_use_it_at_once_one_wins(services: Services, mira: User) -> None:
    secret = await services.password_resets.create(mira.id, by=None)
    answers = await asyncio.gather(
        *(services.password_resets.use(secret, f"{NEW} {number}") for number in range(5)), return_exceptions=True
    )
    assert len([answer for answer in answers if isinstance(answer, User)]) == 1


async def test_a_new_link_voids_the_one_before(services: Services, mira: User) -> None:
    first, second = [await services.password_resets.create(mira.id, by=None) for _ in range(2)]
    with pytest.raises(NotFound):
        await services.password_resets.find(first)
    await services.password_resets.find(second)


@pytest.mark.parametrize("how", ["password", "switched off", "deleted", "late"])
async def test_a_link_ends_with_what_it_was_for(services: Services, mira: User, how: str) -> None:
    secret = await services.password_resets.create(mira.id, by=None)
    if how == "password":
        await services.users.set_password(mira.id, NEW)
    elif how == "switched off":
        await services.users.update(mira.id, UserChanges(is_active=False))
        await services.users.update(mira.id, UserChanges(is_active=True))
    elif how == "deleted":
        await services.deletions.delete(mira.id)
    else:
        past = utc_now() - timedelta(seconds=1)
        await services.database.write(lambda session: session.exec(update(PasswordReset).values(expires_at=past)))
    with pytest.raises(NotFound):
        await services.password_resets.use(secret, NEW)


async def test_a_password_that_cannot_be_kept_leaves_the_link(services: Services, mira: User) -> None:
    secret = await services.password_resets.create(mira.id, by=None)
    with pytest.raises(Invalid):
        await services.password_resets.use(secret, "short")
    await services.password_resets.use(secret, NEW)


async def test_there_is_none_for_nobody_or_for_who_is_switched_off(services: Services, mira: User) -> None:
    with pytest.raises(NotFound):
        await services.password_resets.create("nobody", by=None)
    await services.users.update(mira.id, UserChanges(is_active=False))
    with pytest.raises(Conflict, match="switch them on"):
        await services.password_resets.create(mira.id, by=None)


async def test_a_sweep_takes_the_links_that_are_over_and_no_others(
    services: Services, make: Factory, mira: User
) -> None:
    sam = await make.user("sam")
    for user in (mira, sam):
        await services.password_resets.create(user.id, by=None)
    over = update(PasswordReset).where(col(PasswordReset.user_id) == mira.id).values(expires_at=utc_now())
    await services.database.write(lambda session: session.exec(over))
    await services.password_resets.sweep()
    left = await services.database.read(lambda session: session.exec(select(PasswordReset.user_id)).all())
    assert left == [sam.id]
