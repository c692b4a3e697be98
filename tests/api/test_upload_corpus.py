"""Bad uploads against a running server, as `python main.py` runs it: each is refused with a sentence, soon, and leaves
memory and disk as they were."""

import asyncio
import os
import re
import struct
import subprocess
import time
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.games import archives
from tests.games.archives import PAGE, entries, zipped
from tests.games.test_bundles import BAD
from tests.servers import ServerProcess, server_process

PASSWORD = "long enough for a corpus"
MOST_GROWTH = 100_000_000  # bytes
MOST_SECONDS = 1.0  # of the server's processor for one of them
LIMITS = {"MAX_UPLOAD_MB": "20", "MAX_UNPACKED_MB": "15", "MAX_GAME_FILES": "50", "UPLOADS_PER_HOUR": "0"}


def flat_bomb() -> bytes:
    """Two hundred million zeros, as 200 kB of deflate."""
    return zipped({"index.html": PAGE, **{f"{n}.bin": bytes(10_000_000) for n in range(20)}})


def names_of_a_folder(*names: str) -> Callable[[], bytes]:
    """A dropped folder as the upload page packs it: stored, UTF-8 names, no folders of their own."""
    return lambda: entries(
        [("game/index.html", PAGE, 0), *((name, b"x", 0) for name in names)], method=zipfile.ZIP_STORED
    )


def declared_sizes_of_all_ones() -> bytes:
    data = bytearray(zipped({"index.html": PAGE, "a.bin": bytes(1000)}))
    at = data.rindex(b"PK\1\2")
    data[at + 24 : at + 28] = struct.pack("<L", 0xFFFFFFF0)
    return bytes(data)


