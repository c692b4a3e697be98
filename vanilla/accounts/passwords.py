"""Passwords: bcrypt, on a few threads of its own, since one hash is a quarter of a second of work."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import bcrypt

from vanilla.errors import Invalid, TooManyRequests

T = TypeVar("T")

ROUNDS = 12  # 2^12 iterations
THREADS = 2
LONGEST_QUEUE = 64  # hashes waiting; beyond it a flood of guesses is turned away instead of kept
SHORTEST = 8  # characters
LONGEST = 72  # bytes of UTF-8: bcrypt reads no further (and its library refuses more)


def check_new(password: str) -> None:
    """Raises Invalid, with what to do, for a password that cannot be kept."""
    if len(password) < SHORTEST:
        raise Invalid(f"The password is too short: use at least {SHORTEST} characters.")
    encoded = _encoded(password)
    if encoded is None:
        raise Invalid("The password contains a character that cannot be typed again: leave it out.")
    if len(encoded) > LONGEST:
        raise Invalid(
            f"The password is too long: {len(encoded)} bytes, and at most {LONGEST} count (an accented letter takes 2,"
            " an emoji 4)."
        )


class Passwords:
    """Hashes and compares passwords off the event loop."""

    def __init__(self, *, rounds: int | None = None) -> None:
        """`rounds` is bcrypt's cost, as a power of two."""
        self._rounds = ROUNDS if rounds is None else rounds
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        self._waiting = 0

    async def hash(self, password: str) -> str:
        """The hash to store. Raises Invalid for a password that cannot be kept."""
        check_new(password)
        hashed = await self._run(lambda: bcrypt.hashpw(password.encode(), bcrypt.gensalt(self._rounds)))
        return hashed.decode()

    async def matches(self, password: str, hashed: str) -> bool:
        """Whether it is the password behind `hashed`. One that could never have been kept is wrong, as slowly, and so
        is every one where `hashed` is no bcrypt hash: a user taken over from elsewhere gets a new one from an admin."""
        encoded = _encoded(password)
        if encoded is None or len(encoded) > LONGEST:
            await self.spend()
            return False
        try:
            return await self._run(lambda: bcrypt.checkpw(encoded, hashed.encode()))
        except ValueError:
            await self.spend()
            return False

    async def spend(self) -> None:
        """Take as long as `matches`, for a name that nobody has: the time must not tell which names exist."""
        await self._run(lambda: bcrypt.hashpw(b"nobody", bcrypt.gensalt(self._rounds)))

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= LONGEST_QUEUE:
            raise TooManyRequests("Too many people are signing in at this moment: try again shortly.", retry_after=5)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._waiting -= 1


def _encoded(password: str) -> bytes | None:
    """Its UTF-8 bytes; None for NUL (where other bcrypts end the password) and for half a surrogate pair."""
    if "\0" in password:
        return None
    try:
        return password.encode()
    except UnicodeEncodeError:
        return None
