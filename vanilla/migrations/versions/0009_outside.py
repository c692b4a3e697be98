"""What a command has ended, for the server that runs beside it."""

import sqlalchemy as sa
from alembic import op

import vanilla.models

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "outside_revocations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("created_at", vanilla.models.UtcText(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
