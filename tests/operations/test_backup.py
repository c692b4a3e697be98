"""A backup of a Vanilla that people use, and what comes of it on an empty machine."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Coroutine
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from main import create_api
from tests.conftest import browser
from tests.factories import PASSWORD, Factory, record, run_sql, sign_in
from vanilla.durable import make_durable
from vanilla.errors import Conflict, Invalid, OutOfSpace, Unavailable
from vanilla.games.access import Someone
from vanilla.games.entries import Change
from vanilla.models import User, new_id, utc_now
from vanilla.operations import archive, backup, restore, storage
from vanilla.services import Services
from vanilla.settings import InvalidSettings, Settings
from vanilla.usage.ledger import Entry

NOW = datetime(2026, 11, 23, 16, 42, 35, tzinfo=UTC)
PAGE = "<!doctype html><title>Snail Rally</title><script src=game.js></script>"


async def published(services: Services, owner: User, folder: Path) -> str:
    """A game of `owner`'s, with a cover; gives its id."""
    folder.mkdir()
    (folder / "index.html").write_text(PAGE)
    (folder / "game.js").write_text("localStorage.level = 1")
    game = await services.catalogue.publish_folder(owner.id, folder, title="", description="")
    Image.new("RGB", (40, 30), "red").save(folder / "cover.png")
    await services.catalogue.set_cover(game.id, folder / "cover.png", Someone(owner.id))
    return game.id


async def save(services: Services, user: User, game_id: str, level: str) -> None:
    await services.saves.change(Someone(user.id), game_id, new_id(), {"local": Change(set={"level": level})})


async def spend(services: Services, user: User, tokens: int) -> None:
    entry = Entry(new_id(), utc_now(), user.id, "ollama", "llama3.2", tokens, 0)
    await record(services.database, entry)


async def backed_up(
    services: Services, target: Path, meanwhile: Coroutine[Any, Any, object] | None = None
) -> backup.Backup:
    """A backup, made on a thread. `meanwhile` is done to its end once the first file has been read."""
    loop, waiting = asyncio.get_running_loop(), [meanwhile] if meanwhile else []

    def progress(_read: int) -> None:
        if waiting and _read:
            done.append(asyncio.run_coroutine_threadsafe(waiting.pop(), loop).result(20))

    done: list[object] = []
    made = await asyncio.to_thread(backup.make, services.settings, target, progress)
    assert not waiting
    return made


def elsewhere(settings: Settings, folder: Path) -> Settings:
    """The settings of another machine."""
    return Settings(**{**settings.model_dump(), "data_dir": folder})


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


