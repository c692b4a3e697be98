"""A database of the plan's Node platform, put into DATA_DIR: recognised, copied, upgraded, and its people sign in."""

import sqlite3
from contextlib import closing
from pathlib import Path

import bcrypt
import pytest
from fastapi import FastAPI
from sqlmodel import select

from tests.conftest import browser
from tests.factories import ADMIN_PASSWORD, sign_in
from vanilla.database import Database
from vanilla.migrations import plan
from vanilla.models import LoginSession, TokenUsage, UsageHour, User, utc_now, utc_text
from vanilla.settings import InvalidSettings, Settings

# Word for word the plan's, with its comments.
SCHEMA = """
-- Users table
CREATE TABLE users (
  id TEXT PRIMARY KEY,
  username TEXT UNIQUE NOT NULL,
  password_hash TEXT NOT NULL,
  is_admin BOOLEAN DEFAULT 0,
  is_active BOOLEAN DEFAULT 1,
  token_limit INTEGER DEFAULT NULL,  -- NULL = no limit
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
);

-- Sessions table (if using express-session + SQLite store)
CREATE TABLE sessions (
  sid TEXT PRIMARY KEY,
  sess TEXT NOT NULL,
  expire INTEGER NOT NULL
);

-- Token usage table
CREATE TABLE token_usage (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL,
  timestamp TEXT NOT NULL,
  backend TEXT NOT NULL,  -- 'anthropic' or 'ollama'
  model TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  total_tokens INTEGER NOT NULL,
  FOREIGN KEY (user_id) REFERENCES users(id)
);

-- Indexes for performance
CREATE INDEX idx_token_usage_user_id ON token_usage(user_id);
CREATE INDEX idx_token_usage_timestamp ON token_usage(timestamp);
"""
STAMP = "2025-10-05T10:20:30.000Z"


def node_database(path: Path, *more: str) -> Path:
    """The plan's tables with an admin, a friend and two calls, as the Node platform leaves them."""
    hashed = bcrypt.hashpw(b"robby's password", bcrypt.gensalt(4)).decode()  # $2b$, as Node's bcrypt writes
    with closing(sqlite3.connect(path)) as plain:
        plain.executescript(SCHEMA)
        plain.executemany(
            "INSERT INTO users VALUES (?, ?, ?, ?, 1, ?, ?, ?)",
            [("u1", "robby", hashed, 1, None, STAMP, STAMP), ("u2", "Mira", hashed, 0, 500, STAMP, STAMP)],
        )
        plain.execute("INSERT INTO sessions VALUES ('s1', '{\"cookie\":{}}', 1759660000)")
        plain.executemany(
            "INSERT INTO token_usage VALUES (?, 'u2', ?, 'ollama', 'llama3', 10, 5, 15)",
            [("t1", "2025-10-05T10:20:30.123Z"), ("t2", "2025-10-05 10:50:00")],
        )
        for statement in more:
            plain.execute(statement)
        plain.commit()
    return path


@pytest.fixture
def path(settings: Settings) -> Path:
    """Where the platform will look for its database; there is none yet."""
    path = settings.data_dir / "vanilla.db"
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


async def test_its_people_sign_in_with_their_passwords_and_find_their_figures(app: FastAPI, path: Path) -> None:
    node_database(path)
    async with app.router.lifespan_context(app), browser(app) as robby, browser(app) as mira:
        await sign_in(robby, "robby", "robby's password")
        await sign_in(mira, "mira", "robby's password")
        users = (await robby.get("/admin/api/users")).json()
        assert [(user["username"], user["is_admin"], user["total_tokens"]) for user in users["items"]] == [
            ("Mira", False, 30),
            ("robby", True, 0),
        ], "the plan's own admin stays the only one"
        usage = (await mira.get("/api/inference/usage")).json()
        assert (usage["total_tokens"], usage["token_limit"], usage["remaining_tokens"]) == (30, 500, 470)
        history = (await robby.get("/admin/api/usage/u2")).json()
        assert [row["timestamp"] for row in history["items"]] == [
            "2025-10-05T10:50:00.000Z",
            "2025-10-05T10:20:30.123Z",
        ]
    (aside,) = path.parent.glob("vanilla.db.before-*")
    with closing(sqlite3.connect(aside)) as copy:
        assert copy.execute("SELECT count(*) FROM token_usage").fetchone() == (2,)
        assert not copy.execute("SELECT name FROM sqlite_master WHERE name = 'alembic_version'").fetchall()


