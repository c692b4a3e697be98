"""What the doctor finds, one thing at a time."""

import os
import shutil
import socket
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from vanilla.models import utc_text
from vanilla.operations import doctor, storage
from vanilla.operations.doctor import Finding
from vanilla.settings import Settings


def changed(settings: Settings, **fields: Any) -> Settings:
    return Settings(**{**settings.model_dump(), **fields})


def problems(findings: Iterable[Finding]) -> list[tuple[str, str, str]]:
    """All that is not well: its name, its state, and what is said."""
    listed = list(findings)
    assert all(each.todo for each in listed if each.state != "ok"), "whoever reads it must know what to do"
    return [(each.name, each.state, f"{each.what} {each.todo}") for each in listed if each.state != "ok"]


def only(findings: Iterable[Finding]) -> tuple[str, str, str]:
    (problem,) = problems(findings)
    return problem


def test_a_platform_that_is_well_is_said_to_be(settings: Settings) -> None:
    settings.prepare()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    names = [name for name, _, _ in problems(doctor.look(changed(settings, port=port)))]
    assert set(names) <= {"backup", ".env"}  # there is none yet; and that of the folder the tests run in, if any


def test_names_that_set_nothing_are_found_and_who_may_read_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert problems(doctor.env_file()) == []
    tmp_path.chmod(0o755)
    (tmp_path / ".env").write_text("PUBLC_URL=https://x\nport=1\nVANILLA_TOKEN=x\nSOMETHING_ELSE=1\n")
    (tmp_path / ".env").chmod(0o644)
    assert problems(doctor.env_file()) == [
        (".env", "note", "PUBLC_URL is no setting of Vanilla's. Write PUBLIC_URL."),
        (".env", "note", "SOMETHING_ELSE is no setting of Vanilla's. Remove it, or look for the name in .env.example."),
        (".env", "note", "Every user of this machine may read it, and keys in it. chmod 600 .env"),
    ]
    (tmp_path / ".env").write_text("PORT=1\n")
    (tmp_path / ".env").chmod(0o640)
    assert problems(doctor.env_file()) == []


def test_secrets_that_others_may_read_are_found(settings: Settings) -> None:
    settings.prepare()
    settings.data_dir.chmod(0o755)
    (settings.data_dir / "vanilla.db").chmod(0o600)
    assert problems(doctor.data_dir(settings)) == []
    for name in ("session_secret", "vanilla.db"):
        (settings.data_dir / name).chmod(0o644)
    assert [name for name, state, _ in problems(doctor.data_dir(settings)) if state == "broken"] == [
        "session_secret",
        "vanilla.db",
    ]
    settings.data_dir.chmod(0o700)
    assert problems(doctor.data_dir(settings)) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_to_is_found(settings: Settings) -> None:
    settings.data_dir.chmod(0o500)
    assert "cannot be written to" in only(doctor.data_dir(settings))[2]
    settings.data_dir.chmod(0o700)


def test_a_restore_that_was_cut_off_is_found(settings: Settings) -> None:
    (settings.data_dir / "restoring-20261123-164235").mkdir()
    assert "cut off while it unpacked" in only(doctor.data_dir(settings))[2]


