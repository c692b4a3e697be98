"""Reading files for sending, a piece at a time: at once where the system has them in memory, else on a thread."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Generator
from contextlib import asynccontextmanager
from pathlib import Path

from vanilla.games.files import on_thread

PIECE = 256 * 1024  # bytes
BREATH = 4  # pieces read without letting go of the loop

# Linux reads what is in its page cache and says so where it is not; elsewhere every piece goes to a thread.
_ONLY_FROM_MEMORY: int | None = getattr(os, "RWF_NOWAIT", None)


class OpenFile:
    """A file open for reading; `size` in bytes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    async def pieces(self, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """The bytes from `start` to before `end`, or to the end of the file."""
        at, end = start, self.size if end is None else min(end, self.size)
        while at < end:
            length = min(PIECE, end - at)
            piece = self._from_memory(at, length)
            if piece is None:
                piece = await on_thread(os.pread, self._descriptor, length, at)
            if not piece:
                return
            yield piece
            at += len(piece)
            if (at - start) % (BREATH * PIECE) == 0:
                await asyncio.sleep(0)  # others have their turn, and a client that has left is noticed

    def _from_memory(self, at: int, length: int) -> bytes | None:
        if _ONLY_FROM_MEMORY is None:
            return None
        buffer = bytearray(length)
        try:
            count = os.preadv(self._descriptor, [buffer], at, _ONLY_FROM_MEMORY)
        except OSError:  # not in memory, or a file system that cannot tell
            return None
        return bytes(memoryview(buffer)[:count]) if count else None


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[OpenFile]:
    """Raises FileNotFoundError."""
    descriptor = await on_thread(os.open, path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        yield OpenFile(descriptor)
    finally:
        os.close(descriptor)


async def from_thread(pieces: Generator[bytes]) -> AsyncGenerator[bytes]:
    """What a blocking generator gives, each step of it on a thread. Closed early, it closes the generator."""
    try:
        while (piece := await on_thread(next, pieces, None)) is not None:
            yield piece
    finally:
        pieces.close()
