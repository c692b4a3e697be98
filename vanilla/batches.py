"""What the metering path writes, gathered for one turn of the event loop and written together.

Where nothing else is being written, the event loop writes it itself: a commit to SQLite's WAL is a copy into the
page cache that takes 0.1 to 0.3 ms and never waits for the disk, while asking a thread for it takes as long again and
makes two threads compete for the interpreter. Whatever could take longer goes to the writer thread: a database that is
locked, a large group, a disk that has been slow, and the checkpoints, which are what waits for the disk.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections import deque
from typing import Any

from sqlalchemy import Engine

from vanilla.errors import VanillaError
from vanilla.writer import BatchJob, Writer, run_batches

logger = logging.getLogger(__name__)

LARGEST_ON_THE_LOOP = 64  # items: some 2 ms
SLOW = 0.005  # seconds that a group may take on the event loop, on a sliding average, or
SLOW_FOR = 30.0  # seconds go by before the next one may run there
WEIGHT = 1 / 16  # of the newest group in the average; one alone counts as four times SLOW at most
CHECKPOINT_AFTER = 250  # groups, of 4 to 15 pages each; SQLite's own way is after 1,000 pages


class Batches:
    """Gathers jobs of one event loop. Jobs are answered on that loop."""

    def __init__(self, engine: Engine, writer: Writer) -> None:
        self._writer = writer
        self._waiting: deque[BatchJob[Any, Any]] = deque()
        self._lock = threading.Lock()  # held while the connection is used
        self._connection = engine.raw_connection()
        self._driver: sqlite3.Connection = self._connection.driver_connection  # type: ignore[assignment]
        for pragma in ("busy_timeout=0", "wal_autocheckpoint=0"):  # it waits for nobody, nor for the disk
            self._driver.execute(f"PRAGMA {pragma}").close()
        self._since_checkpoint = 0
        self._average = 0.0  # seconds
        self._not_before = 0.0  # time.monotonic() until which the writer thread does it all

    def put(self, job: BatchJob[Any, Any], loop: asyncio.AbstractEventLoop, *, at_once: bool) -> None:
        """Write it with all that is put in the same turn of `loop`, which is the running one; or `at_once`, with what
        has been put so far, where no more is to be expected."""
        is_first = not self._waiting
        self._waiting.append(job)
        if at_once:
            self._flush()
        elif is_first:
            loop.call_soon(self._flush)

    def stop(self) -> None:
        """Hand over what still waits, from any thread. Before the writer stops."""
        with self._lock:
            self._hand_over(self._take())
            self._connection.detach()
            self._connection.close()

    def _flush(self) -> None:
        with self._lock:
            jobs = [job for job in self._take() if not job.future.cancelled()]
            if jobs and not (self._may_write(jobs) and self._write(jobs)):
                self._hand_over(jobs)

    def _take(self) -> list[BatchJob[Any, Any]]:
        jobs = list(self._waiting)
        self._waiting.clear()
        return jobs

    def _may_write(self, jobs: list[BatchJob[Any, Any]]) -> bool:
        return len(jobs) <= LARGEST_ON_THE_LOOP and self._writer.is_idle and time.monotonic() >= self._not_before

    def _write(self, jobs: list[BatchJob[Any, Any]]) -> bool:
        began = time.monotonic()
        try:
            answers = run_batches(self._driver, jobs)
        except Exception:  # noqa: BLE001  (the writer thread tries each of them alone, and says what is wrong)
            return False
        for answer in answers:
            answer.give()
        self._since_checkpoint += 1
        if self._since_checkpoint >= CHECKPOINT_AFTER:
            self._since_checkpoint = 0
            self._writer.checkpoint()
        self._average += (min(time.monotonic() - began, 4 * SLOW) - self._average) * WEIGHT
        if self._average > SLOW:  # the disk, or what stands for one, keeps us waiting
            logger.info("Writes take %.0f ms: a thread writes for the next %.0f s", self._average * 1000, SLOW_FOR)
            self._not_before = began + SLOW_FOR
            self._average = 0.0
        return True

    def _hand_over(self, jobs: list[BatchJob[Any, Any]]) -> None:
        for job in jobs:
            try:
                self._writer.put(job)
            except VanillaError as error:
                job.future.set_exception(error)
