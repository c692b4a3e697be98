"""Telling the rest of this process at once that somebody is out: streams are cut, pages closed, caches emptied."""

from collections.abc import Callable
from dataclasses import dataclass

from vanilla.accounts.caller import Caller


@dataclass(frozen=True, slots=True)
class Revocation:
    """Everything of `user_id` is void, or, where `session_id` or `token_id` is given, only what came through that."""

    user_id: str
    session_id: str | None = None
    token_id: str | None = None

    @property
    def is_whole_user(self) -> bool:
        return self.session_id is None and self.token_id is None

    def concerns(self, caller: Caller) -> bool:
        """Whether the caller came by what is void."""
        if caller.user_id != self.user_id:
            return False
        if self.session_id is not None:
            return caller.session_id == self.session_id
        if self.token_id is not None:
            return caller.token_id == self.token_id
        return True


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
