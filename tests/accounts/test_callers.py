import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session, col, update

from tests.factories import Factory
from vanilla.accounts import callers
from vanilla.accounts.caller import Credential
from vanilla.accounts.callers import Callers
from vanilla.accounts.sessions import LIFETIME, hash_of
from vanilla.accounts.users import UserChanges
from vanilla.errors import Unauthenticated
from vanilla.models import ApiToken, LoginSession, User, utc_now
from vanilla.services import Services


class Reads:
    """Counts the reads of a database, and can hold one up."""

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.has_read = asyncio.Event()
        self.go_on = asyncio.Event()
        self.go_on.set()
        plain = services.database.read

        async def read(work: Callable[[Session], Any]) -> Any:
            self.count += 1
            result = await plain(work)
            self.has_read.set()
            await self.go_on.wait()
            return result

        monkeypatch.setattr(services.database, "read", read)


@pytest.fixture
def reads(services: Services, monkeypatch: pytest.MonkeyPatch) -> Reads:
    return Reads(services, monkeypatch)


async def test_nobody_presented_anything(services: Services) -> None:
    for cookie in (None, ""):
        with pytest.raises(Unauthenticated, match="Sign in"):
            await services.callers.identify(bearer=None, cookie=cookie)


@pytest.mark.parametrize("bearer", ["", "vk_wrong", "vp_wrong", "sk-ant-x", "\udcff", "x" * 10_000])
async def test_a_wrong_bearer_is_not_passed_over_for_the_cookie(services: Services, make: Factory, bearer: str) -> None:
    cookie, _ = await services.sessions.open(await make.user())
    await services.callers.identify(bearer=None, cookie=cookie)
    with pytest.raises(Unauthenticated):
        await services.callers.identify(bearer=bearer, cookie=cookie)


async def test_a_credential_counts_in_its_own_place_alone(services: Services, make: Factory) -> None:
    user = await make.user()
    cookie, _ = await services.sessions.open(user)
    token, _ = await services.api_tokens.create(user.id, "bot")
    for _ in range(2):  # asked of the database, and remembered
        with pytest.raises(Unauthenticated):
            await services.callers.identify(bearer=cookie, cookie=None)
        with pytest.raises(Unauthenticated):
            await services.callers.identify(bearer=None, cookie=token)
        assert (await services.callers.identify(bearer=None, cookie=cookie)).credential is Credential.SESSION
        assert (await services.callers.identify(bearer=token, cookie=None)).credential is Credential.API_TOKEN


async def test_a_known_caller_costs_no_read(services: Services, make: Factory, reads: Reads) -> None:
    cookie, _ = await services.sessions.open(await make.user())
    first = await services.callers.identify(bearer=None, cookie=cookie)
    before = reads.count
    for _ in range(20):
        assert await services.callers.identify(bearer=None, cookie=cookie) == first
    assert reads.count == before


async def test_what_another_process_changed_is_seen_after_a_while(services: Services, make: Factory) -> None:
    now = [time.time()]
    own = Callers(services.database, services.revocations, clock=lambda: now[0])
    cookie, row = await services.sessions.open(await make.user())
    await own.identify(bearer=None, cookie=cookie)
    await services.database.write(lambda session: session.delete(session.get_one(LoginSession, row.sid)))
    await own.identify(bearer=None, cookie=cookie)
    now[0] += callers.ASK_AGAIN + 1
    with pytest.raises(Unauthenticated):
        await own.identify(bearer=None, cookie=cookie)


async def test_an_expired_session_is_over_though_it_is_remembered(services: Services, make: Factory) -> None:
    now = [time.time()]
    own = Callers(services.database, services.revocations, clock=lambda: now[0])
    cookie, row = await services.sessions.open(await make.user())
    await services.database.write(
        lambda session: session.exec(
            update(LoginSession).where(col(LoginSession.sid) == row.sid).values(expire=int(now[0]) + 5)
        )
    )
    await own.identify(bearer=None, cookie=cookie)
    now[0] += 6
    with pytest.raises(Unauthenticated):
        await own.identify(bearer=None, cookie=cookie)


async def test_memory_is_bounded(services: Services, make: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "REMEMBERED", 3)
    user = await make.user()
    cookies = [(await services.sessions.open(user))[0] for _ in range(6)]
    for cookie in cookies:
        await services.callers.identify(bearer=None, cookie=cookie)
    assert len(services.callers._known) == 3
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await services.callers.identify(bearer="vk_guess", cookie=None)
    assert len(services.callers._known) == 3


