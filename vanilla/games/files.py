"""Where the files of games lie: one small interface, so that another kind of store can take its place.

DATA_DIR/staging/<random>/          uploads on their way; emptied at start
DATA_DIR/games/<game>/<version>/    published by one rename, never changed afterwards
    manifest.json                   {"entry": ..., "files": {name: size}, "packed": {name: [encoding, size]}}
    files/...
DATA_DIR/games/<game>/cover/        card.webp and page.webp, where a cover was uploaded
"""

import asyncio
import json
import shutil
import uuid
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from vanilla.durable import make_durable
from vanilla.errors import NotFound, OutOfSpace
from vanilla.games import names
from vanilla.games.content_types import content_type
from vanilla.games.disk import fullness_told
from vanilla.games.packed import SUFFIXES, Packed, inner
from vanilla.settings import Settings

P = ParamSpec("P")
T = TypeVar("T")

MB = 1_000_000
CACHED_MANIFESTS = 256


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a published version; `size` in bytes. Its type is that of its contents once unpacked."""

    path: Path
    name: str
    size: int
    content_type: str
    packed: Packed | None = None  # how it is compressed, where a browser is to unpack it


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a version consists of: the page that opens, every file's name with its size in bytes, and those files that
    come compressed."""

    entry: str
    files: Mapping[str, int]
    packed: Mapping[str, Packed] = field(default_factory=dict)


