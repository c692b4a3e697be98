"""The tables. Times are UTC, stored as ISO 8601 text with milliseconds, so that they sort as they read."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, ForeignKey, Index, Text, text
from sqlmodel import Field, SQLModel

from vanilla.columns import UtcText, count, flag, moment, new_game_id, new_id, owned_by, utc_now, utc_text
from vanilla.rollups import (
    UsageDay,
    UsageFirstByte,
    UsageHour,
    UsageHourTotal,
    UsageMark,
    UsageMinute,
    UsageRefusal,
)

__all__ = [  # used wherever the tables are
    "UsageDay",
    "UsageFirstByte",
    "UsageHour",
    "UsageHourTotal",
    "UsageMark",
    "UsageMinute",
    "UsageRefusal",
    "UtcText",
    "new_game_id",
    "new_id",
    "utc_now",
    "utc_text",
]

NO_GAME = ""  # the game of a call made outside any game: with an API token, or from the docs page


class User(SQLModel, table=True):
    """Someone who may sign in. Usage and holds of the current period stand in the row: the hold is one statement."""

    __tablename__ = "users"

    id: str = Field(default_factory=new_id, sa_type=Text, primary_key=True)
    username: str = Field(sa_type=Text, unique=True)
    username_key: str = Field(sa_type=Text, unique=True)  # casefolded: Mira and mira are one name
    password_hash: str = Field(sa_type=Text)
    is_admin: bool = flag(False)
    is_active: bool = flag(True)
    token_limit: int | None = None
    own_token_limit: int | None = None  # the user's own, over the same period; the lower of the two holds
    limit_period: str = Field(default="total", sa_type=Text, sa_column_kwargs={"server_default": "total"})
    requests_per_minute: int | None = None
    concurrent_calls: int | None = None
    period: str = Field(default="total", sa_type=Text, sa_column_kwargs={"server_default": "total"})
    tokens_used: int = count()  # within `period`: "total", "2026-11-23" or "2026-11"
    tokens_held: int = count()  # set aside for calls in flight; never reset with the period
    total_tokens: int = count()  # of all time
    last_active_at: datetime | None = moment(nullable=True)
    created_at: datetime = moment()
    updated_at: datetime = moment()
    deleted_at: datetime | None = moment(nullable=True)  # then the row is nobody, kept for its ledger rows alone

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
    user_id: str = owned_by("users.id")
    created_at: datetime = moment()
    last_seen_at: datetime = moment()


class ApiToken(SQLModel, table=True):
    """A `vk_` token of a user's own programs, stored as its SHA-256."""

    __tablename__ = "api_tokens"

    id: str = Field(default_factory=new_id, sa_type=Text, primary_key=True)
    user_id: str = owned_by("users.id")
    name: str = Field(sa_type=Text)
    token_hash: str = Field(sa_type=Text, unique=True)
    created_at: datetime = moment()
    last_used_at: datetime | None = moment(nullable=True)


class Invitation(SQLModel, table=True):
    """A link that lets one friend in, once. The link holds a random secret, this row only its SHA-256."""

    __tablename__ = "invitations"

    id: str = Field(default_factory=new_id, sa_type=Text, primary_key=True)
    token_hash: str = Field(sa_type=Text, unique=True)
    note: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})  # whom it is for
    token_limit: int | None = None  # of the user to be
    limit_period: str = Field(default="total", sa_type=Text, sa_column_kwargs={"server_default": "total"})
    created_by: str | None = Field(
        default=None, sa_column=Column(Text, ForeignKey("users.id", ondelete="SET NULL"), nullable=True)
    )
    user_id: str | None = Field(
        default=None, sa_column=Column(Text, ForeignKey("users.id", ondelete="SET NULL"), nullable=True)
    )  # who came by it
    created_at: datetime = moment(index=True)
    expires_at: datetime = moment()
    accepted_at: datetime | None = moment(nullable=True)
    revoked_at: datetime | None = moment(nullable=True)


class PasswordReset(SQLModel, table=True):
    """A link by which one user chooses a new password, once; a new one takes the place of the last."""

    __tablename__ = "password_resets"

    user_id: str = owned_by("users.id", primary_key=True)
    token_hash: str = Field(sa_type=Text, unique=True)
    created_at: datetime = moment()
    expires_at: datetime = moment()