class TestDatabase:
    def test_that_is_not_there_yet(self, settings: Settings) -> None:
        (settings.data_dir / "vanilla.db").unlink()
        assert "The first start makes it." in only(doctor.database(settings))[2]

    def test_that_is_none(self, settings: Settings) -> None:
        (settings.data_dir / "vanilla.db").write_text("recipes, not tables" * 100)
        assert only(doctor.database(settings))[1] == "broken"

    def test_that_is_damaged(self, settings: Settings) -> None:
        path = settings.data_dir / "vanilla.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=delete").close()
        data = bytearray(path.read_bytes())
        data[4096 * 2 : 4096 * 3] = os.urandom(4096)
        path.write_bytes(data)
        name, state, said = only(doctor.database(settings))
        assert (name, state) == ("database", "broken")
        assert "restore a backup" in said

    @pytest.mark.parametrize(("revision", "state"), [("0005", "note"), ("9999", "broken")])
    def test_of_another_version(self, settings: Settings, revision: str, state: str) -> None:
        with closing(sqlite3.connect(settings.data_dir / "vanilla.db")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
            connection.commit()
        assert only(doctor.database(settings))[1] == state


def test_a_disk_that_is_full_is_found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = changed(settings, min_free_disk_mb=1000)
    for free, states in ((500_000_000, ["broken"]), (1_500_000_000, ["note"]), (5_000_000_000, [])):
        monkeypatch.setattr(storage, "free_bytes", lambda _folder, free=free: free)
        assert [state for _, state, _ in problems(doctor.disk(settings))] == states


def test_backups_that_are_old_are_found(settings: Settings) -> None:
    assert "There is none in DATA_DIR/backups." in only(doctor.backed_up(settings))[2]
    folder = settings.data_dir / "backups"
    folder.mkdir()
    for days, is_old in ((20, True), (1, False)):
        made = datetime.now(UTC) - timedelta(days=days)
        (folder / f"vanilla-{made:%Y%m%d-%H%M%S}.tar.gz").touch()
        assert ["days old" in said for _, _, said in problems(doctor.backed_up(settings))] == [True][: int(is_old)]


def test_a_port_that_is_taken_is_found(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = changed(settings, port=taken.getsockname()[1])
        assert doctor.port(settings, is_serving=False).state == "broken"
    assert doctor.port(settings, is_serving=False).state == "ok"
    assert doctor.port(settings, is_serving=True).state == "note"  # it has the database, and does not answer


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({}, []),
        ({"public_url": "https://games.example.org", "trusted_proxies": "127.0.0.1"}, []),
        ({"public_url": "http://localhost:3000"}, []),
        ({"host": "0.0.0.0"}, ["PUBLIC_URL"]),  # noqa: S104  (a setting, and nothing is bound)
        ({"public_url": "http://games.example.org"}, ["PUBLIC_URL"]),
        ({"public_url": "https://games.example.org"}, ["TRUSTED_PROXIES"]),
        ({"public_url": "https://games.example.org", "trusted_proxies": "0.0.0.0/0"}, ["TRUSTED_PROXIES"]),
        ({"public_url": "https://g.example.org", "trusted_proxies": "10.0.0.1", "host": "::"}, ["HOST"]),
    ],
)
def test_addresses_that_do_not_agree_are_found(settings: Settings, fields: dict[str, str], names: list[str]) -> None:
    assert [name for name, _, _ in problems(doctor.addresses(changed(settings, **fields)))] == names


def test_a_clock_that_was_turned_back_is_found(settings: Settings) -> None:
    assert doctor.clock(settings).state == "ok"
    with closing(sqlite3.connect(settings.data_dir / "vanilla.db")) as connection:
        connection.execute("PRAGMA foreign_keys=off").close()
        connection.execute(
            "INSERT INTO token_usage (id, user_id, timestamp, backend, model, prompt_tokens, completion_tokens,"
            " total_tokens) VALUES ('x', 'x', ?, 'ollama', 'x', 1, 1, 2)",
            (utc_text(datetime.now(UTC) + timedelta(days=1)),),
        )
        connection.commit()
    assert "which is to come" in only([doctor.clock(settings)])[2]


def test_nothing_is_changed_by_looking(settings: Settings) -> None:
    settings.prepare()
    shutil.rmtree(settings.data_dir / "backups", ignore_errors=True)
    before = {path: path.read_bytes() for path in settings.data_dir.iterdir() if path.is_file()}
    list(doctor.look(settings))
    after = {path: path.read_bytes() for path in settings.data_dir.iterdir() if path.is_file()}
    after.pop(settings.data_dir / "vanilla.db.lock", None)
    assert after == before
