"""Many slow streams at once, as a school class makes them: nothing lost, nothing late, nothing forgotten."""

import asyncio
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass

from tests.bench.generator import Measured
from tests.bench.load import Api, Target, streams
from tests.bench.processes import cpu_seconds, resident_bytes
from tests.bench.vanilla_server import ADMIN, PASSWORD, Vanilla
from tests.bench.watcher import watching

RATE = 20  # events a second in each stream
EVENTS_AROUND = {"anthropic": 5, "ollama": 1}  # of a stream besides its tokens
MOST_GROWTH = 150  # MB


@dataclass
class _Cost:
    """What a process took while it was watched: shares of one processor, MB."""

    cpu: float = 0.0
    idle_mb: float = 0.0
    most_mb: float = 0.0


class Soak:
    """`streams` streams of `seconds` seconds through a relay."""

    def __init__(self, api: Api, *, seconds: int, streams: int, is_watched: bool) -> None:
        self._api = api
        self._seconds = seconds
        self._streams = streams
        self._is_watched = is_watched
        self._ramp = min(5.0, streams / 250)
        self._events = self._seconds * RATE

    async def run(self, bare: Target, server: Vanilla) -> list[str]:
        """Both relays, one after the other, and what went wrong."""
        print(f"\nd  {self._streams:,} streams at once, {RATE} events a second each, {self._seconds} s")
        reference, cost = await self._load(bare)
        problems = self._report(bare, reference, cost)
        before = await server.books.quiet(), await server.books.ledger()
        # Idle is what it is once it has seen calls: caches, the tokenizer, threads.
        await streams(server.target.load(self._api, "burst-20", stream=True, connections=50, seconds=1.0))
        await server.books.quiet()
        async with AsyncExitStack() as stack:
            page = (
                await stack.enter_async_context(watching(server.origin, ADMIN, PASSWORD)) if self._is_watched else None
            )
            found, cost = await self._load(server.target)
            problems += self._report(server.target, found, cost)
            if page is not None:
                pushes = page.messages / found.seconds
                print(f"   the live page got {pushes:.1f} messages a second, {page.received / 1e6:.1f} MB in all")
                if page.messages < found.seconds / 2:
                    problems.append("the live page was not live")
        served, booked = await server.books.compare(*before)
        print(f"   upstream served {served.tokens:,} tokens, the ledger has {booked.tokens:,}, nothing is held")
        if served != booked:
            problems.append(f"upstream served {served}, the ledger has {booked}")
        if reference.gap_p99_ms:
            ratio = found.gap_p99_ms / reference.gap_p99_ms
            print(f"   gap p99, vanilla / bare relay = {ratio:.2f}, at most 3: {'met' if ratio <= 3 else 'NOT MET'}")
        growth = cost.most_mb - cost.idle_mb
        verdict = "met" if growth <= MOST_GROWTH else "NOT MET"
        print(f"   memory above idle {growth:.0f} MB, at most {MOST_GROWTH}: {verdict}")
        sys.stdout.flush()
        return problems

    async def _load(self, target: Target) -> tuple[Measured, _Cost]:
        load = target.load(
            self._api,
            f"paced-{RATE}-{self._events}",
            stream=True,
            connections=self._streams,
            seconds=0.0,
            ramp=self._ramp,
        )
        cost = _Cost(idle_mb=(resident_bytes(target.pid) or 0) / 1e6)
        running = asyncio.create_task(streams(load))
        try:
            # The processor is looked at while all streams are open: not when they begin, not when they end.
            await asyncio.sleep(self._ramp + 1)
            spent = cpu_seconds(target.pid) or 0.0
            span = max(1.0, self._seconds - self._ramp - 2)
            for _ in range(round(span * 2)):
                await asyncio.sleep(0.5)
                cost.most_mb = max(cost.most_mb, (resident_bytes(target.pid) or 0) / 1e6)
            cost.cpu = ((cpu_seconds(target.pid) or 0.0) - spent) / span
            while not running.done():
                await asyncio.wait((running,), timeout=0.5)
                cost.most_mb = max(cost.most_mb, (resident_bytes(target.pid) or 0) / 1e6)
            return await running, cost
        finally:
            running.cancel()

    def _report(self, target: Target, found: Measured, cost: _Cost) -> list[str]:
        expected = self._streams * (self._events + EVENTS_AROUND[self._api])
        print(
            f"   {target.name:<12} {found.answers:,} finished, {expected - found.events:,} events lost;"
            f" gap p50 {found.gap_p50_ms} p99 {found.gap_p99_ms} most {found.gap_max_ms} ms;"
            f" delay p50 {found.delay_p50_ms} p99 {found.delay_p99_ms} ms;"
            f" CPU {cost.cpu:.0%}, {cost.cpu / self._streams / RATE * 1e6:.0f} us an event;"
            f" memory {cost.idle_mb:.0f} to {cost.most_mb:.0f} MB"
        )
        if found.answers == self._streams and found.events == expected:
            return []
        return [
            f"{target.name}: {found.answers} of {self._streams} streams finished, {found.events} of {expected} events"
            f" came, {found.failures} failures, {found.unfinished} hang {found.problems}"
        ]
