"""What the metering path writes: on the event loop where that takes a moment, else by the thread."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from sqlmodel import select

from vanilla import batches
from vanilla.database import Database
from vanilla.errors import Unavailable
from vanilla.models import RuntimeSetting

threads: list[int] = []


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    threads.clear()
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    database.open()
    yield database
    database.close()


def note(cursor: sqlite3.Cursor, items: Sequence[str]) -> list[str]:
    threads.append(threading.get_ident())
    cursor.executemany(
        "INSERT INTO runtime_settings (name, value, updated_at) VALUES (?, 'null', '')", [(item,) for item in items]
    )
    return list(items)


async def noted(database: Database) -> set[str]:
    return set(await database.read(lambda session: session.exec(select(RuntimeSetting.name)).all()))


def is_on_the_loop() -> bool:
    return threads == [threading.get_ident()]


async def test_what_is_put_in_one_turn_is_one_write_on_the_event_loop(database: Database) -> None:
    assert await asyncio.gather(*(database.meter(note, name) for name in "abc")) == ["a", "b", "c"]
    assert is_on_the_loop()
    assert await noted(database) == set("abc")


async def test_what_has_nothing_to_wait_for_is_written_at_once_with_what_was_put_before(database: Database) -> None:
    before = database.meter(note, "a")
    alone = database.meter(note, "b", at_once=True)
    assert before.done()
    assert alone.done()
    assert is_on_the_loop()
    assert await noted(database) == {"a", "b"}


async def test_what_should_be_written_at_once_and_cannot_be_is_written_by_the_thread(database: Database) -> None:
    other = sqlite3.connect(str(database.engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    late = database.meter(note, "late", at_once=True)
    assert not late.done()
    other.execute("ROLLBACK")
    other.close()
    assert await late == "late"
    assert threading.get_ident() not in threads


async def test_a_large_group_goes_to_the_thread(database: Database) -> None:
    names = [f"n{number}" for number in range(batches.LARGEST_ON_THE_LOOP + 1)]
    assert await asyncio.gather(*(database.meter(note, name) for name in names)) == names
    assert threads
    assert threading.get_ident() not in threads
    assert await noted(database) == set(names)


async def test_what_comes_while_the_thread_writes_comes_after_it(database: Database) -> None:
    began, end = threading.Event(), threading.Event()

    def slowly(_: object) -> None:
        began.set()
        end.wait(5)

    writing = asyncio.create_task(database.write(slowly))
    await asyncio.to_thread(began.wait, 5)
    late = database.meter(note, "late")
    await asyncio.sleep(0.05)
    assert not late.done()
    end.set()
    assert await late == "late"
    assert not is_on_the_loop()
    await writing


async def test_a_database_that_another_process_locks_is_waited_for_by_the_thread(database: Database) -> None:
    other = sqlite3.connect(str(database.engine.url.database), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        late = database.meter(note, "late")
        turns = 0
        while turns < 20:  # the event loop goes on meanwhile
            await asyncio.sleep(0.005)
            turns += 1
        assert not late.done()
    finally:
        other.execute("ROLLBACK")
        other.close()
    assert await late == "late"
    assert threading.get_ident() not in threads


async def test_one_that_fails_fails_alone(database: Database) -> None:
    answers = await asyncio.gather(*(database.meter(note, name) for name in "aab"), return_exceptions=True)
    assert [type(answer) for answer in answers] == [str, sqlite3.IntegrityError, str]
    assert await noted(database) == set("ab")


async def test_a_slow_disk_is_left_to_the_thread_for_a_while(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "SLOW", 1e-6)  # everything is slow
    monkeypatch.setattr(batches, "WEIGHT", 1.0)
    monkeypatch.setattr(batches, "SLOW_FOR", 0.1)
    await database.meter(note, "first")
    assert is_on_the_loop()
    threads.clear()
    await database.meter(note, "second")
    assert not is_on_the_loop()
    await asyncio.sleep(0.12)
    threads.clear()
    await database.meter(note, "third")
    assert is_on_the_loop()


async def test_one_slow_write_alone_changes_nothing(database: Database) -> None:
    for number in range(20):
        await database.meter(note, f"quick{number}")

    def slow(cursor: sqlite3.Cursor, items: Sequence[str]) -> list[str]:
        threading.Event().wait(0.05)
        return list(items)

    await database.meter(slow, "")
    threads.clear()
    await database.meter(note, "next")
    assert is_on_the_loop()


async def test_the_log_does_not_grow_without_end(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "CHECKPOINT_AFTER", 5)
    log = Path(f"{database.engine.url.database}-wal")
    sizes: list[int] = []
    async with asyncio.timeout(20):
        while len(sizes) < 200 or sizes[-1] > sizes[-200]:  # until what is written goes where something lay before
            await database.meter(note, f"n{len(sizes)}")
            await asyncio.sleep(0)
            sizes.append(log.stat().st_size)
    assert len(await noted(database)) == len(sizes)


async def test_what_still_waits_is_written_before_the_database_closes(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'test.db'}")
    database.open()
    last = database.meter(note, "last")
    await asyncio.sleep(0)  # it is put, and its turn has not come
    await asyncio.to_thread(database.close)
    assert await last == "last"
    database.open()
    assert await noted(database) == {"last"}
    database.close()
    with pytest.raises(Unavailable):
        await database.meter(note, "later")
