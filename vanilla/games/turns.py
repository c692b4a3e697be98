"""Whose turn it is to upload: a few at once and so many an hour for each user. In memory: a restart forgives."""

import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Iterator

from vanilla.errors import TooManyRequests

AT_ONCE = 2  # uploads of one user; more would only share the same line
HOUR = 3600.0
RETRY_AT_ONCE = 5  # seconds


class UploadTurns:
    """Counts each user's uploads, refused ones included: those cost the same. Belongs to one event loop."""

    def __init__(self, per_hour: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`per_hour` 0: no bound."""
        self._per_hour = per_hour
        self._clock = clock
        self._running: dict[str, int] = {}
        self._begun: dict[str, deque[float]] = {}

    @contextlib.contextmanager
    def of(self, user_id: str) -> Iterator[None]:
        """One upload of this user's, until the block ends. Raises TooManyRequests, which counts as no upload."""
        running = self._running.get(user_id, 0)
        if running >= AT_ONCE:
            raise TooManyRequests(
                f"{AT_ONCE} uploads of yours are still on their way. Try again when one has arrived.",
                retry_after=RETRY_AT_ONCE,
            )
        self._begin(user_id)
        self._running[user_id] = running + 1
        try:
            yield
        finally:
            self._running[user_id] -= 1
            if not self._running[user_id]:
                del self._running[user_id]

    def _begin(self, user_id: str) -> None:
        if not self._per_hour:
            return
        now = self._clock()
        self._forget(now - HOUR)
        begun = self._begun.setdefault(user_id, deque())
        if len(begun) >= self._per_hour:
            minutes = max(1, math.ceil((begun[0] + HOUR - now) / 60))
            raise TooManyRequests(
                f"You have uploaded {self._per_hour:,} times within an hour, as often as this host allows. "
                f"Try again in {minutes} minute{'s' if minutes > 1 else ''}.",
                retry_after=60,
            )
        begun.append(now)

    def _forget(self, before: float) -> None:
        for user_id, begun in list(self._begun.items()):
            while begun and begun[0] <= before:
                begun.popleft()
            if not begun:
                del self._begun[user_id]
