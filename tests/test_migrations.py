"""Upgrades: from nothing, from the plan's own database with its data, and back to what was set aside."""

import sqlite3
from contextlib import closing
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlmodel import SQLModel, col, select

from vanilla.database import Database
from vanilla.games import search
from vanilla.migrations import upgrade
from vanilla.models import Game, GameVersion, LoginSession, TokenUsage, UsageHour, User


def old_database(path: Path) -> Database:
    """A database of the first plan, with an admin, a friend and three calls."""
    database = Database(f"sqlite:///{path}")
    upgrade(database.engine, path, "0001")
    with closing(sqlite3.connect(path)) as plain:
        stamp = "2025-10-05T10:20:30.000Z"
        plain.executemany(
            "INSERT INTO users (id, username, password_hash, is_admin, is_active, token_limit, created_at, updated_at)"
            " VALUES (?, ?, 'hash', ?, ?, ?, ?, ?)",
            [("u1", "Robby", 1, 1, None, stamp, stamp), ("u2", "MIRA", None, None, 500, stamp, stamp)],
        )
        plain.execute("INSERT INTO sessions VALUES ('s1', '{}', 1)")
        plain.executemany(
            "INSERT INTO token_usage VALUES (?, ?, ?, 'ollama', 'llama3', ?, ?, ?)",
            [
                ("t1", "u2", "2025-10-05T10:20:30.000Z", 10, 5, 15),
                ("t2", "u2", "2025-10-05T10:50:00.000Z", 20, 5, 25),
                ("t3", "u1", "2025-10-05T11:00:00.000Z", 1, 1, 2),
            ],
        )
        plain.commit()
    return database


class TestUpgrade:
    async def test_keeps_the_data_of_the_version_before(self, tmp_path: Path) -> None:
        database = old_database(tmp_path / "vanilla.db")
        database.open()
        users = {user.id: user for user in await database.read(lambda session: session.exec(select(User)).all())}
        rows = await database.read(lambda session: session.exec(select(TokenUsage)).all())
        hours = await database.read(lambda session: session.exec(select(UsageHour)).all())
        sessions = await database.read(lambda session: session.exec(select(LoginSession)).all())
        database.close()
        assert (users["u1"].username, users["u1"].is_admin) == ("Robby", True)
        mira = users["u2"]
        assert (mira.username_key, mira.is_admin, mira.is_active, mira.token_limit) == ("mira", False, True, 500)
        assert (mira.tokens_used, mira.total_tokens, mira.limit_period) == (40, 40, "total")
        assert [(row.id, row.total_tokens, row.status, row.game_id) for row in rows] == [
            ("t1", 15, "ok", ""),
            ("t2", 25, "ok", ""),
            ("t3", 2, "ok", ""),
        ]
        assert sorted((hour.user_id, hour.calls, hour.total_tokens) for hour in hours) == [("u1", 1, 2), ("u2", 2, 40)]
        assert sessions == []

    def test_sets_a_copy_aside_first(self, tmp_path: Path) -> None:
        database = old_database(tmp_path / "vanilla.db")
        database.open()
        database.close()
        (aside,) = tmp_path.glob("vanilla.db.before-*")
        with closing(sqlite3.connect(aside)) as copy:
            assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
            assert copy.execute("SELECT count(*) FROM token_usage").fetchone() == (3,)

    def test_of_a_new_database_sets_nothing_aside(self, tmp_path: Path) -> None:
        database = Database(f"sqlite:///{tmp_path / 'vanilla.db'}")
        database.open()
        database.close()
        assert not list(tmp_path.glob("*.before-*"))

    def test_ends_at_the_tables_of_the_models(self, tmp_path: Path) -> None:
        database = Database(f"sqlite:///{tmp_path / 'vanilla.db'}")
        database.open()
        with database.engine.connect() as connection:
            differences = compare_metadata(
                MigrationContext.configure(connection, opts={"compare_type": True}), SQLModel.metadata
            )
        database.close()
        assert differences == []


class TestGamesOf0003:
    """A platform with games, from before they had a life of their own."""

    async def test_they_stay_as_they_were_and_are_found(self, tmp_path: Path) -> None:
        database = games_before_their_life(tmp_path / "vanilla.db")
        database.open()
        games = {game.id: game for game in await database.read(lambda session: session.exec(select(Game)).all())}
        versions = await database.read(
            lambda session: session.exec(select(GameVersion).order_by(col(GameVersion.number))).all()
        )
        found = await database.read(
            lambda session: session.exec(select(Game.id).where(search.matching("uber GROSSE mira"))).all()
        )
        tagged = await database.read(lambda session: session.exec(select(Game.id).where(search.tagged("größe"))).all())
        database.close()
        assert (games["g1"].visibility, games["g1"].version, games["g1"].last_version) == ("shared", 2, 2)
        assert games["g1"].search_text == search.text_of("Über Orbit", "Straße & Co", ["größe"], "Mira")
        assert found == tagged == ["g1"]
        # What was removed lost its files at once: it cannot be had back, and is in nobody's way.
        assert games["g2"].removed_at is not None
        assert [(row.game_id, row.number) for row in versions] == [("g1", 1), ("g1", 2)]
        assert [(row.notes, row.warnings, row.talks) for row in versions] == [("", [], True)] * 2
        assert all(row.published_at == row.created_at for row in versions)


def games_before_their_life(path: Path) -> Database:
    """A database at revision 0003: a game with two versions, and one that was removed."""
    database = Database(f"sqlite:///{path}")
    upgrade(database.engine, path, "0003")
    stamp = "2026-10-05T10:20:30.000Z"
    with closing(sqlite3.connect(path)) as plain:
        plain.execute(
            "INSERT INTO users (id, username, username_key, password_hash, is_admin, is_active, created_at, updated_at)"
            " VALUES ('u1', 'Mira', 'mira', 'hash', 0, 1, ?, ?)",
            (stamp, stamp),
        )
        plain.executemany(
            "INSERT INTO games (id, slug, title, description, tags, owner_id, version, talks, has_cover, removed_at,"
            " created_at, updated_at) VALUES (?, 'slug', ?, ?, ?, 'u1', ?, 1, 0, ?, ?, ?)",
            [
                ("g1", "Über Orbit", "Straße & Co", '["gr\\u00f6\\u00dfe"]', 2, None, stamp, stamp),
                ("g2", "Gone", "", "[]", 1, stamp, stamp, stamp),
            ],
        )
        plain.executemany(
            "INSERT INTO game_versions (game_id, number, digest, entry, created_at)"
            " VALUES (?, ?, 'digest', 'index.html', ?)",
            [("g1", 1, stamp), ("g1", 2, stamp), ("g2", 1, stamp)],
        )
        plain.commit()
    return database
