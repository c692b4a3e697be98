"""The database: reads on a few threads, every write of the process through one writer thread.

SQLite lets one writer in at a time, and a transaction costs far more than a statement in it. So writes queue up, and
the writer takes all that wait into one transaction (group commit): each caller still learns the fate of its own write,
after the commit. Reads never wait for it (WAL).
"""

import asyncio
import contextlib
import fcntl
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ClauseElement, Connection, Engine, bindparam, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import Session, SQLModel

from vanilla.errors import Unavailable
from vanilla.migrations import upgrade
from vanilla.settings import InvalidSettings

T = TypeVar("T")
logger = logging.getLogger(__name__)

READERS = 4
LARGEST_GROUP = 512


class Prepared:
    """A Core statement compiled once, run on the driver's own cursor: a tenth of what `Session.execute` costs.

    Values are passed by name and reach the driver as they are (text, numbers, None), without SQLAlchemy's conversions.
    """

    def __init__(self, statement: ClauseElement) -> None:
        compiled = statement.compile(dialect=sqlite.dialect(paramstyle="qmark"))
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"not a statement: {statement}")
        self.sql = str(compiled)
        self.names: tuple[str, ...] = tuple(compiled.positiontup or ())
        self.fixed: dict[str, Any] = {name: value for name, value in compiled.params.items() if value is not None}

    def __call__(self, cursor: sqlite3.Cursor, **values: Any) -> sqlite3.Cursor:
        """Run it once. Raises sqlite3.Error."""
        return cursor.execute(self.sql, self._row(values))

    def many(self, cursor: sqlite3.Cursor, rows: list[dict[str, Any]]) -> sqlite3.Cursor:
        """Run it for each of the rows. It cannot tell which of them matched (sqlite3's rowcount is their sum)."""
        return cursor.executemany(self.sql, [self._row(row) for row in rows])

    def _row(self, values: dict[str, Any]) -> list[Any]:
        fixed = self.fixed
        return [values[name] if name in values else fixed[name] for name in self.names]


def adding(table: type[SQLModel]) -> Prepared:
    """A statement that adds to the sums in the row with the given key, or makes that row."""
    columns = table.metadata.tables[str(table.__tablename__)].columns
    statement = upsert(table).values({column.name: bindparam(column.name) for column in columns})
    keys = [column.name for column in columns if column.primary_key]
    sums = {column.name: column + statement.excluded[column.name] for column in columns if not column.primary_key}
    return Prepared(statement.on_conflict_do_update(index_elements=keys, set_=sums))


class Database:
    """One database, opened by `open()` and closed by `close()`.

    Work is a function that gets a `Session` (`read`, `write`) or the driver's cursor (`meter`) and may run more than
    once before it takes effect, so it must not have side effects of its own. What it raises reaches the caller, and
    nothing of that work is kept.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = _engine(url)
        self._readers: ThreadPoolExecutor | None = None
        self._writer: _Writer | None = None

    @property
    def path(self) -> Path | None:
        """The SQLite file, or None."""
        return Path(self.engine.url.database) if self.engine.url.database else None

    @contextlib.contextmanager
    def claimed(self) -> Iterator[None]:
        """For a server, around `open` and `close`: the only one on this database, since it takes the calls in flight of
        any other for those of a dead one. The claim ends with the process, however that ends. Raises InvalidSettings.
        """
        if self.path is None:
            yield
            return
        with _checked(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = self.path.with_name(f"{self.path.name}.lock").open("w")
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InvalidSettings(
                    f"DATA_DIR: another Vanilla is running with the database {self.path}: stop it first."
                ) from None
            yield

    def open(self) -> None:
        """Migrate to the newest schema (setting aside a copy of an older one), then start the threads.

        Raises InvalidSettings for a file that cannot be opened, is no database, or not one of ours.
        """
        if self.path is not None:
            with _checked(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.engine.connect().close()
        upgrade(self.engine, self.path)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="database-read")
        self._writer = _Writer(self.engine)

    def close(self) -> None:
        """Finish every write that was asked for, then stop."""
        if self._writer is not None:
            self._writer.stop()
            self._writer = None
        if self._readers is not None:
            self._readers.shutdown()
            self._readers = None
        self.engine.dispose()

    async def read(self, work: Callable[[Session], T]) -> T:
        """Run `work(session)` on a reading thread and give its result. Rows in it are detached and stay readable."""
        if self._readers is None:
            raise Unavailable("The database is closed: the server is stopping.")
        return await asyncio.get_running_loop().run_in_executor(self._readers, self._read, work)

    async def ping(self) -> None:
        """Raises Unavailable when the database cannot be read."""
        try:
            await self.read(lambda session: session.connection().exec_driver_sql("SELECT 1").scalar_one())
        except DBAPIError:
            raise Unavailable("The database does not answer.") from None

    def read_now(self, work: Callable[[Session], T]) -> T:
        """Like `read`, on this thread: for the command line and tests, never on the event loop."""
        return self._read(work)

    async def write(self, work: Callable[[Session], T]) -> T:
        """Run `work(session)` in the writer's next transaction and give its result once that is committed."""
        return await asyncio.wrap_future(self._queue(_SessionJob(work, Future())))

    async def meter(self, work: Callable[[sqlite3.Cursor], T]) -> T:
        """Like `write`, on the driver's cursor with `Prepared` statements: for the path that every call takes."""
        return await asyncio.wrap_future(self._queue(_CursorJob(work, Future())))

    def write_now(self, work: Callable[[Session], T]) -> T:
        """Like `write`, waiting on this thread: for start-up and the command line, never on the event loop."""
        return self._queue(_SessionJob(work, Future())).result()

    def _queue(self, job: "_Job[T]") -> "Future[T]":
        if self._writer is None:
            raise Unavailable("The database is closed: the server is stopping.")
        self._writer.put(job)
        return job.future

    def _read(self, work: Callable[[Session], T]) -> T:
        with Session(self.engine, expire_on_commit=False) as session:
            return work(session)


