"""What the database of a test holds, to see that nothing of it has changed."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def rows(database: Path) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, by the table's name. `database` is the file of a running or a stopped application."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {name: [dict(row) for row in connection.execute(f'SELECT * FROM "{name}"')] for name in tables}  # noqa: S608