async def test_an_admin_is_made_where_it_has_none(app: FastAPI, path: Path) -> None:
    node_database(path, "UPDATE users SET is_admin = 0")
    async with app.router.lifespan_context(app), browser(app) as admin:
        await sign_in(admin, "admin", ADMIN_PASSWORD)
        assert (await admin.get("/admin/api/users")).json()["total"] == 3


@pytest.mark.parametrize(
    "sessions",
    [
        "DROP TABLE sessions",  # connect-sqlite3 keeps them in a file of its own, unless told otherwise
        "ALTER TABLE sessions RENAME COLUMN expire TO expired",  # which is what it calls the column
    ],
)
def test_its_sessions_may_be_elsewhere_or_of_another_shape(path: Path, sessions: str) -> None:
    database = Database(f"sqlite:///{node_database(path, sessions)}")
    database.open()
    assert database.read_now(lambda session: session.exec(select(LoginSession)).all()) == []
    database.close()


def test_indexes_may_be_missing(path: Path) -> None:
    node_database(path, "DROP INDEX idx_token_usage_user_id", "DROP INDEX idx_token_usage_timestamp")
    database = Database(f"sqlite:///{path}")
    database.open()
    database.close()


def test_names_that_differ_by_case_become_two(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    node_database(path, "INSERT INTO users VALUES ('u3', 'mira', 'x', 0, 1, NULL, '2025-12-01', '2025-12-01')")
    database = Database(f"sqlite:///{path}")
    database.open()
    users = database.read_now(lambda session: session.exec(select(User).order_by(User.id)).all())
    database.close()
    assert [(user.username, user.username_key) for user in users] == [
        ("robby", "robby"),
        ("Mira", "mira"),
        ("mira 2", "mira 2"),
    ]
    assert "mira is now called mira 2" in caplog.text


def test_calls_of_somebody_who_is_gone_stay_counted(path: Path) -> None:
    node_database(
        path, "INSERT INTO token_usage VALUES ('t9', 'gone', '2025-10-05T11:00:00.000Z', 'ollama', 'm', 1, 1, 2)"
    )
    database = Database(f"sqlite:///{path}")
    database.open()
    rows = database.read_now(lambda session: session.exec(select(TokenUsage)).all())
    hours = database.read_now(lambda session: session.exec(select(UsageHour)).all())
    user = database.read_now(lambda session: session.get(User, "gone"))
    database.close()
    assert len(rows) == 3
    assert sum(hour.total_tokens for hour in hours) == 32
    assert user is not None
    assert (user.is_active, user.total_tokens) == (False, 2)


def test_an_upgrade_that_fails_changes_nothing(path: Path) -> None:
    node_database(path, "CREATE TABLE extra (user_id TEXT REFERENCES users(id))", "INSERT INTO extra VALUES ('nobody')")
    database = Database(f"sqlite:///{path}")
    for _ in range(2):
        with pytest.raises(InvalidSettings, match="point nowhere"):
            database.open()
    database.engine.dispose()
    with closing(sqlite3.connect(path)) as plain:
        columns = {row[1] for row in plain.execute("PRAGMA table_info(users)")}
    assert "username_key" not in columns


def test_tables_of_something_else_are_left_alone(path: Path) -> None:
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("CREATE TABLE recipes (id TEXT)")
    with pytest.raises(InvalidSettings, match="something else, such as recipes"):
        Database(f"sqlite:///{path}").open()


def test_a_database_of_a_newer_version_is_left_alone(path: Path) -> None:
    database = Database(f"sqlite:///{path}")
    database.open()
    database.close()
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("UPDATE alembic_version SET version_num = '9999'")
        plain.commit()
    with pytest.raises(InvalidSettings, match="newer Vanilla"):
        Database(f"sqlite:///{path}").open()


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2025-10-05T10:20:30.123Z", "2025-10-05T10:20:30.123Z"),
        ("2025-10-05 10:20:30", "2025-10-05T10:20:30.000Z"),
        ("2025-10-05T12:20:30+02:00", "2025-10-05T10:20:30.000Z"),
        ("2025-10-05", "2025-10-05T00:00:00.000Z"),
        ("1759659630", "2025-10-05T10:20:30.000Z"),
        ("1759659630123", "2025-10-05T10:20:30.123Z"),
        ("1701010112345", "2023-11-26T14:48:32.345Z"),
    ],
)
def test_times_are_read_as_they_were_meant(written: str, moment: str) -> None:
    assert utc_text(plan.moment_of(written)) == moment


@pytest.mark.parametrize("written", ["", "Sun Oct 05 2025", "1e400", "nan"])
def test_what_is_no_time_is_now(written: str) -> None:
    assert abs((plan.moment_of(written) - utc_now()).total_seconds()) < 5
