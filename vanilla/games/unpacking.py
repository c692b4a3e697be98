"""A folder that is being filled with a game: what is written is counted and hashed, what is wrong is collected."""

import hashlib
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from vanilla.games import about, covers, inspection, names, packed
from vanilla.games.disk import fullness_told
from vanilla.games.layout import Opening
from vanilla.games.packed import NotPacked, Packed
from vanilla.games.reports import InvalidBundle, Problem
from vanilla.settings import Settings

MB = 1_000_000
LARGEST_OF_A_GAME = 200 * MB  # one file
RATIO_COUNTS_FROM = 20 * MB  # small files that compress well are no bombs
ROOM_CHECKED_EVERY = 4 * MB
_CODE = (".html", ".htm", ".js", ".mjs")
_MODEL_CALLS = (b"/api/inference/", b"vanilla.chat", b"vanilla.stream", b"window.vanilla")


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a game may be once unpacked, in bytes, and how its files may be named."""

    files: int
    total_bytes: int
    file_bytes: int
    path_characters: int = names.LONGEST_NAME
    ratio: int = 100  # of all files to their archive; deflate reaches 1000 on zeros

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        total = settings.max_unpacked_mb * MB
        return cls(
            files=settings.max_game_files,
            total_bytes=total,
            file_bytes=min(total, LARGEST_OF_A_GAME),
            path_characters=settings.max_game_path,
            ratio=settings.max_game_ratio,
        )


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked game in `folder`: regular files only, below names that `names.problem_with` finds good."""

    folder: Path
    entry: str  # the page to open
    files: dict[str, int]  # path from the root, to size in bytes
    digest: str  # hex SHA-256 over names and contents
    title: str  # from meta.json or the page's <title>; may be empty
    description: str  # from meta.json
    tags: list[str]  # from meta.json
    talks: bool  # its pages or scripts call a model
    warnings: list[str] = field(default_factory=list)
    notes: str = ""  # from meta.json: what is new in this version
    cover: dict[str, bytes] = field(default_factory=dict)  # as covers.encoded gives it; empty where it has none
    packed: dict[str, Packed] = field(default_factory=dict)  # files that come compressed

    @property
    def size_bytes(self) -> int:
        return sum(self.files.values())


class TooMuch(Exception):
    """The upload unpacks to more than is possible; the rest of it is not read."""


class Unpacking:
    """A new folder, with what is wrong so far. As a context manager it removes the folder on any error, and raises
    OutOfSpace where the disk was full."""

    def __init__(self, into: Path, limits: Limits, *, archive_bytes: int, check_room: Callable[[], None]) -> None:
        self.into = into
        self.limits = limits
        self.ratio_bytes = max(RATIO_COUNTS_FROM, archive_bytes * limits.ratio)
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.files: dict[str, int] = {}
        self._opening = Opening()
        self._digests: dict[str, bytes] = {}
        self._talks = False
        self._total = 0
        self._check_room = check_room
        self._checked = 0  # bytes that were there when it was last asked

    def __enter__(self) -> "Unpacking":
        with fullness_told():
            self.into.mkdir(parents=True)
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is None:
            return
        shutil.rmtree(self.into, ignore_errors=True)
        if isinstance(error, OSError):
            with fullness_told():
                raise error

    def tell(self, message: str, file: str = "") -> None:
        """One more problem: a sentence, and the file that it is about."""
        self.problems.append(Problem(message, names.shown(file)))

    def open_with(self, opening: Opening) -> None:
        """The page to open, or why there is none."""
        self._opening = opening
        if opening.problem:
            self.problems.append(opening.problem)

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write one file, counting. Raises TooMuch, with the reason among the problems, and what `chunks` raises."""
        path = self.into / name
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        reads_code = name.lower().endswith(_CODE)
        size, tail = 0, b""
        with path.open("xb") as out:
            for chunk in chunks:
                size += len(chunk)
                self._count(len(chunk), size, name)
                digest.update(chunk)
                out.write(chunk)
                if reads_code and not self._talks:
                    seen = tail + chunk
                    self._talks = any(call in seen for call in _MODEL_CALLS)
                    tail = seen[-32:]
        path.chmod(0o644)
        self.files[name] = size
        self._digests[name] = digest.digest()

    def bundle(self) -> Bundle:
        """What has been unpacked. Raises InvalidBundle when anything was wrong with it."""
        entry = self._opening.entry
        if not self.problems and not self.files.get(entry):
            self.tell(f"{names.shown(entry)} is empty.", entry)
        unpacked = {} if self.problems else self._packed()
        if self.problems:
            raise InvalidBundle(self.problems, self._opening.candidates)
        whole = hashlib.sha256()
        for name, digest in sorted(self._digests.items()):
            whole.update(name.encode() + b"\0" + digest)
        said = about.read(self.into, entry)
        self.warnings += said.warnings
        cover = self._cover(said.cover)
        self.warnings += inspection.inspect(self.into, self.files)
        return Bundle(
            folder=self.into,
            entry=entry,
            files=self.files,
            digest=whole.hexdigest(),
            title=said.title,
            description=said.description,
            tags=said.tags,
            talks=self._talks,
            warnings=self.warnings,
            notes=said.notes,
            cover=cover,
            packed=unpacked,
        )

    def _count(self, more: int, size: int, name: str) -> None:
        self._total += more
        if self._total - self._checked >= ROOM_CHECKED_EVERY:
            self._checked = self._total
            self._check_room()
        limits = self.limits
        if size > limits.file_bytes:
            self._stop(f"{names.shown(name)} is larger than {limits.file_bytes // MB} MB.", name)
        if self._total > limits.total_bytes:
            self._stop(f"The game unpacks to more than {limits.total_bytes // MB} MB.")
        if self._total > self.ratio_bytes:
            self._stop(f"The game unpacks to more than {limits.ratio} times the size of its archive.")

    def _stop(self, problem: str, file: str = "") -> None:
        self.tell(problem, file)
        raise TooMuch

    def _packed(self) -> dict[str, Packed]:
        """The files that come compressed, each unpacked once without being kept: a server that sends them to a
        browser that cannot unpack them must know that it ends."""
        found: dict[str, Packed] = {}
        left = self.limits.total_bytes
        for name, stored in self.files.items():
            path = self.into / name
            if (encoding := packed.encoding_of(name, _head(path))) is None:
                continue
            most = min(left, max(RATIO_COUNTS_FROM, stored * self.limits.ratio))
            size = 0
            try:
                for piece in packed.unpacked(path, encoding):
                    size += len(piece)
                    if size > most:
                        self.tell(f"{names.shown(name)} unpacks to more than {most // MB:,} MB.", name)
                        break
                else:
                    found[name] = Packed(encoding, size)
            except NotPacked:
                how = {"br": "Brotli", "gzip": "gzip"}[encoding]
                self.warnings.append(f"{names.shown(name)} is not compressed with {how}, and is sent as it is.")
            left -= size
            if self.problems:
                break
        return found

    def _cover(self, said: str) -> dict[str, bytes]:
        """The picture that meta.json names, or one that is called as covers are."""
        if said and said not in self.files:
            self.warnings.append(f"meta.json names {names.shown(said)} as the cover, which is not in the game.")
        if not (name := covers.name_of(said, self.files)):
            return {}
        try:
            return covers.encoded(self.into / name)
        except covers.NO_PICTURE as error:
            self.warnings.append(f"{names.shown(name)} is not used as the cover. {error.message}")
            return {}


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(packed.MAGIC)
