import asyncio
import errno
from pathlib import Path

import pytest

from vanilla.errors import NotFound, OutOfSpace
from vanilla.games import files as files_module
from vanilla.games.files import Files, Manifest, on_thread
from vanilla.games.packed import Packed
from vanilla.settings import Settings


@pytest.fixture
def files(settings: Settings) -> Files:
    files = Files(settings)
    files.open()
    return files


async def published(
    files: Files, contents: dict[str, str] | None = None, *, game_id: str = "abc", version: int = 1
) -> None:
    contents = contents or {"index.html": "<p>"}
    async with files.staging() as staging:
        unpacked = staging / "unpacked"
        for name, text in contents.items():
            (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
            (unpacked / name).write_text(text)
        sizes = {name: len(text.encode()) for name, text in contents.items()}
        await files.publish(game_id, version, unpacked, Manifest(next(iter(contents)), sizes))


def left(settings: Settings, folder: str = "staging") -> list[Path]:
    return list((settings.data_dir / folder).rglob("*"))


async def test_a_file_is_found_by_its_exact_name(files: Files) -> None:
    await published(files, {"index.html": "<p>ü", "js/a b.mjs": "x", "100%25.txt": "y"})
    found = await files.find("abc", 1, "js/a b.mjs")
    assert (found.path.read_text(), found.size, found.content_type) == ("x", 1, "text/javascript; charset=utf-8")
    assert (await files.find("abc", 1, "")).name == "index.html"
    assert (await files.find("abc", 1, "index.html")).size == 5
    assert (await files.find("abc", 1, "100%25.txt")).size == 1


@pytest.mark.parametrize(
    "name",
    [
        *("../manifest.json", "../../abc/1/files/index.html", "./index.html", "/index.html", "INDEX.HTML", "js", "js/"),
        *("js//a.js", "js/../index.html", "index.html\0", "%2e%2e/manifest.json", "manifest.json", "/etc/passwd"),
    ],
)
async def test_a_name_that_is_not_in_the_manifest_leads_nowhere(files: Files, name: str) -> None:
    await published(files, {"index.html": "<p>", "js/a.js": "x"})
    with pytest.raises(NotFound):
        await files.find("abc", 1, name)


@pytest.mark.parametrize("game_id", ["../games/abc", "..", "", "a/b", "ü"])
async def test_an_id_that_is_none_leads_nowhere(files: Files, game_id: str) -> None:
    await published(files)
    with pytest.raises(NotFound):
        await files.find(game_id, 1, "index.html")


async def test_a_name_is_found_however_its_letters_are_composed(files: Files) -> None:
    await published(files, {"index.html": "<p>", "\u00e9.txt": "x"})
    assert (await files.find("abc", 1, "e\u0301.txt")).path.read_text() == "x"


async def test_the_manifest_is_read_once(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    await published(files)
    reads: list[tuple[str, int]] = []
    read = Files._read_manifest

    def counted(self: Files, game_id: str, version: int) -> Manifest:
        reads.append((game_id, version))
        return read(self, game_id, version)

    monkeypatch.setattr(Files, "_read_manifest", counted)
    monkeypatch.setattr(files_module, "CACHED_MANIFESTS", 1)
    await files.find("abc", 1, "index.html")
    await files.find("abc", 1, "index.html")
    assert reads == [("abc", 1)]
    await published(files, game_id="other")
    await files.find("other", 1, "")
    await files.find("abc", 1, "")
    assert reads == [("abc", 1), ("other", 1), ("abc", 1)]


async def test_a_version_is_published_once_and_never_changed(files: Files, settings: Settings) -> None:
    await published(files, {"index.html": "first"})
    with pytest.raises(FileExistsError):
        await published(files, {"index.html": "second"})
    assert (await files.find("abc", 1, "")).path.read_text() == "first"
    await published(files, {"index.html": "second"}, version=2)
    assert (await files.find("abc", 2, "")).path.read_text() == "second"
    assert await files.versions() == {"abc": [1, 2]}
    assert left(settings) == []


async def test_what_was_removed_is_not_found_any_more(files: Files, settings: Settings) -> None:
    for version in (1, 2):
        await published(files, version=version)
        await files.find("abc", version, "")
    await files.save_cover("abc", {"card.webp": b"x"})
    await files.remove_version("abc", 1)
    with pytest.raises(NotFound):
        await files.find("abc", 1, "")
    await files.find("abc", 2, "")
    await files.remove_game("abc")
    with pytest.raises(NotFound):
        await files.find("abc", 2, "")
    await files.remove_game("abc")
    assert left(settings, "games") == left(settings) == []


async def test_a_cover_takes_the_place_of_the_one_before(files: Files, settings: Settings) -> None:
    with pytest.raises(NotFound):
        await files.cover("abc", "card.webp")
    await files.save_cover("abc", {"card.webp": b"old", "page.webp": b"old"})
    await files.save_cover("abc", {"card.webp": b"new"})
    assert await files.cover("abc", "card.webp") == b"new"
    with pytest.raises(NotFound):
        await files.cover("abc", "page.webp")
    assert left(settings) == []


async def test_staging_is_gone_whatever_happened(files: Files, settings: Settings) -> None:
    async def upload() -> None:
        async with files.staging() as staging:
            (staging / "deep" / "er").mkdir(parents=True)
            raise RuntimeError("it broke")

    with pytest.raises(RuntimeError, match="broke"):
        await upload()
    assert left(settings) == []


async def test_a_cancelled_upload_waits_for_its_thread_and_leaves_nothing(files: Files, settings: Settings) -> None:
    import threading

    started, may_end, ended = asyncio.Event(), threading.Event(), []
    loop = asyncio.get_running_loop()

    def work(folder: Path) -> None:
        loop.call_soon_threadsafe(started.set)
        may_end.wait(10)
        (folder / "late").write_text("x")
        ended.append(True)

    async def upload() -> None:
        async with files.staging() as staging:
            await on_thread(work, staging)

    task = asyncio.create_task(upload())
    await started.wait()
    task.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]
    assert left(settings) == []


def test_what_a_dead_server_left_in_staging_goes_at_start(settings: Settings) -> None:
    leftover = settings.data_dir / "staging" / "dead" / "index.html"
    leftover.parent.mkdir(parents=True)
    leftover.write_text("x")
    kept = settings.data_dir / "games" / "abc" / "1" / "manifest.json"
    kept.parent.mkdir(parents=True)
    kept.write_text("{}")
    Files(settings).open()
    assert left(settings) == []
    assert kept.exists()


async def test_uploads_need_free_disk(settings: Settings) -> None:
    files = Files(settings.model_copy(update={"min_free_disk_mb": 10**9}))
    files.open()
    with pytest.raises(OutOfSpace, match="disk is nearly full"):
        async with files.staging():
            pass
    assert left(settings) == []


async def test_a_failed_publication_leaves_nothing(
    files: Files, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("os.fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        await published(files)
    assert left(settings) == left(settings, "games") == []


async def test_files_that_come_compressed_are_found_by_both_names(files: Files, settings: Settings) -> None:
    how = {"b/g.wasm.br": Packed("br", 500), "only.data.gz": Packed("gzip", 70)}
    async with files.staging() as staging:
        (staging / "unpacked" / "b").mkdir(parents=True)
        manifest = Manifest("index.html", {"index.html": 3, "b/g.wasm.br": 20, "only.data.gz": 9, "x.js.gz": 4}, how)
        await files.publish("abc", 1, staging / "unpacked", manifest)
    again = Files(settings)  # reads the manifest from the disk
    for name in ("b/g.wasm.br", "b/g.wasm"):
        found = await again.find("abc", 1, name)
        assert (found.name, found.size, found.content_type) == ("b/g.wasm.br", 20, "application/wasm")
        assert found.packed == Packed("br", 500)
    assert (await again.find("abc", 1, "x.js.gz")).packed is None
    with pytest.raises(NotFound):
        await again.find("abc", 1, "x.js")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_a_disk_that_is_full_at_publication_is_told_and_leaves_nothing(
    files: Files, settings: Settings, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(number, "full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutOfSpace, match="nothing of this upload was kept"):
        await published(files)
    with pytest.raises(OutOfSpace):
        await files.save_cover("abc", {"card.webp": b"x"})
    assert left(settings) == left(settings, "games") == []