class Files:
    """The store in `settings.data_dir`. Made without touching the disk; `open()` before use."""

    def __init__(self, settings: Settings) -> None:
        self._games = settings.data_dir / "games"
        self._staging = settings.data_dir / "staging"
        self._min_free = settings.min_free_disk_mb * MB
        self._manifests: OrderedDict[tuple[str, int], Manifest] = OrderedDict()

    def open(self) -> None:
        """Make the folders and remove what an earlier process left half done. Blocks."""
        if self._staging.exists():
            shutil.rmtree(self._staging)
        for folder in (self._staging, self._games):
            folder.mkdir(parents=True, exist_ok=True)

    def check_room(self, more_bytes: int = 0) -> None:
        """Raises OutOfSpace when less than MIN_FREE_DISK_MB would be left after writing that much."""
        free = shutil.disk_usage(self._games).free
        if free - more_bytes < self._min_free:
            raise OutOfSpace(
                f"The host's disk is nearly full: {free // MB:,} MB are free and {self._min_free // MB:,} MB are kept "
                "free. Uploads work again once the host has made room."
            )

    @asynccontextmanager
    async def staging(self) -> AsyncIterator[Path]:
        """A new, empty folder of one's own, gone afterwards with what is still in it. Raises OutOfSpace."""
        self.check_room()
        folder = self._staging / uuid.uuid4().hex
        try:
            with fullness_told():
                await on_thread(folder.mkdir)
            yield folder
        finally:
            await on_thread(shutil.rmtree, folder, ignore_errors=True)

    async def publish(self, game_id: str, version: int, unpacked: Path, manifest: Manifest) -> None:
        """Move an unpacked folder, which lies in staging, to its place: durable, and all of it or nothing.

        Raises FileExistsError for a version that is there already, OutOfSpace.
        """
        with fullness_told():
            await on_thread(self._publish, game_id, version, unpacked, manifest)

    async def remove_version(self, game_id: str, version: int) -> None:
        """Remove a version's files; nothing happens when there are none."""
        self._manifests.pop((game_id, version), None)
        await on_thread(self._discard, self._folder(game_id, version))

    async def remove_game(self, game_id: str) -> None:
        """Remove everything of a game; nothing happens when there is nothing."""
        for key in [key for key in self._manifests if key[0] == game_id]:
            del self._manifests[key]
        await on_thread(self._discard, self._game(game_id))

    async def manifest(self, game_id: str, version: int) -> Manifest:
        """What a version consists of. Raises NotFound."""
        key = (game_id, version)
        if (known := self._manifests.get(key)) is None:
            known = await on_thread(self._read_manifest, game_id, version)
            self._manifests[key] = known
            if len(self._manifests) > CACHED_MANIFESTS:
                self._manifests.popitem(last=False)
        else:
            self._manifests.move_to_end(key)
        return known

    def knows(self, game_id: str, version: int) -> bool:
        """Whether the version's manifest is in memory, and so its files are there."""
        return (game_id, version) in self._manifests

    async def find(self, game_id: str, version: int, name: str) -> StoredFile:
        """A file of a version by its exact name, percent-decoded once; `""` is the page that opens. Raises NotFound.

        The name is looked up in the manifest and never resolved on the disk, so no name leads anywhere else.
        """
        manifest = await self.manifest(game_id, version)
        wanted = names.composed(name) or manifest.entry
        if wanted not in manifest.files:
            # Some builds hold only x.wasm.gz, ask for x.wasm, and rely on the server to know.
            found = (wanted + suffix for suffix in SUFFIXES if wanted + suffix in manifest.packed)
            if (wanted := next(found, "")) == "":
                raise NotFound("The game has no such file.")
        path = self._folder(game_id, version) / "files" / wanted
        how = manifest.packed.get(wanted)
        return StoredFile(path, wanted, manifest.files[wanted], content_type(inner(wanted) if how else wanted), how)

    async def save_cover(self, game_id: str, images: Mapping[str, bytes]) -> None:
        """Keep the images of a cover, by file name, in the place of an earlier one. Raises OutOfSpace."""
        with fullness_told():
            await on_thread(self._save_cover, game_id, images)

    async def cover(self, game_id: str, name: str) -> bytes:
        """An image of a game's cover. Raises NotFound."""
        try:
            return await on_thread((self._game(game_id) / "cover" / Path(name).name).read_bytes)
        except FileNotFoundError:
            raise NotFound("This game has no cover of its own.") from None

    async def versions(self) -> dict[str, list[int]]:
        """The published versions of every game, as they lie on the disk."""
        return await on_thread(self._versions)

    def _game(self, game_id: str) -> Path:
        if not (game_id.isascii() and game_id.isalnum()):
            raise NotFound("There is no such game.")
        return self._games / game_id

    def _folder(self, game_id: str, version: int) -> Path:
        return self._game(game_id) / str(int(version))

    def _publish(self, game_id: str, version: int, unpacked: Path, manifest: Manifest) -> None:
        staged = self._staging / uuid.uuid4().hex
        try:
            staged.mkdir()
            unpacked.rename(staged / "files")
            (staged / "manifest.json").write_text(_written(manifest), encoding="utf-8")
            make_durable(staged, *staged.rglob("*"))
            place = self._folder(game_id, version)
            place.parent.mkdir(exist_ok=True)
            if place.exists():
                raise FileExistsError(place)
            staged.rename(place)
            make_durable(place.parent, self._games)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise

    def _save_cover(self, game_id: str, images: Mapping[str, bytes]) -> None:
        staged, place = self._staging / uuid.uuid4().hex, self._game(game_id) / "cover"
        try:
            staged.mkdir()
            for name, data in images.items():
                (staged / name).write_bytes(data)
            make_durable(staged, *staged.iterdir())
            place.parent.mkdir(exist_ok=True)
            self._discard(place)
            staged.rename(place)
            make_durable(place.parent)
        except BaseException:
            shutil.rmtree(staged, ignore_errors=True)
            raise

    def _discard(self, folder: Path) -> None:
        """Out of its place by one rename, so that nobody sees it half removed; then off the disk."""
        gone = self._staging / uuid.uuid4().hex
        with suppress(FileNotFoundError):
            folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def _read_manifest(self, game_id: str, version: int) -> Manifest:
        try:
            data = json.loads((self._folder(game_id, version) / "manifest.json").read_bytes())
        except FileNotFoundError:
            raise NotFound("The files of this game are not there any more.") from None
        packed = {name: Packed(*how) for name, how in data.get("packed", {}).items()}
        return Manifest(data["entry"], data["files"], packed)

    def _versions(self) -> dict[str, list[int]]:
        return {
            game.name: sorted(int(folder.name) for folder in game.iterdir() if folder.name.isdecimal())
            for game in self._games.iterdir()
            if game.is_dir()
        }


async def on_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """`asyncio.to_thread`, brought to its end: nothing goes on writing behind the back of a cancelled caller."""
    return await to_its_end(asyncio.to_thread(work, *args, **kwargs))


async def to_its_end(change: Coroutine[Any, Any, T]) -> T:
    """Run a change in a task of its own. A caller who is cancelled still waits for its end, whichever that is."""
    task = asyncio.ensure_future(change)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


def _written(manifest: Manifest) -> str:
    packed = {name: [how.encoding, how.size] for name, how in manifest.packed.items()}
    return json.dumps({"entry": manifest.entry, "files": dict(manifest.files), "packed": packed}, ensure_ascii=False)