class AuditEntry(SQLModel, table=True):
    """Who changed what, and when. Rows are added (vanilla/audit.py); triggers refuse to change or delete them.

    People stand here by their ids alone, without foreign keys: a user who is deleted takes their name along, and a row
    that may not change cannot follow them.
    """

    __tablename__ = "audit"

    id: int | None = Field(default=None, primary_key=True)  # in the order of writing
    created_at: datetime = moment()
    actor_id: str | None = Field(default=None, sa_type=Text)  # None: the command line, or the platform itself
    action: str = Field(sa_type=Text)  # "user.update"
    subject: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})  # an id, or a name
    details: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))

    __table_args__ = (
        Index("idx_audit_created_at", "created_at"),
        Index("idx_audit_actor_id", "actor_id", "created_at"),
        Index("idx_audit_action", "action", "created_at"),
        Index("idx_audit_subject", "subject", "created_at"),
    )


class Game(SQLModel, table=True):
    """A game as its page shows it. Its files belong to versions."""

    __tablename__ = "games"

    id: str = Field(default_factory=new_game_id, sa_type=Text, primary_key=True)
    slug: str = Field(sa_type=Text, index=True)
    title: str = Field(sa_type=Text)
    description: str = Field(default="", sa_type=Text)
    tags: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))
    owner_id: str = owned_by("users.id")
    version: int = count()  # the number of the version that is played
    talks: bool = flag(False)  # its files call a model
    has_cover: bool = flag(False)  # else a cover is drawn from its name
    last_version: int = count()  # the highest number ever given: none is used twice, browsers keep files for ever
    capability_epoch: int = count()  # raised on removal and the like: addresses of its files die
    visibility: str = Field(default="shared", sa_type=Text, sa_column_kwargs={"server_default": "shared"})
    search_text: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})  # games/search.py
    plays: int = count()
    removed_at: datetime | None = moment(nullable=True)
    created_at: datetime = moment(index=True)
    updated_at: datetime = moment()


class GameVersion(SQLModel, table=True):
    """One upload of a game: a folder of files that never changes."""

    __tablename__ = "game_versions"

    game_id: str = owned_by("games.id", primary_key=True)
    number: int = Field(primary_key=True)
    digest: str = Field(sa_type=Text)  # hex SHA-256 over the names and contents of its files
    entry: str = Field(default="index.html", sa_type=Text)
    files: int = count()
    size_bytes: int = count()
    notes: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
    talks: bool = flag(False)
    warnings: list[str] = Field(
        default_factory=list, sa_column=Column(JSON, nullable=False, server_default=text("'[]'"))
    )
    published_at: datetime | None = moment(nullable=True)  # None: a preview that nobody else has seen
    created_at: datetime = moment()


class GameHost(SQLModel, table=True):
    """Another host that a game may load from and talk to: asked for by its owner, allowed by an admin."""

    __tablename__ = "game_hosts"

    game_id: str = owned_by("games.id", primary_key=True)
    host: str = Field(sa_type=Text, primary_key=True)  # "fonts.example.org"; always https, port 443
    requested_at: datetime = moment()
    approved_at: datetime | None = moment(nullable=True)  # None: not allowed
    approved_by: str | None = Field(
        default=None, sa_column=Column(Text, ForeignKey("users.id", ondelete="SET NULL"), nullable=True)
    )
    refused_at: datetime | None = moment(nullable=True)  # kept, so that its owner sees it


class Favourite(SQLModel, table=True):
    """A game that a user keeps at hand."""

    __tablename__ = "favourites"

    user_id: str = owned_by("users.id", primary_key=True)
    game_id: str = owned_by("games.id", primary_key=True)
    created_at: datetime = moment()


class Consent(SQLModel, table=True):
    """A player's answer to whether a game may spend their tokens."""

    __tablename__ = "consents"

    user_id: str = owned_by("users.id", primary_key=True)
    game_id: str = owned_by("games.id", primary_key=True)
    is_allowed: bool = Field(sa_column_kwargs={"nullable": False})
    decided_at: datetime = moment()


class Save(SQLModel, table=True):
    """What a game keeps for a player. The contents are a file; this row says which, and how often it has changed."""

    __tablename__ = "saves"

    user_id: str = owned_by("users.id", primary_key=True)
    game_id: str = owned_by("games.id", primary_key=True)
    kind: str = Field(sa_type=Text, primary_key=True)  # "local" (localStorage) or "databases" (IndexedDB)
    revision: int = count()
    size_bytes: int = count()
    parts: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # names of files, in order
    batches: list[str] = Field(default_factory=list, sa_column=Column(JSON, nullable=False))  # ids of the last changes
    updated_at: datetime = moment()


