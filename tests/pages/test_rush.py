"""A thousand visitors who are not signed in, and then a thousand more, leave nothing behind."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.servers import server_process

pytestmark = pytest.mark.slow

ROUNDS = 125
PATHS = ("/", "/login", "/admin", "/nope", "/play/x", "/api/games", "/api/inference/usage", "/auth/me")


async def test_the_second_thousand_adds_less_than_ten_megabytes(tmp_path: Path) -> None:
    settings = {"DATA_DIR": str(tmp_path), "ADMIN_PASSWORD": "a long password", "OLLAMA_URL": "", "LOCAL_MODEL": "off"}
    async with server_process(**settings) as server:
        async with aiohttp.ClientSession(server.origin) as client:
            await _thousand(client)
            before = _resident_bytes(server.pid)
            statuses = await _thousand(client)
            grown = _resident_bytes(server.pid) - before
    assert grown < 10_000_000
    assert statuses == {"/login": 200, "/nope": 404, "/": 303, "/admin": 303, "/play/x": 303} | {
        path: 401 for path in PATHS if path.startswith(("/api", "/auth"))
    }


async def _thousand(client: aiohttp.ClientSession) -> dict[str, int]:
    statuses: dict[str, int] = {}

    async def visit(path: str) -> None:
        async with client.get(path, allow_redirects=False) as answer:
            await answer.read()
            statuses[path] = answer.status

    for _ in range(ROUNDS):
        await asyncio.gather(*(visit(path) for path in PATHS))
    return statuses


def _resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
