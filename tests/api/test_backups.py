"""Backups over the API: made beside everything else, fetched by admins alone, deleted, noted."""

import asyncio
import gzip
import io
import tarfile
import threading
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest

from tests.factories import Factory
from vanilla.operations import backup
from vanilla.services import Services

PATH = "/admin/api/backups"


async def made(admin: httpx.AsyncClient, services: Services) -> str:
    """A backup; gives its name."""
    answer = await admin.post(PATH)
    assert answer.status_code == 202, answer.text
    await services.backups.wait()
    return str(answer.json()["name"])


async def listed(admin: httpx.AsyncClient) -> dict[str, Any]:
    found: dict[str, Any] = (await admin.get(PATH)).json()
    return found


async def audited(admin: httpx.AsyncClient) -> list[tuple[str, str]]:
    rows = (await admin.get("/admin/api/audit")).json()["items"]
    return [(row["action"], row["subject"]) for row in rows if row["action"].startswith("backup.")]


async def test_one_is_made_listed_fetched_and_deleted(make: Factory, services: Services) -> None:
    admin = await make.admin()
    assert (await listed(admin))["items"] == []
    name = await made(admin, services)
    found = await listed(admin)
    (item,) = found["items"]
    assert (item["name"], found["making"], found["last"]["problem"]) == (name, None, None)
    assert found["storage"]["backups"] == item["size_bytes"] > 1000
    assert found["storage"]["database"] > 10_000
    fetched = await admin.get(f"{PATH}/{name}")
    assert fetched.headers["content-disposition"] == f'attachment; filename="{name}"'
    assert fetched.headers["cache-control"] == "no-store"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(fetched.content))) as tar:
        assert "vanilla.db" in tar.getnames()
    assert (await admin.delete(f"{PATH}/{name}")).status_code == 204
    assert (await listed(admin))["items"] == []
    for call in (admin.get, admin.delete):
        assert (await call(f"{PATH}/{name}")).status_code == 404
    expected = [("backup.delete", name), ("backup.download", name), ("backup.create", name)]
    assert await audited(admin) == expected


@pytest.mark.parametrize("name", ["..%2Fvanilla.db", ".vanilla-backup.lock", "vanilla-1.tar.gz", "%2e%2e", "x" * 500])
async def test_nothing_else_can_be_fetched_or_deleted(make: Factory, services: Services, name: str) -> None:
    admin = await make.admin()
    await made(admin, services)
    before = sorted(services.settings.data_dir.rglob("*"))
    for call in (admin.get, admin.delete):
        assert (await call(f"{PATH}/{name}")).status_code in (404, 405)
    assert sorted(services.settings.data_dir.rglob("*")) == before


async def test_a_link_in_the_folder_leads_nowhere(make: Factory, services: Services) -> None:
    admin = await make.admin()
    await made(admin, services)
    name = "vanilla-20200101-000000.tar.gz"
    (services.settings.data_dir / "backups" / name).symlink_to(services.settings.data_dir / "vanilla.db")
    assert (await admin.get(f"{PATH}/{name}")).status_code == 404


async def test_one_at_a_time_and_it_says_how_far_it_is(
    make: Factory, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await make.admin()
    go_on, real = threading.Event(), backup.make

    def slow(settings: Any, target: Path, progress: Any, **options: Any) -> backup.Backup:
        progress(1000)
        assert go_on.wait(20)
        return real(settings, target, progress, **options)

    monkeypatch.setattr(backup, "make", slow)
    told = asyncio.Event()
    stop = services.backups.subscribe(told.set)
    name = (await admin.post(PATH)).json()["name"]
    refused = await admin.post(PATH)
    assert refused.status_code == 409
    assert refused.json()["error"]["message"] == "A backup is being made. Wait until it is done."
    async with asyncio.timeout(10):
        while (making := (await listed(admin))["making"])["read_bytes"] == 0:
            told.clear()
            await told.wait()
    assert (making["name"], making["read_bytes"]) == (name, 1000)
    assert making["total_bytes"] > 10_000
    go_on.set()
    outcome = await services.backups.wait()
    assert outcome is not None
    assert (outcome.name, outcome.problem) == (name, None)
    stop()


async def test_one_that_fails_says_why_and_leaves_nothing(
    make: Factory, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await make.admin()

    def fails(*_arguments: Any, **_options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup, "make", fails)
    await made(admin, services)
    found = await listed(admin)
    assert (found["items"], found["making"]) == ([], None)
    assert found["last"]["problem"] == "The backup failed: No space left on device."
    assert await audited(admin) == []


async def test_older_ones_go_when_more_than_are_wanted_are_there(make: Factory, services: Services) -> None:
    admin = await make.admin()
    assert (await admin.patch("/admin/api/settings", json={"backups_kept": 2})).json()["backups_kept"] == 2
    names = [await made(admin, services) for _ in range(4)]
    assert [item["name"] for item in (await listed(admin))["items"]] == names[:1:-1]


async def test_a_server_that_stops_gives_it_up(
    make: Factory, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = await make.admin()
    is_reading = threading.Event()

    def slow(settings: Any, target: Path, progress: Any, **options: Any) -> NoReturn:
        is_reading.set()
        while True:
            progress(1)

    monkeypatch.setattr(backup, "make", slow)
    await admin.post(PATH)
    assert await asyncio.to_thread(is_reading.wait, 20)
    async with asyncio.timeout(10):
        await services.backups.close()
    assert services.backups.last is not None
    assert services.backups.last.problem == "The server is stopping: the backup was given up."