class TestBackup:
    async def test_comes_to_life_on_an_empty_machine(self, services: Services, make: Factory, tmp_path: Path) -> None:
        services.settings.prepare()
        mira = await make.user("mira")
        game_id = await published(services, mira, tmp_path / "game")
        await save(services, mira, game_id, "7")
        await spend(services, mira, 1234)
        here = await make.signed_in(mira)
        address = (await here.get(f"/api/games/{game_id}")).json()
        done = await backed_up(services, tmp_path / "b.tar.gz")
        assert (done.missing, done.size_bytes) == ([], (tmp_path / "b.tar.gz").stat().st_size)
        assert sorted(each.name for each in tmp_path.iterdir()) == ["b.tar.gz", "data", "game"]

        there = elsewhere(services.settings, tmp_path / "there")
        restored = restore.restore(there, tmp_path / "b.tar.gz", NOW)
        assert restored.aside is None
        assert (there.data_dir / "vanilla.db").stat().st_mode & 0o777 == 0o600
        assert (there.data_dir / "session_secret").stat().st_mode & 0o777 == 0o600
        app = create_api(there)
        async with app.router.lifespan_context(app), browser(app) as client:
            await sign_in(client, "mira", PASSWORD)
            usage = (await client.get("/api/inference/usage")).json()
            assert usage["total_tokens"] == 1234
            game = (await client.get(f"/api/games/{game_id}")).json()
            assert game == address  # the address of its cover is signed with the same secret
            state, kept = await app.state.services.saves.local(Someone(mira.id), game_id)
            assert (state.revision, b'"level":"7"' in kept) == (1, True)
            stored = await app.state.services.files.find(game_id, 1, "")
            assert stored.path.read_text() == PAGE
            assert (await client.get(game["cover_url"])).headers["content-type"] == "image/webp"
            assert app.state.services.settings.signing_key == services.settings.signing_key

    async def test_holds_what_belongs_together_whatever_changes_meanwhile(
        self, services: Services, make: Factory, tmp_path: Path
    ) -> None:
        mira = await make.user("mira")
        first, second = [await published(services, mira, tmp_path / name) for name in ("first", "second")]
        await save(services, mira, first, "1")
        named: dict[str, str] = {}

        async def changes() -> None:
            named["third"] = await published(services, mira, tmp_path / "third")
            await save(services, mira, first, "2")
            await save(services, mira, second, "3")
            await services.removals.remove(second, Someone(mira.id))
            await run_sql(services.database, "UPDATE games SET removed_at = '2020-01-01' WHERE removed_at IS NOT NULL")
            assert await services.removals.sweep() == 1

        done = await backed_up(services, tmp_path / "b.tar.gz", changes())
        assert done.missing == []
        there = elsewhere(services.settings, tmp_path / "there")
        restore.restore(there, tmp_path / "b.tar.gz", NOW)
        app = create_api(there)
        async with app.router.lifespan_context(app):
            other: Services = app.state.services
            assert (await other.files.find(named["third"], 1, "game.js")).path.exists()
            assert b'"level":"2"' in (await other.saves.local(Someone(mira.id), first))[1]
        # What the first pass had read, and no row names any more, the start has swept.
        assert not (there.data_dir / "games" / second).exists()

    async def test_says_what_was_missing_before(self, services: Services, make: Factory, tmp_path: Path) -> None:
        game_id = await published(services, await make.user("mira"), tmp_path / "game")
        shutil.rmtree(services.settings.data_dir / "games" / game_id / "1")
        done = await backed_up(services, tmp_path / "b.tar.gz")
        assert done.missing == [f"games/{game_id}/1"]
        restore.restore(elsewhere(services.settings, tmp_path / "there"), tmp_path / "b.tar.gz", NOW)

    async def test_leaves_out_a_secret_that_is_set_elsewhere_and_links(
        self, services: Services, make: Factory, tmp_path: Path
    ) -> None:
        game_id = await published(services, await make.user("mira"), tmp_path / "game")
        (services.settings.data_dir / "games" / game_id / "1" / "files" / "link").symlink_to("/etc/passwd")
        (services.settings.data_dir / "games" / "link").symlink_to("/etc")
        settings = Settings(**{**services.settings.model_dump(), "session_secret": "given"})
        await asyncio.to_thread(backup.make, settings, tmp_path / "b.tar.gz")
        (tmp_path / "into").mkdir()
        archive.extracted(tmp_path / "b.tar.gz", tmp_path / "into")
        assert not (tmp_path / "into" / "session_secret").exists()
        assert not list((tmp_path / "into").rglob("link"))

    async def test_needs_room_and_a_database(
        self, services: Services, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        free = storage.free_bytes(tmp_path)
        with pytest.raises(OutOfSpace, match="Delete older backups"):
            backup.make(settings, tmp_path / "b.tar.gz", leave_free=free)
        with pytest.raises(Unavailable, match="There is no database"):
            backup.make(elsewhere(settings, tmp_path / "nowhere"), tmp_path / "b.tar.gz")
        (tmp_path / "odd").mkdir()
        (tmp_path / "odd" / "vanilla.db").write_bytes(b"recipes, not tables" * 100)
        with pytest.raises(Unavailable, match="none of Vanilla's"):
            backup.make(elsewhere(settings, tmp_path / "odd"), tmp_path / "b.tar.gz")
        assert not list(tmp_path.glob("b.*"))

    async def test_of_a_damaged_database_is_none(self, settings: Settings, tmp_path: Path) -> None:
        path = settings.data_dir / "vanilla.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=delete").close()
        data = bytearray(path.read_bytes())
        data[4096 * 2 : 4096 * 3] = os.urandom(4096)
        path.write_bytes(data)
        with pytest.raises(Unavailable, match="damaged"):
            backup.make(settings, tmp_path / "b.tar.gz")
        assert not list(tmp_path.glob("b.*"))


@pytest.fixture
async def backup_file(services: Services, make: Factory, tmp_path: Path) -> Path:
    """A backup of a Vanilla that runs."""
    services.settings.prepare()
    mira = await make.user("mira")
    await save(services, mira, await published(services, mira, tmp_path / "game"), "7")
    await backed_up(services, tmp_path / "b.tar.gz")
    return tmp_path / "b.tar.gz"


