"""Accounts, games, holds and roll-ups: the platform beside the plan's tables."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

import vanilla.models

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _create_first_tables()
    _create_more_tables()
    _extend_the_plan()
    _fill_users()
    _tighten_users()
    _fill_hours()


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
    op.execute("DELETE FROM sessions")  # nobody can tell whose they were: everyone signs in again
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.add_column(sa.Column("user_id", sa.Text(), nullable=False))
        batch_op.add_column(sa.Column("created_at", vanilla.models.UtcText(), nullable=False))
        batch_op.add_column(sa.Column("last_seen_at", vanilla.models.UtcText(), nullable=False))
        batch_op.create_index(batch_op.f("ix_sessions_expire"), ["expire"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_user_id"), ["user_id"], unique=False)
        batch_op.create_foreign_key("fk_sessions_user_id", "users", ["user_id"], ["id"], ondelete="CASCADE")

    with op.batch_alter_table("token_usage", schema=None) as batch_op:
        batch_op.add_column(sa.Column("game_id", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("cache_read_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("cache_write_tokens", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("estimated", sa.Boolean(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("status", sa.Text(), server_default="ok", nullable=False))
        batch_op.add_column(sa.Column("duration_ms", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("first_byte_ms", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("request_id", sa.Text(), nullable=True))
        batch_op.drop_index(batch_op.f("idx_token_usage_user_id"))
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


def _fill_users() -> None:
    connection = op.get_bind()
    users = sa.table(
        "users",
        *(
            sa.column(name)
            for name in ("id", "username", "username_key", "tokens_used", "total_tokens", "is_admin", "is_active")
        ),
    )
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
    for user_id, username in connection.execute(sa.select(users.c.id, users.c.username)).all():
        connection.execute(sa.update(users).where(users.c.id == user_id).values(username_key=username.casefold()))


def _fill_hours() -> None:
    """Roll up the ledger that is there, so that charts and totals know of it."""
    connection = op.get_bind()
    columns = ("user_id", "timestamp", "backend", "model", "prompt_tokens", "completion_tokens", "total_tokens")
    ledger = sa.table("token_usage", *(sa.column(name) for name in columns))
    hours: dict[tuple[int, str, str, str], list[int]] = {}
    for row in connection.execute(sa.select(ledger)):
        moment = datetime.fromisoformat(row.timestamp)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        sums = hours.setdefault((int(moment.timestamp()) // 3600, row.user_id, row.backend, row.model), [0, 0, 0, 0])
        for place, value in enumerate((1, row.prompt_tokens, row.completion_tokens, row.total_tokens)):
            sums[place] += value
    names = ("hour", "user_id", "backend", "model", "calls", "prompt_tokens", "completion_tokens", "total_tokens")
    if hours:
        table = sa.table("usage_hours", *(sa.column(name) for name in (*names, "game_id")))
        rows = [dict(zip(names, (*key, *sums), strict=True)) | {"game_id": ""} for key, sums in hours.items()]
        connection.execute(sa.insert(table), rows)
