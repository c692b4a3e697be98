"""Holds in one tree, without indexes: every call writes its hold twice. What an earlier process left is kept."""

import sqlalchemy as sa
from alembic import op

import vanilla.models

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.rename_table("holds", "old_holds")
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
        sa.Column("day", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    columns = (
        "id, process_id, user_id, game_id, backend, model, tokens, prompt_tokens, completion_tokens, started_at, "
        "expires_at, request_id, day"
    )
    op.execute(f"INSERT INTO holds ({columns}) SELECT {columns} FROM old_holds")  # noqa: S608  (names only)
    op.drop_table("old_holds")
