"""The tables. Times are UTC, stored as ISO 8601 text with milliseconds, so that they sort as they read."""

import random
import secrets
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Column, Dialect, ForeignKey, Index, Text, false, text, true
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

_random = random.Random()
NO_GAME = ""  # the game of a call made outside any game: with an API token, or from the docs page


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


def _moment(*, nullable: bool = False, index: bool = False) -> Any:
    return Field(default=None, sa_column=Column(UtcText, nullable=nullable, index=index))


def _owned_by(column: str, *, primary_key: bool = False, nullable: bool = False, index: bool = True) -> Any:
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


def _count() -> Any:
    return Field(default=0, sa_column_kwargs={"server_default": text("0"), "nullable": False})


def _flag(value: bool) -> Any:
    return Field(default=value, sa_column_kwargs={"server_default": true() if value else false(), "nullable": False})


class User(SQLModel, table=True):
    """Someone who may sign in. Usage and holds of the current period stand in the row: the hold is one statement."""

    __tablename__ = "users"

    id: str = Field(default_factory=new_id, sa_type=Text, primary_key=True)
    username: str = Field(sa_type=Text, unique=True)
    username_key: str = Field(sa_type=Text, unique=True)  # casefolded: Mira and mira are one name
    password_hash: str = Field(sa_type=Text)
    is_admin: bool = _flag(False)
    is_active: bool = _flag(True)
    token_limit: int | None = None
    own_token_limit: int | None = None  # the user's own, over the same period; the lower of the two holds
    limit_period: str = Field(default="total", sa_type=Text, sa_column_kwargs={"server_default": "total"})
    requests_per_minute: int | None = None
    concurrent_calls: int | None = None
    period: str = Field(default="total", sa_type=Text, sa_column_kwargs={"server_default": "total"})
    tokens_used: int = _count()  # within `period`: "total", "2026-11-23" or "2026-11"
    tokens_held: int = _count()  # set aside for calls in flight; never reset with the period
    total_tokens: int = _count()  # of all time
    last_active_at: datetime | None = _moment(nullable=True)
    created_at: datetime = _moment()
    updated_at: datetime = _moment()

    @property
    def effective_limit(self) -> int | None:
        """The limit that holds: the lower of the host's and the user's own; None for none."""
        limits = [limit for limit in (self.token_limit, self.own_token_limit) if limit is not None]
        return min(limits, default=None)


class LoginSession(SQLModel, table=True):
    """A signed-in browser. The cookie holds a random secret, this row only its SHA-256."""

    __tablename__ = "sessions"

    sid: str = Field(sa_type=Text, primary_key=True)  # hex SHA-256 of the cookie's secret
    sess: str = Field(default="{}", sa_type=Text)  # JSON: user agent and address at sign-in
    expire: int = Field(index=True)  # Unix seconds
    user_id: str = _owned_by("users.id")
    created_at: datetime = _moment()
    last_seen_at: datetime = _moment()


class ApiToken(SQLModel, table=True):
    """A `vk_` token of a user's own programs, stored as its SHA-256."""

    __tablename__ = "api_tokens"

    id: str = Field(default_factory=new_id, sa_type=Text, primary_key=True)
    user_id: str = _owned_by("users.id")
    name: str = Field(sa_type=Text)
    token_hash: str = Field(sa_type=Text, unique=True)
    created_at: datetime = _moment()
    last_used_at: datetime | None = _moment(nullable=True)


class Game(SQLModel, table=True):
    """A game as its page shows it. Its files belong to versions."""

    __tablename__ = "games"

    id: str = Field(default_factory=new_game_id, sa_type=Text, primary_key=True)
    slug: str = Field(sa_type=Text, index=True)
    title: str = Field(sa_type=Text)
    description: str = Field(default="", sa_type=Text)
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    owner_id: str = _owned_by("users.id")
    version: int = _count()  # the number of the version that is played
    talks: bool = _flag(False)  # its files call a model
    has_cover: bool = _flag(False)  # else a cover is drawn from its name
    last_version: int = _count()  # the highest number ever given: none is used twice, browsers keep files for ever
    capability_epoch: int = _count()  # raised on removal and the like: addresses of its files die
    visibility: str = Field(default="shared", sa_type=Text, sa_column_kwargs={"server_default": "shared"})
    search_text: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})  # games/search.py
    plays: int = _count()
    removed_at: datetime | None = _moment(nullable=True)
    created_at: datetime = _moment(index=True)
    updated_at: datetime = _moment()


