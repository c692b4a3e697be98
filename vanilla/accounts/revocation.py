"""Telling the rest of this process at once that somebody is out: streams are cut, pages closed, caches emptied."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Revocation:
    """Everything of `user_id` is void, or, where `session_id` or `token_id` is given, only what came through that."""

    user_id: str
    session_id: str | None = None
    token_id: str | None = None

    @property
    def is_whole_user(self) -> bool:
        return self.session_id is None and self.token_id is None


class Revocations:
    """Announced on the event loop, after the database has committed the change."""

    def __init__(self) -> None:
        self._listeners: list[Callable[[Revocation], None]] = []

    def subscribe(self, listener: Callable[[Revocation], None]) -> Callable[[], None]:
        """Call `listener` for each revocation to come; the returned function ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def announce(self, revocation: Revocation) -> None:
        for listener in list(self._listeners):
            listener(revocation)
