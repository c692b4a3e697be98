"""The one thread that writes: takes all that waits into one transaction, commits, then answers.

The interpreter is handed over at every statement, and on a busy server that costs more than the statement. So what the
metering path writes comes as items of a few kinds, and all items of a kind that wait are written together.
"""

import asyncio
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
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
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

    def stop(self) -> None:
        """Returns when everything that was put has been committed."""
        with self._lock:
            self._stopping = True
            self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        with self._engine.connect().execution_options(writes=True) as connection:
            stopping = False
            while not stopping:
                group, stopping = self._next_group()
                if group:
                    _answer(self._commit(connection, group))

    def _next_group(self) -> tuple[list[_Job], bool]:
        group: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            if not job.future.cancelled():
                group.append(job)
            if len(group) == LARGEST_GROUP:
                return group, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, connection: Connection, group: list[_Job]) -> "list[_Answer]":
        """Commit the group as one. If anything in it fails, nothing of it is kept and each job gets its own try."""
        try:
            if all(isinstance(job, BatchJob) for job in group):
                answers = _run_batches(connection, group)
            else:
                with connection.begin():
                    answers = _run_all(connection, group)
        except BaseException as error:  # noqa: BLE001  (it goes to the caller, and the writer lives on)
            if len(group) > 1:
                return [answer for job in group for answer in self._commit(connection, [job])]
            if isinstance(error, sqlite3.Error | DBAPIError):
                logger.warning("A write failed: %s", error)
            return [_Answer(group[0].future, error=error)]
        return answers


@dataclass(slots=True)
class _Answer:
    future: "Future[Any] | asyncio.Future[Any]"
    result: Any = None
    error: BaseException | None = None

    def give(self) -> None:
        if self.future.done():
            return  # whoever asked has given up
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


def _run_batches(connection: Connection, group: Sequence[_Job]) -> list[_Answer]:
    """A transaction on the driver alone: SQLAlchemy's own would cost more than what is in it."""
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    cursor = driver.cursor()
    cursor.execute("BEGIN IMMEDIATE")
    try:
        answers = _write_together(cursor, group)
        cursor.execute("COMMIT")
    except BaseException:
        if driver.in_transaction:
            cursor.execute("ROLLBACK")
        raise
    finally:
        cursor.close()
    return answers


def _run_all(connection: Connection, group: Sequence[_Job]) -> list[_Answer]:
    answers = [_Answer(job.future, job.run(connection)) for job in group if isinstance(job, SessionJob)]
    driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
    cursor = driver.cursor()
    answers += _write_together(cursor, group)
    cursor.close()
    return answers


def _write_together(cursor: sqlite3.Cursor, group: Sequence[_Job]) -> list[_Answer]:
    kinds: dict[Batch[Any, Any], list[BatchJob[Any, Any]]] = {}
    for job in group:
        if isinstance(job, BatchJob):
            kinds.setdefault(job.batch, []).append(job)
    answers = []
    for batch, jobs in kinds.items():
        results = batch(cursor, [job.item for job in jobs])
        answers += [_Answer(job.future, result) for job, result in zip(jobs, results, strict=True)]
    return answers


def _answer(answers: list[_Answer]) -> None:
    """Wake each event loop once, however many of its callers wait."""
    loops: dict[asyncio.AbstractEventLoop, list[_Answer]] = {}
    for answer in answers:
        if isinstance(answer.future, asyncio.Future):
            loops.setdefault(answer.future.get_loop(), []).append(answer)
        else:
            answer.give()
    for loop, own in loops.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_give_all, own)


def _give_all(answers: list[_Answer]) -> None:
    for answer in answers:
        answer.give()
