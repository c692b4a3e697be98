"""Games as they are found elsewhere, unmodified: each starts, runs and saves, in Chromium and in Firefox.

Each game says itself what it found out, one row for each thing that a game does on an ordinary page.
"""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest

from tests import npm
from tests.e2e.visitors import GAMES, HOME, Visitor, allow, sign_in, until, upload, visiting
from tests.fakes.model_servers import Answer, ModelServer
from tests.servers import server_process

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

PASSWORD = "correct horse battery"
ART = GAMES / "friendly" / "art"
FONT = Path(__file__).parents[2] / "vanilla" / "static" / "fonts" / "fredoka-latin-ext-wght-normal.woff2"

# The games, and how many rows each has at least: one that stops early has not run.
ROWS = {"arcade": 24, "modules": 16, "cabinet": 14, "pages": 5, "unity": 5, "talker": 14, "absolute": 3}
KEPT_ROWS = 7  # of the cabinet, when it is opened again
PLACES = ["chromium at localhost", "firefox at localhost", "chromium at home", "firefox at home"]
REFUSAL = {"type": "error", "error": {"type": "not_found_error", "message": "There is no such model."}}


@dataclass
class Seen:
    """What was seen of the games in one place."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)  # by game; "again" and "elsewhere": the cabinet
    saves: dict[str, str] = field(default_factory=dict)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)


@pytest.fixture(scope="module", params=PLACES)
def seen(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Every game played once, one after another, by somebody in a browser."""
    browser, _, place = str(request.param).partition(" at ")
    return asyncio.run(_tour(browser, place, tmp_path_factory.mktemp("tour")))


class TestGames:
    """In each place: at localhost, where browsers allow more, and by a name in somebody's network without https."""

    @pytest.mark.parametrize("game", ROWS)
    def test_it_starts_runs_and_saves(self, seen: Seen, game: str) -> None:
        assert seen.problems.get(game) is None
        assert [f"{row['name']}: {row['detail']}" for row in seen.rows[game] if not row["ok"]] == []
        assert len(seen.rows[game]) >= ROWS[game]
        assert '"finished"' in seen.saves[game]

    @pytest.mark.parametrize("visit", ["cabinet again", "cabinet elsewhere"])
    def test_saves_are_there_after_a_reload_and_in_another_browser(self, seen: Seen, visit: str) -> None:
        assert seen.problems.get(visit) is None
        assert [f"{row['name']}: {row['detail']}" for row in seen.rows[visit] if not row["ok"]] == []
        assert len(seen.rows[visit]) == KEPT_ROWS

    def test_absolute_paths_are_warned_of_at_upload(self, seen: Seen) -> None:
        (warning,) = [warning for warning in seen.warnings["absolute"] if "/js/main.js" in warning]
        assert "index.html" in warning
        assert {game for game, warnings in seen.warnings.items() if warnings} == {"absolute"}


@npm.needs_node
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
async def test_the_official_clients_run_in_a_game(browser: str, tmp_path: Path) -> None:
    clients = await npm.install(tmp_path / "node")
    built = await npm.bundle(clients, GAMES / "packages" / "main.js")
    async with platform(tmp_path / "data") as (origin, owner), visiting(browser) as mira:
        game = await upload(owner, "packages", built)
        await sign_in(mira, origin, "mira", PASSWORD)
        rows = await played(mira, origin, game["id"], talks=True)
    assert [f"{row['name']}: {row['detail']}" for row in rows if not row["ok"]] == []
    assert len(rows) == 7


async def _tour(browser: str, place: str, folder: Path) -> Seen:
    """Every game in one browser; the cabinet once more, and a third time in a browser that was never here."""
    seen = Seen()
    async with platform(folder / "data") as (local, owner):
        origin = local if place == "localhost" else local.replace("127.0.0.1", HOME)
        games = {}
        for name in ROWS:
            beside = packed(folder) if name == "unity" else [ART, FONT]
            games[name] = await upload(owner, name, *beside)
            seen.warnings[name] = games[name]["warnings"]
        async with visiting(browser) as mira:
            await sign_in(mira, origin, "mira", PASSWORD)
            for visit in (*ROWS, "cabinet again"):
                await _visit(seen, visit, mira, origin, games[visit.split()[0]]["id"])
            friend = httpx.AsyncClient(base_url=local, cookies=await mira.cookies())
        async with friend:
            for name, game in games.items():
                seen.saves[name] = (await friend.get(f"/api/games/{game['id']}/saves")).text
        async with visiting(browser) as mira:
            await sign_in(mira, origin, "mira", PASSWORD)
            await _visit(seen, "cabinet elsewhere", mira, origin, games["cabinet"]["id"])
    return seen


async def _visit(seen: Seen, visit: str, mira: Visitor, origin: str, game: str) -> None:
    """One game, played; what goes wrong is this game's, and the others are played all the same."""
    try:
        seen.rows[visit] = await played(mira, origin, game, talks=visit == "talker")
    except AssertionError as error:
        seen.problems[visit] = str(error)


async def played(mira: Visitor, origin: str, game: str, *, talks: bool) -> list[dict[str, Any]]:
    """What a game found out, played to its end and to its save."""
    await mira.go(f"{origin}/play/{game}")
    if talks:
        await allow(mira)
    await until(mira, "game", "() => window.report?.isDone")
    rows: list[dict[str, Any]] = await mira.in_game("() => report.rows")
    saved = "(game) => fetch(`/api/games/${game}/saves`).then((answer) => answer.text())"
    await until(mira, "page", f"async (game) => (await ({saved})(game)).includes('finished')", game)
    return rows


@asynccontextmanager
async def platform(folder: Path) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """A server with models of both kinds and a user mira: its address, and its admin."""
    async with ModelServer().serving() as models:
        models.by_model = {"status 404": Answer(status=404, error=REFUSAL, headers={"x-should-retry": "false"})}
        settings = {
            "DATA_DIR": str(folder),
            "ADMIN_PASSWORD": PASSWORD,
            "LOCAL_MODEL": "off",
            "ANTHROPIC_BASE_URL": models.url,
            "ANTHROPIC_API_KEY": "sk-ant-test",
            "OLLAMA_URL": models.url,
            "EXAMPLE_GAMES": "false",
            "MIN_FREE_DISK_MB": "0",
        }
        async with server_process(**settings) as server, httpx.AsyncClient(base_url=server.origin) as owner:
            assert (await owner.post("/auth/login", json={"username": "admin", "password": PASSWORD})).is_success
            made = await owner.post("/admin/api/users", json={"username": "mira", "password": PASSWORD})
            assert made.is_success, made.text
            yield server.origin, owner


def packed(folder: Path) -> list[Path]:
    """What of the game `unity` is compressed, as an engine's build is: folders to lie in it under their names."""
    source, build, assets = GAMES / "unity", folder / "Build", folder / "StreamingAssets"
    build.mkdir()
    assets.mkdir()
    for name in ("mini.framework.js", "mini.wasm"):
        (build / f"{name}.br").write_bytes(brotli.compress((source / "Build" / name).read_bytes()))
    (build / "mini.data.gz").write_bytes(gzip.compress((source / "Build" / "mini.data").read_bytes()))
    (assets / "notes.txt.gz").write_bytes(gzip.compress((source / "StreamingAssets" / "notes.txt").read_bytes()))
    return [build, assets]
