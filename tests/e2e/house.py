"""A house with a past, made up: people, games and a month of usage; and one where nobody has been yet.

NiceGUI serves one application in a process: a test that wants a house takes the fixture `fresh`.
"""

import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI
from nicegui import ui
from playwright.async_api import Browser, BrowserContext

from main import assemble, create_app, running
from tests import factories
from tests.servers import serving
from vanilla.games import entries
from vanilla.games.access import Someone
from vanilla.models import Game, User, new_id, utc_now
from vanilla.services import Services
from vanilla.settings import Settings
from vanilla.usage.ledger import Entry

PASSWORD = "a long password"
HOST, FRIEND, NEWCOMER = "admin", "mira", "zoe"
FRIENDS = (FRIEND, "sam", "ada", "jon", "li")
GAMES = (
    ("Moonlight Post", "Sort letters before dawn.", "ada", False),
    ("Word Forge", "Rhyme to hammer the sword.", "mira", True),
    ("Hexfall", "Falling hexes, quick fingers.", "jon", False),
    ("The Last Innkeeper", "Every guest has a secret.", "ada", True),
    ("Oracle Cards", "Ask, draw, argue.", "sam", True),
    ("Snail Rally", "The slowest race.", "jon", False),
    ("Lighthouse Keeper", "Keep the light on while the sea keeps talking to you.", "li", True),
    ("A game with a very long name that goes on and on, as some do", "And a text that does.", "sam", False),
)
MODELS = (("anthropic", "claude-haiku-4-5"), ("anthropic", "claude-sonnet-5"), ("ollama", "llama3.2"))
AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1 Version/19.0 Mobile Safari/604.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
)


@dataclass
class House:
    """A served application. `games` are the ids of its games, `ids` those of its people by name."""

    origin: str
    services: Services
    games: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    invitation: str = ""  # the secret in a friend's link
    reset: str = ""  # the secret in a link to a new password
    removed: str = ""  # the id of a game that was removed lately


@asynccontextmanager
async def lived_in(**settings: Any) -> AsyncIterator[House]:
    """With people, games and usage."""
    async with _served(_furnish, settings) as house:
        yield house


@asynccontextmanager
async def empty(**settings: Any) -> AsyncIterator[House]:
    """With its admin alone, and no game."""
    async with _served(_nothing, {"example_games": False, **settings}) as house:
        yield house


@asynccontextmanager
async def visiting(
    browser: Browser, house: House, name: str = "", *, width: int = 1440, theme: str = "light", **options: Any
) -> AsyncIterator[BrowserContext]:
    """A browser's context of somebody who is signed in as `name`, or is a stranger."""
    scheme: Any = theme
    context = await browser.new_context(
        base_url=house.origin,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        reduced_motion=options.pop("reduced_motion", "reduce"),
        **options,
    )
    context.set_default_timeout(15_000)
    if name:
        answer = await context.request.post(
            "/auth/login", data={"username": name, "password": PASSWORD}, headers={"origin": house.origin}
        )
        assert answer.ok, await answer.text()
    yield context
    await context.close()


@asynccontextmanager
async def _served(furnish: Any, options: dict[str, Any]) -> AsyncIterator[House]:
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(
            data_dir=Path(data),
            admin_password=PASSWORD,
            local_model="off",
            ollama_url="",
            min_free_disk_mb=0,
            **{"uploads_per_hour": 0, **options},
        )
        async with running(services := assemble(settings)):
            house = House("", services)
            await furnish(house)  # before the server that is shown starts, so that it has a past
        app = create_app(settings)
        _break_some_pages()
        async with serving(app) as origin:
            house.origin, house.services = origin, _services_of(app)
            yield house


def _services_of(app: FastAPI) -> Services:
    services: Services = app.state.services
    return services


