"""Holds and limits: what a call may cost is set aside before it starts, and paid or given back when it ends.

A hold is one conditional statement, `used + held + n <= limit`, so no number of calls at once can pass a limit. It is
also a row: a process that dies leaves it, and the next start turns it into a ledger row (`recover`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func
from sqlmodel import col, select

from vanilla.database import Database
from vanilla.errors import LimitReached, Unauthenticated
from vanilla.inference.holds import HOLD_LASTS, Checkpoint, Granted, Wanted, hold_all, note_all, settle_all
from vanilla.models import Hold, new_id, utc_now
from vanilla.usage.ledger import Entry

__all__ = ["Checkpoint", "Granted", "Held", "Meter", "Wanted"]

ONE_BY_ONE = 8  # calls, each alone: the next one is expected to be so too


@dataclass(frozen=True, slots=True)
class Held:
    """What is set aside at the moment: by how many calls, and how many tokens."""

    holds: int
    tokens: int


class Meter:
    """Sets tokens aside, settles, recovers. Every write goes through the database's one writer."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock
        self._open: set[str] = set()  # holds that are asked for or taken
        self._alone = 0  # holds since there were two at once
        self.process_id = new_id()

    async def hold(self, wanted: Wanted) -> Granted:
        """Set aside prompt and output cap, the cap lowered to what is left.

        Raises LimitReached when not even the prompt and `least_output` fit, Unauthenticated when the user is gone.
        """
        self._alone = 0 if self._open else self._alone + 1
        self._open.add(wanted.id)
        answer: Granted | LimitReached | Unauthenticated | None = None
        try:
            item = (wanted, self.process_id, self._clock())
            answer = await self._database.meter(hold_all, item, at_once=self._is_one_by_one)
        finally:
            if not isinstance(answer, Granted):
                self._open.discard(wanted.id)
        if isinstance(answer, Granted):
            return answer
        raise answer

    def settle(self, hold_id: str, entry: Entry | None) -> "asyncio.Future[bool]":
        """Give back the hold and, where the call cost something, write its row, once: False if it was settled before.

        Raises what the database raises; the hold is then still there, and the same call may be tried again.
        """
        self._open.discard(hold_id)
        return self._database.meter(settle_all, (hold_id, entry, self._clock()), at_once=self._is_one_by_one)

    @property
    def _is_one_by_one(self) -> bool:
        """Whether calls come one after the other, so that there is nothing to be written together."""
        return self._alone >= ONE_BY_ONE

    async def held(self) -> Held:
        """All that is set aside, also by processes that are gone."""
        sums = select(func.count(), func.coalesce(func.sum(col(Hold.tokens)), 0)).select_from(Hold)
        return Held(*await self._database.read(lambda session: session.exec(sums).one()))

    async def checkpoint(self, checkpoints: list[Checkpoint]) -> None:
        """Note how far calls have come, and that their process is alive."""
        await self._database.meter(note_all, (checkpoints, self._clock() + HOLD_LASTS))

    async def recover(self, *, everything: bool) -> list[Entry]:
        """Settle what dead processes left: every hold of another process at start (`everything`: this is the only
        process), later the expired ones. Each becomes a row with status `recovered`: a hold is set just before the
        upstream is called, so what it leaves may have been billed."""
        now = self._clock()
        own = col(Hold.process_id) == self.process_id
        condition = ~own if everything else col(Hold.expires_at) < now
        orphans = await self._database.read(lambda session: session.exec(select(Hold).where(condition)).all())
        entries = []
        for hold in orphans:
            entry = _recovered(hold, now)
            if await self.settle(hold.id, entry):
                entries.append(entry)
        return entries


def _recovered(hold: Hold, now: datetime) -> Entry:
    return Entry(
        id=hold.id,
        timestamp=now,
        user_id=hold.user_id,
        game_id=hold.game_id,
        backend=hold.backend,
        model=hold.model,
        prompt_tokens=hold.prompt_tokens,
        completion_tokens=hold.completion_tokens,
        estimated=True,
        status="recovered",
        duration_ms=None,
        request_id=hold.request_id,
    )
