"""Invitations, links to a new password, deleted users; and who changed what, which nothing may change."""

import sqlalchemy as sa
from alembic import op

import vanilla.models

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("users", sa.Column("deleted_at", vanilla.models.UtcText(), nullable=True))
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("token_limit", sa.Integer(), nullable=True),
        sa.Column("limit_period", sa.Text(), server_default="total", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Text(), nullable=True),
        sa.Column("created_at", vanilla.models.UtcText(), nullable=False),
        sa.Column("expires_at", vanilla.models.UtcText(), nullable=False),
        sa.Column("accepted_at", vanilla.models.UtcText(), nullable=True),
        sa.Column("revoked_at", vanilla.models.UtcText(), nullable=True),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_invitations_created_at", "invitations", ["created_at"])
    op.create_table(
        "password_resets",
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", vanilla.models.UtcText(), nullable=False),
        sa.Column("expires_at", vanilla.models.UtcText(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("created_at", vanilla.models.UtcText(), nullable=False),
        sa.Column("actor_id", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), server_default="", nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("idx_audit_created_at", "audit", ["created_at"])
    op.create_index("idx_audit_actor_id", "audit", ["actor_id", "created_at"])
    op.create_index("idx_audit_action", "audit", ["action", "created_at"])
    op.create_index("idx_audit_subject", "audit", ["subject", "created_at"])
    _refuse("update", "BEFORE UPDATE ON audit")
    _refuse("delete", "BEFORE DELETE ON audit")
    # INSERT OR REPLACE deletes without asking the trigger above.
    _refuse("replace", "BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id)")


def _refuse(name: str, when: str) -> None:
    op.execute(f"CREATE TRIGGER audit_no_{name} {when} BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END")
