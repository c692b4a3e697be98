"""Whether the ledger agrees with what the model server says it served."""

import asyncio
import json
import sqlite3
import urllib.request
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATIENCE = 20.0  # seconds for what is in flight to settle


@dataclass(frozen=True)
class Standing:
    """Calls and tokens up to a moment."""

    calls: int
    tokens: int

    def since(self, earlier: "Standing") -> "Standing":
        return Standing(self.calls - earlier.calls, self.tokens - earlier.tokens)


class Books:
    """The ledger of one user in one database, beside the model server's own count."""

    def __init__(self, data_dir: Path, user_id: str, upstream_port: int) -> None:
        self._path = data_dir / "vanilla.db"
        self._user_id = user_id
        self._upstream_port = upstream_port

    async def quiet(self) -> Standing:
        """What the model server has served, once nothing is under way any more."""
        async with asyncio.timeout(PATIENCE):
            before = None
            while True:
                served = await asyncio.to_thread(self._served)
                now = Standing(served["calls"], served["tokens"])
                if now == before and not served["open"] and not await asyncio.to_thread(self._held):
                    return now
                before = now
                await asyncio.sleep(0.2)

    async def ledger(self) -> Standing:
        """What the ledger says. Raises AssertionError where its own parts do not agree."""
        return await asyncio.to_thread(self._ledger)

    async def compare(self, served_before: Standing, ledger_before: Standing) -> tuple[Standing, Standing]:
        """What was served and what was booked since then. Raises TimeoutError while tokens stay held."""
        served = (await self.quiet()).since(served_before)
        return served, (await self.ledger()).since(ledger_before)

    def _served(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._upstream_port}/served", timeout=10) as answer:
            served: dict[str, Any] = json.load(answer)
        return served

    def _held(self) -> bool:
        with closing(self._open()) as connection:
            (holds,) = connection.execute("SELECT count(*) FROM holds").fetchone()
            (held,) = connection.execute("SELECT sum(tokens_held) FROM users").fetchone()
        return bool(holds or held)

    def _ledger(self) -> Standing:
        with closing(self._open()) as connection:
            queries = (
                "SELECT count(*), sum(total_tokens) FROM token_usage WHERE user_id = ?",
                "SELECT sum(calls), sum(total_tokens) FROM usage_hours WHERE user_id = ?",
            )
            rows, hours = (connection.execute(query, (self._user_id,)).fetchone() for query in queries)
            used = connection.execute("SELECT tokens_used, total_tokens FROM users WHERE id = ?", (self._user_id,))
            tokens = {rows[1] or 0, hours[1] or 0, *used.fetchone()}
        assert (rows[0] or 0) == (hours[0] or 0), f"{rows[0]} rows, {hours[0]} calls in the roll-ups"
        assert len(tokens) == 1, f"rows, roll-ups and user do not agree: {tokens}"
        return Standing(rows[0], tokens.pop())

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, timeout=10)
