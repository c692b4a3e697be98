"""Archives that should be refused, one function for each way to make one, and good ones to set beside them."""

import io
import stat
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Mapping

import brotli

Maker = Callable[[], bytes]
PAGE = b"<!doctype html><title>Snail Rally</title><h1>Go</h1>"
REGULAR = stat.S_IFREG | 0o644


def zipped(files: Mapping[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A plain archive of these files."""
    return entries([(name, data, REGULAR) for name, data in files.items()], method=method)


def entries(rows: list[tuple[str, bytes, int]], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of (name, contents, Unix mode), duplicates and all."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a duplicate name
        for name, data, mode in rows:
            info = zipfile.ZipInfo("placeholder")
            info.filename = info.orig_filename = name
            info.external_attr = mode << 16
            archive.writestr(info, data, method)
    return buffer.getvalue()


def named(name: str) -> Maker:
    """A good game beside one file of this name."""
    return lambda: entries([("index.html", PAGE, REGULAR), (name, b"x", REGULAR)])


def of_mode(mode: int, data: bytes = b"/etc/passwd") -> Maker:
    """A good game beside one entry of this Unix mode."""
    return lambda: entries([("index.html", PAGE, REGULAR), ("link", data, mode)])


def both(*names: str) -> Maker:
    """A good game beside files of these names."""
    return lambda: entries([("index.html", PAGE, REGULAR), *((name, b"x", REGULAR) for name in names)])


def good() -> bytes:
    return zipped({"index.html": PAGE, "js/game.js": b"export const a = 1;" * 50})


def with_nul_in_name() -> bytes:
    return good().replace(b"js/game.js", b"js/a\0me.js")


def encrypted() -> bytes:
    return _central_patched(good(), 8, struct.pack("<H", 1))


def patched_data() -> bytes:
    """Flag bit 5, on which zipfile raises NotImplementedError."""
    return _central_patched(good(), 8, struct.pack("<H", 0x20))


def compressed_with(method: int) -> Maker:
    return lambda: zipped({"index.html": PAGE}, method=method)


def truncated() -> bytes:
    data = good()
    return data[: len(data) // 2]


def without_directory() -> bytes:
    data = good()
    return data[: data.index(b"PK\1\2")]


def ends_in_directory() -> bytes:
    return good()[:-10]


def wrong_checksum() -> bytes:
    data = bytearray(zipped({"index.html": PAGE}, method=zipfile.ZIP_STORED))
    data[data.index(b"Snail")] ^= 1
    return bytes(data)


def broken_deflate() -> bytes:
    data = bytearray(good())
    start = data.index(b"js/game.js") + len(b"js/game.js")
    data[start : start + 8] = b"\xff" * 8
    return bytes(data)


def other_name_in_local_header() -> bytes:
    return good().replace(b"js/game.js", b"js/evil.js", 1)


def with_prefix() -> bytes:
    """A GIF in front of the archive: both at once."""
    return b"GIF89a" + bytes(20) + good()


def with_prefix_of_a_zip() -> bytes:
    """The same, with a beginning that looks right."""
    return b"PK\3\4" + bytes(60) + good()


def with_trailer() -> bytes:
    return good() + b"<script>alert(1)</script>"


def with_long_trailer() -> bytes:
    return good() + bytes(70_000)


def overlapping() -> bytes:
    """Two entries that share the bytes of the first (the idea of a zip bomb that needs no nesting)."""
    data = zipped({"index.html": PAGE, "a.bin": b"a" * 1000, "b.bin": b"b" * 1000})
    first, second = data.index(b"PK\3\4", 4), data.index(b"PK\3\4", data.index(b"a.bin"))
    assert first < second
    return data[: data.index(b"PK\1\2")] + data[data.index(b"PK\1\2") :].replace(
        struct.pack("<L", second) + b"b.bin", struct.pack("<L", first) + b"b.bin"
    )


def same_bytes_many_times(count: int = 20, size: int = 1_000_000) -> bytes:
    """The overlap bomb with one name: every entry of the directory points to the same compressed bytes."""
    data = zipped({"index.html": PAGE, "a.bin": bytes(size)})
    start = data.index(b"PK\1\2")
    directory, end = data[start:-22], data[-22:]
    entry = directory[directory.index(b"PK\1\2", 4) :]
    directory += entry * count
    total = 2 + count
    end = struct.pack("<4s4H2LH", end[:4], 0, 0, total, total, len(directory), start, 0)
    return data[:start] + directory + end


def bomb(size: int = 36_000_000) -> bytes:
    """Zeros: a thousandth of their size."""
    return zipped({"index.html": PAGE, **{f"zeros{n}.bin": bytes(size // 3) for n in range(3)}})


def brotli_bomb(size: int = 60_000_000) -> bytes:
    compressor = brotli.Compressor(quality=3)
    piece = bytes(1_000_000)
    pieces: list[bytes] = [compressor.process(piece) for _ in range(size // len(piece))]
    return b"".join([*pieces, compressor.finish()])


def lies_about_size() -> bytes:
    """Declares ten bytes and unpacks to three million."""
    data = zipped({"index.html": PAGE, "zeros.bin": bytes(3_000_000)})
    return data.replace(struct.pack("<L", 3_000_000), struct.pack("<L", 10))


def many_files(count: int) -> Maker:
    return lambda: zipped({"index.html": PAGE, **{f"f/{n}.txt": b"" for n in range(count)}}, method=zipfile.ZIP_STORED)


def many_folders(count: int) -> bytes:
    return zipped({"index.html": PAGE, **{f"f/{n}/": b"" for n in range(count)}}, method=zipfile.ZIP_STORED)


def not_utf8_name() -> bytes:
    return zipped({"index.html": PAGE, "ü.txt": b"x"}).replace("ü".encode(), b"\xff\xfe")


def corrupt_extra_field() -> bytes:
    info = zipfile.ZipInfo("index.html")
    info.extra = struct.pack("<HHQ", 1, 8, 1)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(info, PAGE)
    return buffer.getvalue().replace(struct.pack("<HH", 1, 8), struct.pack("<HH", 1, 99))


def entry_behind_the_end() -> bytes:
    """The directory sends the reader to an offset that the file does not have."""
    return _central_patched(good(), 42, struct.pack("<L", 0x7FFFFFF0))


def directory_size_of_all_ones() -> bytes:
    data = good()
    return data[:-10] + b"\xff" * 8 + data[-2:]


def not_a_zip() -> bytes:
    return b"MZ" + zlib.compress(bytes(1000))


def _central_patched(data: bytes, offset: int, value: bytes) -> bytes:
    """With a field of the last entry of the central directory replaced."""
    at = data.rindex(b"PK\1\2") + offset
    return data[:at] + value + data[at + len(value) :]