def _break_some_pages() -> None:
    """Pages that fail as no page of ours should, to be looked at."""
    from pages import plain
    from pages.visitor import Instead

    @ui.page("/breaks")
    def breaks() -> None:
        raise RuntimeError("This page was made to break.")

    def busy() -> None:
        raise Instead(plain.busy("/"))

    @ui.page("/busy")
    def crowded(_: Annotated[None, Depends(busy)]) -> None:
        pass

    def rush() -> None:
        raise Instead(plain.login("/", "Wrong username or password."))

    @ui.page("/login-in-a-rush")
    def rushed(_: Annotated[None, Depends(rush)]) -> None:
        pass


async def _nothing(house: House) -> None:
    users, _ = await house.services.users.list()
    house.ids = {user.username: user.id for user in users}


async def _furnish(house: House) -> None:
    services, chance = house.services, random.Random(7)
    users: dict[str, User] = {}
    for position, name in enumerate(FRIENDS):
        users[name] = await services.users.create(
            username=name, password=PASSWORD, token_limit=200_000 * (1 + position), limit_period="month"
        )
    newcomer = await services.users.create(username=NEWCOMER, password=PASSWORD)
    host = (await services.users.list(search=HOST))[0][0]
    house.ids = {user.username: user.id for user in (*users.values(), newcomer, host)}
    games = [await _game(services, users[maker].id, name, about, talks) for name, about, maker, talks in GAMES]
    everything, _ = await services.catalogue.list(limit=100)
    house.games = [*games, *(game.id for game in everything if game.id not in games)]
    for position, game_id in enumerate(house.games):
        for _ in range(3 + 2 * position):
            await services.catalogue.record_play(chance.choice(list(users.values())).id, game_id)
    await services.catalogue.record_play(users[FRIEND].id, house.games[1])
    await factories.record(services.database, *(_entry(chance, users, house.games) for _ in range(900)))
    mine = "(select coalesce(sum(total_tokens), 0) from token_usage where user_id = users.id)"
    for column in ("tokens_used", "total_tokens"):
        await factories.run_sql(services.database, f"update users set {column} = {mine}")  # noqa: S608  (ours)
    for agent in AGENTS:
        await services.sessions.open(users[FRIEND], agent=agent, address="192.0.2.7")
    await services.api_tokens.create(users[FRIEND].id, "my bot")
    house.invitation, _ = await services.invitations.create(by=host.id, note="Nora", token_limit=50_000)
    house.reset = await services.password_resets.create(users["jon"].id, by=host.id)
    house.removed = await _game(services, users[FRIEND].id, "Old Draft", "Never finished.", False)
    await services.removals.remove(house.removed, Someone(users[FRIEND].id))
    await services.favourites.add(house.games[4], Someone(users[FRIEND].id))
    for game_id in house.games[:2]:
        changes = entries.checked_changes({"local": {"set": {"level": "7"}}})
        await services.saves.change(Someone(users[FRIEND].id), game_id, new_id(), changes)


async def _game(services: Services, owner_id: str, title: str, description: str, talks: bool) -> str:
    with tempfile.TemporaryDirectory() as folder:
        script = "vanilla.stream('hello')" if talks else "0"
        page = f"<!doctype html><html lang=en><title>{title}</title><h1>{title}</h1><script>{script}</script>"
        (Path(folder) / "index.html").write_text(page)
        game = await services.catalogue.publish_folder(owner_id, Path(folder), title=title, description=description)
    await services.database.write(lambda session: setattr(session.get(Game, game.id), "talks", talks))
    return game.id


def _entry(chance: random.Random, users: dict[str, User], games: list[str]) -> Entry:
    backend, model = chance.choice(MODELS)
    back = timedelta(minutes=chance.choice((chance.uniform(0, 60), chance.uniform(0, 30 * 1440))))
    return Entry(
        id=new_id(),
        timestamp=utc_now() - back,
        user_id=chance.choice(list(users.values())).id,
        backend=backend,
        model=model,
        prompt_tokens=chance.randint(50, 900),
        completion_tokens=chance.randint(5, 600),
        game_id=chance.choice([*games, ""]),
        duration_ms=chance.randint(300, 9000),
        first_byte_ms=chance.randint(80, 900),
        status="ok" if chance.random() < 0.95 else "aborted",
    )