async def test_who_is_out_is_out_at_once(services: Services, make: Factory) -> None:
    user = await make.user()
    cookie, _ = await services.sessions.open(user)
    token, _ = await services.api_tokens.create(user.id, "bot")
    for presented in ({"bearer": None, "cookie": cookie}, {"bearer": token, "cookie": None}):
        await services.callers.identify(**presented)
    await services.users.update(user.id, UserChanges(is_active=False))
    for presented in ({"bearer": None, "cookie": cookie}, {"bearer": token, "cookie": None}):
        with pytest.raises(Unauthenticated):
            await services.callers.identify(**presented)


async def test_a_role_changes_at_once(services: Services, make: Factory) -> None:
    user = await make.user()
    cookie, _ = await services.sessions.open(user)
    assert not (await services.callers.identify(bearer=None, cookie=cookie)).is_admin
    await services.users.update(user.id, UserChanges(is_admin=True))
    assert (await services.callers.identify(bearer=None, cookie=cookie)).is_admin
    await services.users.update(user.id, UserChanges(is_admin=False))
    assert not (await services.callers.identify(bearer=None, cookie=cookie)).is_admin


async def test_an_admins_token_is_no_admin(services: Services, make: Factory) -> None:
    admin = await make.user(is_admin=True)
    caller = await make.caller(admin)
    token, _ = await services.api_tokens.create(admin.id, "bot")
    play_token = await services.play_tokens.open(caller, (await make.game()).id, 1)
    for bearer in (token, play_token):
        assert not (await services.callers.identify(bearer=bearer, cookie=None)).is_admin


async def test_an_answer_read_before_a_revocation_is_not_remembered_after_it(
    services: Services, make: Factory, reads: Reads
) -> None:
    cookie, row = await services.sessions.open(await make.user())
    reads.go_on.clear()
    asking = asyncio.create_task(services.callers.identify(bearer=None, cookie=cookie))
    await reads.has_read.wait()  # it has read that the session is fine
    await services.sessions.close(row.sid)  # which writes, and announces
    reads.go_on.set()
    with pytest.raises(Unauthenticated):
        await asking
    with pytest.raises(Unauthenticated):
        await services.callers.identify(bearer=None, cookie=cookie)


async def test_a_new_password_keeps_the_session_that_changed_it(services: Services, make: Factory) -> None:
    user = await make.user()
    here, row = await services.sessions.open(user)
    there, _ = await services.sessions.open(user)
    token, _ = await services.api_tokens.create(user.id, "bot")
    for cookie in (here, there):
        await services.callers.identify(bearer=None, cookie=cookie)
    await services.callers.identify(bearer=token, cookie=None)
    await services.users.set_password(user.id, "a new password", except_sid=row.sid)
    assert (await services.callers.identify(bearer=None, cookie=here)).user_id == user.id
    with pytest.raises(Unauthenticated):
        await services.callers.identify(bearer=None, cookie=there)
    with pytest.raises(Unauthenticated):
        await services.callers.identify(bearer=token, cookie=None)


async def test_a_visit_slides_the_sessions_end_and_writes_seldom(services: Services, make: Factory) -> None:
    user = await make.user()
    cookie, row = await services.sessions.open(user)
    token, token_row = await services.api_tokens.create(user.id, "bot")
    long_ago = utc_now() - timedelta(days=10)

    def age(session: Session) -> None:
        stored = session.get_one(LoginSession, row.sid)
        stored.last_seen_at = long_ago
        stored.expire = int(long_ago.timestamp()) + LIFETIME
        session.get_one(User, user.id).last_active_at = long_ago

    await services.database.write(age)
    await services.callers.identify(bearer=None, cookie=cookie)

    def look(session: Session) -> tuple[LoginSession, User, ApiToken]:
        return (
            session.get_one(LoginSession, hash_of(cookie)),
            session.get_one(User, user.id),
            session.get_one(ApiToken, token_row.id),
        )

    seen, active, unused = await services.database.read(look)
    assert seen.expire > int(time.time()) + LIFETIME - 60
    assert seen.last_seen_at > long_ago
    assert active.last_active_at is not None
    assert active.last_active_at > long_ago
    assert unused.last_used_at is None

    await services.callers.identify(bearer=token, cookie=None)
    *_, used = await services.database.read(look)
    assert used.last_used_at is not None
    services.callers.forget(user.id)
    await services.callers.identify(bearer=token, cookie=None)
    *_, again = await services.database.read(look)
    assert again.last_used_at == used.last_used_at
