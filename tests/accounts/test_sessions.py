import json
import time

import pytest
from sqlmodel import col, select, update

from tests.factories import Factory
from vanilla.accounts.caller import Caller
from vanilla.accounts.revocation import Revocation
from vanilla.accounts.sessions import LIFETIME, cookie_name, hash_of
from vanilla.accounts.users import UserChanges
from vanilla.errors import Unauthenticated
from vanilla.models import Game, LoginSession, PlayToken, User, utc_now
from vanilla.services import Services


async def caller_of(services: Services, cookie: str) -> Caller:
    return await services.callers.identify(bearer=None, cookie=cookie)


async def test_the_cookie_is_kept_as_a_hash_alone(services: Services, make: Factory) -> None:
    secret, row = await services.sessions.open(await make.user(), agent="Firefox", address="192.0.2.1")
    assert len(secret) >= 43  # 256 bits
    assert row.sid == hash_of(secret)
    assert secret not in row.model_dump_json()
    assert json.loads(row.sess) == {"agent": "Firefox", "address": "192.0.2.1"}
    assert abs(row.expire - time.time() - LIFETIME) < 60


@pytest.mark.parametrize("origin", ["https://games.example.org", "https://games.example.org:8443"])
def test_on_https_the_cookie_is_bound_to_the_host(origin: str) -> None:
    assert cookie_name(origin) == "__Host-vanilla_session"
    assert cookie_name("http://localhost:3000") == "vanilla_session"


@pytest.mark.parametrize("change", [UserChanges(password="another good one"), UserChanges(is_active=False)])
async def test_who_was_signing_in_with_what_has_just_ended_is_not_let_in(
    services: Services, make: Factory, change: UserChanges
) -> None:
    checked = await make.user()
    await services.users.update(checked.id, change)
    with pytest.raises(Unauthenticated):
        await services.sessions.open(checked)
    assert await services.sessions.list(checked.id) == []


async def test_a_closed_session_is_over_at_once_and_the_others_go_on(services: Services, make: Factory) -> None:
    user = await make.user()
    one, row = await services.sessions.open(user)
    two, _ = await services.sessions.open(user)
    await caller_of(services, one)
    await services.sessions.close(row.sid)
    with pytest.raises(Unauthenticated):
        await caller_of(services, one)
    assert (await caller_of(services, two)).user_id == user.id
    await services.sessions.close(row.sid)  # closing it twice is fine


async def test_all_sessions_but_one_can_be_ended(services: Services, make: Factory) -> None:
    user, other = await make.user(), await make.user()
    mine = [await services.sessions.open(user) for _ in range(3)]
    theirs, _ = await services.sessions.open(other)
    heard: list[Revocation] = []
    services.revocations.subscribe(heard.append)
    await services.sessions.close_all(user.id, except_sid=mine[0][1].sid)
    assert {revocation.session_id for revocation in heard} == {row.sid for _, row in mine[1:]}
    assert (await caller_of(services, mine[0][0])).user_id == user.id
    assert (await caller_of(services, theirs)).user_id == other.id
    for secret, _ in mine[1:]:
        with pytest.raises(Unauthenticated):
            await caller_of(services, secret)
    await services.sessions.close_all(user.id)
    assert await services.sessions.list(user.id) == []


async def test_a_sweep_takes_what_has_expired_and_nothing_else(services: Services, make: Factory) -> None:
    user = await make.user()
    _, old = await services.sessions.open(user)
    secret, _ = await services.sessions.open(user)
    caller = await caller_of(services, secret)
    game = Game(slug="g", title="G", owner_id=user.id, created_at=utc_now(), updated_at=utc_now())
    game_id = game.id
    await services.database.write(lambda session: session.add(Game(**game.model_dump())))
    stale, fresh = [await services.play_tokens.open(caller, game_id, 1) for _ in range(2)]
    await services.database.write(
        lambda session: (
            session.exec(update(LoginSession).where(col(LoginSession.sid) == old.sid).values(expire=1)),
            session.exec(update(PlayToken).where(col(PlayToken.token_hash) == hash_of(stale)).values(expire=1)),
        )
    )
    await services.sessions.sweep()
    left = await services.database.read(
        lambda session: (session.exec(select(LoginSession.sid)).all(), session.exec(select(PlayToken.token_hash)).all())
    )
    assert left == ([hash_of(secret)], [hash_of(fresh)])


async def test_a_session_of_a_user_who_is_gone_goes_with_them(services: Services, make: Factory) -> None:
    user = await make.user()
    await services.sessions.open(user)
    await services.database.write(lambda session: session.delete(session.get_one(User, user.id)))
    assert await services.database.read(lambda session: session.exec(select(LoginSession)).all()) == []
