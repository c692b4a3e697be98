"""Files that are compressed already, as builds of Unity and other engines are: which, how, and their bytes unpacked.

A browser unpacks them itself where Content-Encoding says so; Brotli it takes over https and from localhost only, so
elsewhere the server does it. What claims to be compressed is unpacked once at upload, counted, to know that it can be.
"""

import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, Protocol

import brotli

Encoding = Literal["br", "gzip"]
PIECE = 256 * 1024  # bytes
MAGIC = 64  # bytes of a file's beginning that `encoding_of` looks at
SUFFIXES: dict[str, Encoding] = {".br": "br", ".gz": "gzip"}
# Inside .gz only what an engine's loader leaves to the server; games unpack other .gz files themselves.
_GZIPPED = (".js", ".mjs", ".wasm", ".data", ".symbols.json", ".mem", ".pck", ".unityweb")
_PAGES = (".html", ".htm", ".xhtml", ".svg")  # never: they would be pages without the SDK
_UNITY_BROTLI = b"UnityWeb Compressed Content (brotli)"  # a comment that Unity puts first


class NotPacked(Exception):
    """The file does not unpack."""


@dataclass(frozen=True, slots=True)
class Packed:
    """How a file is compressed, and its size in bytes once unpacked."""

    encoding: Encoding
    size: int


def encoding_of(name: str, head: bytes) -> Encoding | None:
    """How a file is compressed, by its name and its first MAGIC bytes; None where it is to be sent as it is."""
    lower = name.lower()
    inside = inner(lower)
    if lower.endswith(".unityweb"):
        if head.startswith(b"\x1f\x8b"):
            return "gzip"
        return "br" if _UNITY_BROTLI in head[:MAGIC] else None
    if lower.endswith(".br") and PurePosixPath(inside).suffix and not inside.endswith(_PAGES):
        return "br"
    return "gzip" if lower.endswith(".gz") and inside.endswith(_GZIPPED) else None


def inner(name: str) -> str:
    """The name of what is packed: `game.wasm` of `game.wasm.br`."""
    return name[: -len(suffix)] if (suffix := PurePosixPath(name).suffix) else name


def unpacked(path: Path, encoding: Encoding) -> Generator[bytes]:
    """The file's bytes as they were before, in pieces of about PIECE. Blocks. Raises NotPacked."""
    stream: _Stream = _Brotli() if encoding == "br" else _Gzip()
    with path.open("rb") as file:
        while data := file.read(PIECE):
            yield from stream.feed(data)
    if not stream.is_finished:
        raise NotPacked


class _Stream(Protocol):
    @property
    def is_finished(self) -> bool: ...

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Brotli:
    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()

    @property
    def is_finished(self) -> bool:
        finished: bool = self._decompressor.is_finished()
        return finished

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self.is_finished:
            raise NotPacked  # there is more behind its end
        try:
            while not self.is_finished:
                piece = self._decompressor.process(data, output_buffer_limit=PIECE)
                data = b""
                if not piece:  # it has given what it could: can_accept_more_data() is true before that too
                    return
                yield piece
        except brotli.error as error:
            raise NotPacked from error


class _Gzip:
    """One member or several, one behind the other (RFC 1952, 2.2)."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def is_finished(self) -> bool:
        return self._member.eof

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                if self._member.eof:
                    self._member = zlib.decompressobj(wbits=31)
                if piece := self._member.decompress(data, PIECE):
                    yield piece
                data = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        except zlib.error as error:
            raise NotPacked from error
