"""Vanilla as it is measured: `python main.py` in a process of its own, limits on, ledger durable."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import seeds
from tests.bench.books import Books
from tests.bench.load import Target
from tests.servers import server_process

ADMIN = "admin"
PASSWORD = "long enough for a bench"


@dataclass(frozen=True)
class Vanilla:
    """A running server, its ledger, and the way in."""

    target: Target
    books: Books
    origin: str


@asynccontextmanager
async def vanilla(
    name: str, folder: Path, upstream_port: int, *, users: int = 0, rows: int = 0, games: int = 0
) -> AsyncIterator[Vanilla]:
    """One server process with a database of its own in `folder`, that many users, games and ledger rows in it."""
    folder.mkdir()
    caller = await asyncio.to_thread(seeds.prepare, folder, users=users, rows=rows, games=games)
    address = f"http://127.0.0.1:{upstream_port}"
    settings = {
        "DATA_DIR": str(folder),
        "ADMIN_USERNAME": ADMIN,
        "ADMIN_PASSWORD": PASSWORD,
        "ANTHROPIC_API_KEY": "sk-ant-bench",
        "ANTHROPIC_BASE_URL": address,
        "OLLAMA_URL": address,
        "LOCAL_MODEL": "off",
        "LOG_LEVEL": "warning",
    }
    async with server_process(**settings) as server:
        port = int(server.origin.rpartition(":")[2])
        target = Target(name, port, server.pid, "/api/inference", {"authorization": f"Bearer {caller.token}"})
        yield Vanilla(target, Books(folder, caller.user_id, upstream_port), server.origin)
        if logged := [line for line in server.output.splitlines() if "[warning" in line or '"level": "' in line]:
            print(f"\n{name} logged {len(logged)} lines, the last of them:", *logged[-10:], sep="\n")
