"""How files of games are sent: types, ranges, validators, builds that come compressed. Who may have them, and what
guards them, is in test_play.py."""

import asyncio
import gzip
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import brotli
import httpx
import pytest
from fastapi import FastAPI

from tests.api.test_play import is_sandboxed
from tests.factories import Factory
from vanilla.api import game_files
from vanilla.database import Database
from vanilla.games import packed, reading, sandbox
from vanilla.games.access import HOST
from vanilla.games.files import Files
from vanilla.games.views import GameView
from vanilla.services import Services

WASM = b"\0asm\1\0\0\0" + bytes(range(256)) * 3000
SOUND = os.urandom(700_000)
FILES = {
    "index.html": b"<!doctype html><title>Snail</title>",
    "sound.ogg": SOUND,
    "small.bin": bytes(range(100)),
    "empty.txt": b"",
    "b/game.wasm.br": brotli.compress(WASM),
    "b/game.framework.js.gz": gzip.compress(b"export const a = 1;"),
    "b/only.data.gz": gzip.compress(WASM),
    "b/game.data.unityweb": gzip.compress(WASM),
    "b/broken.wasm.br": b"this is no brotli",
    "levels.json.gz": gzip.compress(b"[1]"),
}
TYPES = {
    "js": "text/javascript; charset=utf-8",
    "mjs": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "json": "application/json",
    "wasm": "application/wasm",
    "xml": "text/xml; charset=utf-8",
    "tmx": "application/xml",
    "atlas": "text/plain; charset=utf-8",
    "fnt": "text/plain; charset=utf-8",
    "glsl": "text/plain; charset=utf-8",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "ktx2": "image/ktx2",
    "basis": "application/octet-stream",
    "ogg": "audio/ogg",
    "opus": "audio/ogg",
    "m4a": "audio/mp4",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "woff2": "font/woff2",
    "glb": "model/gltf-binary",
    "gltf": "model/gltf+json",
    "pck": "application/octet-stream",
    "data": "application/octet-stream",
    "unityweb": "application/octet-stream",
    "php": "application/octet-stream",
}


async def published(services: Services, owner_id: str, folder: Path, files: dict[str, bytes]) -> GameView:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return await services.catalogue.publish_folder(owner_id, folder, title="Snail Rally", description="")


def address(services: Services, game: GameView) -> str:
    key = services.settings.signing_key
    return sandbox.files_path(game.id, sandbox.capability(key, game.id, game.version, game.capability_epoch))


@pytest.fixture
async def game(services: Services, make: Factory, tmp_path: Path) -> GameView:
    return await published(services, (await make.user()).id, tmp_path / "snail", FILES)


@pytest.fixture
def files(services: Services, game: GameView) -> str:
    return address(services, game)


