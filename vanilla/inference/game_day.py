"""The cap on one game: what it may take of one user's tokens on one UTC day, so that it cannot eat their month."""

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlmodel import col

from vanilla import models
from vanilla.accounts.periods import period_key, resets_at
from vanilla.database import Prepared, adding
from vanilla.errors import LimitReached
from vanilla.models import NO_GAME

RETRY_AFTER = 5  # seconds: the user's other calls are likely to have given back what they hold


@dataclass(frozen=True, slots=True)
class GameDay:
    """What one user may use in one game on one day. Read and written within one transaction of the one writer."""

    user_id: str
    game_id: str
    day: str
    cap: int

    @staticmethod
    def of(user_id: str, game_id: str, cap: int | None, now: datetime) -> "GameDay | None":
        """None for a call that no cap concerns."""
        if cap is None or game_id == NO_GAME:
            return None
        return GameDay(user_id, game_id, period_key("day", now), cap)

    def left(self, cursor: sqlite3.Cursor) -> int:
        used, held = self._sums(cursor)
        return self.cap - used - held

    def hold(self, cursor: sqlite3.Cursor, tokens: int) -> None:
        _add(cursor, self.user_id, self.game_id, self.day, used=0, held=tokens)

    def refusal(self, cursor: sqlite3.Cursor, now: datetime) -> LimitReached:
        used, held = self._sums(cursor)
        is_held = held > 0 and used < self.cap
        resets = resets_at("day", now)
        assert resets is not None
        verb = "set aside" if is_held else "used"
        return LimitReached(
            f"This game has {verb} {used + held:,} of the {self.cap:,} tokens that it may take of yours in a day. "
            f"It starts again at {resets:%Y-%m-%d %H:%M} UTC.",
            used=used,
            limit=self.cap,
            resets_at=resets,
            retry_after=RETRY_AFTER if is_held else None,
        )

    def _sums(self, cursor: sqlite3.Cursor) -> tuple[int, int]:
        row = _READ_GAME_DAY(cursor, user_id=self.user_id, game_id=self.game_id, day=self.day).fetchone()
        return (0, 0) if row is None else row


def settle_game_day(
    cursor: sqlite3.Cursor, user_id: str, game_id: str, held_on: str, *, held: int, used: int, now: datetime
) -> None:
    """Give back what was held on the day `held_on`, and count what was used on the day of `now`."""
    _add(cursor, user_id, game_id, held_on, used=0, held=-held)
    _add(cursor, user_id, game_id, period_key("day", now), used=used, held=0)


def _add(cursor: sqlite3.Cursor, user_id: str, game_id: str, day: str, *, used: int, held: int) -> None:
    _ADD_TO_GAME_DAY(cursor, user_id=user_id, game_id=game_id, day=day, tokens_used=used, tokens_held=held)


_READ_GAME_DAY = Prepared(
    select(col(models.GameDay.tokens_used), col(models.GameDay.tokens_held)).where(
        col(models.GameDay.user_id) == bindparam("user_id"),
        col(models.GameDay.game_id) == bindparam("game_id"),
        col(models.GameDay.day) == bindparam("day"),
    )
)
_ADD_TO_GAME_DAY = adding(models.GameDay)
