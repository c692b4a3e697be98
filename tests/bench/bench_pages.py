"""What pages cost the server, with a busy year behind it: time, memory, and what it takes that many watch.

    python -m tests.bench.bench_pages [--rows 1000000] [--users 10000] [--games 1000] [--opens 1000]

Served is `python main.py`, asked over a socket by an admin who is signed in. A page's time is from asking to its last
byte, and for the usage page also until its sums are there; memory is what the process grew by, for each page that is
open and connected. The goals: 100 ms a page, 2 MB a connected page, one aggregation for 20 admins who watch, and no
growth over 1,000 opens and closes.

What was found, on two cores with nothing else to do (medians):

    pages 12 to 47 ms; usage of a year 43, and 76 with a filter over all of it, which comes without its sums: those are
    there within a second. A page of 500 elements took 60 ms and kept 250 kB; drawn as text it takes 20 and keeps 80.
    The live page for 20 admins: two aggregations a second whether 1 watches or 20; each text that changed as an element
    of its own halved the calls a second, the same words for all of them cost a tenth at most.
    1,000 opens and closes left 230 MB to a collector of garbage that hardly ever runs; 0.2 MB since pages.remains.
    Who used most in a year, added up from a million hours: 1.4 s; kept up by the hour 3 ms. The ledger as CSV: 19 s.
"""

import argparse
import asyncio
import re
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.bench.load import Target, calls
from tests.bench.processes import cpu_seconds, raise_open_files, resident_bytes
from tests.bench.references import upstream
from tests.bench.vanilla_server import ADMIN, PASSWORD, Vanilla, vanilla
from tests.bench.watcher import LivePage, opened, signed_in

GOAL_MS = 100.0
GOAL_MB = 2.0
GOAL_GROWTH_MB = 20.0  # over all the opens and closes
WATCHERS = 20
AT_ONCE = 10
BATCHES = 5
PAGES = (
    "/",
    "/account",
    "/upload",
    "/docs",
    "/admin",
    "/admin?range=24h",
    "/admin?range=1y",
    "/admin?range=30d&by=user",
    "/admin/users",
    "/admin/users?page=100",
    "/admin/users/{user}",
    "/admin/games",
    "/admin/usage",
    "/admin/usage?range=24h",
    "/admin/usage?range=1y",
    "/admin/usage?range=1y&user={user}",
    "/admin/usage?range=1y&game={game}",
    "/admin/usage?range=1y&model=llama3.2",
    "/admin/usage?range=1y&status=failed",
    "/admin/usage?from=2026-03-01&to=2026-06-30",
    "/admin/audit",
    "/admin/settings",
)
IN_MEMORY = ("/admin", "/admin?range=1y", "/admin/usage", "/admin/users", "/admin/games", "/admin/audit", "/account")


@dataclass
class Verdicts:
    """What did not meet its goal."""

    missed: list[str]

    def hold(self, name: str, value: float, most: float, unit: str) -> str:
        """A word for a table."""
        if value <= most:
            return ""
        self.missed.append(f"{name}: {value:,.1f} {unit}, at most {most:,.0f}")
        return "NOT MET"


async def times(session: aiohttp.ClientSession, pid: int, rounds: int, verdicts: Verdicts) -> None:
    """Each page's time."""
    print(f"\nPages: ms until served (median and worst of {rounds}, the first), ms of processor with its socket, kB")
    user, game = f"{0:08x}-bench", f"game{0:06}"
    for pattern in PAGES:
        path = pattern.replace("{user}", user).replace("{game}", game)
        async with session.head(path) as answer:
            status = answer.status
        if status == 404:
            print(f"   {path:<48} is not there")
            continue
        pages: list[LivePage] = []
        spent = 0.0
        for number in range(rounds + 1):  # the first one warms up
            before = cpu_seconds(pid) or 0.0
            async with opened(session, path) as page:  # connected: a page that is only fetched counts as a stranger's
                pages.append(page)
            spent += ((cpu_seconds(pid) or 0.0) - before) * (number > 0)
        taken = [page.seconds * 1000 for page in pages]
        median, worst = statistics.median(taken[1:]), max(taken[1:])
        print(
            f"   {path:<48} {median:7.1f} {worst:7.1f} {taken[0]:7.1f} {spent / rounds * 1000:7.1f}"
            f" {pages[0].size / 1000:7.1f} {verdicts.hold(path, median, GOAL_MS, 'ms')}"
        )


async def memory(session: aiohttp.ClientSession, pid: int, verdicts: Verdicts) -> None:
    """What an open and connected page takes."""
    print(f"\nMemory of a connected page, MB: the first {WATCHERS} of each, and all {3 * WATCHERS}")
    for path in IN_MEMORY:
        async with AsyncExitStack() as stack:
            sizes = [resident_bytes(pid) or 0]
            for number in (WATCHERS, 2 * WATCHERS):  # the first ones take what was free, or what is made once
                for _ in range(number):
                    await stack.enter_async_context(opened(session, path))
                sizes.append(resident_bytes(pid) or 0)
        first, each = (
            (size - sizes[0]) / number / 1e6 for size, number in ((sizes[1], WATCHERS), (sizes[2], 3 * WATCHERS))
        )
        print(f"   {path:<48} {first:7.2f} {each:7.2f} {verdicts.hold(f'memory of {path}', each, GOAL_MB, 'MB')}")
        await asyncio.sleep(12)  # a page whose connection is gone stays for ten seconds


async def counted(session: aiohttp.ClientSession) -> dict[str, float]:
    """What /metrics says of the live feed."""
    async with session.get("/metrics") as answer:
        text = await answer.text()
    return {name: float(value) for name, value in re.findall(r"^vanilla_live_(\w+) (\S+)$", text, re.MULTILINE)}


