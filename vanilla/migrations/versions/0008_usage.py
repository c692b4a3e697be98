"""Usage that is quick to read: minutes with model and game, days, totals; refusals and first bytes, which had no rows.

Days and totals of what was before are made by the running server (vanilla.usage.keeper), a day at a time: until they
are, everything is read from the hours.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

SUMS = ("calls", "prompt_tokens", "completion_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens")
COVERED = (
    *("status", "timestamp", "user_id", "game_id", "backend", "model"),
    *("prompt_tokens", "completion_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens"),
)


def upgrade() -> None:
    _make_minutes_anew()
    _create("usage_hour_totals", ("hour",), ("backend", "model"), SUMS)
    _create("usage_days", (), ("user_id", "day", "backend", "model", "game_id"), SUMS, numbers=("day",))
    _create("usage_refusals", ("minute",), ("backend", "user_id", "reason"), ("calls",))
    _create("usage_first_bytes", ("minute",), ("backend", "model", "up_to_ms"), ("calls",), numbers=("up_to_ms",))
    op.create_table(
        "usage_marks",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO usage_marks (name, value) VALUES ('hours', 0), ('days', 0), ('changes', 0)")
    _move_marks_back("insert", "AFTER INSERT ON usage_hours")
    _move_marks_back("update", "AFTER UPDATE ON usage_hours")
    op.drop_index("idx_usage_hours_game_id", "usage_hours")
    op.create_index("idx_usage_hours_game_id", "usage_hours", ["game_id", "hour"])
    op.create_index("idx_token_usage_not_ok", "token_usage", list(COVERED), sqlite_where=sa.text("status <> 'ok'"))


def _make_minutes_anew() -> None:
    """Of the last 48 hours, from the ledger."""
    op.drop_table("usage_minutes")
    keys = ("backend", "user_id", "model", "game_id")
    _create("usage_minutes", ("minute",), keys, SUMS)
    summed = ", ".join((*keys, "count(*)", *(f"sum({name})" for name in SUMS[1:])))
    op.execute(
        f"INSERT INTO usage_minutes (minute, {', '.join(keys)}, {', '.join(SUMS)})"  # noqa: S608  (names only)
        f" SELECT unixepoch(timestamp) / 60, {summed} FROM token_usage"
        f" WHERE timestamp >= strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-48 hours')"
        f" GROUP BY unixepoch(timestamp) / 60, {', '.join(keys)}"
    )


def _create(
    table: str, first: tuple[str, ...], keys: tuple[str, ...], sums: tuple[str, ...], numbers: tuple[str, ...] = ()
) -> None:
    op.create_table(
        table,
        *(sa.Column(name, sa.Integer(), nullable=False) for name in first),
        *(sa.Column(name, sa.Integer() if name in numbers else sa.Text(), nullable=False) for name in keys),
        *(sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False) for name in sums),
        sa.PrimaryKeyConstraint(*first, *keys),
        sqlite_with_rowid=False,
    )


def _move_marks_back(name: str, when: str) -> None:
    op.execute(
        f"CREATE TRIGGER usage_hours_{name} {when}"  # noqa: S608  (names only)
        " WHEN NEW.hour < (SELECT value FROM usage_marks WHERE name = 'hours') BEGIN"
        " UPDATE usage_marks SET value = min(value, NEW.hour) WHERE name = 'hours';"
        " UPDATE usage_marks SET value = min(value, NEW.hour / 24) WHERE name = 'days';"
        " UPDATE usage_marks SET value = value + 1 WHERE name = 'changes'; END"
    )
