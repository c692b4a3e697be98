"""How fast the relay is, beside what it could be at most. `make bench`, or `python -m tests.bench.bench_relay --help`.

    a   calls a second that are not streamed, 16 connections
    b   how long one such call takes, one connection
    c   streams of 200 events a second, 8 connections: events without a pause, in one piece and one packet each
    d   1,000 streams at once, 20 events a second in each, for a minute, while an admin has the live page open
    e   a to c again with 1,000,000 ledger rows and 10,000 users in the database

How to read it: only the ratios travel to another machine, and only those to the bare relay, one ASGI function with the
same server and the same HTTP client, are goals. Load, upstream and relay share the processors, so a relay that leaves
one of them idle still competes; processor time for each answer is the steadier figure where the machine is busy with
other things. References and Vanilla take turns in every round; a ratio is the median of the rounds' ratios.

What is measured is what runs: `python main.py`, a user with limits, a token, the ledger on disk. After every round the
ledger has to agree with the upstream's own count, call for call and token for token, with nothing held: where it does
not, the benchmark fails, however fast it was.

What was found (py-spy, perf, and leaving parts out one by one; processor time of a call that is not streamed, at 16
connections, where the bare relay takes 110 us):

    garbage collection that walks what was made at the start, again and again      100 to 200 us, none once frozen
    tiktoken on the event loop: it hands the interpreter over and waits for it           50 to 100 us, 10 by itself
    FastAPI, its middleware and ours around a door that needs none of it                            60 to 150 us
    hold and settlement, each a statement at a time: 300 us; what waits written together                150 us
    the transaction through SQLAlchemy rather than the driver, at one connection                        100 us
    writes handed to a thread and back, where the event loop would write as fast itself                  60 us
    an HTTP client's objects and its reader, beside a parser at the socket (inference/pool.py)           50 us
    head and body of an answer as two writes, two packets and two awakenings of the caller               15 us
    a turn of the event loop before each write, in which nothing came where calls come one by one        25 us

At one connection nothing can be written together, and two commits are a third of a call: 20 to 25 pages are written to
SQLite's log, each with a system call for its head and one for itself. A stream of 200 events in one piece costs the
bare relay 290 us; parsing each event cost 220 us more, looking for "usage" alone 50, and reading only the events that
have it 20. With the parser at the socket a metered stream costs what a bare one costs that has a client library.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.bench.books import Standing
from tests.bench.generator import Load, Measured
from tests.bench.load import Api, Target, calls, streams
from tests.bench.processes import cpu_seconds, raise_open_files
from tests.bench.references import bare_relay, nginx, upstream
from tests.bench.soak import Soak
from tests.bench.table import Figures, Goal, show
from tests.bench.vanilla_server import Vanilla, vanilla

FULL = "vanilla, 1M rows"
LEDGER_ROWS = 1_000_000
USERS = 10_000


@dataclass(frozen=True)
class Part:
    """One thing that is measured of every target."""

    title: str
    unit: str
    model: str
    connections: int
    streams: bool
    by_time: bool  # the figure is the median time of an answer, not answers a second
    goals: tuple[Goal, ...]


PARTS = {
    "a": (
        Part(
            "a  calls that are not streamed, 16 connections",
            "calls/s",
            "plain",
            connections=16,
            streams=False,
            by_time=False,
            goals=(Goal("vanilla", "bare relay", least=0.5), Goal(FULL, "vanilla", least=0.8)),
        ),
    ),
    "b": (
        Part(
            "b  one call at a time, median",
            "us",
            "plain",
            connections=1,
            streams=False,
            by_time=True,
            goals=(Goal("vanilla", "bare relay", most=2.5), Goal(FULL, "vanilla", most=1.2)),
        ),
    ),
    "c": tuple(
        Part(
            f"c  streams of 200 events without a pause, 8 connections, {how}",
            "streams/s",
            model,
            connections=8,
            streams=True,
            by_time=False,
            goals=(Goal("vanilla", "bare relay", least=0.6), Goal(FULL, "vanilla", least=0.8)),
        )
        for model, how in (("burst-200", "in one piece"), ("drip-200", "a packet for each event"))
    ),
}


class Bench:
    """What is running, and what it was found to do."""

    def __init__(self, options: argparse.Namespace, scratch: Path) -> None:
        self._options = options
        self._api: Api = options.api
        self._scratch = scratch
        self._references: list[Target] = []
        self._servers: list[Vanilla] = []
        self.problems: list[str] = []

    async def run(self) -> None:
        """All parts that were asked for."""
        options = self._options
        async with AsyncExitStack() as stack:
            model_server = await stack.enter_async_context(upstream())
            bare = await stack.enter_async_context(bare_relay(model_server.port))
            proxy = await stack.enter_async_context(nginx(model_server.port, self._scratch / "nginx"))
            ours = await stack.enter_async_context(vanilla("vanilla", self._scratch / "empty", model_server.port))
            self._references = [model_server, bare] if proxy is None else [model_server, proxy, bare]
            self._servers = [ours]
            if "e" in options.only:
                print(f"Filling a database with {LEDGER_ROWS:,} calls of {USERS:,} users", flush=True)
                full = vanilla(FULL, self._scratch / "full", model_server.port, users=USERS, rows=LEDGER_ROWS)
                self._servers.append(await stack.enter_async_context(full))
            for letter in options.only:
                for part in PARTS.get(letter, ()):
                    await self._measure(part)
            if "d" in options.only:
                soak = Soak(
                    self._api, seconds=options.seconds, streams=options.streams, is_watched=not options.unwatched
                )
                self.problems += await soak.run(bare, ours)

    async def _measure(self, part: Part) -> None:
        options = self._options
        targets = [*self._references, *(server.target for server in self._servers)]
        measured = [Figures(target.name) for target in targets]
        for number in range(-1, options.rounds):
            for target, figures in zip(targets, measured, strict=True):
                seconds = options.each if number >= 0 else min(1.0, options.each)
                load = target.load(
                    self._api, part.model, stream=part.streams, connections=part.connections, seconds=seconds
                )
                found, cpu = await self._once(part, target, load)
                if number >= 0:  # the round before the first warms up
                    figures.values.append(found.median_us if part.by_time else found.answers / found.seconds)
                    if cpu is not None and found.answers:
                        figures.cpu_us.append(cpu / found.answers * 1e6)
        show(part.title, part.unit, measured, part.goals)
        sys.stdout.flush()

    async def _once(self, part: Part, target: Target, load: Load) -> tuple[Measured, float | None]:
        server = next((server for server in self._servers if server.target is target), None)
        before: tuple[Standing, Standing] | None = None
        if server is not None:
            before = await server.books.quiet(), await server.books.ledger()
        spent = cpu_seconds(target.pid)
        found = await (streams(load) if part.streams else calls(load, self._scratch))
        now = cpu_seconds(target.pid)
        if found.failures or found.unfinished:
            self.problems.append(f"{target.name}: {found.failures} failures, {found.unfinished} hang {found.problems}")
        if server is not None and before is not None:
            served, booked = await server.books.compare(*before)
            if served != booked:
                self.problems.append(f"{target.name}: upstream served {served}, the ledger has {booked}")
        return found, None if spent is None or now is None else now - spent


async def _main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench_relay", description="Measure the relay beside its references.")
    parser.add_argument("--only", default="a,b,c,d,e", help="parts, such as a,c")
    parser.add_argument("--rounds", type=int, help="of a, b, c; 5")
    parser.add_argument("--each", type=float, help="seconds for each target in each round of a, b, c; 4")
    parser.add_argument("--seconds", type=int, help="length of d; 60")
    parser.add_argument("--streams", type=int, default=1000, help="streams at once in d")
    parser.add_argument("--api", choices=("anthropic", "ollama"), default="anthropic")
    parser.add_argument("--unwatched", action="store_true", help="d without the live page")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 second, d of 10, if not said")
    options = parser.parse_args(arguments)
    options.only = options.only.split(",")
    options.rounds = options.rounds or (2 if options.quick else 5)
    options.each = options.each or (1.0 if options.quick else 4.0)
    options.seconds = options.seconds or (10 if options.quick else 60)
    if "e" in options.only and not set("abc") & set(options.only):
        options.only = [*options.only, "a", "b", "c"]
    raise_open_files()
    task = asyncio.current_task()
    assert task is not None
    # Told to end, it still ends what it has started.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    with tempfile.TemporaryDirectory(prefix="vanilla-bench-") as scratch:
        bench = Bench(options, Path(scratch))
        await bench.run()
    for problem in bench.problems:
        print(f"PROBLEM: {problem}")
    return 1 if bench.problems else 0


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(_main(sys.argv[1:])))
    except asyncio.CancelledError:
        sys.exit(128 + signal.SIGTERM)