async def watched(session: aiohttp.ClientSession, server: Vanilla, scratch: Path, verdicts: Verdicts) -> None:
    """How often a range is added up while many watch and calls run; what a relayed call takes then."""
    print(f"\n{WATCHERS} admins who watch the same range while calls run")
    await asyncio.sleep(12)  # pages that were closed just now are still told
    await calls(server.target.load("anthropic", "plain", stream=False, connections=4, seconds=2.0), scratch)
    for number in (0, WATCHERS, 0, WATCHERS):
        async with AsyncExitStack() as stack:
            pages = [await stack.enter_async_context(opened(session)) for _ in range(number)]
            before = await counted(session)
            load = server.target.load("anthropic", "plain", stream=False, connections=4, seconds=6.0)
            found = await calls(load, scratch)
            after = await counted(session)
        aggregations = after["aggregations_total"] - before["aggregations_total"]
        pushes = after["pushes_total"] - before["pushes_total"]
        rate = found.answers / found.seconds
        print(
            f"   {number:2} watching: {rate:7,.0f} calls/s, {aggregations:.0f} aggregations, {pushes:.0f} pushes",
            end="",
        )
        if number:
            received = sum(page.received for page in pages) / len(pages) / found.seconds / 1000
            print(f", {received:.1f} kB/s to each", end="")
            a_second = aggregations / found.seconds
            print("  " + verdicts.hold("aggregations a second", a_second, 2.2, "a second"), end="")
            if abs(pushes - aggregations * number) > number:
                verdicts.missed.append(f"{pushes:.0f} pushes of {aggregations:.0f} aggregations to {number} admins")
        print()
        await asyncio.sleep(12 if number else 0)


async def opens(session: aiohttp.ClientSession, pid: int, number: int, verdicts: Verdicts) -> None:
    """What stays in memory of pages that were opened and closed."""
    before = (resident_bytes(pid) or 0) / 1e6
    print(f"\n{number:,} opens and closes of /admin, {AT_ONCE} at once; {before:.0f} MB before")

    async def one() -> None:
        async with turns, opened(session):
            pass

    turns = asyncio.Semaphore(AT_ONCE)
    sizes = []
    for _ in range(BATCHES):  # a closed page stays for ten seconds: as many are there at once in each batch
        began = time.perf_counter()
        await asyncio.gather(*(one() for _ in range(number // BATCHES)))
        await asyncio.sleep(14)
        sizes.append((resident_bytes(pid) or 0) / 1e6)
        print(f"   after {number // BATCHES:,} more: {sizes[-1]:,.1f} MB ({time.perf_counter() - began:.0f} s)")
    growth = sizes[-1] - sizes[0]
    print(f"   growth {growth:.1f} MB {verdicts.hold('growth over opens and closes', growth, GOAL_GROWTH_MB, 'MB')}")


async def exported(session: aiohttp.ClientSession, pid: int, verdicts: Verdicts) -> None:
    """The whole ledger as CSV."""
    print("\nThe ledger as CSV")
    before, most, lines, size = resident_bytes(pid) or 0, 0, 0, 0
    began = time.perf_counter()
    async with session.get("/admin/api/usage.csv", timeout=aiohttp.ClientTimeout(total=None)) as answer:
        async for chunk in answer.content.iter_chunked(1 << 20):
            lines += chunk.count(b"\n")
            size += len(chunk)
            most = max(most, resident_bytes(pid) or 0)
    growth = (most - before) / 1e6
    seconds = time.perf_counter() - began
    print(f"   {lines - 1:,} rows, {size / 1e6:.0f} MB in {seconds:.0f} s; memory grew by {growth:.1f} MB", end=" ")
    print(verdicts.hold("growth during CSV", growth, 30.0, "MB"))


async def run(options: argparse.Namespace, scratch: Path) -> int:
    """All parts."""
    verdicts = Verdicts([])
    async with AsyncExitStack() as stack:
        model_server: Target = await stack.enter_async_context(upstream())
        print(f"Filling a database with {options.rows:,} calls, {options.users:,} users, {options.games:,} games")
        filled = {"users": options.users, "rows": options.rows, "games": options.games}
        server = await stack.enter_async_context(vanilla("vanilla", scratch / "data", model_server.port, **filled))
        session = await stack.enter_async_context(signed_in(server.origin, ADMIN, PASSWORD))
        print(f"   {(resident_bytes(server.target.pid) or 0) / 1e6:.0f} MB once it is up")
        pid = server.target.pid
        parts: dict[str, Callable[[], Awaitable[None]]] = {
            "memory": lambda: memory(session, pid, verdicts),
            "times": lambda: times(session, pid, options.rounds, verdicts),
            "watched": lambda: watched(session, server, scratch, verdicts),
            "opens": lambda: opens(session, pid, options.opens, verdicts),
            "csv": lambda: exported(session, pid, verdicts),
        }
        for name, part in parts.items():
            if name in options.only:
                await part()
    for missed in verdicts.missed:
        print(f"NOT MET: {missed}")
    return 1 if verdicts.missed else 0


def main() -> int:
    """Read what was typed, and measure."""
    parser = argparse.ArgumentParser(prog="bench_pages", description="Measure what pages cost the server.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=10_000)
    parser.add_argument("--games", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--opens", type=int, default=1000)
    parser.add_argument("--only", default="memory,times,watched,opens,csv", help="parts, such as times,csv")
    options = parser.parse_args()
    options.only = options.only.split(",")
    raise_open_files()
    with tempfile.TemporaryDirectory(prefix="vanilla-bench-") as scratch:
        return asyncio.run(run(options, Path(scratch)))


if __name__ == "__main__":
    raise SystemExit(main())
