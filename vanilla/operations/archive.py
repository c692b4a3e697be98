"""The file that a backup is: a tar archive, gzipped, that is written and read in one pass.

backup.json                      which Vanilla made it, when, and the revision of its database
games/<game>/<version>/...       as they lie in DATA_DIR (vanilla.games.files)
games/<game>/cover/...
saves/<user>/<game>/<part>       (vanilla.games.parts)
session_secret                   unless SESSION_SECRET is set
vanilla.db
SHA256SUMS                       digest and path of each of the above, in their order, as `sha256sum -c` reads it
"""

import gzip
import hashlib
import io
import json
import os
import re
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from vanilla.durable import make_durable
from vanilla.errors import Invalid

FORMAT = 1
HEADER, DATABASE, SECRET, SUMS = "backup.json", "vanilla.db", "session_secret", "SHA256SUMS"
FOLDERS = ("games", "saves")
PIECE = 256 * 1024  # bytes that are read, hashed and compressed at a time
DURABLE_EVERY = 32 * 1024 * 1024  # bytes: many short waits for the disk leave room for others' between them
LONGEST_NAME = 2000  # characters
LARGEST_HEADER = 10_000  # bytes
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\]")
_REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)

Progress = Callable[[int], object]  # gets the bytes just read


@dataclass(frozen=True, slots=True)
class Header:
    """What an archive says of itself. `size_bytes` is about what it unpacks to."""

    vanilla: str
    revision: str
    created_at: str
    size_bytes: int
    format: int = FORMAT


class Writer:
    """An archive that is being written. Every method blocks, and raises OSError."""

    def __init__(self, file: IO[bytes], sums: IO[bytes], progress: Progress) -> None:
        self._file = file
        self._sums = sums
        self._progress = progress
        self._zipped = gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=1, mtime=0)
        self._tar = tarfile.open(fileobj=self._zipped, mode="w|", bufsize=PIECE)  # noqa: SIM115  (closed by finish)
        self._tar.copybufsize = PIECE  # type: ignore[attr-defined]  # it has no argument for it in every mode
        self._durable = 0

    def add(self, name: str, path: Path) -> None:
        """Put a file in. Nothing is put in where it is not there (FileNotFoundError)."""
        with path.open("rb") as file:
            self._add(name, file, os.fstat(file.fileno()).st_size)

    def add_bytes(self, name: str, data: bytes) -> None:
        """Put in a file with this in it."""
        self._add(name, io.BytesIO(data), len(data))

    def finish(self) -> None:
        """Put in the sums and end it. What is written is on its way to the disk, and not yet safe there."""
        size = self._sums.tell()
        self._sums.seek(0)
        self._put(SUMS, self._sums, size)
        self._tar.close()
        self._zipped.close()
        self._file.flush()

    def close(self) -> None:
        """Let go of what it holds, also where it did not come to its end."""
        with suppress(OSError):
            self._tar.close()
        with suppress(OSError):
            self._zipped.close()

    def _add(self, name: str, file: IO[bytes], size: int) -> None:
        reading = _Hashed(file, size, self._progress)
        self._put(name, reading, size)
        self._sums.write(_sum_line(reading.digest, name))
        if self._file.tell() - self._durable > DURABLE_EVERY:
            self._durable = self._file.tell()
            os.fsync(self._file.fileno())

    def _put(self, name: str, file: Any, size: int) -> None:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        self._tar.addfile(member, file)
        _forget(self._tar)


