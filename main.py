"""The way in: `create_app(settings)` puts the parts together, `python main.py` serves them."""

import signal
import sys

if __name__ == "__main__":  # what follows takes a second to import, in which Ctrl-C is no error either
    signal.signal(signal.SIGINT, lambda *_: sys.exit(130))

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import uvicorn
from fastapi import FastAPI

from vanilla import __version__, logs
from vanilla.accounts.callers import Callers
from vanilla.accounts.consents import Consents
from vanilla.accounts.deletions import Deletions
from vanilla.accounts.directory import Directory
from vanilla.accounts.invitations import Invitations
from vanilla.accounts.outside import OutsideRevocations
from vanilla.accounts.passwords import Passwords
from vanilla.accounts.resets import PasswordResets
from vanilla.accounts.revocation import Revocations
from vanilla.accounts.sessions import Sessions
from vanilla.accounts.throttle import Throttle
from vanilla.accounts.tokens import ApiTokens, PlayTokens
from vanilla.accounts.users import Users
from vanilla.api.connections import KEEP_ALIVE_SECONDS, LARGEST_SOCKET_MESSAGE, BoundedHttp
from vanilla.database import Database
from vanilla.errors import Conflict, Invalid, OutOfSpace, TooLarge
from vanilla.games.addresses import Addresses
from vanilla.games.catalogue import Catalogue
from vanilla.games.closings import Closings
from vanilla.games.cover_changes import CoverChanges
from vanilla.games.departures import Departures
from vanilla.games.examples.upkeep import Upkeep
from vanilla.games.favourites import Favourites
from vanilla.games.files import Files
from vanilla.games.hosts import Hosts
from vanilla.games.leftovers import Leftovers
from vanilla.games.quota import Quota
from vanilla.games.removals import Removals
from vanilla.games.saves import Saves
from vanilla.games.tokens import TokensUsed
from vanilla.games.turns import UploadTurns
from vanilla.games.versions import Versions
from vanilla.inference import estimate
from vanilla.inference.backends.anthropic import Anthropic
from vanilla.inference.backends.ollama import Ollama
from vanilla.inference.local.process import LocalModel
from vanilla.inference.meter import Meter
from vanilla.inference.models import Models
from vanilla.inference.pace import Pace
from vanilla.inference.relay import Relay
from vanilla.inference.upstream import Upstream
from vanilla.operations.audit import AuditLog
from vanilla.operations.backups import Backups
from vanilla.operations.controls import ControlPanel
from vanilla.operations.sweeps import DAY, HOUR, keep_sweeping
from vanilla.services import Services
from vanilla.settings import InvalidSettings, Settings, load_settings
from vanilla.usage.feed import Feed
from vanilla.usage.keeper import Keeper
from vanilla.usage.metrics import Metrics
from vanilla.usage.outcomes import Outcomes
from vanilla.usage.past import Pasts
from vanilla.usage.reports import Reports
from vanilla.usage.standings import Standings
from vanilla.usage.statistics import Statistics

logger = logging.getLogger(__name__)
_THIS_MACHINE = {"", "::", "::1", "0.0.0.0", "127.0.0.1"}  # noqa: S104 - what a person here calls localhost


def create_app(settings: Settings | None = None) -> FastAPI:
    """The whole application. Nothing is opened before its lifespan starts. Raises InvalidSettings."""
    from pages import site

    app = create_api(settings or load_settings())
    site.register(app, app.state.services)
    return app


