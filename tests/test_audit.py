"""The audit: written with what it tells of or not at all, and never changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, col, select

from vanilla import audit
from vanilla.database import Database
from vanilla.models import AuditEntry, RuntimeSetting, utc_now


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'vanilla.db'}")
    database.open()
    yield database
    database.close()


def change(session: Session) -> None:
    session.add(RuntimeSetting(name="limit", value=1, updated_at=utc_now()))
    audit.record(session, by="u1", action="settings.update", subject="limit", details={"limit": [None, 1]})


async def test_an_entry_says_who_did_what_to_what_and_when(database: Database) -> None:
    before = utc_now()
    await database.write(change)
    entry = await database.read(lambda session: session.exec(select(AuditEntry)).one())
    assert (entry.id, entry.actor_id, entry.action, entry.subject) == (1, "u1", "settings.update", "limit")
    assert entry.details == {"limit": [None, 1]}
    assert before <= entry.created_at <= utc_now()


async def test_a_change_that_fails_leaves_no_entry(database: Database) -> None:
    def work(session: Session) -> None:
        change(session)
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError, match="disk"):
        await database.write(work)
    assert await database.read(lambda session: session.exec(select(AuditEntry)).all()) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET details = '{}'",
        "UPDATE OR REPLACE audit SET id = 2 WHERE id = 1",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id = 1",
        "INSERT OR REPLACE INTO audit (id, created_at, action, details) VALUES (1, '2026', 'user.create', '{}')",
    ],
)
async def test_an_entry_can_be_neither_changed_nor_deleted_nor_replaced(database: Database, statement: str) -> None:
    await database.write(change)
    await database.write(lambda session: audit.record(session, by=None, action="backup.create"))
    with pytest.raises(DBAPIError, match="append-only"):
        await database.write(lambda session: session.connection().exec_driver_sql(statement))
    assert database.path is not None
    with closing(sqlite3.connect(database.path)) as another:  # with none of our pragmas
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            another.execute(statement)
    entries = await database.read(lambda session: session.exec(select(AuditEntry).order_by(col(AuditEntry.id))).all())
    assert [(entry.action, entry.details) for entry in entries] == [
        ("settings.update", {"limit": [None, 1]}),
        ("backup.create", {}),
    ]