async def raw(client: httpx.AsyncClient, url: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """An answer, and its body as it was sent."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    async with client.stream("GET", url, headers=headers) as answer:
        return answer, b"".join([piece async for piece in answer.aiter_raw()])


def opened_files() -> list[str]:
    """What this process has open, where the system can tell."""
    found = []
    for descriptor in Path("/proc/self/fd").glob("*"):
        with suppress(FileNotFoundError):  # closed meanwhile
            found.append(str(descriptor.readlink()))
    return found


class TestTypes:
    async def test_each_kind_of_file_has_its_type(
        self, client: httpx.AsyncClient, services: Services, make: Factory, tmp_path: Path
    ) -> None:
        kinds = {f"x.{kind}": b"x" for kind in TYPES}
        game = await published(
            services, (await make.user()).id, tmp_path / "kinds", {"index.html": FILES["index.html"], **kinds}
        )
        told = {}
        for kind in TYPES:
            answer = await client.get(f"{address(services, game)}x.{kind}")
            told[kind] = answer.headers["content-type"]
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert told == TYPES


class TestRanges:
    async def test_a_part_from_anywhere(self, client: httpx.AsyncClient, files: str) -> None:
        for asked, start, end in (
            ("bytes=0-0", 0, 1),
            ("bytes=300000-599999", 300_000, 600_000),
            ("bytes=699999-", 699_999, 700_000),
            ("bytes=-5", 699_995, 700_000),
            ("bytes=10-99999999", 10, 700_000),
        ):
            answer = await client.get(f"{files}sound.ogg", headers={"range": asked})
            assert (answer.status_code, answer.content) == (206, SOUND[start:end])
            assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/700000"
            assert answer.headers["content-type"] == "audio/ogg"
            assert is_sandboxed(answer)

    async def test_several_parts_at_once(self, client: httpx.AsyncClient, files: str) -> None:
        answer = await client.get(f"{files}small.bin", headers={"range": "bytes=0-1, 50-51"})
        assert answer.status_code == 206
        assert answer.headers["content-type"].startswith("multipart/byteranges; boundary=")
        assert bytes((0, 1)) + b"\r\n" in answer.content
        assert bytes((50, 51)) + b"\r\n" in answer.content
        assert is_sandboxed(answer)

    @pytest.mark.parametrize("asked", ["bytes=700000-", "bytes=900000-900001"])
    async def test_a_part_behind_the_end_is_416(self, client: httpx.AsyncClient, files: str, asked: str) -> None:
        answer = await client.get(f"{files}sound.ogg", headers={"range": asked})
        assert (answer.status_code, answer.headers["content-range"]) == (416, "bytes */700000")
        assert is_sandboxed(answer)

    @pytest.mark.parametrize("asked", ["bytes", "bytes=", "bytes=a-b", "items=0-1", "bytes=1-2-3", "=", "bytes=--1"])
    async def test_what_is_no_range_is_passed_over(self, client: httpx.AsyncClient, files: str, asked: str) -> None:
        answer = await client.get(f"{files}small.bin", headers={"range": asked})
        assert (answer.status_code, answer.content) == (200, FILES["small.bin"])

    async def test_a_range_that_ends_before_it_begins_is_refused_in_the_sandbox(
        self, client: httpx.AsyncClient, files: str
    ) -> None:
        answer = await client.get(f"{files}small.bin", headers={"range": "bytes=9-3"})
        assert answer.status_code == 400
        assert is_sandboxed(answer)

    async def test_only_of_the_file_that_the_client_has_begun(self, client: httpx.AsyncClient, files: str) -> None:
        etag = (await client.head(f"{files}small.bin")).headers["etag"]
        for known, status in ((etag, 206), ('"other"', 200)):
            headers = {"range": "bytes=0-1", "if-range": known}
            assert (await client.get(f"{files}small.bin", headers=headers)).status_code == status

    async def test_pages_come_whole(self, client: httpx.AsyncClient, files: str) -> None:
        answer = await client.get(f"{files}index.html", headers={"range": "bytes=0-3"})
        assert answer.status_code == 200
        assert "accept-ranges" not in answer.headers

    async def test_head_tells_of_ranges(self, client: httpx.AsyncClient, files: str) -> None:
        answer = await client.head(f"{files}sound.ogg")
        assert (answer.headers["accept-ranges"], answer.headers["content-length"]) == ("bytes", "700000")


class TestPackedBuilds:
    @pytest.mark.parametrize(
        ("name", "stored", "encoding", "kind"),
        [
            ("b/game.wasm.br", "b/game.wasm.br", "br", "application/wasm"),
            ("b/game.wasm", "b/game.wasm.br", "br", "application/wasm"),
            ("b/game.framework.js.gz", "b/game.framework.js.gz", "gzip", "text/javascript; charset=utf-8"),
            ("b/game.data.unityweb", "b/game.data.unityweb", "gzip", "application/octet-stream"),
            ("b/only.data", "b/only.data.gz", "gzip", "application/octet-stream"),
        ],
    )
    async def test_a_client_that_can_unpack_them_gets_them_as_they_are(
        self, client: httpx.AsyncClient, files: str, name: str, stored: str, encoding: str, kind: str
    ) -> None:
        answer, body = await raw(client, files + name, accept_encoding="gzip, deflate, br")
        assert (answer.headers["content-encoding"], answer.headers["content-type"]) == (encoding, kind)
        assert answer.headers["vary"] == "accept-encoding"
        assert answer.headers["content-length"] == str(len(FILES[stored]))
        assert body == FILES[stored]
        assert is_sandboxed(answer)

    @pytest.mark.parametrize("accepted", ["gzip, deflate", "gzip, br;q=0", "", "identity"])
    async def test_others_get_them_unpacked_as_browsers_on_http_do(
        self, client: httpx.AsyncClient, files: str, accepted: str
    ) -> None:
        for name in ("b/game.wasm.br", "b/game.wasm"):
            answer, body = await raw(client, files + name, accept_encoding=accepted)
            assert (answer.status_code, body) == (200, WASM)
            assert "content-encoding" not in answer.headers
            assert answer.headers["content-type"] == "application/wasm"
            assert answer.headers["content-length"] == str(len(WASM))
            assert is_sandboxed(answer)
        head = await client.head(f"{files}b/game.wasm", headers={"accept-encoding": accepted})
        assert head.headers["content-length"] == str(len(WASM))

    async def test_each_form_has_its_own_validator(self, client: httpx.AsyncClient, files: str) -> None:
        etags = []
        for accepted in ("br", "gzip"):
            answer, _ = await raw(client, f"{files}b/game.wasm.br", accept_encoding=accepted)
            etags.append(answer.headers["etag"])
            known, body = await raw(client, f"{files}b/game.wasm.br", accept_encoding=accepted, if_none_match=etags[-1])
            assert (known.status_code, body) == (304, b"")
        assert len(set(etags)) == 2

    async def test_what_only_claims_to_be_packed_and_what_games_unpack_themselves_stay_as_they_are(
        self, client: httpx.AsyncClient, files: str
    ) -> None:
        for name in ("b/broken.wasm.br", "levels.json.gz"):
            answer, body = await raw(client, files + name, accept_encoding="gzip, br")
            assert "content-encoding" not in answer.headers
            assert body == FILES[name]


class TestKept:
    async def test_files_are_sent_without_asking_the_database_or_the_disk(
        self, client: httpx.AsyncClient, files: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = await client.get(f"{files}small.bin")

        async def never(*_args: object, **_options: object) -> object:
            return pytest.fail("asked again")

        monkeypatch.setattr(Database, "read", never)
        monkeypatch.setattr(Files, "manifest", never)
        monkeypatch.setattr(game_files, "on_thread", never)
        assert (await client.get(f"{files}small.bin")).content == first.content

    async def test_what_was_kept_goes_with_its_game_and_its_version(
        self, client: httpx.AsyncClient, services: Services, game: GameView, files: str, tmp_path: Path
    ) -> None:
        assert (await client.get(f"{files}small.bin")).status_code == 200
        page = tmp_path / "new.html"
        page.write_text("<p>second")
        async with services.files.staging() as staging:
            bundle = await services.catalogue.unpack(page, "html", staging / "unpacked")
            await services.versions.add(game.id, bundle, HOST)
        assert (await client.get(f"{files}small.bin")).status_code == 200
        await services.versions.remove(game.id, 1, HOST)
        assert (await client.get(f"{files}small.bin")).status_code == 404
        again = address(services, await services.catalogue.get(game.id, HOST))
        assert (await client.get(f"{again}index.html")).status_code == 200
        await services.removals.remove(game.id, HOST)
        assert (await client.get(f"{again}index.html")).status_code == 404

    async def test_memory_is_bounded(
        self, client: httpx.AsyncClient, files: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(game_files, "KEPT_BYTES", 150)
        monkeypatch.setattr(game_files, "KEPT", 3)
        kept: list[game_files.GameFiles] = []
        keep = game_files.GameFiles._keep

        def watched(
            self: game_files.GameFiles, key: tuple[str, str, tuple[str, ...]], it: game_files._Prepared
        ) -> None:
            keep(self, key, it)
            kept.append(self)

        monkeypatch.setattr(game_files.GameFiles, "_keep", watched)
        for host in ("a", "b", "c", "d"):
            for name in ("small.bin", "empty.txt", "index.html"):
                assert (await client.get(files + name, headers={"host": host})).status_code == 200
        assert len(kept[-1]._kept) <= 3
        assert kept[-1]._kept_bytes == sum(len(each.body or b"") for each in kept[-1]._kept.values()) <= 150

    async def test_each_origin_has_its_own_policy(self, client: httpx.AsyncClient, files: str) -> None:
        for host in ("one.example", "two.example", "one.example"):
            answer = await client.get(f"{files}small.bin", headers={"host": host})
            assert f"http://{host}{files}" in answer.headers["content-security-policy"]

    async def test_a_host_that_is_none_gets_nothing(self, client: httpx.AsyncClient, files: str) -> None:
        answer = await client.get(f"{files}small.bin", headers={"host": "a; script-src *"})
        assert "script-src *" not in answer.headers["content-security-policy"]
        assert is_sandboxed(answer)


class TestReading:
    async def test_a_file_that_is_not_in_memory_is_read_on_a_thread(
        self, client: httpx.AsyncClient, files: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def unable(*_args: object) -> int:
            raise BlockingIOError

        monkeypatch.setattr("os.preadv", unable, raising=False)
        assert (await client.get(f"{files}sound.ogg")).content == SOUND
        monkeypatch.setattr(reading, "_ONLY_FROM_MEMORY", None)
        assert (await client.get(f"{files}sound.ogg")).content == SOUND

    @pytest.mark.parametrize("name", ["sound.ogg", "b/game.wasm.br"])
    async def test_a_client_that_leaves_is_not_read_for(
        self, app: FastAPI, client: httpx.AsyncClient, files: str, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reading, "PIECE", 1000)
        monkeypatch.setattr(packed, "PIECE", 1000)
        left, sent = asyncio.Event(), []

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if len(sent) == 3:
                left.set()

        path = files + name
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"host", b"test")],
            "server": ("test", 80),
            "client": ("127.0.0.1", 1),
            "state": {},
        }
        await app(scope, receive, send)
        assert sent[0]["status"] == 200
        assert len(sent) < 20
        assert sent[-1].get("more_body")
        assert not [path for path in opened_files() if path.endswith(name)]

    async def test_a_file_that_is_gone_is_not_found(
        self, client: httpx.AsyncClient, services: Services, game: GameView, files: str
    ) -> None:
        (services.settings.data_dir / "games" / game.id / "1" / "files" / "sound.ogg").unlink()
        answer = await client.get(f"{files}sound.ogg")
        assert answer.status_code == 404
        assert is_sandboxed(answer)

    async def test_an_error_that_nobody_expected_is_a_sandboxed_500(
        self, client: httpx.AsyncClient, files: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken(*_args: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(Files, "find", broken)
        answer = await client.get(f"{files}small.bin")
        assert answer.status_code == 500
        assert is_sandboxed(answer)


async def test_a_page_that_opens_deeper_is_led_to(
    client: httpx.AsyncClient, services: Services, make: Factory, tmp_path: Path
) -> None:
    from tests.games.archives import zipped

    source = tmp_path / "game.zip"
    source.write_bytes(zipped({"a b/play.html": b"<p>deep", "a b/x.js": b"1", "readme.txt": b"x"}))
    owner = await make.user()
    async with services.files.staging() as staging:
        bundle = await services.catalogue.unpack(source, "zip", staging / "unpacked", "a b/play.html")
        game = await services.catalogue.create(owner.id, bundle)
    begun = await client.get(address(services, game))
    assert (begun.status_code, begun.headers["location"]) == (307, "a%20b/play.html")
    assert is_sandboxed(begun)
    assert b"deep" in (await client.get(address(services, game), follow_redirects=True)).content
