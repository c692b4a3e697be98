import asyncio
import time
from dataclasses import replace

import pytest
from sqlmodel import col, select, update

from tests.factories import Factory
from vanilla.accounts import tokens
from vanilla.accounts.caller import Caller, Credential
from vanilla.accounts.sessions import hash_of
from vanilla.accounts.users import UserChanges
from vanilla.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from vanilla.games.access import HOST
from vanilla.models import Game, PlayToken, User, utc_now
from vanilla.services import Services


async def caller_of(services: Services, bearer: str) -> Caller:
    return await services.callers.identify(bearer=bearer, cookie=None)


async def is_dead(services: Services, bearer: str) -> bool:
    try:
        await caller_of(services, bearer)
    except Unauthenticated:
        return True
    return False


async def game_of(services: Services, user: User) -> Game:
    game = Game(slug="g", title="G", owner_id=user.id, created_at=utc_now(), updated_at=utc_now())
    return await services.database.write(lambda session: _added(session, game))


def _added(session: object, game: Game) -> Game:
    stored = Game(**game.model_dump())
    session.add(stored)  # type: ignore[attr-defined]
    return stored


class TestApiTokens:
    async def test_a_token_is_kept_as_a_hash_alone(self, services: Services, make: Factory) -> None:
        user = await make.user()
        secret, row = await services.api_tokens.create(user.id, "  my bot ")
        assert secret.startswith("vk_")
        assert len(secret) >= 46
        assert (row.name, row.token_hash) == ("my bot", hash_of(secret))
        assert secret not in row.model_dump_json()
        caller = await caller_of(services, secret)
        assert (caller.user_id, caller.credential, caller.token_id) == (user.id, Credential.API_TOKEN, row.id)

    @pytest.mark.parametrize("name", ["", "  ", "x" * 61, "two\nlines", "half\ud800"])
    async def test_a_name_that_cannot_be_read_is_refused(self, services: Services, make: Factory, name: str) -> None:
        user = await make.user()
        with pytest.raises(Invalid):
            await services.api_tokens.create(user.id, name)

    async def test_nobody_revokes_the_token_of_another(self, services: Services, make: Factory) -> None:
        mine, other = await make.user(), await make.user()
        secret, row = await services.api_tokens.create(mine.id, "mine")
        with pytest.raises(NotFound):
            await services.api_tokens.revoke(other.id, row.id)
        assert not await is_dead(services, secret)
        assert await services.api_tokens.list(other.id) == []

    async def test_a_revoked_token_is_dead_at_once(self, services: Services, make: Factory) -> None:
        user = await make.user()
        one, row = await services.api_tokens.create(user.id, "one")
        two, _ = await services.api_tokens.create(user.id, "two")
        assert not await is_dead(services, one)
        await services.api_tokens.revoke(user.id, row.id)
        assert await is_dead(services, one)
        assert not await is_dead(services, two)
        await services.api_tokens.revoke_all(user.id)
        assert await is_dead(services, two)

    async def test_there_are_only_so_many_even_when_made_at_once(
        self, services: Services, make: Factory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tokens, "MOST_API_TOKENS", 3)
        user = await make.user()
        answers = await asyncio.gather(
            *(services.api_tokens.create(user.id, "bot") for _ in range(10)), return_exceptions=True
        )
        assert sum(isinstance(answer, Conflict) for answer in answers) == 7
        assert len(await services.api_tokens.list(user.id)) == 3


