"""Processes of a benchmark: starting and ending them, and what they cost so far (Linux: from /proc, elsewhere None)."""

import asyncio
import os
import resource
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


def raise_open_files() -> None:
    """Allow this process as many open files as it may have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def end_with_starter() -> None:
    """End this process when the one that started it is gone, however that came about: its end of our input closes."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


@asynccontextmanager
async def module_process(module: str, **environment: str) -> AsyncIterator[tuple[int, int]]:
    """Run a module of ours that prints its port; gives pid and port."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        env={"PATH": os.environ["PATH"], **environment},
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 30)
        yield process.pid, int(line)
    finally:
        await ended(process)


async def ended(process: asyncio.subprocess.Process) -> None:
    """End it, by force if it takes long."""
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()


async def output_of(*arguments: str, stdin: bytes = b"") -> str:
    """What a program prints. Raises RuntimeError when it fails."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await process.communicate(stdin)
    finally:
        await ended(process)
    if process.returncode:
        raise RuntimeError(f"{arguments[0]} failed: {errors.decode()[-2000:]}")
    return out.decode()


def cpu_seconds(pid: int) -> float | None:
    """Processor time of a process and its children so far."""
    try:
        total = 0.0
        for member in (pid, *_children(pid)):
            fields = Path(f"/proc/{member}/stat").read_text().rpartition(") ")[2].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except OSError:
        return None
    return total


def resident_bytes(pid: int) -> int | None:
    """Memory of a process and its children now."""
    try:
        pages = sum(int(Path(f"/proc/{member}/statm").read_text().split()[1]) for member in (pid, *_children(pid)))
    except OSError:
        return None
    return pages * resource.getpagesize()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
