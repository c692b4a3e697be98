"""Hosts that were refused stay to be seen by who asked; how many play a game, and when last, is read from one index."""

import sqlalchemy as sa
from alembic import op

import vanilla.models

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("game_hosts", sa.Column("refused_at", vanilla.models.UtcText(), nullable=True))
    op.drop_index("idx_plays_game_id", "plays")
    op.create_index("idx_plays_game_id", "plays", ["game_id", "last_played_at"])