class TestPlayTokens:
    async def test_only_a_login_session_opens_one(self, services: Services, make: Factory) -> None:
        caller = await make.caller()
        game = await game_of(services, await make.user())
        secret = await services.play_tokens.open(caller, game.id, 1)
        playing = await caller_of(services, secret)
        program = replace(caller, credential=Credential.API_TOKEN, session_id=None)
        for somebody in (program, playing):
            with pytest.raises(Forbidden):
                await services.play_tokens.open(somebody, game.id, 1)

    async def test_it_says_who_plays_what(self, services: Services, make: Factory) -> None:
        caller = await make.caller()
        game = await game_of(services, await make.user())
        secret = await services.play_tokens.open(caller, game.id, 1)
        assert secret.startswith("vp_")
        playing = await caller_of(services, secret)
        assert (playing.user_id, playing.game_id, playing.credential) == (
            caller.user_id,
            game.id,
            Credential.PLAY_TOKEN,
        )
        assert playing.session_id == caller.session_id

    async def test_it_dies_with_the_session_behind_it(self, services: Services, make: Factory) -> None:
        user = await make.user()
        caller, elsewhere = await make.caller(user), await make.caller(user)
        game = await game_of(services, user)
        here = await services.play_tokens.open(caller, game.id, 1)
        there = await services.play_tokens.open(elsewhere, game.id, 1)
        assert not await is_dead(services, here)
        await services.sessions.close(caller.session_id or "")
        assert await is_dead(services, here)
        assert not await is_dead(services, there)
        with pytest.raises(Unauthenticated):
            await services.play_tokens.open(caller, game.id, 1)

    async def test_it_dies_with_its_user_being_switched_off(self, services: Services, make: Factory) -> None:
        caller = await make.caller()
        game = await game_of(services, await make.user())
        secret = await services.play_tokens.open(caller, game.id, 1)
        assert not await is_dead(services, secret)
        await services.users.update(caller.user_id, UserChanges(is_active=False))
        assert await is_dead(services, secret)

    async def test_it_dies_with_its_game(self, services: Services, make: Factory) -> None:
        caller = await make.caller()
        owner = await make.user()
        game, other = await game_of(services, owner), await game_of(services, owner)
        ended = await services.play_tokens.open(caller, game.id, 1)
        stays = await services.play_tokens.open(caller, other.id, 1)
        assert not await is_dead(services, ended)
        await services.removals.remove(game.id, by=HOST)
        assert await is_dead(services, ended)
        assert not await is_dead(services, stays)
        await services.database.write(
            lambda session: session.exec(update(Game).where(col(Game.id) == other.id).values(removed_at=utc_now()))
        )
        services.callers.forget_game(other.id)
        assert await is_dead(services, stays)

    async def test_of_a_draft_it_is_good_for_its_owner_and_admins_alone(
        self, services: Services, make: Factory
    ) -> None:
        """Whoever began to play before it became a draft, and got the token after that, has none."""
        owner, admin = await make.user(), (await services.users.list("admin"))[0][0]
        game = await make.game(owner, visibility="draft")
        alive = {}
        for user in (owner, admin, await make.user()):
            secret = await services.play_tokens.open(await make.caller(user), game.id, 1)
            alive[user.id] = not await is_dead(services, secret)
        assert list(alive.values()) == [True, True, False]

    async def test_it_lasts_minutes_and_is_extended_by_its_own_session_alone(
        self, services: Services, make: Factory
    ) -> None:
        caller, stranger = await make.caller(), await make.caller()
        game = await game_of(services, await make.user())
        secret = await services.play_tokens.open(caller, game.id, 1)

        async def ends_in() -> float:
            row = await services.database.read(lambda session: session.get_one(PlayToken, hash_of(secret)))
            return row.expire - time.time()

        assert 14 * 60 < await ends_in() <= 15 * 60
        await services.database.write(lambda session: session.exec(update(PlayToken).values(expire=1)))
        services.callers.forget_credential(secret)
        assert await is_dead(services, secret)
        with pytest.raises(Unauthenticated):
            await services.play_tokens.extend(stranger.session_id or "", secret)
        assert await is_dead(services, secret)
        await services.play_tokens.extend(caller.session_id or "", secret)
        assert 14 * 60 < await ends_in() <= 15 * 60
        assert not await is_dead(services, secret)

    async def test_a_session_has_only_so_many(
        self, services: Services, make: Factory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tokens, "MOST_PLAY_TOKENS", 3)
        caller = await make.caller()
        game = await game_of(services, await make.user())
        last = [await services.play_tokens.open(caller, game.id, 1) for _ in range(6)][-1]
        rows = await services.database.read(lambda session: session.exec(select(PlayToken)).all())
        assert len(rows) == 3
        assert not await is_dead(services, last)
