"""Whether the books are right: nothing held, and every sum that is kept equal to the ledger's."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

LEDGER_SUMS = """
SELECT user_id, count(*), sum(prompt_tokens), sum(completion_tokens), sum(total_tokens), sum(cache_read_tokens)
FROM token_usage GROUP BY user_id
"""
HOUR_SUMS = """
SELECT user_id, sum(calls), sum(prompt_tokens), sum(completion_tokens), sum(total_tokens), sum(cache_read_tokens)
FROM usage_hours GROUP BY user_id
"""
MINUTE_SUMS = """
SELECT user_id, sum(calls), sum(prompt_tokens), sum(completion_tokens), sum(total_tokens)
FROM usage_minutes GROUP BY user_id
"""


@contextmanager
def beside(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection of the test's own to the server's database."""
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        yield connection


def check(path: Path) -> None:
    """Fails where something is still held, or where users' sums or the roll-ups differ from the ledger."""
    with beside(path) as connection:

        def rows(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        assert rows("SELECT id, user_id, tokens FROM holds") == []
        assert rows("SELECT username, tokens_held FROM users WHERE tokens_held <> 0") == []
        assert rows("SELECT user_id, game_id, day, tokens_held FROM game_days WHERE tokens_held <> 0") == []
        ledger = {row[0]: row[1:] for row in rows(LEDGER_SUMS)}
        assert {row[0]: row[1:] for row in rows(HOUR_SUMS)} == ledger
        assert {row[0]: row[1:] for row in rows(MINUTE_SUMS)} == {user: sums[:-1] for user, sums in ledger.items()}
        totals = dict(rows("SELECT id, total_tokens FROM users WHERE total_tokens <> 0"))
        assert totals == {user: sums[3] for user, sums in ledger.items() if sums[3]}
        assert rows("SELECT id FROM token_usage WHERE total_tokens <> prompt_tokens + completion_tokens") == []
