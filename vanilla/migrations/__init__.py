"""The schema's history (Alembic). `upgrade` runs at every start."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect

logger = logging.getLogger(__name__)


def upgrade(engine: Engine, path: Path | None, revision: str = "head") -> None:
    """Bring the database to `revision`. An older database at `path` is copied beside itself first.

    The copy is named after the revision it holds, such as `vanilla.db.before-0002`.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    script = ScriptDirectory.from_config(config)
    target = script.get_current_head() if revision == "head" else revision
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
        has_tables = bool(inspect(connection).get_table_names())
    if current == target:
        return
    if current is not None and path is not None and has_tables:
        _set_aside(path, path.with_name(f"{path.name}.before-{target}"))
    with engine.connect().execution_options(writes=True) as connection:
        # Foreign keys are off while tables are rebuilt, or dropping the old table would delete what hangs on it.
        if engine.dialect.name == "sqlite":  # on the driver: inside a transaction the pragma does nothing
            connection.connection.cursor().execute("PRAGMA foreign_keys=off")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
        if engine.dialect.name == "sqlite":
            broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
            if broken:
                raise RuntimeError(f"The database has rows that point nowhere: {broken[:3]}")
    engine.dispose()
    logger.info("Database is at revision %s", target)


def _set_aside(path: Path, copy: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.chmod(0o600)
    logger.info("A copy of the database as it was is kept at %s", copy)
