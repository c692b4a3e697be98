"""Pictures of every page, to be looked at: `python -m tests.e2e.screenshots FOLDER [name ...]`.

Serves the application with people, games and a month of usage made up in a temporary folder, and shoots each page at
360 and 1280 px, light and dark. Names pick pages, such as `games` or `admin`.
"""

import asyncio
import random
import sys
import tempfile
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from playwright.async_api import Browser, BrowserContext, Error, Page

from main import assemble, create_app, running
from tests import factories
from tests.e2e.browser import launched
from tests.servers import serving
from vanilla.models import Game, User, new_id, utc_now
from vanilla.services import Services
from vanilla.settings import Settings
from vanilla.usage.ledger import Entry

PASSWORD = "a long password"
WIDTHS = (1280, 360)
THEMES = ("light", "dark")
VIEWPORT_ONLY = {"games-menu", "play"}
FRIENDS = ("mira", "sam", "ada", "jon", "li")
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

Act = Callable[[Page], Awaitable[None]]


async def shoot(folder: Path, wanted: list[str]) -> None:
    """Take all pictures, or those of the pages whose names begin with one of `wanted`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data:
        settings = Settings(data_dir=Path(data), admin_password=PASSWORD, local_model="off", ollama_url="")
        async with running(services := assemble(settings)):
            games = await _furnish(services)  # before the server that is shown starts, so that it has a past
        async with serving(create_app(settings)) as origin, launched() as browser:
            for width in WIDTHS:
                for theme in THEMES:
                    await _all_pages(browser, origin, folder / f"-{width}-{theme}.png", width, theme, games, wanted)


async def _all_pages(
    browser: Browser, origin: str, name: Path, width: int, theme: str, games: list[str], wanted: list[str]
) -> None:
    stranger, friend, host = [await _context(browser, origin, width, theme) for _ in range(3)]
    pages: list[tuple[str, str, BrowserContext, Act | None]] = [
        ("login", "/login", stranger, None),
        ("login-wrong", "/login?error=wrong", stranger, None),
        ("missing", "/nope", stranger, None),
        ("games", "/", friend, None),
        ("games-none", "/?q=zzzz", friend, None),
        ("games-menu", "/", friend, _open_menu),
        ("play", f"/play/{games[0]}", friend, None),
        ("upload", "/upload", friend, None),
        ("account", "/account", friend, _make_token),
        ("docs", "/docs", friend, None),
        ("forbidden", "/admin", friend, None),
        ("admin-live", "/admin", host, None),
        ("admin-users", "/admin/users", host, None),
        ("admin-usage", "/admin/usage", host, None),
        ("admin-settings", "/admin/settings", host, None),
    ]
    chosen = [each for each in pages if not wanted or each[0].startswith(tuple(wanted))]
    await _sign_in(friend, origin, "mira")
    await _sign_in(host, origin, "admin")
    for title, path, context, act in chosen:
        page = await context.new_page()
        page.on("pageerror", partial(_tell_error, title))
        await page.goto(origin + path)
        await page.wait_for_selector("h1", state="attached")
        await page.wait_for_load_state("networkidle")
        await page.evaluate("document.fonts.ready")
        await _see_everything(page)
        if act is not None:
            await act(page)
        needed = await page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            _tell(f"{title} at {width}: {needed} px wide")
        await page.evaluate("scrollTo(0, 0)")
        await page.screenshot(path=name.with_name(title + name.name), full_page=title not in VIEWPORT_ONLY)
        await page.close()
    for context in (stranger, friend, host):
        await context.close()


async def _context(browser: Browser, origin: str, width: int, theme: str) -> BrowserContext:
    return await browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        base_url=origin,
    )


async def _sign_in(context: BrowserContext, origin: str, name: str) -> None:
    answer = await context.request.post(
        f"{origin}/auth/login", data={"username": name, "password": PASSWORD}, headers={"origin": origin}
    )
    assert answer.ok, await answer.text()


async def _see_everything(page: Page) -> None:
    """Scroll through, so that what loads late has loaded, and back."""
    await page.evaluate(
        "async () => { for (let y = 0; y < document.body.scrollHeight; y += 600)"
        " { scrollTo(0, y); await new Promise((done) => setTimeout(done, 20)); } scrollTo(0, 0); }"
    )
    await page.wait_for_load_state("networkidle")


async def _open_menu(page: Page) -> None:
    await page.click("details.menu > summary")
    await page.wait_for_selector(".menu-sheet", state="visible")


async def _make_token(page: Page) -> None:
    await page.fill("input[name=name]", "my bot")
    await page.click("text=Make a token")
    await page.wait_for_selector(".secret")


async def _furnish(services: Services) -> list[str]:
    """People, games and a month of usage; gives the games' ids."""
    chance = random.Random(7)
    users: dict[str, User] = {}
    for position, name in enumerate(FRIENDS):
        users[name] = await services.users.create(
            username=name, password=PASSWORD, token_limit=200_000 * (1 + position), limit_period="month"
        )
    games = [await _game(services, users[maker].id, name, about, talks) for name, about, maker, talks in GAMES]
    everything, _ = await services.catalogue.list(limit=100)
    ids = [*(game for game in games), *(game.id for game in everything if game.id not in games)]
    for position, game_id in enumerate(ids):
        for _ in range(3 + 2 * position):
            await services.catalogue.record_play(chance.choice(list(users.values())).id, game_id)
    await services.catalogue.record_play(users["mira"].id, ids[1])
    entries = [_entry(chance, users, ids) for _ in range(900)]
    await factories.record(services.database, *entries)
    mine = "(select coalesce(sum(total_tokens), 0) from token_usage where user_id = users.id)"
    for column in ("tokens_used", "total_tokens"):
        await factories.run_sql(services.database, f"update users set {column} = {mine}")  # noqa: S608  (ours)
    return ids


async def _game(services: Services, owner_id: str, title: str, description: str, talks: bool) -> str:
    with tempfile.TemporaryDirectory() as folder:
        script = "vanilla.stream('hello')" if talks else "0"
        page = f"<!doctype html><title>{title}</title><h1>{title}</h1><script>{script}</script>"
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


def _tell_error(title: str, error: Error) -> None:
    _tell(f"{title}: {error}")


def _tell(words: str) -> None:
    sys.stdout.write(f"{words}\n")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("Say where the pictures go: python -m tests.e2e.screenshots FOLDER [name ...]")
    asyncio.run(shoot(Path(sys.argv[1]), sys.argv[2:]))
