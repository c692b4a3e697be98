"""The one thread that writes: takes all that waits into one transaction, commits, then answers.

The interpreter is handed over at every statement, and on a busy server that costs more than the statement. So what the
metering path writes comes as items of a few kinds, and all items of a kind that wait are written together.
"""

import asyncio
import enum
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session

from vanilla.errors import Unavailable

T = TypeVar("T")
Item = TypeVar("Item")
Batch = Callable[[sqlite3.Cursor, Sequence[Item]], Sequence[T]]

logger = logging.getLogger(__name__)

LARGEST_GROUP = 512


class _Mark(enum.Enum):
    """What stands in the queue beside jobs."""

    CHECKPOINT = enum.auto()
    STOP = enum.auto()


class _Job(Protocol):
    future: "Future[Any] | asyncio.Future[Any]"


@dataclass(slots=True, eq=False)
class SessionJob(Generic[T]):
    """Work on a `Session`, in a savepoint of its own."""

    work: Callable[[Session], T]
    future: "Future[T] | asyncio.Future[T]"

    def run(self, connection: Connection) -> T:
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            result = self.work(session)
            session.commit()
            return result


@dataclass(slots=True, eq=False)
class BatchJob(Generic[Item, T]):
    """An item to be written together with all others of its kind that wait. `batch` gives a result for each, in order;
    what it raises undoes the group, and then each item is tried alone."""

    batch: Batch[Item, T]
    item: Item
    future: "Future[T] | asyncio.Future[T]"


class Writer:
    """Owns the connection that writes. Jobs are put from any thread, and answered on the event loop that waits."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job | _Mark] = queue.SimpleQueue()
        self._is_busy = False
        self._checkpoint_is_due = False
        self._stopping = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="database-write", daemon=True)
        self._thread.start()

    def put(self, job: _Job) -> None:
        """Raises Unavailable once the writer stops."""
        with self._lock:
            if self._stopping:
                raise Unavailable("The database is closed: the server is stopping.")
            self._jobs.put(job)

    @property
    def is_idle(self) -> bool:
        """Whether it has nothing to do, as far as another thread can tell."""
        return not self._is_busy and self._jobs.empty()

    def checkpoint(self) -> None:
        """Move SQLite's log into the database file soon: the part of writing that waits for the disk."""
        self._jobs.put(_Mark.CHECKPOINT)

    def stop(self) -> None:
        """Returns when everything that was put has been committed."""
        with self._lock:
            self._stopping = True
            self._jobs.put(_Mark.STOP)
        self._thread.join()

    def _run(self) -> None:
        with self._engine.connect().execution_options(writes=True) as connection:
            stopping = False
            while not stopping:
                group, stopping = self._next_group()
                if group:
                    _answer(self._commit(connection, group))
                if self._checkpoint_is_due:
                    self._checkpoint_is_due = False
                    _checkpoint(connection)
                self._is_busy = False

    def _next_group(self) -> tuple[list[_Job], bool]:
        group: list[_Job] = []
        job = self._jobs.get()
        self._is_busy = True
        while job is not _Mark.STOP:
            if job is _Mark.CHECKPOINT:
                self._checkpoint_is_due = True
            elif not job.future.cancelled():
                group.append(job)
            if len(group) == LARGEST_GROUP:
                return group, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, connection: Connection, group: list[_Job]) -> "list[Answer]":
        """Commit the group as one. If anything in it fails, nothing of it is kept and each job gets its own try."""
        try:
            batches = [job for job in group if isinstance(job, BatchJob)]
            if len(batches) == len(group):
                answers = run_batches(_driver(connection), batches)
            else:
                with connection.begin():
                    answers = _run_all(connection, group)
        except BaseException as error:  # noqa: BLE001  (it goes to the caller, and the writer lives on)
            if len(group) > 1:
                return [answer for job in group for answer in self._commit(connection, [job])]
            if isinstance(error, sqlite3.Error | DBAPIError):
                logger.warning("A write failed: %s", error)
            return [Answer(group[0].future, error=error)]
        return answers


@dataclass(slots=True)
class Answer:
    """What became of a job."""

    future: "Future[Any] | asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None

    def give(self) -> None:
        """Tell who waits for it; on their event loop, if they have one."""
        if self.future.done():
            return  # whoever asked has given up
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


def run_batches(driver: sqlite3.Connection, jobs: "Sequence[BatchJob[Any, Any]]") -> "list[Answer]":
    """Commit them as one, on the driver alone: SQLAlchemy's own transaction would cost more than what is in it.

    Raises what the database or one of them raises; nothing of them is kept then.
    """
    cursor = driver.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    try:
        answers = _write_together(cursor, jobs)
        cursor.execute("COMMIT")
    except BaseException:
        if driver.in_transaction:
            cursor.execute("ROLLBACK")
        raise
    finally:
        cursor.close()
    return answers


def _run_all(connection: Connection, group: Sequence[_Job]) -> list[Answer]:
    answers = [Answer(job.future, job.run(connection)) for job in group if isinstance(job, SessionJob)]
    cursor = _driver(connection).cursor()
    answers += _write_together(cursor, [job for job in group if isinstance(job, BatchJob)])
    cursor.close()
    return answers


def _write_together(cursor: sqlite3.Cursor, jobs: Sequence[BatchJob[Any, Any]]) -> list[Answer]:
    kinds: dict[Batch[Any, Any], list[BatchJob[Any, Any]]] = {}
    for job in jobs:
        kinds.setdefault(job.batch, []).append(job)
    answers = []
    for batch, same in kinds.items():
        results = batch(cursor, [job.item for job in same])
        answers += [Answer(job.future, result) for job, result in zip(same, results, strict=True)]
    return answers


def _driver(connection: Connection) -> sqlite3.Connection:
    return connection.connection.driver_connection  # type: ignore[return-value]


def _checkpoint(connection: Connection) -> None:
    """As far as readers let it; then a first write into the log that begins anew, which waits for the disk too."""
    driver = _driver(connection)
    try:
        driver.execute("PRAGMA wal_checkpoint(PASSIVE)").close()
        version = driver.execute("PRAGMA user_version").fetchone()[0]
        driver.execute(f"PRAGMA user_version={version}").close()
    except sqlite3.Error as error:
        logger.warning("The database's log could not be moved into it yet: %s", error)


def _answer(answers: list[Answer]) -> None:
    """Wake each event loop once, however many of its callers wait."""
    loops: dict[asyncio.AbstractEventLoop, list[Answer]] = {}
    for answer in answers:
        if isinstance(answer.future, asyncio.Future):
            loops.setdefault(answer.future.get_loop(), []).append(answer)
        else:
            answer.give()
    for loop, own in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_give_all, own)


def _give_all(answers: list[Answer]) -> None:
    for answer in answers:
        answer.give()