def create_api(settings: Settings) -> FastAPI:
    """The HTTP API with everything behind it, without pages."""
    from vanilla.api import router
    from vanilla.api.lane import Application, Lane

    services = assemble(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with running(services):
            yield

    app = Application(
        title="Vanilla", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.services = services
    router.install(app, services)
    app.lane = Lane(services)
    return app


def assemble(settings: Settings) -> Services:
    """Every part, made and not yet opened."""
    database = Database(settings.sqlalchemy_url)
    revocations = Revocations()
    callers = Callers(database, revocations)
    consents = Consents(database, revocations)
    passwords = Passwords()
    files = Files(settings)
    quota = Quota(settings)
    saves = Saves(database, files, settings)
    leftovers = Leftovers(files, saves)
    closings = Closings()
    closings.subscribe(callers.forget_game)
    deletions = Deletions(database, revocations)
    deletions.subscribe(Departures(leftovers, saves, closings).clear)
    tokens = TokensUsed()
    cover_changes = CoverChanges(database, files, tokens)
    statistics = Statistics(database)
    standings = Standings()
    outcomes = Outcomes(database)
    feed = Feed(statistics, Pasts(database, standings), outcomes)
    metrics = Metrics()
    metrics.tell(feed)
    meter = Meter(database)
    controls = ControlPanel(database)
    pace = _pace(settings, controls)
    local_model = LocalModel()
    claude = Anthropic(settings.anthropic_base_url, settings.anthropic_api_key.get_secret_value())
    llama = Ollama(settings.ollama_url, settings.local_model, local_model)
    upstream = Upstream(metrics, idle_seconds=settings.upstream_idle_seconds)
    return Services(
        settings=settings,
        database=database,
        revocations=revocations,
        callers=callers,
        passwords=passwords,
        users=Users(database, passwords, revocations, callers),
        directory=Directory(database),
        invitations=Invitations(database, passwords),
        password_resets=PasswordResets(database, passwords, revocations),
        deletions=deletions,
        sessions=Sessions(database, revocations),
        outside=OutsideRevocations(database),
        api_tokens=ApiTokens(database, revocations),
        play_tokens=PlayTokens(database, callers),
        consents=consents,
        throttle=Throttle(),
        files=files,
        catalogue=Catalogue(
            database,
            files,
            settings,
            quota=quota,
            leftovers=leftovers,
            closings=closings,
            tokens=tokens,
            cover_changes=cover_changes,
        ),
        upload_turns=UploadTurns(settings.uploads_per_hour),
        saves=saves,
        versions=Versions(database, files, quota, leftovers, cover_changes),
        removals=Removals(database, leftovers, closings, tokens),
        hosts=Hosts(database, settings, closings),
        favourites=Favourites(database),
        addresses=Addresses(database, settings, closings, tokens),
        closings=closings,
        statistics=statistics,
        reports=Reports(database, statistics, standings),
        outcomes=outcomes,
        feed=feed,
        metrics=metrics,
        controls=controls,
        backups=Backups(database, settings, controls),
        audit=AuditLog(database),
        meter=meter,
        local_model=local_model,
        models=Models(claude, llama, controls),
        upstream=upstream,
        relay=Relay(
            {claude.name: claude, llama.name: llama},
            meter=meter,
            feed=feed,
            metrics=metrics,
            revocations=revocations,
            consents=consents,
            upstream=upstream,
            controls=controls,
            pace=pace,
        ),
    )


def _pace(settings: Settings, controls: ControlPanel) -> Pace:
    """The bounds of users without bounds of their own: what admins have set, or else the settings."""
    pace = Pace(*controls.now.usual_pace(settings))
    controls.subscribe(lambda now: pace.rebound(*now.usual_pace(settings)))
    return pace


@asynccontextmanager
async def running(services: Services) -> AsyncIterator[None]:
    """Open what must be opened, in order; close it in the reverse order."""
    async with AsyncExitStack() as stack:
        stack.enter_context(services.database.claimed())
        services.database.open()
        stack.callback(services.database.close)
        stack.callback(services.passwords.close)
        await asyncio.to_thread(services.files.open)
        await services.catalogue.open()
        await services.saves.open()
        await services.controls.open()
        await _ensure_admin(services)
        await _publish_examples(services)
        _in_background(stack, keep_sweeping(services.sessions.sweep, HOUR, "expired sessions"))
        _in_background(stack, keep_sweeping(services.password_resets.sweep, DAY, "links for new passwords"))
        _in_background(stack, services.outside.follow(services.callers, services.revocations))
        _in_background(stack, services.catalogue.warm_up())
        _in_background(stack, keep_sweeping(services.removals.sweep, DAY, "games whose time is over"))
        _in_background(stack, keep_sweeping(services.deletions.sweep, DAY, "what deleted users left"))
        _in_background(stack, estimate.warm_up())
        _in_background(stack, Keeper(services.database).run())
        stack.push_async_callback(services.local_model.close)
        await services.upstream.open()
        stack.push_async_callback(services.upstream.close)
        await services.relay.open()
        stack.push_async_callback(services.relay.close)
        services.consents.open()
        stack.callback(services.consents.close)
        await services.feed.open()  # after the relay, whose recovered calls it then knows
        stack.push_async_callback(services.feed.close)
        stack.push_async_callback(services.backups.close)
        yield


def _in_background(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until the stack unwinds."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)


async def _ensure_admin(services: Services) -> None:
    """At the first start make the admin; a password made for them is shown here, once, and not logged."""
    settings = services.settings
    name = settings.admin_username
    try:
        password = await services.users.ensure_admin(name, settings.admin_password.get_secret_value() or None)
    except (Invalid, Conflict) as error:
        raise InvalidSettings(f"ADMIN_USERNAME, ADMIN_PASSWORD: {error}") from None
    if password:
        line = "-" * 64
        sys.stdout.write(f"\n{line}\n  Sign in as {name} with the password {password}\n{line}\n\n")
        sys.stdout.flush()


async def _publish_examples(services: Services) -> None:
    """At the first start there are games to play, the admin's; a newer Vanilla brings newer ones. What an admin removed
    does not come back."""
    settings = services.settings
    if not settings.example_games:
        return
    found, _ = await services.users.list(search=settings.admin_username)
    owner = next((user for user in found if user.is_admin), None)
    if owner is None:
        return
    upkeep = Upkeep(services.database, services.files, settings, services.catalogue, services.versions)
    try:
        await upkeep.run(owner.id)
    except (OutOfSpace, TooLarge) as error:
        logger.warning("The example games are not published: %s", error)


def main(arguments: Sequence[str] = ()) -> int:
    """Do what was typed, or else serve until stopped. Gives the exit status: 0 once done, 2 where it cannot be."""
    if arguments:
        from vanilla.commands import line  # a server needs none of it

        return line.run(arguments, serve)
    return serve()


def serve(**given: Any) -> int:
    """Serve until stopped, with what is `given` of the settings. Gives the exit status: 0 once stopped, 2 where a
    setting cannot be used."""
    try:
        settings = load_settings(**given)
        settings.prepare()
        _check_free(settings.host, settings.port)
        logs.configure(settings)
        _allow_many_open_files()
        server = _Server(create_app(settings), settings)
        with suppress(KeyboardInterrupt):  # uvicorn raises it again once everything is closed
            signal.signal(signal.SIGINT, signal.default_int_handler)
            server.run()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C has nothing left to end
    except InvalidSettings as error:
        sys.stderr.write(f"Vanilla cannot start: {error}\n")
        return 2
    return 0


def _allow_many_open_files() -> None:
    """As many as the system lets us: a usual bound of 1,024 is one that a stranger with idle connections can reach."""
    with suppress(ImportError, OSError, ValueError):
        import resource  # not on every platform

        _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Server(uvicorn.Server):
    """Opens the application itself, so that what keeps it from starting reaches `main` (uvicorn would log a traceback
    of it), and says where it is in plain words, once it listens there."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        config = uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            lifespan="off",
            log_config=None,  # logs.configure is ours
            access_log=False,  # so is the line for each request
            proxy_headers=False,  # and whom to believe about addresses: TRUSTED_PROXIES
            server_header=False,
            http=BoundedHttp,
            ws="websockets-sansio",
            ws_max_size=LARGEST_SOCKET_MESSAGE,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=5,
        )
        super().__init__(config)
        self._app = app
        self._public_url = settings.public_url
        self._opened = AsyncExitStack()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._app.router.lifespan_context(self._app))
            await super().startup(sockets)
            self._opened = stack.pop_all()
        if self.should_exit:  # stopped while it was opening
            return
        # What is here now stays: a collection of garbage that walks through all of it stops every stream for half a
        # second, and a request whose JSON has many parts sets one off.
        gc.collect()
        gc.freeze()
        # Calls leave no cycles behind: looking for some after every 700 objects takes a fiftieth of all time.
        gc.set_threshold(10_000, 20, 20)
        host = "localhost" if self.config.host in _THIS_MACHINE else self.config.host
        port = self.servers[0].sockets[0].getsockname()[1]
        here = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        there = f"{self._public_url}, on this machine at {here}" if self._public_url else here
        sys.stdout.write(f"Vanilla is at {there}\n")
        sys.stdout.flush()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.services.consents.close()  # calls that wait for a player would only be waited for
        await super().shutdown(sockets)
        await self._opened.aclose()


def _check_free(host: str, port: int) -> None:
    """Tell early, before the database is touched, where it cannot listen. Raises InvalidSettings."""
    try:
        for family, kind, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
    except OSError as error:
        raise InvalidSettings(f"HOST, PORT: cannot listen at {host}, port {port}: {error.strerror}.") from None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
