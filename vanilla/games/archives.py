"""Reading a zip that may be hostile: its entries with all that is wrong with each, and their bytes, counted.

CPython's `zipfile` rewrites bad names in silence, lists millions of entries without a limit and does not see entries
that share their bytes. So the directory is measured before it is parsed, and every entry judged before it is read.
"""

import contextlib
import errno
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from vanilla.games import names

CHUNK = 256 * 1024
# Everything that zipfile is known to raise on a damaged or crafted archive.
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    NotImplementedError,
    RuntimeError,  # encrypted; RecursionError too
    LookupError,
    ValueError,  # a seek to nowhere; UnicodeDecodeError too
    OverflowError,
)

_END = struct.Struct("<4s4H2LH")  # end of central directory, APPNOTE 4.3.16
_END_LOCATOR_64 = struct.Struct("<4sLQL")  # 4.3.15
_END_64 = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_CENTRAL_SIZE = 46  # fixed part of an entry in the directory, 4.3.12
_LOCAL = struct.Struct("<4s5H3L2H")  # header before an entry's bytes, 4.3.7
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # flags, 4.4.4
_UTF8_NAME = 0x800


class BadArchive(Exception):
    """Not a zip that can be read; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or folder of the archive. `name` is composed (NFC) and else as the archive has it, without a last `/`."""

    name: str
    is_folder: bool
    problem: str | None  # why it is refused, as the end of a sentence
    info: zipfile.ZipInfo  # its sizes are what the archive declares


class Archive:
    """A zip opened for reading; use as a context manager. `entries` are in the archive's order.

    Raises BadArchive when it is not a zip, is truncated, has anything before or behind it, or has more than
    `most_entries` files and folders.
    """

    def __init__(self, source: Path, most_entries: int, longest_name: int = names.LONGEST_NAME) -> None:
        self._file: BinaryIO = source.open("rb")
        try:
            directory = _measure(self._file, source.stat().st_size, most_entries)
            self._zip = _opened(self._file)
            overlaps = self._overlaps(directory)
            self.entries = [
                _entry(info, longest_name, overlaps.get(info.header_offset)) for info in self._zip.infolist()
            ]
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_error: object) -> None:
        self._zip.close()
        self._file.close()

    def read(self, entry: Entry) -> Iterator[bytes]:
        """The bytes of an entry, at most CHUNK at a time, however many it declares. Raises BadArchive."""
        try:
            with self._zip.open(entry.info) as stream:
                while data := stream.read(CHUNK):
                    yield data
        except DAMAGED as error:
            raise BadArchive("is damaged: it does not unpack to what the archive promises") from error
        except OSError as error:
            if error.errno != errno.EINVAL:  # a seek to nowhere
                raise
            raise BadArchive("is damaged: its place in the archive does not exist") from error

    def _overlaps(self, directory: int) -> dict[int, str]:
        """Offsets of entries whose bytes also belong to another entry or to the directory, which begins there."""
        found: dict[int, str] = {}
        reason = "shares its bytes with another file of the archive"
        end = 0
        for info in sorted(self._zip.infolist(), key=lambda each: each.header_offset):
            self._file.seek(max(0, info.header_offset))
            header = self._file.read(_LOCAL.size)
            if info.header_offset < 0 or len(header) < _LOCAL.size or not header.startswith(b"PK\3\4"):
                found[info.header_offset] = "is damaged: its place in the archive does not exist"
                continue
            *_, name_length, extra_length = _LOCAL.unpack(header)
            if info.header_offset < end:
                found[info.header_offset] = reason
            end = max(end, info.header_offset + _LOCAL.size + name_length + extra_length + info.compress_size)
            if end > directory:
                found[info.header_offset] = reason
        return found


def _measure(file: BinaryIO, size: int, most_entries: int) -> int:
    """Where the central directory begins, after checking that it ends the file and is not too long to be parsed."""
    if file.read(4) not in (b"PK\3\4", b"PK\5\6"):
        raise BadArchive("This is not a zip archive: it must begin with PK.")
    tail_at = max(0, size - _END.size - 0xFFFF)
    file.seek(tail_at)
    tail = file.read()
    found = tail.rfind(b"PK\5\6")
    if found < 0 or len(tail) - found < _END.size:
        raise BadArchive("The zip archive is cut short: its directory at the end is missing.")
    length: int
    start: int
    *_, length, start, comment = _END.unpack_from(tail, found)
    end = tail_at + found
    if end + _END.size + comment != size:
        raise BadArchive("There is more in the file behind the end of the zip archive.")
    locator = max(0, end - _END_LOCATOR_64.size)
    file.seek(locator)
    if file.read(4) == b"PK\6\7":
        end = max(0, locator - _END_64.size)
        file.seek(end)
        record = file.read(_END_64.size)
        if len(record) < _END_64.size or not record.startswith(b"PK\6\6"):
            raise BadArchive("The zip archive is damaged: its directory at the end cannot be read.")
        *_, length, start = _END_64.unpack(record)
    if start + length != end:
        raise BadArchive("The zip archive is cut short or damaged: its directory is not where it should be.")
    file.seek(start)
    if _entries(file.read(min(length, most_entries * 2048)), most_entries) > most_entries or (
        length > most_entries * 2048
    ):
        raise BadArchive(f"The archive has more than {most_entries:,} files and folders.")
    return start


def _entries(directory: bytes, most: int) -> int:
    """How many entries a central directory has; counting ends above `most`."""
    count = at = 0
    while directory.startswith(b"PK\1\2", at) and len(directory) - at >= _CENTRAL_SIZE and count <= most:
        at += _CENTRAL_SIZE + sum(struct.unpack_from("<3H", directory, at + 28))
        count += 1
    return count


def _opened(file: BinaryIO) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except UnicodeDecodeError as error:
        raise BadArchive("The zip archive is damaged: the name of a file in it is not valid UTF-8.") from error
    except (*DAMAGED, OSError) as error:
        raise BadArchive("The zip archive is damaged: its directory cannot be read.") from error


def _entry(info: zipfile.ZipInfo, longest_name: int, overlap: str | None) -> Entry:
    raw = _name(info)
    is_folder = raw.endswith("/") and len(raw) > 1
    name = raw[:-1] if is_folder else raw
    problem = names.problem_with(name, longest_name) or _problem(info, is_folder) or overlap
    return Entry(name, is_folder, problem, info)


def _name(info: zipfile.ZipInfo) -> str:
    """The name as it stands in the archive. `filename` is no good for that: zipfile has cut it at a NUL."""
    name = info.orig_filename
    if not info.flag_bits & _UTF8_NAME and not name.isascii():
        # macOS writes UTF-8 without saying so, which reads as code page 437.
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return names.composed(name)


def _problem(info: zipfile.ZipInfo, is_folder: bool) -> str | None:
    """Why an entry of a good name is refused. Only regular files are: the mode is Unix's, 0 where there is none."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "is a symbolic link; only regular files are possible"
    if kind not in (0, stat.S_IFREG) and not (is_folder and kind == stat.S_IFDIR):
        return "is not a regular file"
    if is_folder and info.file_size:
        return "is named like a folder and has contents"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed in a way that is not supported; use deflate"
    return None
