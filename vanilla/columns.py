"""What the tables' columns are made of: times, ids, and the kinds of column that many tables have."""

import random
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Dialect, ForeignKey, Text, false, text, true
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field

_random = random.Random()


class UtcText(TypeDecorator[datetime]):
    """A moment, kept as text such as `2026-11-23T16:42:35.123Z`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else utc_text(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


def utc_now() -> datetime:
    """This moment, in UTC, to the millisecond (what the tables keep)."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def utc_text(moment: datetime) -> str:
    """A moment as the tables and the API write it."""
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"  # a fifth of what strftime takes


def new_id() -> str:
    """A time-ordered UUID (version 7, RFC 9562), so that new rows land at the end of their index. Not a secret."""
    stamp = time.time_ns() // 1_000_000
    # From the generator in this process: asking the system for randomness hands the interpreter over each time.
    number = (stamp << 80 | _random.getrandbits(80)) & ~(0xF << 76) & ~(0x3 << 62) | (0x7 << 76) | (0x2 << 62)
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def new_game_id() -> str:
    """A short random id that reads well in an address: ten letters and digits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(10))


def moment(*, nullable: bool = False, index: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcText, nullable=nullable, index=index))


def owned_by(column: str, *, primary_key: bool = False, nullable: bool = False, index: bool = True) -> Any:
    return Field(
        default=None,
        sa_column=Column(
            Text,
            ForeignKey(column, ondelete="CASCADE"),
            primary_key=primary_key,
            nullable=nullable,
            index=index and not primary_key,
        ),
    )


def count() -> Any:
    return Field(default=0, sa_column_kwargs={"server_default": text("0"), "nullable": False})


def flag(value: bool) -> Any:
    return Field(default=value, sa_column_kwargs={"server_default": true() if value else false(), "nullable": False})
