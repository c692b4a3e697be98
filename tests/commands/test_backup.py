"""`backup` and `restore` as processes: beside a running server, onto an empty machine, and in the middle of a storm."""

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest

from tests.commands.conftest import Typed
from tests.commands.processes import Done, typed
from tests.fakes.model_servers import Answer, ModelServer
from tests.servers import server_process

pytestmark = pytest.mark.slow

PASSWORD = "the admin's own password"
SETTINGS = {"ADMIN_PASSWORD": PASSWORD, "LOCAL_MODEL": "off", "LOG_LEVEL": "warning", "MIN_FREE_DISK_MB": "0"}
ASK = {"model": "llama3.2", "messages": [{"role": "user", "content": "hello"}]}
STREAMS = 50


@asynccontextmanager
async def signed_in(origin: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(
        base_url=origin, timeout=60, trust_env=False, limits=httpx.Limits(max_connections=200)
    ) as client:
        answer = await client.post("/auth/login", json={"username": "admin", "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        yield client


async def test_a_backup_moves_to_an_empty_machine(tmp_path: Path) -> None:
    here, there = str(tmp_path / "data"), str(tmp_path / "there")
    async with ModelServer(Answer(words=("word ",) * 10)).serving() as llama:
        async with server_process(DATA_DIR=here, OLLAMA_URL=llama.url, **SETTINGS) as server:
            async with signed_in(server.origin) as client:
                assert (await client.post("/api/inference/ollama/chat", json=ASK)).status_code == 200
                done = await typed(tmp_path, "backup", DATA_DIR=here)
                assert (done.status, done.error) == (0, "")
                path = tmp_path / done.out.split(",")[0]
                assert path.parent == tmp_path / "data" / "backups"
                noted = (await client.get("/admin/api/audit")).json()["items"][0]
                assert (noted["action"], noted["subject"]) == ("backup.create", path.name)
                games = (await client.get("/api/games")).json()["items"]
                usage = (await client.get("/api/inference/usage")).json()["total_tokens"]
            refused = await typed(tmp_path, "restore", path, "--force", DATA_DIR=here)
            assert (refused.status, refused.out) == (2, "")
            assert "another Vanilla is running" in refused.error
            assert refused.error.endswith("stop it first.\n")
            checked = await typed(tmp_path, "restore", "--check", path, DATA_DIR=there)
            assert checked.out.startswith(f"{path} is whole. Vanilla ")
            assert [each.name for each in path.parent.iterdir() if not each.name.endswith(".lock")] == [path.name]
        refused = await typed(tmp_path, "restore", path, DATA_DIR=here)
        assert refused.status == 2
        assert "is not empty: it has games, " in refused.error
        done = await typed(tmp_path, "restore", path, DATA_DIR=there)
        assert (done.status, done.error) == (0, "")
        assert done.out.endswith("into there. Start the server now.\n")
        async with server_process(DATA_DIR=there, OLLAMA_URL=llama.url, **SETTINGS) as server:
            async with signed_in(server.origin) as client:
                assert (await client.get("/api/games")).json()["items"] == games
                assert len(games) >= 2
                assert (await client.get("/api/inference/usage")).json()["total_tokens"] == usage > 0
                played = await client.get(games[0]["play_url"])
                assert played.status_code == 200
        done = await typed(tmp_path, "restore", path, "--force", DATA_DIR=there)
        assert done.status == 0
        assert "What was there before is in there/before-restore-" in done.error


async def test_backups_elsewhere_and_what_keeps_one_from_being_made(
    tmp_path: Path, here: Typed, migrated: Path
) -> None:
    data = str(tmp_path / "data")
    done = await here("backup", DATA_DIR=data)
    assert (done.status, done.out) == (2, "")
    assert done.error.startswith("There is no database at ")
    assert not (tmp_path / "data").exists()
    (tmp_path / "data").mkdir()
    shutil.copy(migrated, tmp_path / "data" / "vanilla.db")
    disk = tmp_path / "disk"
    disk.mkdir()
    first, second = [await here("backup", "--to", disk, "--keep", "1", DATA_DIR=data) for _ in range(2)]
    assert (first.status, second.status) == (0, 0)
    assert second.error == f"Deleted {Path(first.out.split(',')[0]).name}, an older one.\n"
    assert [each.name for each in disk.glob("*.tar.gz")] == [Path(second.out.split(",")[0]).name]
    for arguments, words in (
        (("--to", disk / "mine.tar.gz"), ""),
        (("--to", disk / "mine.tar.gz"), "mine.tar.gz is there already."),
        (("--to", tmp_path / "nowhere"), f"There is no folder {tmp_path / 'nowhere'}: make it first."),
        (("--to", disk / "other.tar.gz", "--keep", "1"), "--keep needs a folder"),
        (("--keep", "0"), "Invalid value for '--keep'"),
    ):
        done = await here("backup", *arguments, DATA_DIR=data)
        assert (done.status, words in done.error) == (2 if words else 0, True), done
    (disk / "mine.tar.gz").write_bytes((disk / "mine.tar.gz").read_bytes()[:-50])
    done = await here("restore", disk / "mine.tar.gz", DATA_DIR=str(tmp_path / "there"))
    assert_refused(done, "damaged")
    done = await here("restore", disk / "nothing.tar.gz", DATA_DIR=str(tmp_path / "there"))
    assert_refused(done, "There is no ")
    assert not [each for each in (tmp_path / "there").iterdir() if not each.name.endswith(".lock")]


def assert_refused(done: Done, words: str) -> None:
    """It ended as a command does that cannot do its work."""
    assert (done.status, done.out, done.error.count("\n")) == (2, "", 1), done
    assert words in done.error


async def test_in_a_storm_of_settlements_the_books_of_every_backup_agree(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    long, short = Answer(words=("word ",) * 4000, pause=0.02), Answer(words=("word ",) * 3)
    async with ModelServer(short).serving() as llama:
        llama.by_model = {"long": long}
        async with server_process(DATA_DIR=data, OLLAMA_URL=llama.url, **SETTINGS) as server:
            async with signed_in(server.origin) as client:
                game = (await client.get("/api/games")).json()["items"][0]["id"]
                done = asyncio.Event()
                begun = asyncio.Semaphore(0)
                workers = [asyncio.create_task(stream(client, done, begun)) for _ in range(STREAMS)]
                workers += [asyncio.create_task(storm(client, done)) for _ in range(16)]
                workers += [asyncio.create_task(save(client, game, done)) for _ in range(4)]
                for _ in range(STREAMS):
                    await asyncio.wait_for(begun.acquire(), 60)
                made = [await typed(tmp_path, "backup", "--to", tmp_path, DATA_DIR=data) for _ in range(4)]
                done.set()
                calls = sum(await asyncio.gather(*workers))
            assert calls > 100
        counts = []
        for number, each in enumerate(made):
            assert (each.status, each.error) == (0, "")
            there = tmp_path / f"there{number}"
            restored = await typed(tmp_path, "restore", each.out.split(",")[0], DATA_DIR=str(there))
            assert restored.status == 0, restored
            assert_books_agree(there / "vanilla.db")
            assert_saves_are_there(there)
            with closing(sqlite3.connect(there / "vanilla.db")) as connection:
                counts.append(connection.execute("SELECT count(*) FROM token_usage").fetchone()[0])
                held = connection.execute("SELECT count(*) FROM holds").fetchone()[0]
            assert held >= STREAMS
            async with server_process(DATA_DIR=str(there), OLLAMA_URL=llama.url, **SETTINGS) as server:
                async with signed_in(server.origin) as client:
                    totals = (await client.get("/admin/api/usage")).json()["totals"]
                    assert totals["calls"] == counts[-1] + held, "the calls in flight are recovered"
            assert_books_agree(there / "vanilla.db")
        assert counts == sorted(counts)
        assert counts[-1] > counts[0]


async def stream(client: httpx.AsyncClient, done: asyncio.Event, begun: asyncio.Semaphore) -> int:
    """One long call, until done; gives 1."""
    async with client.stream("POST", "/api/inference/ollama/chat", json={**ASK, "model": "long"}) as answer:
        first = True
        async for _ in answer.aiter_bytes():
            if first:
                begun.release()
                first = False
            if done.is_set():
                break
    return 1


async def storm(client: httpx.AsyncClient, done: asyncio.Event) -> int:
    """One short call after the other; gives how many."""
    calls = 0
    while not done.is_set():
        answer = await client.post("/api/inference/ollama/chat", json={**ASK, "stream": False})
        assert answer.status_code == 200, answer.text
        calls += 1
    return calls


async def save(client: httpx.AsyncClient, game: str, done: asyncio.Event) -> int:
    """One change of a save after the other."""
    number = 0
    while not done.is_set():
        number += 1
        changes = {"local": {"set": {"level": str(number)}}}
        answer = await client.post(
            f"/api/games/{game}/saves", json={"batch": f"b{id(changes)}{number}", "changes": changes}
        )
        assert answer.status_code == 200, answer.text
        await asyncio.sleep(0.01)
    return 0


def assert_books_agree(path: Path) -> None:
    """Every settlement is in the ledger, in its roll-ups and with its user, or in none of them."""
    with closing(sqlite3.connect(path)) as connection:
        rows = dict(connection.execute("SELECT user_id, sum(total_tokens) FROM token_usage GROUP BY user_id"))
        hours = dict(connection.execute("SELECT user_id, sum(total_tokens) FROM usage_hours GROUP BY user_id"))
        minutes = dict(connection.execute("SELECT user_id, sum(total_tokens) FROM usage_minutes GROUP BY user_id"))
        users = dict(connection.execute("SELECT id, total_tokens FROM users WHERE total_tokens"))
        held = dict(connection.execute("SELECT user_id, sum(tokens) FROM holds GROUP BY user_id"))
        holding = dict(connection.execute("SELECT id, tokens_held FROM users WHERE tokens_held"))
        assert rows == hours == minutes == users
        assert held == holding
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def assert_saves_are_there(data: Path) -> None:
    """Each file that a row names."""
    with closing(sqlite3.connect(data / "vanilla.db")) as connection:
        rows = connection.execute("SELECT user_id, game_id, value FROM saves, json_each(saves.parts)").fetchall()
    assert rows
    assert [row for row in rows if not (data / "saves" / "/".join(row)).is_file()] == []
