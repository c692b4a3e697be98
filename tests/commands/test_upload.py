"""`python main.py upload` against a server that is another process: as a process of its own, and, since each takes a
second to start, the rest through the same line of commands in this one."""

import asyncio
import json
import os
import pty
import sys
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.commands.conftest import never
from tests.commands.processes import Done
from tests.servers import ROOT, measured, server_process
from vanilla.commands import line
from vanilla.commands.upload import NOTE

PAGE = "<!doctype html><title>Snail Rally</title><h1>Go</h1>"
PASSWORD = "the admin's own password"


@dataclass
class Author:
    """Somebody with an API token, a folder, and a server to upload to."""

    url: str
    token: str
    folder: Path
    browser: httpx.AsyncClient
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    async def upload(self, *arguments: str | Path, **environment: str) -> Done:
        """`upload` with these arguments, address and token from the environment, in this process."""
        settings = {"VANILLA_URL": self.url, "VANILLA_TOKEN": self.token, **environment}
        with self.monkeypatch.context() as patch:
            patch.chdir(self.folder)
            for name, value in settings.items():
                patch.setenv(name, value)
            self.capsys.readouterr()
            status = await asyncio.to_thread(line.run, ["upload", *map(str, arguments)], serve=never)
        said = self.capsys.readouterr()
        return Done(status, said.out, said.err)

    async def upload_process(self, *arguments: str | Path) -> Done:
        """`python main.py upload` with these arguments."""
        settings = {"VANILLA_URL": self.url, "VANILLA_TOKEN": self.token}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "main.py"),
            "upload",
            *map(str, arguments),
            env={"PATH": os.environ["PATH"], **measured(), **settings},
            cwd=self.folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, error = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        assert "Traceback" not in error.decode()
        return Done(process.returncode, out.decode(), error.decode())

    def game(self, name: str = "my-game") -> Path:
        """A folder with a game, and much that does not belong to it."""
        game = self.folder / name
        for file in ("index.html", "js/game.js", ".git/config", ".env", "node_modules/left/index.js", "js/.DS_Store"):
            (game / file).parent.mkdir(parents=True, exist_ok=True)
            (game / file).write_text(PAGE if file == "index.html" else "1")
        (game / "passwords").symlink_to("/etc/passwd")
        return game

    async def games(self) -> list[dict[str, Any]]:
        """What the platform lists, the newest first."""
        listed: list[dict[str, Any]] = (await self.browser.get("/api/games?mine=true&sort=new")).json()["items"]
        return listed

    async def versions(self, game_id: str) -> list[dict[str, Any]]:
        """Its versions, the newest first."""
        listed: list[dict[str, Any]] = (await self.browser.get(f"/api/games/{game_id}/versions")).json()["items"]
        return listed


@pytest.fixture
async def author(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Author]:
    settings = {"DATA_DIR": str(tmp_path / "data"), "ADMIN_PASSWORD": PASSWORD, "EXAMPLE_GAMES": "false"}
    folder = tmp_path / "work"
    folder.mkdir()
    async with server_process(LOCAL_MODEL="off", MIN_FREE_DISK_MB="0", MAX_UPLOAD_MB="2", **settings) as server:
        async with httpx.AsyncClient(base_url=server.origin) as browser:
            await browser.post("/auth/login", json={"username": "admin", "password": PASSWORD})
            token = (await browser.post("/api/tokens", json={"name": "laptop"})).json()["token"]
            yield Author(server.origin, token, folder, browser, monkeypatch, capsys)


@pytest.fixture
async def alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Author]:
    """An author where no server is."""
    async with httpx.AsyncClient() as browser:
        yield Author("http://127.0.0.1:9", "vk_whatever", tmp_path, browser, monkeypatch, capsys)


def assert_refused(done: Done, words: str) -> None:
    """It ended as a command does that cannot do its work: nothing on the output, one line on the other."""
    assert (done.status, done.out, done.error.count("\n")) == (2, "", 1), done
    assert words in done.error


async def test_a_folder_becomes_a_game_and_the_next_time_its_next_version(author: Author) -> None:
    game = author.game()
    done = await author.upload_process("./my-game", "--notes", "The first.")
    assert (done.status, done.error) == (0, "")
    (made,) = await author.games()
    assert done.out == f"Snail Rally is at {author.url}{made['play_url']}\n"
    assert made["visibility"] == "shared"
    (version,) = await author.versions(made["id"])
    assert (version["files"], version["notes"]) == (2, "The first.")  # index.html and js/game.js
    note = (game / NOTE).read_text()
    assert json.loads(note) == {"games": [{"url": author.url, "file": ".", "id": made["id"]}]}
    assert author.token not in note

    done = await author.upload_process("my-game/")
    assert done.out == f"Snail Rally is unchanged since version 1: {author.url}{made['play_url']}\n"

    (game / "js/game.js").write_text("vanilla.chat('hello')")
    done = await author.upload("my-game", "--title", "Snail Derby", "--notes", "It talks.")
    assert done.out == f"Snail Derby, version 2, is at {author.url}{made['play_url']}\n"
    (now,) = await author.games()
    assert (now["id"], now["title"], now["version"], now["talks"]) == (made["id"], "Snail Derby", 2, True)

    (game / "js/game.js").write_text("2")
    done = await author.upload("my-game", "--draft")
    preview = f"{author.url}/play/{made['id']}?version=3"
    assert done.out == f"Snail Derby, version 3 (a preview), is at {preview}\n"
    assert (await author.games())[0]["version"] == 2

    done = await author.upload("my-game", "--new", "--draft", "--title", "Another")
    another, _ = await author.games()
    assert done.out == f"Another (a draft: only you see it) is at {author.url}{another['play_url']}\n"
    assert another["visibility"] == "draft"
    assert json.loads((game / NOTE).read_text())["games"][0]["id"] == another["id"]