@pytest.fixture
def there(services: Services, migrated: Path, tmp_path: Path) -> Settings:
    """Another machine, with a Vanilla of its own that does not run."""
    other = elsewhere(services.settings, tmp_path / "there")
    other.prepare()
    shutil.copy(migrated, other.data_dir / "vanilla.db")
    (other.data_dir / "games" / "own").mkdir(parents=True)
    (other.data_dir / "games" / "own" / "file").write_text("1")
    return other


class TestRestore:
    async def test_refuses_where_a_server_runs(self, services: Services, backup_file: Path) -> None:
        with pytest.raises(InvalidSettings, match="another Vanilla is running"):
            restore.restore(services.settings, backup_file, NOW, force=True)

    async def test_refuses_a_folder_with_something_in_it(self, there: Settings, backup_file: Path) -> None:
        before = contents(there.data_dir)
        with pytest.raises(Conflict, match=r"it has games, session_secret and vanilla.db\. Give --force"):
            restore.restore(there, backup_file, NOW)
        assert contents(there.data_dir) == before

    async def test_by_force_keeps_what_was_there(self, there: Settings, backup_file: Path) -> None:
        before = contents(there.data_dir)
        (there.data_dir / "backups").mkdir()
        (there.data_dir / "backups" / "older.tar.gz").touch()
        restored = restore.restore(there, backup_file, NOW, force=True)
        assert restored.aside == there.data_dir / "before-restore-20261123-164235"
        assert contents(restored.aside) == before
        names = {each.name for each in there.data_dir.iterdir()}
        assert names == {
            "backups",
            "before-restore-20261123-164235",
            "games",
            "saves",
            "session_secret",
            "vanilla.db",
            "vanilla.db.lock",
        }
        with closing(sqlite3.connect(there.data_dir / "vanilla.db")) as connection:
            assert connection.execute("SELECT count(*) FROM users WHERE username = 'mira'").fetchone() == (1,)

    async def test_puts_the_database_where_it_is_told(self, there: Settings, backup_file: Path, tmp_path: Path) -> None:
        place = tmp_path / "databases" / "v.db"
        far = Settings(**{**there.model_dump(), "data_dir": tmp_path / "far", "database_url": f"sqlite:///{place}"})
        restore.restore(far, backup_file, NOW)
        assert place.stat().st_size > 10_000
        place.with_name("v.db-wal").write_bytes(b"of the one before")
        restored = restore.restore(far, backup_file, NOW, force=True)
        assert not place.with_name("v.db-wal").exists()
        assert restored.aside is not None
        assert (restored.aside / "v.db-wal").read_bytes() == b"of the one before"

    @pytest.mark.parametrize("damage", ["cut", "newer", "no database", "no tables"])
    async def test_of_what_cannot_be_used_changes_nothing(
        self, there: Settings, backup_file: Path, tmp_path: Path, damage: str
    ) -> None:
        if damage == "cut":
            backup_file.write_bytes(backup_file.read_bytes()[:-2000])
        else:
            (into := tmp_path / "into").mkdir()
            header = archive.extracted(backup_file, into)
            with closing(sqlite3.connect(into / "vanilla.db")) as connection:
                connection.execute("UPDATE alembic_version SET version_num = '9999'")
                if damage == "no tables":
                    connection.execute("DROP TABLE alembic_version")
                connection.commit()
            backup_file.unlink()
            with archive.written(backup_file, header) as writer:
                if damage != "no database":
                    writer.add("vanilla.db", into / "vanilla.db")
        before = contents(there.data_dir)
        words = {
            "cut": "damaged",
            "newer": "a newer Vanilla",
            "no database": "no database",
            "no tables": "cannot be read",
        }
        with pytest.raises(Invalid, match=words[damage]):
            restore.restore(there, backup_file, NOW, force=True)
        assert contents(there.data_dir) == before

    async def test_that_fails_at_the_end_is_undone(
        self, there: Settings, backup_file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before, real = contents(there.data_dir), make_durable

        def fails(*paths: Path) -> None:
            if there.data_dir in paths and (there.data_dir / "saves").exists():
                raise OSError(5, "Input/output error")
            real(*paths)

        monkeypatch.setattr(restore, "make_durable", fails)
        with pytest.raises(OSError, match="Input/output"):
            restore.restore(there, backup_file, NOW, force=True)
        assert contents(there.data_dir) == before

    async def test_needs_room(self, there: Settings, backup_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(storage, "free_bytes", lambda _folder: 1000)
        with pytest.raises(OutOfSpace):
            restore.restore(there, backup_file, NOW, force=True)
