"""Databases to measure with: one user with a limit and a token, and as much history as a busy platform has."""

import random
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlmodel import Session

from vanilla.accounts.sessions import hash_of
from vanilla.database import Database
from vanilla.models import ApiToken, User, new_id, utc_now, utc_text

LIMIT = 10**12  # tokens: never reached here, and checked at every call
HISTORY = timedelta(days=365)
MODELS = (("anthropic", "claude-haiku-4-5"), ("anthropic", "claude-sonnet-4-5"), ("ollama", "llama3.2"))


@dataclass(frozen=True)
class Caller:
    """Who calls in a benchmark."""

    user_id: str
    token: str


def prepare(data_dir: Path, *, users: int = 0, rows: int = 0, games: int = 0) -> Caller:
    """Make a database with that many users, games and ledger rows of the last year, roll-ups included, and one who
    calls."""
    path = data_dir / "vanilla.db"
    database = Database(f"sqlite:///{path}")
    database.open()
    try:
        caller = database.write_now(_add_caller)
    finally:
        database.close()
    if rows:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            _fill(connection, users, rows, games)
    return caller


def _add_caller(session: Session) -> Caller:
    now = utc_now()
    token = "vk_" + secrets.token_urlsafe(32)
    user = User(
        username="bench",
        username_key="bench",
        password_hash="-",
        token_limit=LIMIT,
        requests_per_minute=1_000_000,
        concurrent_calls=1_000_000,
        created_at=now,
        updated_at=now,
    )
    session.add(user)
    session.flush()
    session.add(ApiToken(user_id=user.id, name="bench", token_hash=hash_of(token), created_at=now))
    return Caller(user.id, token)


def _fill(connection: sqlite3.Connection, users: int, rows: int, games: int) -> None:
    connection.execute("PRAGMA synchronous=off")
    connection.execute("PRAGMA cache_size=-200000")
    connection.execute("BEGIN")
    now = utc_now()
    ids = [f"{number:08x}-bench" for number in range(users)]
    people = [
        {
            "id": user_id,
            "username": user_id,
            "username_key": user_id,
            "password_hash": "-",
            "token_limit": LIMIT if number % 3 else None,
            "created_at": utc_text(now),
            "updated_at": utc_text(now),
        }
        for number, user_id in enumerate(ids)
    ]
    _insert(connection, "users", people)
    if games:
        _insert(connection, "games", [_game(number, ids[number % len(ids)], utc_text(now)) for number in range(games)])
    # An index that is built at the end takes a fraction of the time of one that grows with every row.
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'token_usage' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    connection.executemany(
        "INSERT INTO token_usage (id, user_id, timestamp, backend, model, prompt_tokens, completion_tokens,"
        " total_tokens, duration_ms, first_byte_ms, game_id, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        _history(ids, rows, games, now),
    )
    for _, sql in indexes:
        connection.execute(sql)
    for table, seconds, keys in (
        ("usage_hours", 3600, "user_id, backend, model, game_id"),
        ("usage_minutes", 60, "user_id, backend, model, game_id"),
    ):
        unit = "hour" if seconds == 3600 else "minute"
        since = utc_text(now - (timedelta(days=2) if unit == "minute" else 2 * HISTORY))
        connection.execute(
            f"INSERT INTO {table} ({unit}, {keys}, calls, prompt_tokens, completion_tokens, total_tokens)"  # noqa: S608
            f" SELECT unixepoch(timestamp) / {seconds} AS {unit}, {keys}, count(*), sum(prompt_tokens),"
            " sum(completion_tokens), sum(total_tokens) FROM token_usage WHERE timestamp >= ?"
            f" GROUP BY {unit}, {keys}",
            (since,),
        )
    for table, unit, over, keys in (
        ("usage_hour_totals", "hour", 1, "backend, model"),
        ("usage_days", "day", 24, "backend, model, game_id, user_id"),
    ):
        until = int(now.timestamp()) // 3600 // over
        connection.execute(
            f"INSERT INTO {table} ({unit}, {keys}, calls, prompt_tokens, completion_tokens, total_tokens)"  # noqa: S608
            f" SELECT hour / {over}, {keys}, sum(calls), sum(prompt_tokens), sum(completion_tokens), sum(total_tokens)"
            f" FROM usage_hours WHERE hour < ? GROUP BY hour / {over}, {keys}",
            (until * over,),
        )
        connection.execute("UPDATE usage_marks SET value = ? WHERE name = ?", (until, f"{unit}s"))
    connection.execute(
        "UPDATE users SET total_tokens = used.tokens, tokens_used = used.tokens FROM"
        " (SELECT user_id, sum(total_tokens) AS tokens FROM usage_hours GROUP BY user_id) AS used"
        " WHERE users.id = used.user_id"
    )
    connection.execute("COMMIT")
    connection.execute("ANALYZE")


def _game(number: int, owner_id: str, now: str) -> dict[str, Any]:
    title = f"Game {number:04}"
    return {
        "id": f"game{number:06}",
        "slug": f"game-{number}",
        "title": title,
        "description": "",
        "tags": "[]",
        "owner_id": owner_id,
        "version": 1,
        "last_version": 1,
        "talks": 1,
        "has_cover": 0,
        "search_text": title.lower(),
        "created_at": now,
        "updated_at": now,
    }


def _history(users: list[str], rows: int, games: int, now: datetime) -> Iterator[tuple[Any, ...]]:
    dice = random.Random(7)
    start = now - HISTORY
    first_id = new_id()[:13]
    for number in range(rows):
        moment = start + HISTORY * (number / rows)
        stamp = int(moment.astimezone(UTC).timestamp() * 1000).to_bytes(6, "big").hex()
        row_id = f"{stamp[:8]}-{stamp[8:]}-7{number & 0xFFF:03x}-8{first_id[:3]}-{number:012x}"
        backend, model = MODELS[number % len(MODELS)]
        prompt, completion = dice.randrange(20, 4000), dice.randrange(5, 800)
        # Few users make most calls.
        person = int(len(users) * dice.random() ** 3)
        user = users[person]
        yield (
            row_id,
            user,
            utc_text(moment),
            backend,
            model,
            prompt,
            completion,
            prompt + completion,
            dice.randrange(300, 20_000),
            dice.randrange(100, 900),
            # Everybody has five games that they play.
            f"game{(person * 7919 + dice.randrange(5) * 131) % games:06}" if games else "",
            "ok" if dice.random() < 0.95 else dice.choice(("aborted", "aborted", "failed")),
        )


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    marks = ", ".join("?" for _ in names)
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",  # noqa: S608
        [[row[name] for name in names] for row in rows],
    )