async def test_an_archive_and_a_page_are_sent_as_they_are(author: Author) -> None:
    with zipfile.ZipFile(author.folder / "rally.zip", "w") as archive:
        archive.writestr("a.html", PAGE)
        archive.writestr("b.html", PAGE)
    (author.folder / "page.html").write_text(PAGE)
    done = await author.upload_process("rally.zip")
    assert (done.status, done.out) == (2, "")
    assert "more than one page" in done.error
    assert not (author.folder / NOTE).exists()
    done = await author.upload("rally.zip", "--title", "Rally", "--entry", "b.html")
    assert (done.status, done.out.split(" is at ")[0]) == (0, "Rally")
    done = await author.upload("rally.zip")
    assert (done.status, "unchanged since version 1" in done.out) == (0, True), done
    done = await author.upload("page.html", "--title", "Page", "--url", f"{author.url}/")
    assert (done.status, done.out.split(" is at ")[0]) == (0, "Page")
    note = json.loads((author.folder / NOTE).read_text())["games"]
    assert [(each["file"], each["url"]) for each in note] == [("rally.zip", author.url), ("page.html", author.url)]
    assert [game["title"] for game in await author.games()] == ["Page", "Rally"]


async def test_what_keeps_it_from_uploading_is_one_line(alone: Author) -> None:
    game = alone.game()
    (alone.folder / "empty").mkdir()
    for arguments, environment, words in (
        (["nothing"], {}, "There is no nothing."),
        ([game], {"VANILLA_TOKEN": ""}, "make one at http://127.0.0.1:9/account"),
        ([game], {"VANILLA_TOKEN": "two words"}, "copy it again"),
        ([game, "--url", "games.example.org"], {}, "games.example.org is not the address of a Vanilla"),
        ([game], {}, "http://127.0.0.1:9 cannot be reached"),
        (["empty"], {}, "There are no files in empty that could be a game."),
    ):
        assert_refused(await alone.upload(*arguments, **environment), words)
    (game / NOTE).write_text('{"games": [{"url": "http://127.0.0.1:9", "file": ".", "id": "../../auth/me"}]}')
    assert_refused(await alone.upload(game), f"{game / NOTE} cannot be read")


async def test_what_the_platform_refuses_is_said_in_its_words(author: Author) -> None:
    game = author.game()
    (author.folder / "large.zip").write_bytes(b"PK\3\4" + os.urandom(2_500_000))
    for arguments, environment, words in (
        ([game], {"VANILLA_TOKEN": "vk_wrong"}, "This token is wrong, expired or revoked."),
        ([game, "--title", "x" * 81], {}, "The title has 81 characters"),
        (["large.zip"], {}, "is larger than 2 MB"),
    ):
        assert_refused(await author.upload(*arguments, **environment), words)
    assert await author.games() == []
    assert not (game / NOTE).exists()
    await author.upload(game)
    (made,) = await author.games()
    await author.browser.delete(f"/api/games/{made['id']}")
    assert_refused(
        await author.upload(game), f"The game {made['id']}, which was uploaded from here before, is not yours"
    )
    assert await author.games() == []  # and it was not made again unasked


async def test_an_address_that_is_no_vanilla_is_said_to_be_none(alone: Author) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(replies.pop(0))
        await writer.drain()
        writer.close()

    seen: list[bytes] = []
    replies = [
        b"HTTP/1.1 301 Moved\r\nLocation: https://games.example.org/api/games\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nbad",
    ]
    (alone.folder / "page.html").write_text(PAGE)
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        moved = await alone.upload("page.html", VANILLA_URL=url)
        bad = await alone.upload("page.html", VANILLA_URL=url)
    assert moved.error == f"{url} sends to https://games.example.org/: give that as --url or VANILLA_URL.\n"
    assert bad.error == f"{url} answers with 502, and not as a Vanilla does: is the address right?\n"
    assert len(seen) == 2


async def test_on_a_terminal_it_shows_how_far_it_is(author: Author) -> None:
    (author.folder / "page.html").write_text(PAGE + "x" * 1_000_000)
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "main.py"),
        "upload",
        "page.html",
        env={"PATH": os.environ["PATH"], "VANILLA_URL": author.url, "VANILLA_TOKEN": author.token, "TERM": "xterm"},
        cwd=author.folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=theirs,
    )
    os.close(theirs)
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert process.returncode == 0, shown
    assert b"Snail Rally is at" in out
    assert "Uploading" in shown
    assert "100%" in shown
