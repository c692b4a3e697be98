"""The way in: `create_app(settings)` puts the parts together, `python main.py` serves them."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from vanilla import __version__
from vanilla.accounts.callers import Callers
from vanilla.accounts.passwords import Passwords
from vanilla.accounts.revocation import Revocations
from vanilla.accounts.sessions import Sessions
from vanilla.accounts.throttle import Throttle
from vanilla.accounts.tokens import ApiTokens, PlayTokens
from vanilla.accounts.users import Users
from vanilla.database import Database
from vanilla.services import Services
from vanilla.settings import InvalidSettings, Settings, load_settings
from vanilla.usage.feed import Feed
from vanilla.usage.statistics import Statistics


def create_app(settings: Settings | None = None) -> FastAPI:
    """The whole application. Nothing is opened before its lifespan starts. Raises InvalidSettings."""
    from pages import site
    from vanilla.api import router

    services = assemble(settings or load_settings())

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running(services):
            yield

    app = FastAPI(
        title="Vanilla", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.services = services
    router.install(app, services)
    site.register(app, services)
    return app


def assemble(settings: Settings) -> Services:
    """Every part, made and not yet opened."""
    database = Database(settings.sqlalchemy_url)
    revocations = Revocations()
    callers = Callers(database, revocations)
    passwords = Passwords()
    statistics = Statistics(database)
    return Services(
        settings=settings,
        database=database,
        revocations=revocations,
        callers=callers,
        passwords=passwords,
        users=Users(database, passwords, revocations, callers),
        sessions=Sessions(database, revocations),
        api_tokens=ApiTokens(database, revocations),
        play_tokens=PlayTokens(database, callers),
        throttle=Throttle(),
        statistics=statistics,
        feed=Feed(statistics),
    )


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[None]:
    """Open what must be opened, in order; close it in the reverse order."""
    services.database.open()
    sweeping = asyncio.create_task(services.sessions.run())
    try:
        await _ensure_admin(services)
        await services.feed.open()
        try:
            yield
        finally:
            await services.feed.close()
    finally:
        sweeping.cancel()
        await asyncio.gather(sweeping, return_exceptions=True)
        services.passwords.close()
        services.database.close()


async def _ensure_admin(services: Services) -> None:
    """At the first start make the admin; a password made for them is shown here, once, and not logged."""
    settings = services.settings
    name = settings.admin_username
    if password := await services.users.ensure_admin(name, settings.admin_password.get_secret_value() or None):
        line = "-" * 64
        sys.stdout.write(f"\n{line}\n  Sign in as {name} with the password {password}\n{line}\n\n")
        sys.stdout.flush()


def main() -> int:
    """Serve until stopped. Gives the exit status."""
    try:
        settings = load_settings()
    except InvalidSettings as error:
        sys.stderr.write(f"Vanilla cannot start: {error}\n")
        return 2
    uvicorn.run(create_app(settings), host=settings.host, port=settings.port, log_config=None, ws="websockets")
    return 0


if __name__ == "__main__":
    sys.exit(main())