def png_bomb() -> bytes:
    """A picture that declares 3.6 thousand million pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))

    header = struct.pack(">2L5B", 60_000, 60_000, 8, 6, 0, 0, 0)
    pixels = zlib.compress(bytes(5_000_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


# Each: how it is made, its file name, and further parts of the form.
MORE: dict[str, tuple[Callable[[], bytes], str, dict[str, str]]] = {
    "flat bomb": (flat_bomb, "game.zip", {}),
    "brotli bomb": (lambda: zipped({"index.html": PAGE, "x.data.br": archives.brotli_bomb()}), "game.zip", {}),
    "declared sizes of all ones": (declared_sizes_of_all_ones, "game.zip", {}),
    "larger than an upload may be": (lambda: b"PK\3\4" + os.urandom(21_000_000), "game.zip", {}),
    "folder traversal": (names_of_a_folder("game/../../evil.js"), "game.zip", {}),
    "folder absolute": (names_of_a_folder("/game/evil.js"), "game.zip", {}),
    "folder with a drive": (names_of_a_folder("game/C:evil.js"), "game.zip", {}),
    "folder with backslashes": (names_of_a_folder("game\\..\\evil.js"), "game.zip", {}),
    "folder twice but for case": (names_of_a_folder("game/A.js", "game/a.js"), "game.zip", {}),
    "folder without a page": (lambda: entries([("game/a.js", b"x", 0)]), "game.zip", {}),
    "a choice that is no page": (archives.good, "game.zip", {"entry": "../../etc/passwd"}),
    "a choice without an end": (archives.good, "game.zip", {"entry": "x" * 60_000}),
    "texts without an end": (archives.good, "game.zip", {"title": "x" * 70_000}),
    "a title that is too long": (archives.good, "game.zip", {"title": "x" * 81}),
    "another kind": (lambda: b"Rar!\x1a\x07\x01" + bytes(1000), "game.rar", {}),
    "a program": (lambda: b"MZ" + bytes(1000), "setup.exe", {}),
    "an empty page": (lambda: b"", "game.html", {}),
    "text that is no page": (lambda: b"hello" * 1000, "game.html", {}),
}
CORPUS = {**{name: (make, "game.zip", {}) for name, (make, _) in BAD.items()}, **MORE}
COVERS = {
    "cover bomb": png_bomb,
    "broken cover": lambda: b"\x89PNG" + bytes(5000),
    "large cover": lambda: bytes(10_500_000),
}


def _form(make: Callable[[], bytes], filename: str, fields: dict[str, str]) -> dict[str, Any]:
    return {"files": {"file": (filename, make())}, "data": fields}


def _form_with_cover(make: Callable[[], bytes]) -> dict[str, Any]:
    return {"files": {"file": ("game.html", PAGE), "cover": ("cover.png", make())}}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    async with _server(tmp_path / "data") as running:
        yield running


def _server(data: Path) -> AbstractAsyncContextManager[ServerProcess]:
    settings = {
        "DATA_DIR": str(data),
        "ADMIN_PASSWORD": PASSWORD,
        "LOCAL_MODEL": "off",
        "OLLAMA_URL": "",
        "EXAMPLE_GAMES": "false",
        "MIN_FREE_DISK_MB": "0",
        **LIMITS,
    }
    return server_process(**settings)


async def signed_in(server: ServerProcess) -> httpx.AsyncClient:
    client = httpx.AsyncClient(base_url=server.origin, timeout=60)
    answer = await client.post("/auth/login", json={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 200
    return client


def files_of(data: Path) -> list[str]:
    return sorted(str(path) for folder in ("games", "staging") for path in (data / folder).rglob("*"))


def peak_bytes(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1000


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
async def test_every_bad_upload_is_refused_soon_and_leaves_nothing(server: ServerProcess, tmp_path: Path) -> None:
    assert len(CORPUS) >= 60
    client = await signed_in(server)
    for name in ("good.zip", "good.html"):  # what is loaded at the first upload is no growth
        data = archives.good() if name.endswith("zip") else PAGE
        assert (await client.post("/api/games", files={"file": (name, data)})).status_code == 201
    before, peak = files_of(tmp_path / "data"), peak_bytes(server.pid)
    wrong = []
    forms: dict[str, Callable[[], dict[str, Any]]] = {
        **{name: partial(_form, *each) for name, each in CORPUS.items()},
        **{name: partial(_form_with_cover, make) for name, make in COVERS.items()},
    }
    for name, form_of in forms.items():
        form, spent = form_of(), processor_seconds(server.pid)
        answer = await client.post("/api/games", **form)
        took = processor_seconds(server.pid) - spent
        sentence = answer.json()["error"]["message"]
        if answer.status_code not in (413, 422) or not sentence.endswith(".") or took > MOST_SECONDS:
            wrong.append(f"{name}: {answer.status_code}, {took:.2f} s, {sentence[:200]}")
        if files_of(tmp_path / "data") != before:
            wrong.append(f"{name}: left something on the disk")
    assert wrong == []
    assert peak_bytes(server.pid) - peak < MOST_GROWTH
    assert "Traceback" not in server.output
    await client.aclose()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB, which only root can make."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("this user may not mount a small file system")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


@pytest.mark.parametrize(
    "size", [pytest.param(18_000_000, id="while it is received"), pytest.param(12_000_000, id="while it is unpacked")]
)
async def test_a_disk_that_fills_up_leaves_nothing_of_the_upload(small_disk: Path, size: int) -> None:
    async with _server(small_disk / "data") as server:
        client = await signed_in(server)
        (small_disk / "filler").write_bytes(bytes(8_000_000))  # 16 MB are left
        before = files_of(small_disk / "data")
        data = zipped({"index.html": PAGE, "noise.bin": os.urandom(size)})
        answer = await client.post("/api/games", files={"file": ("game.zip", data)})
        assert answer.status_code == 507, answer.text
        assert answer.json()["error"]["message"] == "The disk of the host is full; nothing of this upload was kept."
        assert files_of(small_disk / "data") == before
        assert (await client.get("/api/games")).json()["total"] == 0
        small = await client.post("/api/games", files={"file": ("game.zip", archives.good())})
        assert small.status_code == 201
        await client.aclose()


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(server: ServerProcess, tmp_path: Path) -> None:
    client = await signed_in(server)
    before = files_of(tmp_path / "data")
    seen: list[bool] = []

    async def half() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
        for _ in range(8):
            yield os.urandom(1_000_000)
        deadline = time.monotonic() + 20
        while files_of(tmp_path / "data") == before and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        seen.append(files_of(tmp_path / "data") != before)
        raise ConnectionAbortedError

    headers = {"content-type": "multipart/form-data; boundary=x"}
    with pytest.raises(ConnectionAbortedError):
        await client.post("/api/games", content=half(), headers=headers)
    deadline = time.monotonic() + 20
    while files_of(tmp_path / "data") != before and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    assert seen == [True]
    assert files_of(tmp_path / "data") == before
    assert (await client.get("/api/games")).json()["total"] == 0
    await client.aclose()