class GameVersion(SQLModel, table=True):
    """One upload of a game: a folder of files that never changes."""

    __tablename__ = "game_versions"

    game_id: str = _owned_by("games.id", primary_key=True)
    number: int = Field(primary_key=True)
    digest: str = Field(sa_type=Text)  # hex SHA-256 over the names and contents of its files
    entry: str = Field(default="index.html", sa_type=Text)
    files: int = _count()
    size_bytes: int = _count()
    notes: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    talks: bool = _flag(False)
    warnings: list[str] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default=text("'[]'"))
    )
    published_at: datetime | None = _moment(nullable=True)  # None: a preview that nobody else has seen
    created_at: datetime = _moment()


class GameHost(SQLModel, table=True):
    """Another host that a game may load from and talk to: asked for by its owner, allowed by an admin."""

    __tablename__ = "game_hosts"

    game_id: str = _owned_by("games.id", primary_key=True)
    host: str = Field(sa_type=Text, primary_key=True)  # "fonts.example.org"; always https, port 443
    requested_at: datetime = _moment()
    approved_at: datetime | None = _moment(nullable=True)  # None: not decided, so not allowed
    approved_by: str | None = Field(
        default=None, sa_column=Column(Text, ForeignKey("users.id", ondelete="SET NULL"), nullable=True)
    )


class Favourite(SQLModel, table=True):
    """A game that a user keeps at hand."""

    __tablename__ = "favourites"

    user_id: str = _owned_by("users.id", primary_key=True)
    game_id: str = _owned_by("games.id", primary_key=True)
    created_at: datetime = _moment()


class Consent(SQLModel, table=True):
    """A player's answer to whether a game may spend their tokens."""

    __tablename__ = "consents"

    user_id: str = _owned_by("users.id", primary_key=True)
    game_id: str = _owned_by("games.id", primary_key=True)
    is_allowed: bool = Field(sa_column_kwargs={"nullable": False})
    decided_at: datetime = _moment()


class Save(SQLModel, table=True):
    """What a game keeps for a player. The contents are a file; this row says which, and how often it has changed."""

    __tablename__ = "saves"

    user_id: str = _owned_by("users.id", primary_key=True)
    game_id: str = _owned_by("games.id", primary_key=True)
    kind: str = Field(sa_type=Text, primary_key=True)  # "local" (localStorage) or "databases" (IndexedDB)
    revision: int = _count()
    size_bytes: int = _count()
    parts: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # names of files, in order
    batches: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # ids of the last changes
    updated_at: datetime = _moment()


class Play(SQLModel, table=True):
    """How often and when last a user played a game."""

    __tablename__ = "plays"

    user_id: str = _owned_by("users.id", primary_key=True)
    game_id: str = _owned_by("games.id", primary_key=True)
    plays: int = _count()
    last_played_at: datetime = _moment()

    __table_args__ = (Index("idx_plays_game_id", "game_id"),)


class PlayToken(SQLModel, table=True):
    """What a game in its frame calls the platform with: one user, one game, one version, minutes."""

    __tablename__ = "play_tokens"

    token_hash: str = Field(sa_type=Text, primary_key=True)
    session_sid: str = _owned_by("sessions.sid")
    user_id: str = _owned_by("users.id")
    game_id: str = _owned_by("games.id")
    version: int
    expire: int = Field(index=True)  # Unix seconds


