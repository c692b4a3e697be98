"""Connections on which nothing is asked: each costs a few kilobytes and a file, and a stranger can have many."""

from collections import OrderedDict
from typing import Protocol

MOST_IDLE = 1000  # behind a reverse proxy, all of them are the proxy's own


class Connection(Protocol):
    """What can be closed."""

    def close_idle(self) -> None: ...


class Idle:
    """Those that have not asked for anything yet, or again. Where there are too many the one that has waited longest is
    closed, so that who comes next is always let in. Belongs to one event loop."""

    def __init__(self, most: int = MOST_IDLE) -> None:
        self._most = most
        self._waiting: OrderedDict[Connection, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, connection: Connection) -> None:
        """It waits from now on."""
        self._waiting[connection] = None
        if len(self._waiting) > self._most:
            oldest, _ = self._waiting.popitem(last=False)
            oldest.close_idle()

    def remove(self, connection: Connection) -> None:
        """It has asked for something, or is gone."""
        self._waiting.pop(connection, None)
