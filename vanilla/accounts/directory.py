"""Everybody who may sign in, a page at a time: found, sorted and counted by the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, case, func
from sqlmodel import col, select

from vanilla.accounts.names import username_key
from vanilla.accounts.periods import period_key
from vanilla.database import Database
from vanilla.models import User, utc_now

NEAR = 0.8  # of a limit

Sort = Literal["username", "used", "total_tokens", "created_at", "last_active_at", "state"]
Show = Literal["all", "active", "inactive", "admin", "near"]


@dataclass(frozen=True, slots=True)
class Search:
    """Which users, in which order. `used` sorts by the part of the limit that is used: none has used nothing. `near`
    are those who have used NEAR of theirs."""

    name: str = ""
    show: Show = "all"
    sort: Sort = "username"
    is_descending: bool = False


class Directory:
    """Finds users. Those who were deleted are nobody, and not found."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, search: Search, *, limit: int = 50, offset: int = 0) -> tuple[Sequence[User], int]:
        """A page of the users that match, and how many there are in all."""
        part = _part_used(utc_now())
        conditions = [col(User.deleted_at).is_(None), *_shown(search.show, part)]
        if key := username_key(search.name.strip()):
            conditions.append(col(User.username_key).contains(key, autoescape=True))
        columns = _columns(search.sort, part)
        some = (
            select(User)
            .where(*conditions)
            .order_by(
                *(column.desc() if search.is_descending else column for column in columns),
                col(User.username_key),
            )
            .limit(limit)
            .offset(offset)
        )
        count = select(func.count()).select_from(User).where(*conditions)
        return await self._database.read(lambda session: (session.exec(some).all(), session.exec(count).one()))


def _shown(show: Show, part: ColumnElement[float]) -> list[ColumnElement[bool]]:
    shown: dict[Show, list[ColumnElement[bool]]] = {
        "all": [],
        "active": [col(User.is_active).is_(True)],
        "inactive": [col(User.is_active).is_(False)],
        "admin": [col(User.is_admin).is_(True)],
        "near": [col(User.is_active).is_(True), part >= NEAR],
    }
    return shown[show]


def _part_used(now: datetime) -> ColumnElement[float]:
    """What part of their limit users have used in the period that `now` lies in; -1 without a limit, 1 for one of 0."""
    current = case(
        (col(User.limit_period) == "day", period_key("day", now)),
        (col(User.limit_period) == "month", period_key("month", now)),
        else_="total",
    )
    used = case((col(User.period) == current, col(User.tokens_used)), else_=0)
    return case(
        (col(User.token_limit).is_(None), -1.0),
        (col(User.token_limit) == 0, 1.0),
        else_=used * 1.0 / col(User.token_limit),
    )


def _columns(sort: Sort, part: ColumnElement[float]) -> list[Any]:
    columns: dict[Sort, list[Any]] = {
        "username": [col(User.username_key)],
        "used": [part],
        "total_tokens": [col(User.total_tokens)],
        "created_at": [col(User.created_at)],
        "last_active_at": [col(User.last_active_at)],
        "state": [col(User.is_active), col(User.is_admin)],
    }
    return columns[sort]
