"""Accounts, games, holds and roll-ups: the platform beside the plan's tables."""

import logging
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

import vanilla.models
from vanilla.migrations.plan import free_name, key_of, moment_of

logger = logging.getLogger(__name__)

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _create_sessions()
    _create_first_tables()
    _create_more_tables()
    _extend_the_plan()
    _add_missing_users()
    _fill_users()
    _tighten_users()
    _fill_hours()


def _create_sessions() -> None:
    """Anew: nobody can tell whose the old ones were (everyone signs in again), and their table is whatever the session
    store of that platform made of it, if it is here at all."""
    op.execute("DROP TABLE IF EXISTS sessions")
    op.create_table(
        "sessions",
        sa.Column("sid", sa.Text(), nullable=False),
        sa.Column("sess", sa.Text(), nullable=False),
        sa.Column("expire", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("created_at", vanilla.models.UtcText(), nullable=False),
        sa.Column("last_seen_at", vanilla.models.UtcText(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_sessions_user_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("sid"),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_expire"), ["expire"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_user_id"), ["user_id"], unique=False)


def _create_first_tables() -> None:
    op.create_table(
        "usage_hours",
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("backend", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cache_read_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cache_write_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("hour", "user_id", "backend", "model", "game_id"),
    )
    with op.batch_alter_table("usage_hours", schema=None) as batch_op:
        batch_op.create_index("idx_usage_hours_user_id", ["user_id", "hour"], unique=False)

    op.create_table(
        "usage_minutes",
        sa.Column("minute", sa.Integer(), nullable=False),
        sa.Column("backend", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("total_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("minute", "backend", "user_id"),
    )
    op.create_table(
        "api_tokens",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", vanilla.models.UtcText(), nullable=False),
        sa.Column("last_used_at", vanilla.models.UtcText(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    with op.batch_alter_table("api_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_tokens_user_id"), ["user_id"], unique=False)

    op.create_table(
        "games",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("talks", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("has_cover", sa.Boolean(), server_default=sa.text("0"), nullable=False),
        sa.Column("capability_epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("plays", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("removed_at", vanilla.models.UtcText(), nullable=True),
        sa.Column("created_at", vanilla.models.UtcText(), nullable=False),
        sa.Column("updated_at", vanilla.models.UtcText(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("games", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_games_created_at"), ["created_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_games_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_games_slug"), ["slug"], unique=False)

    op.create_table(
        "holds",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("process_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("backend", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", vanilla.models.UtcText(), nullable=False),
        sa.Column("expires_at", vanilla.models.UtcText(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("holds", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_holds_process_id"), ["process_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_holds_user_id"), ["user_id"], unique=False)


def _create_more_tables() -> None:
    op.create_table(
        "game_versions",
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("files", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("size_bytes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", vanilla.models.UtcText(), nullable=False),
        sa.ForeignKeyConstraint(["game_id"], ["games.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("game_id", "number"),
    )
    op.create_table(
        "play_tokens",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("session_sid", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("expire", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["game_id"], ["games.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["session_sid"], ["sessions.sid"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    with op.batch_alter_table("play_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_play_tokens_expire"), ["expire"], unique=False)
        batch_op.create_index(batch_op.f("ix_play_tokens_game_id"), ["game_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_play_tokens_session_sid"), ["session_sid"], unique=False)
        batch_op.create_index(batch_op.f("ix_play_tokens_user_id"), ["user_id"], unique=False)

    op.create_table(
        "plays",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("plays", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_played_at", vanilla.models.UtcText(), nullable=False),
        sa.ForeignKeyConstraint(["game_id"], ["games.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "game_id"),
    )


def _extend_the_plan() -> None:
    op.execute("DROP INDEX IF EXISTS idx_token_usage_user_id")
    op.execute("CREATE INDEX IF NOT EXISTS idx_token_usage_timestamp ON token_usage (timestamp)")
    with op.batch_alter_table("token_usage", schema=None) as batch_op:
        batch_op.add_column(sa.Column("game_id", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("cache_read_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("cache_write_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("estimated", sa.Boolean(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("status", sa.Text(), server_default="ok", nullable=False))
        batch_op.add_column(sa.Column("duration_ms", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("first_byte_ms", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("request_id", sa.Text(), nullable=True))
        batch_op.create_index("idx_token_usage_user_id", ["user_id", "timestamp"], unique=False)

    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.add_column(sa.Column("username_key", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("limit_period", sa.Text(), server_default="total", nullable=False))
        batch_op.add_column(sa.Column("requests_per_minute", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("concurrent_calls", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("period", sa.Text(), server_default="total", nullable=False))
        batch_op.add_column(sa.Column("tokens_used", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("tokens_held", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("total_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("last_active_at", vanilla.models.UtcText(), nullable=True))


def _tighten_users() -> None:
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.alter_column("username_key", existing_type=sa.Text(), nullable=False)
        batch_op.alter_column(
            "is_admin", existing_type=sa.Boolean(), nullable=False, existing_server_default=sa.false()
        )
        batch_op.alter_column(
            "is_active", existing_type=sa.Boolean(), nullable=False, existing_server_default=sa.true()
        )
        batch_op.create_unique_constraint("uq_users_username_key", ["username_key"])


def _add_missing_users() -> None:
    """Whose calls are in the ledger and who are gone from the users get a row that nobody can sign in to: every call
    stays counted, and belongs to somebody."""
    connection = op.get_bind()
    now = vanilla.models.utc_text(datetime.now(UTC))
    names = ("id", "username", "password_hash", "is_active", "created_at", "updated_at")
    users = sa.table("users", *(sa.column(name) for name in names))
    ledger = sa.table("token_usage", sa.column("user_id"))
    gone = sa.select(ledger.c.user_id).distinct().where(ledger.c.user_id.not_in(sa.select(users.c.id)))
    for (user_id,) in connection.execute(gone).all():
        row = {"id": user_id, "username": f"former user {user_id}", "password_hash": "", "is_active": False}
        connection.execute(sa.insert(users).values(**row, created_at=now, updated_at=now))


def _fill_users() -> None:
    connection = op.get_bind()
    names = ("id", "username", "username_key", "tokens_used", "total_tokens", "is_admin", "is_active")
    users = sa.table("users", *(sa.column(name) for name in (*names, "created_at", "updated_at")))
    ledger = sa.table("token_usage", sa.column("user_id"), sa.column("total_tokens"))
    total = sa.select(sa.func.coalesce(sa.func.sum(ledger.c.total_tokens), 0)).where(ledger.c.user_id == users.c.id)
    connection.execute(
        sa.update(users).values(
            tokens_used=total.scalar_subquery(),
            total_tokens=total.scalar_subquery(),
            is_admin=sa.func.coalesce(users.c.is_admin, sa.false()),
            is_active=sa.func.coalesce(users.c.is_active, sa.true()),
        )
    )
    taken: set[str] = set()
    columns = (users.c.id, users.c.username, users.c.created_at, users.c.updated_at)
    for row in connection.execute(sa.select(*columns).order_by(users.c.created_at, users.c.id)).all():
        username = free_name(row.username, taken)
        if username != row.username:
            logger.warning("%s is now called %s: names that differ by case alone are one", row.username, username)
        taken.add(key_of(username))
        connection.execute(
            sa.update(users)
            .where(users.c.id == row.id)
            .values(
                username=username,
                username_key=key_of(username),
                created_at=vanilla.models.utc_text(moment_of(row.created_at)),
                updated_at=vanilla.models.utc_text(moment_of(row.updated_at)),
            )
        )


def _fill_hours() -> None:
    """Roll up the ledger that is there, so that charts and totals know of it; its times become ours on the way."""
    connection = op.get_bind()
    columns = ("id", "user_id", "timestamp", "backend", "model", "prompt_tokens", "completion_tokens", "total_tokens")
    ledger = sa.table("token_usage", *(sa.column(name) for name in columns))
    hours: dict[tuple[int, str, str, str], list[int]] = {}
    for row in connection.execute(sa.select(ledger)).all():
        moment = moment_of(row.timestamp)
        if (text := vanilla.models.utc_text(moment)) != row.timestamp:
            connection.execute(sa.update(ledger).where(ledger.c.id == row.id).values(timestamp=text))
        sums = hours.setdefault((int(moment.timestamp()) // 3600, row.user_id, row.backend, row.model), [0, 0, 0, 0])
        for place, value in enumerate((1, row.prompt_tokens, row.completion_tokens, row.total_tokens)):
            sums[place] += value
    names = ("hour", "user_id", "backend", "model", "calls", "prompt_tokens", "completion_tokens", "total_tokens")
    if hours:
        table = sa.table("usage_hours", *(sa.column(name) for name in (*names, "game_id")))
        rows = [dict(zip(names, (*key, *sums), strict=True)) | {"game_id": ""} for key, sums in hours.items()]
        connection.execute(sa.insert(table), rows)
