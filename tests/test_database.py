"""The one writer: groups, failures beside each other, order, and what closing keeps."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from vanilla.database import Database
from vanilla.errors import Unavailable
from vanilla.models import ApiToken, User, new_id, utc_now
from vanilla.settings import InvalidSettings


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'deep' / 'test.db'}")
    database.open()
    yield database
    database.close()


def user(name: str) -> User:
    return User(username=name, username_key=name, password_hash="", created_at=utc_now(), updated_at=utc_now())


def adding(name: str) -> Callable[[Session], None]:
    return lambda session: session.add(user(name))


async def names(database: Database) -> set[str]:
    return set(await database.read(lambda session: session.exec(select(User.username)).all()))


class TestWrite:
    async def test_gives_the_result_once_it_can_be_read(self, database: Database) -> None:
        def add(session: Session) -> str:
            session.add(user("mira"))
            return "done"

        assert await database.write(add) == "done"
        assert await names(database) == {"mira"}

    async def test_a_failure_reaches_its_caller_and_nobody_else(self, database: Database) -> None:
        answers = await asyncio.gather(
            *(database.write(adding(name)) for name in "aabbcd"),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [
            type(None), IntegrityError, type(None), IntegrityError, type(None), type(None)
        ]  # fmt: skip
        assert await names(database) == set("abcd")

    async def test_nothing_of_a_failed_work_is_kept(self, database: Database) -> None:
        def half(session: Session) -> None:
            session.add(user("half"))
            session.flush()
            raise RuntimeError("on purpose")

        with pytest.raises(RuntimeError, match="on purpose"):
            await database.write(half)
        assert await names(database) == set()

    async def test_of_the_cursor_is_undone_with_its_own_failure_only(self, database: Database) -> None:
        def add_all(cursor: sqlite3.Cursor, names: Sequence[str]) -> list[str]:
            for name in names:
                cursor.execute(
                    "INSERT INTO users (id, username, username_key, password_hash, created_at, updated_at)"
                    " VALUES (?, ?, ?, '', '', '')",
                    (name, name, name),
                )
                if name in "bd":
                    raise ValueError(name)
            return list(names)

        answers = await asyncio.gather(
            *(database.meter(add_all, name) for name in "abcde"),
            return_exceptions=True,
        )
        assert [answer if isinstance(answer, str) else type(answer) for answer in answers] == [
            "a", ValueError, "c", ValueError, "e"
        ]  # fmt: skip
        assert await names(database) == set("ace")

    async def test_that_waits_is_dropped_when_its_caller_gives_up(self, database: Database) -> None:
        started = asyncio.Event()
        loop = asyncio.get_running_loop()

        count = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n LIMIT 1000000) SELECT max(i) FROM n"

        def slow(session: Session) -> None:
            loop.call_soon_threadsafe(started.set)
            session.connection().execute(text(count))

        first = asyncio.create_task(database.write(slow))
        await started.wait()
        second = asyncio.create_task(database.write(lambda session: session.add(user("late"))))
        await asyncio.sleep(0)
        second.cancel()
        await first
        await database.write(lambda session: session.add(user("next")))
        assert await names(database) == {"next"}

    async def test_foreign_keys_hold(self, database: Database) -> None:
        orphan = ApiToken(user_id="nobody", name="x", token_hash="x", created_at=utc_now())
        with pytest.raises(IntegrityError):
            await database.write(lambda session: session.add(orphan))


class TestClose:
    async def test_commits_everything_that_was_asked_for(self, tmp_path: Path) -> None:
        database = Database(f"sqlite:///{tmp_path / 'test.db'}")
        database.open()
        tasks = [asyncio.create_task(database.write(adding(f"u{number}"))) for number in range(300)]
        await asyncio.sleep(0)
        await asyncio.to_thread(database.close)
        await asyncio.gather(*tasks)
        with sqlite3.connect(tmp_path / "test.db") as plain:
            assert plain.execute("SELECT count(*) FROM users").fetchone() == (300,)
        plain.close()

    async def test_later_work_is_refused_with_a_sentence(self, tmp_path: Path) -> None:
        database = Database(f"sqlite:///{tmp_path / 'test.db'}")
        for _ in range(2):
            with pytest.raises(Unavailable, match="closed"):
                await database.write(lambda _session: None)
            with pytest.raises(Unavailable, match="closed"):
                await database.read(lambda _session: None)
            database.open()
            database.close()


def test_ids_are_in_the_order_of_time() -> None:
    ids = [new_id() for _ in range(5)]
    assert len(set(ids)) == 5
    assert [each[:8] for each in ids] == sorted(each[:8] for each in ids)
    assert all(each[14] == "7" for each in ids)


class TestOpening:
    async def test_no_other_account_of_the_machine_reads_what_is_in_it(self, database: Database) -> None:
        await database.write(adding("mira"))
        assert database.path is not None
        kept = [path for path in database.path.parent.iterdir() if path.suffix != ".lock"]
        assert {path.name: path.stat().st_mode & 0o077 for path in kept} == {
            "test.db": 0,
            "test.db-shm": 0,
            "test.db-wal": 0,
        }

    @pytest.mark.parametrize("kind", ["folder", "no database", "below a file"])
    def test_what_is_no_database_is_one_line(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "vanilla.db"
        if kind == "folder":
            path.mkdir()
        else:
            path.write_bytes(b"recipes, not tables " * 500)
        if kind == "below a file":
            path = path / "vanilla.db"
        with pytest.raises(InvalidSettings) as raised:
            Database(f"sqlite:///{path}").open()
        assert str(raised.value).startswith(f"DATA_DIR: the database {path} cannot be opened: ")
        assert "\n" not in str(raised.value)

    def test_a_second_server_is_kept_out_until_the_first_has_ended(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'vanilla.db'}"
        with Database(url).claimed():
            with pytest.raises(InvalidSettings, match="another Vanilla is running"), Database(url).claimed():
                pass
        with Database(url).claimed():
            pass
