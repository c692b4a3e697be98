"""The database: reads on a few threads, every write of the process through one writer thread.

SQLite lets one writer in at a time, and a transaction costs far more than a statement in it. So writes queue up, and
the writer takes all that wait into one transaction (group commit): each caller still learns the fate of its own write,
after the commit. Reads never wait for it (WAL).
"""

import asyncio
import contextlib
import fcntl
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import ClauseElement, Connection, Engine, bindparam, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlmodel import Session, SQLModel

from vanilla.batches import Batches
from vanilla.errors import Unavailable
from vanilla.migrations import newest, revision_of, upgrade
from vanilla.settings import InvalidSettings
from vanilla.writer import Batch, BatchJob, SessionJob, Writer

T = TypeVar("T")
Item = TypeVar("Item")

READERS = 4
LARGEST_INSERT = 64  # rows


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
        # The first name twice: of one name alone it would give no tuple.
        self._pick = itemgetter(self.names[0], *self.names)

    def __call__(self, cursor: sqlite3.Cursor, **values: Any) -> sqlite3.Cursor:
        """Run it once. Raises sqlite3.Error."""
        return cursor.execute(self.sql, self._row(values))

    def _row(self, values: dict[str, Any]) -> tuple[Any, ...]:
        picked: tuple[Any, ...] = self._pick({**self.fixed, **values} if self.fixed else values)
        return picked[1:]


class PreparedInsert(Prepared):
    """An INSERT of any number of rows, in as few statements as may be."""

    def __init__(self, statement: ClauseElement) -> None:
        super().__init__(statement)
        self._head, _, values = self.sql.partition(" VALUES ")
        self._row_sql = "(" + ", ".join("?" * len(self.names)) + ")"
        self._tail = values.removeprefix(self._row_sql)

    def rows(self, cursor: sqlite3.Cursor, rows: Sequence[dict[str, Any]]) -> None:
        """Insert them. Raises sqlite3.Error."""
        at = 0
        while at < len(rows):
            # Powers of two, so that few different statements have to be kept compiled.
            size = min(LARGEST_INSERT, 1 << ((len(rows) - at).bit_length() - 1))
            some = rows[at : at + size]
            sql = f"{self._head} VALUES {', '.join([self._row_sql] * size)}{self._tail}"
            cursor.execute(sql, [value for row in some for value in self._row(row)])
            at += size


def inserting(table: type[SQLModel]) -> PreparedInsert:
    """A statement that makes rows with every column given."""
    columns = table.metadata.tables[str(table.__tablename__)].columns
    return PreparedInsert(upsert(table).values({column.name: bindparam(column.name) for column in columns}))


def adding(table: type[SQLModel]) -> PreparedInsert:
    """A statement that adds to the sums in the rows with the given keys, or makes those rows."""
    columns = table.metadata.tables[str(table.__tablename__)].columns
    statement = upsert(table).values({column.name: bindparam(column.name) for column in columns})
    keys = [column.name for column in columns if column.primary_key]
    sums = {column.name: column + statement.excluded[column.name] for column in columns if not column.primary_key}
    return PreparedInsert(statement.on_conflict_do_update(index_elements=keys, set_=sums))


class Database:
    """One database, opened by `open()` and closed by `close()`.

    Work is a function that gets a `Session` (`read`, `write`) or the driver's cursor (`meter`) and may run more than
    once before it takes effect, so it must not have side effects of its own. What it raises reaches the caller, and
    nothing of that work is kept. Writes go through the one writer (vanilla.writer).
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = _engine(url)
        self._readers: ThreadPoolExecutor | None = None
        self._writer: Writer | None = None
        self._batches: Batches | None = None

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

    def is_current(self) -> bool:
        """Whether the file has the newest schema. To be asked before `open`, which would bring it there; where a server
        has it open, that would be done behind its back. Raises InvalidSettings, as `open` does."""
        if self.path is None:
            return True
        with _checked(self.path), self.engine.connect() as connection:
            return revision_of(connection) == newest()

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """For a command, around its work: what the database cannot do is raised as Unavailable, with a sentence."""
        try:
            yield
        except DBAPIError as error:
            raise Unavailable(f"The database {self.path} cannot be used: {error.orig}.") from None

    def open(self) -> None:
        """Migrate to the newest schema (setting aside a copy of an older one), then start the threads.

        Raises InvalidSettings for a file that cannot be opened, is no database, or not one of ours.
        """
        if self.path is not None:
            with _checked(self.path):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                if not self.path.exists():
                    self.path.touch(mode=0o600)  # it holds password hashes; SQLite gives its WAL the same mode
                self.engine.connect().close()
        upgrade(self.engine, self.path)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="database-read")
        self._writer = Writer(self.engine)
        self._batches = Batches(self.engine, self._writer)

    def close(self) -> None:
        """Finish every write that was asked for, then stop."""
        if self._batches is not None:
            self._batches.stop()
            self._batches = None
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
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._write(SessionJob(work, future))
        return await future

    def meter(self, batch: Batch[Item, T], item: Item, *, at_once: bool = False) -> "asyncio.Future[T]":
        """Like `write`, for the path that every call takes: `batch(cursor, items)` writes all the items of its kind
        that wait, with `Prepared` statements on the driver's own cursor, and gives a result for each in their order.
        `at_once`: there is nothing to be written together with, so it need not wait for the end of this turn of the
        event loop, and the future is done already where the event loop may write."""
        if self._batches is None:
            raise Unavailable("The database is closed: the server is stopping.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._batches.put(BatchJob(batch, item, future), loop, at_once=at_once)
        return future

    def write_now(self, work: Callable[[Session], T]) -> T:
        """Like `write`, waiting on this thread: for start-up and the command line, never on the event loop."""
        future: Future[T] = Future()
        self._write(SessionJob(work, future))
        return future.result()

    def _write(self, job: SessionJob[T]) -> None:
        if self._writer is None:
            raise Unavailable("The database is closed: the server is stopping.")
        self._writer.put(job)

    def _read(self, work: Callable[[Session], T]) -> T:
        with Session(self.engine, expire_on_commit=False) as session:
            return work(session)


@contextlib.contextmanager
def _checked(path: Path) -> Iterator[None]:
    """What keeps a file from being our database, as one line for the host."""
    try:
        yield
    except (OSError, DBAPIError) as error:
        reason = error.strerror if isinstance(error, OSError) else error.orig
        raise InvalidSettings(f"DATA_DIR: the database {path} cannot be opened: {reason}.") from None


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
