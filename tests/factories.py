"""What tests start from: users, and clients that are signed in as them."""

import itertools
import sqlite3
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import httpx
from fastapi import FastAPI

from vanilla.accounts.caller import Caller, Credential
from vanilla.database import Database
from vanilla.models import Game, User, utc_now
from vanilla.services import Services
from vanilla.usage import ledger
from vanilla.usage.ledger import Entry

ADMIN_PASSWORD = "the admin's own password"
PASSWORD = "correct horse battery"
_numbers = itertools.count(1)


class Factory:
    """Makes users and clients of one application."""

    def __init__(self, app: FastAPI, services: Services, stack: AsyncExitStack) -> None:
        self._app = app
        self._services = services
        self._stack = stack

    async def user(self, username: str = "", password: str = PASSWORD, **fields: Any) -> User:
        """A user, with a name of their own if none is given."""
        return await self._services.users.create(
            username=username or f"friend{next(_numbers)}", password=password, **fields
        )

    async def browser(self, **options: Any) -> httpx.AsyncClient:
        """A client with its own cookies, not signed in; `options` are httpx's."""
        transport = httpx.ASGITransport(self._app, client=options.pop("client", ("127.0.0.1", 1234)))
        options = {"base_url": "http://test", **options}
        return await self._stack.enter_async_context(httpx.AsyncClient(transport=transport, **options))

    async def signed_in(self, user: User | None = None, password: str = PASSWORD, **options: Any) -> httpx.AsyncClient:
        """A client that has signed in over HTTP as `user`, or as a new one."""
        user = user or await self.user()
        client = await self.browser(**options)
        await sign_in(client, user.username, password)
        return client

    async def admin(self, **options: Any) -> httpx.AsyncClient:
        """A client that has signed in as the first admin."""
        client = await self.browser(**options)
        await sign_in(client, "admin", ADMIN_PASSWORD)
        return client

    async def caller(self, user: User | None = None) -> Caller:
        """A caller with a fresh login session, without any HTTP."""
        user = user or await self.user()
        _, session = await self._services.sessions.open(user)
        return Caller(user.id, user.username, user.is_admin, Credential.SESSION, session_id=session.sid)

    async def with_api_token(self, user: User | None = None, **options: Any) -> httpx.AsyncClient:
        """A client that presents a new API token of `user`."""
        user = user or await self.user()
        secret, _ = await self._services.api_tokens.create(user.id, "test")
        return await self.browser(headers={"authorization": f"Bearer {secret}"}, **options)

    async def game(self, owner: User | None = None, title: str = "Game", **fields: Any) -> Game:
        """A game's row alone, without any files."""
        owner = owner or await self.user()
        now = utc_now()
        fields = {"slug": "game", "title": title, "owner_id": owner.id, "version": 1, **fields}
        row = Game(**fields, created_at=now, updated_at=now)
        columns = row.model_dump()
        await self._services.database.write(lambda session: session.add(Game(**columns)))
        return row

    async def playing(
        self,
        user: User | None = None,
        game: Game | None = None,
        *,
        origin: bool = True,
        is_allowed: bool | None = True,
        **options: Any,
    ) -> httpx.AsyncClient:
        """A client that presents a play token, as a game in its sandbox does: from the origin `null`, or from none.

        `is_allowed` is the player's answer to the game's question for tokens, None for none yet.
        """
        game = game or await self.game()
        caller = await self.caller(user)
        if is_allowed is not None:
            await self._services.consents.decide(caller.user_id, game.id, is_allowed)
        secret = await self._services.play_tokens.open(caller, game.id, game.version)
        headers = {"authorization": f"Bearer {secret}", **({"origin": "null"} if origin else {})}
        return await self.browser(headers=headers, **options)


async def sign_in(client: httpx.AsyncClient, username: str, password: str) -> None:
    """Sign the client in, as the login form does."""
    answer = await client.post("/auth/login", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text


async def record(database: Database, *entries: Entry) -> None:
    """Write rows into the ledger and its roll-ups, as settling calls does."""

    def record_all(cursor: sqlite3.Cursor, items: Sequence[tuple[Entry, ...]]) -> list[None]:
        for item in items:
            ledger.record(cursor, item)
        return [None] * len(items)

    await database.meter(record_all, entries)


async def run_sql(database: Database, statement: str) -> None:
    """Run one statement on the writer: for what no part of the product does."""
    await database.write(lambda session: session.connection().exec_driver_sql(statement))
