"""The schema's history (Alembic). `upgrade` runs at every start."""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, inspect

from vanilla.migrations import plan
from vanilla.settings import InvalidSettings

logger = logging.getLogger(__name__)


def upgrade(engine: Engine, path: Path | None, revision: str = "head") -> None:
    """Bring the database to `revision`, all of the way or not at all. An older one at `path` is copied first.

    The copy lies beside it, named after the revision that comes, such as `vanilla.db.before-0002`. A database of the
    plan's Node platform is recognised by its tables. Raises InvalidSettings for one that is not ours or of a newer
    Vanilla.
    """
    config = _config()
    script = ScriptDirectory.from_config(config)
    target = script.get_current_head() if revision == "head" else revision
    with engine.connect() as connection:
        stamped = revision_of(connection)
        current = stamped or _unstamped(connection)
    if stamped == target:
        return
    _check_known(script, current, engine)
    if current is not None and path is not None:
        _set_aside(path, path.with_name(f"{path.name}.before-{target}"))
    with engine.connect().execution_options(writes=True) as connection:
        # Foreign keys are off while tables are rebuilt, or dropping the old table would delete what hangs on it.
        if engine.dialect.name == "sqlite":  # on the driver: inside a transaction the pragma does nothing
            connection.connection.cursor().execute("PRAGMA foreign_keys=off")
        with connection.begin():  # all revisions in one transaction: Alembic would commit each
            config.attributes["connection"] = connection
            if stamped != current:
                command.stamp(config, current or "base")
            command.upgrade(config, revision)
            if engine.dialect.name == "sqlite":
                _check_references(connection)
    engine.dispose()
    logger.info("Database is at revision %s", target)


def revision_of(connection: Connection) -> str | None:
    """The revision that a database says it is at."""
    return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision that `upgrade` brings a database to."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def is_known(revision: str) -> bool:
    """Whether `upgrade` can take a database from there; else a newer Vanilla made it."""
    try:
        return ScriptDirectory.from_config(_config()).get_revision(revision) is not None
    except CommandError:
        return False


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def _unstamped(connection: Connection) -> str | None:
    """The revision of a database that does not say: the plan's, or none for one without tables."""
    tables = set(inspect(connection).get_table_names()) - {"alembic_version"}
    if not tables:
        return None
    if tables >= plan.TABLES:
        return plan.REVISION
    raise InvalidSettings(
        f"DATABASE_URL: the database has tables of something else, such as {min(tables)}: give Vanilla one of its own."
    )


def _check_known(script: ScriptDirectory, revision: str | None, engine: Engine) -> None:
    try:
        script.get_revision(revision or "base")
    except CommandError:
        raise InvalidSettings(
            f"DATABASE_URL: the database {engine.url.database} was made by a newer Vanilla (revision {revision}): "
            "start that version, or put back the copy that it set aside."
        ) from None


def _check_references(connection: Connection) -> None:
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    if broken:
        raise InvalidSettings(f"DATABASE_URL: the database has rows that point nowhere, such as {tuple(broken[0])}.")


def _set_aside(path: Path, copy: Path) -> None:
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    copy.chmod(0o600)
    logger.info("A copy of the database as it was is kept at %s", copy)
