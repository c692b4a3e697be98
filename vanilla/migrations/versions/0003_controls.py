"""Limits of one's own and of a game a day; what admins set while the server runs; server tools in the ledger."""

import sqlalchemy as sa
from alembic import op

import vanilla.models

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "game_days",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("tokens_used", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tokens_held", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "game_id", "day"),
    )
    op.create_table(
        "runtime_settings",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=True),
        sa.Column("updated_at", vanilla.models.UtcText(), nullable=False),
        sa.ForeignKeyConstraint(["updated_by"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("name"),
    )
    # SQLite adds a column in place: the ledger is not rewritten, however long it is.
    op.add_column("users", sa.Column("own_token_limit", sa.Integer(), nullable=True))
    op.add_column(
        "token_usage", sa.Column("server_tool_calls", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("holds", sa.Column("day", sa.Text(), server_default="", nullable=False))