class Play(SQLModel, table=True):
    """How often and when last a user played a game."""

    __tablename__ = "plays"

    user_id: str = owned_by("users.id", primary_key=True)
    game_id: str = owned_by("games.id", primary_key=True)
    plays: int = count()
    last_played_at: datetime = moment()

    __table_args__ = (Index("idx_plays_game_id", "game_id", "last_played_at"),)


class PlayToken(SQLModel, table=True):
    """What a game in its frame calls the platform with: one user, one game, one version, minutes."""

    __tablename__ = "play_tokens"

    token_hash: str = Field(sa_type=Text, primary_key=True)
    session_sid: str = owned_by("sessions.sid")
    user_id: str = owned_by("users.id")
    game_id: str = owned_by("games.id")
    version: int
    expire: int = Field(index=True)  # Unix seconds


class TokenUsage(SQLModel, table=True):
    """The ledger: one row for each call that cost tokens, whatever became of it. Rows are never changed."""

    __tablename__ = "token_usage"

    id: str = Field(default_factory=new_id, sa_type=Text, primary_key=True)
    user_id: str = Field(sa_column=Column(Text, ForeignKey("users.id"), nullable=False))
    timestamp: datetime = moment()  # of settlement
    backend: str = Field(sa_type=Text)  # "anthropic" or "ollama"
    model: str = Field(sa_type=Text)
    prompt_tokens: int  # with cache reads and writes
    completion_tokens: int
    total_tokens: int
    game_id: str = Field(default=NO_GAME, sa_type=Text, sa_column_kwargs={"server_default": ""})
    cache_read_tokens: int = count()
    cache_write_tokens: int = count()
    estimated: bool = flag(False)
    status: str = Field(default="ok", sa_type=Text, sa_column_kwargs={"server_default": "ok"})
    duration_ms: int | None = None
    first_byte_ms: int | None = None
    request_id: str | None = Field(default=None, sa_type=Text)
    server_tool_calls: int = count()  # web searches and the like, which the upstream bills apart

    __table_args__ = (
        Index("idx_token_usage_user_id", "user_id", "timestamp"),
        Index("idx_token_usage_timestamp", "timestamp"),
        # Few calls end otherwise than well: what is asked of those alone, sums included, is answered from here.
        Index(
            "idx_token_usage_not_ok",
            *("status", "timestamp", "user_id", "game_id", "backend", "model"),
            *("prompt_tokens", "completion_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens"),
            sqlite_where=text("status <> 'ok'"),
        ),
    )


class Hold(SQLModel, table=True):
    """Tokens set aside for a call in flight. The row outlives the process: what it leaves is recovered."""

    __tablename__ = "holds"

    id: str = Field(sa_type=Text, primary_key=True)  # becomes the id of the ledger row
    process_id: str = Field(sa_type=Text)  # which server process has the call in flight
    user_id: str = owned_by("users.id", index=False)
    game_id: str = Field(default=NO_GAME, sa_type=Text)
    backend: str = Field(sa_type=Text)
    model: str = Field(sa_type=Text)
    tokens: int  # set aside
    prompt_tokens: int  # estimated, or as reported once the upstream has
    completion_tokens: int = count()  # seen so far, at the last checkpoint
    started_at: datetime = moment()
    expires_at: datetime = moment()
    request_id: str | None = Field(default=None, sa_type=Text)
    day: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})  # of its GameDay, if any

    # Rows come and go with every call, and there are never many: one tree to write, and no index beside it.
    __table_args__ = ({"sqlite_with_rowid": False},)


class GameDay(SQLModel, table=True):
    """What a user used and holds in one game on one UTC day: the cap on a game is kept here, kept 48 hours."""

    __tablename__ = "game_days"

    user_id: str = owned_by("users.id", primary_key=True)
    game_id: str = Field(sa_type=Text, primary_key=True)
    day: str = Field(sa_type=Text, primary_key=True)
    tokens_used: int = count()
    tokens_held: int = count()


class RuntimeSetting(SQLModel, table=True):
    """A setting that an admin changes while the server runs. What is not here has its default."""

    __tablename__ = "runtime_settings"

    name: str = Field(sa_type=Text, primary_key=True)
    value: Any = Field(default=None, sa_column=Column(JSON, nullable=False))
    updated_by: str | None = Field(
        default=None, sa_column=Column(Text, ForeignKey("users.id", ondelete="SET NULL"), nullable=True)
    )
    updated_at: datetime = moment()
