"""Roll-ups of the ledger and of what has no row there. `vanilla.usage` writes and reads them.

A settlement adds to minutes and hours in its own transaction. From the hours the server makes days, and totals without
users and games, once an hour is over: until which moment they are whole is a mark. A trigger moves the marks back where
an hour changes that was rolled up already, so that readers, who go on from the marks with the hours, are always right.
"""

from typing import Any

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from vanilla.columns import count

ONE_TREE: dict[str, Any] = {"sqlite_with_rowid": False}  # rows lie in the order of their key, without an index beside


def _key(kind: Any = Text) -> Any:
    return Field(sa_type=kind, primary_key=True)


class _Sums(SQLModel):
    """What calls came to."""

    calls: int = count()
    prompt_tokens: int = count()
    completion_tokens: int = count()
    total_tokens: int = count()
    cache_read_tokens: int = count()
    cache_write_tokens: int = count()


class UsageMinute(_Sums, table=True):
    """The ledger by minute, kept 48 hours."""

    __tablename__ = "usage_minutes"

    minute: int = Field(primary_key=True)  # Unix time / 60
    backend: str = _key()
    user_id: str = _key()
    model: str = _key()
    game_id: str = _key()

    __table_args__ = (ONE_TREE,)


class UsageHour(_Sums, table=True):
    """The ledger by hour, kept for ever."""

    __tablename__ = "usage_hours"

    hour: int = Field(primary_key=True)  # Unix time / 3600
    user_id: str = _key()
    backend: str = _key()
    model: str = _key()
    game_id: str = _key()

    __table_args__ = (
        Index("idx_usage_hours_user_id", "user_id", "hour"),
        Index("idx_usage_hours_game_id", "game_id", "hour"),
    )


class UsageHourTotal(_Sums, table=True):
    """The hours that are over, of all users and games together."""

    __tablename__ = "usage_hour_totals"

    hour: int = Field(primary_key=True)
    backend: str = _key()
    model: str = _key()

    __table_args__ = (ONE_TREE,)


class UsageDay(_Sums, table=True):
    """The days (UTC) that are over. What a user did in a year lies together."""

    __tablename__ = "usage_days"

    user_id: str = _key()
    day: int = Field(primary_key=True)  # Unix time / 86400
    backend: str = _key()
    model: str = _key()
    game_id: str = _key()

    __table_args__ = (ONE_TREE,)


class UsageMark(SQLModel, table=True):
    """Until which `hours` (Unix time / 3600) totals are whole, until which `days` (/ 86400) days are; and how many
    `changes` there were of hours that were over."""

    __tablename__ = "usage_marks"

    name: str = _key()
    value: int = Field(default=0, sa_column_kwargs={"server_default": text("0"), "nullable": False})

    __table_args__ = (ONE_TREE,)


class UsageRefusal(SQLModel, table=True):
    """Calls that were not answered: they have no row in the ledger. By minute for 48 hours, then by hour, after 35 days
    by day: `minute` is the first one of it."""

    __tablename__ = "usage_refusals"

    minute: int = Field(primary_key=True)
    backend: str = _key()
    user_id: str = _key()  # "" where it is not known
    reason: str = _key()
    calls: int = count()

    __table_args__ = (ONE_TREE,)


class UsageFirstByte(SQLModel, table=True):
    """How many answers began within so many milliseconds (and not within the next lower number). Kept as refusals
    are."""

    __tablename__ = "usage_first_bytes"

    minute: int = Field(primary_key=True)
    backend: str = _key()
    model: str = _key()
    up_to_ms: int = Field(primary_key=True)
    calls: int = count()

    __table_args__ = (ONE_TREE,)