class _Job(Protocol[T]):
    future: "Future[T]"

    def run(self, connection: Connection) -> T: ...


@dataclass(slots=True, eq=False)
class _SessionJob(Generic[T]):
    work: Callable[[Session], T]
    future: "Future[T]"

    def run(self, connection: Connection) -> T:
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            result = self.work(session)
            session.commit()
            return result


@dataclass(slots=True, eq=False)
class _CursorJob(Generic[T]):
    work: Callable[[sqlite3.Cursor], T]
    future: "Future[T]"

    def run(self, connection: Connection) -> T:
        driver: sqlite3.Connection = connection.connection.driver_connection  # type: ignore[assignment]
        with contextlib.closing(driver.cursor()) as cursor:
            return self.work(cursor)


class _Writer:
    """The one thread that writes: takes all that waits into one transaction, commits, then answers."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._stopping = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="database-write", daemon=True)
        self._thread.start()

    def put(self, job: _Job[Any]) -> None:
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
                    self._commit(connection, group)

    def _next_group(self) -> tuple[list[_Job[Any]], bool]:
        group: list[_Job[Any]] = []
        job = self._jobs.get()
        while job is not None:
            if job.future.set_running_or_notify_cancel():
                group.append(job)
            if len(group) == LARGEST_GROUP:
                return group, False
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return group, False
        return group, True

    def _commit(self, connection: Connection, group: list[_Job[Any]]) -> None:
        """Commit the group as one. If anything in it fails, nothing of it is kept and each job gets its own try."""
        try:
            with connection.begin():
                results = [job.run(connection) for job in group]
        except BaseException as error:  # noqa: BLE001  (it goes to the caller, and the writer lives on)
            if len(group) == 1:
                _log_unexpected(error)
                group[0].future.set_exception(error)
                return
            for job in group:
                self._commit(connection, [job])
            return
        for job, result in zip(group, results, strict=True):
            job.future.set_result(result)


@contextlib.contextmanager
def _checked(path: Path) -> Iterator[None]:
    """What keeps a file from being our database, as one line for the host."""
    try:
        yield
    except (OSError, DBAPIError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.orig
        raise InvalidSettings(f"DATA_DIR: the database {path} cannot be opened: {reason}.") from None


def _log_unexpected(error: BaseException) -> None:
    if isinstance(error, sqlite3.Error | DBAPIError):
        logger.warning("A write failed: %s", error)


def _engine(url: str) -> Engine:
    engine = create_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves: the driver's own way begins too late
    for pragma in (
        "journal_mode=wal",
        "synchronous=normal",
        "busy_timeout=5000",
        "foreign_keys=on",
        "cache_size=-16000",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads before it writes fails at once when another process wrote in between, whatever
    # busy_timeout says; one that takes the write lock first waits its turn.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
