"""What each game has used of everybody's tokens, quick enough for a page of games."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection

from sqlalchemy import func, select
from sqlmodel import Session, col

from vanilla.models import UsageHour

STILL_COUNTED = 2  # hours, this one included: a call is in the roll-up within seconds of its end


class TokensUsed:
    """Sums of the roll-up by hour. Hours that are over do not change: they are added up once and remembered, and only
    the last ones are read again. A game that has used millions costs no more than one that nobody plays."""

    def __init__(self, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._lock = threading.Lock()  # reads are on several threads
        self._until = 0  # the first hour that is not in the sums
        self._sums: defaultdict[str, int] = defaultdict(int)

    def of(self, session: Session, game_ids: Collection[str]) -> dict[str, int]:
        """Tokens by game id, 0 where there are none."""
        with self._lock:
            self._add_what_is_over(session)
            until, sums = self._until, {game_id: self._sums.get(game_id, 0) for game_id in game_ids}
        lately = (
            select(col(UsageHour.game_id), func.sum(col(UsageHour.total_tokens)))
            .where(col(UsageHour.hour) >= until, col(UsageHour.game_id).in_(game_ids))
            .group_by(col(UsageHour.game_id))
        )
        for game_id, tokens in session.execute(lately):
            sums[game_id] += tokens
        return sums

    def _add_what_is_over(self, session: Session) -> None:
        over = int(self._clock()) // 3600 + 1 - STILL_COUNTED
        if over <= self._until:
            return
        statement = (
            select(col(UsageHour.game_id), func.sum(col(UsageHour.total_tokens)))
            .where(col(UsageHour.hour) >= self._until, col(UsageHour.hour) < over)
            .group_by(col(UsageHour.game_id))
        )
        for game_id, tokens in session.execute(statement).all():
            self._sums[game_id] += tokens
        self._until = over
