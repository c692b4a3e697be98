"""How many calls a user may have at once, and begin in a minute. Kept in memory: a restart forgives."""

import time
from collections import deque
from collections.abc import Callable

from vanilla.accounts.caller import Caller
from vanilla.errors import TooManyRequests

MINUTE = 60.0
RETRY_AT_ONCE = 1  # seconds: one of the user's calls is likely to end soon


class Pace:
    """Counts each user's calls. Belongs to one event loop."""

    def __init__(
        self,
        requests_per_minute: int | None = None,
        concurrent_calls: int | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """The bounds of users who have none of their own; None for no bound."""
        self._requests_per_minute = requests_per_minute
        self._concurrent_calls = concurrent_calls
        self._clock = clock
        self._running: dict[str, int] = {}
        self._begun: dict[str, deque[float]] = {}

    def rebound(self, requests_per_minute: int | None, concurrent_calls: int | None) -> None:
        """Other bounds, for the calls that begin from now on."""
        self._requests_per_minute = requests_per_minute
        self._concurrent_calls = concurrent_calls

    def of(self, caller: Caller) -> "_Running":
        """One call of this caller's, until the block ends. Entering raises TooManyRequests."""
        return _Running(self, caller)

    def begin(self, caller: Caller) -> None:
        """Count a call that begins. Raises TooManyRequests."""
        user_id = caller.user_id
        running = self._running.get(user_id, 0)
        most = self._concurrent_calls if caller.concurrent_calls is None else caller.concurrent_calls
        if most is not None and running >= most:
            raise TooManyRequests(
                f"You may have {most:,} calls at once. Try again when one has finished.",
                retry_after=RETRY_AT_ONCE,
            )
        self._count_in_minute(caller)
        self._running[user_id] = running + 1

    def end(self, caller: Caller) -> None:
        """Count a call that has ended."""
        left = self._running[caller.user_id] - 1
        if left:
            self._running[caller.user_id] = left
        else:
            del self._running[caller.user_id]

    def _count_in_minute(self, caller: Caller) -> None:
        most = self._requests_per_minute if caller.requests_per_minute is None else caller.requests_per_minute
        if most is None:
            self._begun.pop(caller.user_id, None)
            return
        now = self._clock()
        begun = self._begun.setdefault(caller.user_id, deque())
        while begun and begun[0] <= now - MINUTE:
            begun.popleft()
        if len(begun) >= most:
            wait = int(begun[0] + MINUTE - now) + 1 if begun else int(MINUTE)
            raise TooManyRequests(
                f"You may begin {most:,} calls a minute. Try again in {wait} seconds.", retry_after=wait
            )
        begun.append(now)


class _Running:
    """A call, as a block. A class, since a generator would cost as much as the counting."""

    __slots__ = ("_caller", "_pace")

    def __init__(self, pace: Pace, caller: Caller) -> None:
        self._pace = pace
        self._caller = caller

    def __enter__(self) -> None:
        self._pace.begin(self._caller)

    def __exit__(self, *_error: object) -> None:
        self._pace.end(self._caller)