class TokenUsage(SQLModel, table=True):
    """The ledger: one row for each call that cost tokens, whatever became of it. Rows are never changed."""

    __tablename__ = "token_usage"

    id: str = Field(default_factory=new_id, sa_type=Text, primary_key=True)
    user_id: str = Field(sa_column=Column(Text, ForeignKey("users.id"), nullable=False))
    timestamp: datetime = _moment()  # of settlement
    backend: str = Field(sa_type=Text)  # "anthropic" or "ollama"
    model: str = Field(sa_type=Text)
    prompt_tokens: int  # with cache reads and writes
    completion_tokens: int
    total_tokens: int
    game_id: str = Field(default=NO_GAME, sa_type=Text, sa_column_kwargs={"server_default": ""})
    cache_read_tokens: int = _count()
    cache_write_tokens: int = _count()
    estimated: bool = _flag(False)
    status: str = Field(default="ok", sa_type=Text, sa_column_kwargs={"server_default": "ok"})
    duration_ms: int | None = None
    first_byte_ms: int | None = None
    request_id: str | None = Field(default=None, sa_type=Text)
    server_tool_calls: int = _count()  # web searches and the like, which the upstream bills apart

    __table_args__ = (
        Index("idx_token_usage_user_id", "user_id", "timestamp"),
        Index("idx_token_usage_timestamp", "timestamp"),
    )


class Hold(SQLModel, table=True):
    """Tokens set aside for a call in flight. The row outlives the process: what it leaves is recovered."""

    __tablename__ = "holds"

    id: str = Field(sa_type=Text, primary_key=True)  # becomes the id of the ledger row
    process_id: str = Field(sa_type=Text)  # which server process has the call in flight
    user_id: str = _owned_by("users.id", index=False)
    game_id: str = Field(default=NO_GAME, sa_type=Text)
    backend: str = Field(sa_type=Text)
    model: str = Field(sa_type=Text)
    tokens: int  # set aside
    prompt_tokens: int  # estimated, or as reported once the upstream has
    completion_tokens: int = _count()  # seen so far, at the last checkpoint
    started_at: datetime = _moment()
    expires_at: datetime = _moment()
    request_id: str | None = Field(default=None, sa_type=Text)
    day: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})  # of its GameDay, if any

    # Rows come and go with every call, and there are never many: one tree to write, and no index beside it.
    __table_args__ = ({"sqlite_with_rowid": False},)


class GameDay(SQLModel, table=True):
    """What a user used and holds in one game on one UTC day: the cap on a game is kept here, kept 48 hours."""

    __tablename__ = "game_days"

    user_id: str = _owned_by("users.id", primary_key=True)
    game_id: str = Field(sa_type=Text, primary_key=True)
    day: str = Field(sa_type=Text, primary_key=True)
    tokens_used: int = _count()
    tokens_held: int = _count()


class RuntimeSetting(SQLModel, table=True):
    """A setting that an admin changes while the server runs. What is not here has its default."""

    __tablename__ = "runtime_settings"

    name: str = Field(sa_type=Text, primary_key=True)
    value: Any = Field(default=None, sa_column=Column(JSON, nullable=False))
    updated_by: str | None = Field(
        default=None, sa_column=Column(Text, ForeignKey("users.id", ondelete="SET NULL"), nullable=True)
    )
    updated_at: datetime = _moment()


class UsageMinute(SQLModel, table=True):
    """Roll-up of the ledger by minute, kept 48 hours, for the live page."""

    __tablename__ = "usage_minutes"

    minute: int = Field(primary_key=True)  # Unix time / 60
    backend: str = Field(sa_type=Text, primary_key=True)
    user_id: str = Field(sa_type=Text, primary_key=True)
    calls: int = _count()
    prompt_tokens: int = _count()
    completion_tokens: int = _count()
    total_tokens: int = _count()


class UsageHour(SQLModel, table=True):
    """Roll-up of the ledger by hour, kept for ever: what charts and totals read."""

    __tablename__ = "usage_hours"

    hour: int = Field(primary_key=True)  # Unix time / 3600
    user_id: str = Field(sa_type=Text, primary_key=True)
    backend: str = Field(sa_type=Text, primary_key=True)
    model: str = Field(sa_type=Text, primary_key=True)
    game_id: str = Field(sa_type=Text, primary_key=True)
    calls: int = _count()
    prompt_tokens: int = _count()
    completion_tokens: int = _count()
    total_tokens: int = _count()
    cache_read_tokens: int = _count()
    cache_write_tokens: int = _count()

    __table_args__ = (
        Index("idx_usage_hours_user_id", "user_id", "hour"),
        Index("idx_usage_hours_game_id", "game_id", "user_id"),
    )