@contextmanager
def written(target: Path, header: Header, progress: Progress = lambda _read: None) -> Iterator[Writer]:
    """An archive at `target`, which is there once the block has ended, whole and durable, or not at all.

    Only its owner may read it: it holds password hashes and the games' secret. Raises OSError, FileExistsError too.
    """
    draft = target.with_name(f"{target.name}.part")
    if target.exists():
        raise FileExistsError(f"{target} is there already")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file, tempfile.TemporaryFile(dir=target.parent) as sums:
            with closing(Writer(file, sums, progress)) as writer:
                writer.add_bytes(HEADER, json.dumps(asdict(header), indent=2).encode() + b"\n")
                yield writer
                writer.finish()
            os.fsync(file.fileno())
        draft.rename(target)
        make_durable(target.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_header(path: Path) -> Header:
    """What the archive at `path` says of itself. Raises Invalid with a sentence, OSError."""
    with _told(path), gzip.open(path) as zipped, tarfile.open(fileobj=zipped, mode="r|") as tar:
        return _header(tar, path)


def extracted(path: Path, into: Path, progress: Progress = lambda _read: None) -> Header:
    """Unpack all of the archive at `path` into the folder `into`, with every digest compared. Nothing is ever written
    outside of it, and what is written is not yet safe on the disk.

    Raises Invalid with a sentence for an archive that is damaged, cut off or not one of ours; OSError.
    """
    with (
        tempfile.TemporaryFile(dir=into) as sums,
        _told(path),
        gzip.open(path) as zipped,
        tarfile.open(fileobj=zipped, mode="r|", bufsize=PIECE) as tar,
    ):
        header = _header(tar, path, sums)
        while (member := tar.next()) is not None:
            _forget(tar)
            name = _checked(member)
            contents = tar.extractfile(member)
            assert contents is not None  # it is a regular file
            if name == SUMS:
                _compare(sums, contents)
                while zipped.read(PIECE):  # to its end, where gzip compares a sum of its own
                    pass
                return header
            reading = _Hashed(contents, member.size, progress)
            _write(into, name, reading)
            sums.write(_sum_line(reading.digest, name))
    raise Invalid(f"{path} ends too early: it was not written or copied to its end.")


class _Hashed:
    """A file of a known size that is hashed as it is read. One that turns out shorter raises EOFError."""

    def __init__(self, file: IO[bytes], size: int, progress: Progress) -> None:
        self._file = file
        self._left = size
        self._progress = progress
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def read(self, size: int = PIECE) -> bytes:
        data = self._file.read(min(size, self._left))
        if not data and self._left and size:
            raise EOFError
        self._left -= len(data)
        self._hash.update(data)
        self._progress(len(data))
        return data


def _forget(tar: tarfile.TarFile) -> None:
    """The members that it has met: it would keep them all in memory."""
    tar.members.clear()  # type: ignore[attr-defined]


def _sum_line(digest: str, name: str) -> bytes:
    return f"{digest}  {name}\n".encode()


def _header(tar: tarfile.TarFile, path: Path, sums: IO[bytes] | None = None) -> Header:
    first = tar.next()
    contents = tar.extractfile(first) if first is not None and first.name == HEADER and first.type in _REGULAR else None
    if first is None or contents is None or first.size > LARGEST_HEADER:
        raise Invalid(f"{path} is not a backup of Vanilla's.")
    data = contents.read()
    if sums is not None:
        sums.write(_sum_line(hashlib.sha256(data).hexdigest(), HEADER))
    try:
        known = json.loads(data)
        if known["format"] != FORMAT:
            raise Invalid(f"{path} was made by another Vanilla, in a format that this one does not read: upgrade.")
        return Header(str(known["vanilla"]), str(known["revision"]), str(known["created_at"]), int(known["size_bytes"]))
    except (ValueError, LookupError, TypeError):
        raise Invalid(f"{path} is not a backup of Vanilla's.") from None


def _checked(member: tarfile.TarInfo) -> str:
    """The name of a member that may be unpacked. Raises Invalid."""
    name, parts = member.name, member.name.split("/")
    if member.type not in _REGULAR:
        raise Invalid(f"The archive holds something that is no file, {name[:80]!a}: it is not one that Vanilla made.")
    is_known = name in (DATABASE, SECRET, SUMS) or (parts[0] in FOLDERS and len(parts) >= 3)
    if not is_known or _UNSAFE.search(name) or {"", ".", ".."} & set(parts) or len(name) > LONGEST_NAME:
        raise Invalid(f"The archive holds a path that no backup has, {name[:80]!a}: it is not one that Vanilla made.")
    return name


def _write(into: Path, name: str, contents: _Hashed) -> None:
    path = into / name
    mode = 0o600 if name in (DATABASE, SECRET) else 0o666  # the latter as the process's umask has it
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise Invalid(f"The archive holds {name[:80]!a} twice: it is not one that Vanilla made.") from None
    with os.fdopen(descriptor, "wb") as file:
        while data := contents.read():
            file.write(data)


def _compare(ours: IO[bytes], theirs: IO[bytes]) -> None:
    ours.seek(0)
    while True:
        line, said = ours.readline(), theirs.readline(LONGEST_NAME * 4 + 100)
        if line != said:
            name = (line or said).decode(errors="replace").strip().partition("  ")[2]
            raise Invalid(f"The archive is damaged: {name[:80]!a} is not what was backed up.")
        if not line:
            return


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What makes an archive unreadable, as a sentence."""
    try:
        yield
    except gzip.BadGzipFile:
        raise Invalid(f"{path} is not a backup of Vanilla's, or it is damaged.") from None
    except (EOFError, tarfile.TarError, zlib.error, UnicodeError, ValueError, OverflowError):
        raise Invalid(f"{path} is damaged, or it was not copied to its end.") from None
