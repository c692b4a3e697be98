"""The life of a game: visibility, versions with notes, other hosts, favourites; consent and saves of its players."""

import json
import unicodedata

import sqlalchemy as sa
from alembic import op

import vanilla.models

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("games", sa.Column("visibility", sa.Text(), server_default="shared", nullable=False))
    op.add_column("games", sa.Column("last_version", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("games", sa.Column("search_text", sa.Text(), server_default="", nullable=False))
    op.execute("UPDATE games SET last_version = version")
    _fill_search_text()
    op.add_column("game_versions", sa.Column("notes", sa.Text(), server_default="", nullable=False))
    op.add_column("game_versions", sa.Column("talks", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("game_versions", sa.Column("warnings", sa.JSON(), server_default=sa.text("'[]'"), nullable=False))
    op.add_column("game_versions", sa.Column("published_at", vanilla.models.UtcText(), nullable=True))
    # Until now a removed game's files went at once: a version is a row that has its files.
    op.execute("DELETE FROM game_versions WHERE game_id IN (SELECT id FROM games WHERE removed_at IS NOT NULL)")
    op.execute("UPDATE game_versions SET published_at = created_at")
    op.execute("UPDATE game_versions SET talks = (SELECT talks FROM games WHERE games.id = game_versions.game_id)")
    op.create_table(
        "game_hosts",
        sa.Column("game_id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("requested_at", vanilla.models.UtcText(), nullable=False),
        sa.Column("approved_at", vanilla.models.UtcText(), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["approved_by"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["game_id"], ["games.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("game_id", "host"),
    )
    _of_user_and_game("favourites", sa.Column("created_at", vanilla.models.UtcText(), nullable=False))
    _of_user_and_game(
        "consents",
        sa.Column("is_allowed", sa.Boolean(), nullable=False),
        sa.Column("decided_at", vanilla.models.UtcText(), nullable=False),
    )
    _of_user_and_game(
        "saves",
        sa.Column("kind", sa.Text(), nullable=False, primary_key=True),
        sa.Column("revision", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("size_bytes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("parts", sa.JSON(), nullable=False),
        sa.Column("batches", sa.JSON(), nullable=False),
        sa.Column("updated_at", vanilla.models.UtcText(), nullable=False),
    )
    op.create_index("idx_usage_hours_game_id", "usage_hours", ["game_id", "user_id"])
    op.create_index("idx_plays_game_id", "plays", ["game_id"])


def _of_user_and_game(table: str, *columns: sa.Column[object]) -> None:
    op.create_table(
        table,
        sa.Column("user_id", sa.Text(), nullable=False, primary_key=True),
        sa.Column("game_id", sa.Text(), nullable=False, primary_key=True),
        *columns,
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["game_id"], ["games.id"], ondelete="CASCADE"),
    )


def _fill_search_text() -> None:
    """As vanilla/games/search.py wrote it when this revision was made."""
    connection = op.get_bind()
    games = sa.table("games", *(sa.column(name) for name in ("id", "title", "description", "tags", "search_text")))
    rows = connection.exec_driver_sql(
        "SELECT games.id, title, description, tags, username FROM games JOIN users ON users.id = owner_id"
    ).all()
    for game_id, title, description, tags, owner in rows:
        tag_line = "".join(f"#{tag}" for tag in json.loads(tags))
        text = "\n".join(_folded(part) for part in (title, description, f"{tag_line}#", owner))
        connection.execute(sa.update(games).where(games.c.id == game_id).values(search_text=text))


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(each for each in decomposed if unicodedata.category(each) != "Mn")
