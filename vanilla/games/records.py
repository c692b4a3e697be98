"""What a game keeps in IndexedDB: bytes by key, as a sequence of segments, each a change to those before it.

    segment = length of the header, 4 bytes, little-endian · header · values, one after the other
    header  = {"prefixes": ["..."], "remove": ["key", ...], "set": [["key", bytes of its value], ...]}

First every key that begins with one of the prefixes is removed, then the keys of `remove`, then `set` is set. So two
browsers that write different records both keep theirs, a small change costs a small file, and the server neither knows
nor reads what databases, stores and structured clones are: that is vanilla-databases.js's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from vanilla.errors import Invalid, TooLarge
from vanilla.games.entries import read_json, units, write_json

LARGEST_HEADER = 8_000_000  # bytes
LONGEST_KEY = 4_000  # UTF-16 code units
MOST_KEYS = 100_000
MOST_PREFIXES = 100
_PIECE = 999_999  # bytes; thirds, so that each piece is whole in base64


@dataclass(frozen=True, slots=True)
class Segment:
    """A header, and where in its file the values begin."""

    prefixes: list[str]
    remove: list[str]
    set: list[tuple[str, int]]
    start: int

    @property
    def end(self) -> int:
        return self.start + sum(size for _, size in self.set)


@dataclass(frozen=True, slots=True)
class Value:
    """Where the bytes of a key are."""

    file: IO[bytes]
    start: int
    size: int


def checked(file: IO[bytes], size: int) -> Segment:
    """The segment that a file of `size` bytes is. Raises Invalid."""
    file.seek(0)
    length = int.from_bytes(file.read(4), "little")
    if not 2 <= length <= min(LARGEST_HEADER, size - 4):
        raise _not_a_segment()
    header = read_json(file.read(length))
    if not isinstance(header, dict) or not header.keys() <= {"prefixes", "remove", "set"}:
        raise _not_a_segment()
    prefixes, remove, pairs = header.get("prefixes", []), header.get("remove", []), header.get("set", [])
    if not all(isinstance(part, list) for part in (prefixes, remove, pairs)):
        raise _not_a_segment()
    if not all(_is_pair(pair) for pair in pairs) or not all(_is_key(key) for key in (*prefixes, *remove)):
        raise _not_a_segment()
    if len(prefixes) > MOST_PREFIXES:
        raise _not_a_segment()
    segment = Segment(prefixes, remove, [(key, size) for key, size in pairs], 4 + length)
    if segment.end != size:
        raise _not_a_segment()
    return segment


def live(files: Iterable[IO[bytes]]) -> dict[str, Value]:
    """What is there after all the segments in these files, the oldest first; those written by us are not checked."""
    values: dict[str, Value] = {}
    for file in files:
        file.seek(0)
        length = int.from_bytes(file.read(4), "little")
        header = read_json(file.read(length))
        for prefix in header.get("prefixes", []):
            for key in [key for key in values if key.startswith(prefix)]:
                del values[key]
        for key in header.get("remove", []):
            values.pop(key, None)
        start = 4 + length
        for key, size in header.get("set", []):
            values[key] = Value(file, start, size)
            start += size
    return values


def check_size(values: Mapping[str, Value], most_bytes: int) -> None:
    """Raises TooLarge."""
    size = sum(units(key) + value.size for key, value in values.items())
    if size > most_bytes or len(values) > MOST_KEYS:
        raise TooLarge(
            f"The {most_bytes // 1_000_000:,} MB (in {MOST_KEYS:,} records at most) that a game may keep for you in "
            "IndexedDB are used up. What it stored last is not saved."
        )


def written(values: Mapping[str, Value]) -> Iterator[bytes]:
    """One segment that sets all of this, in pieces."""
    yield head([(key, value.size) for key, value in values.items()])
    for value in values.values():
        yield from pieces(value)


def head(pairs: Sequence[tuple[str, int]]) -> bytes:
    """The beginning of a segment that sets these keys; their values follow."""
    header = write_json({"set": pairs})
    return len(header).to_bytes(4, "little") + header


def pieces(value: Value) -> Iterator[bytes]:
    """The bytes of a value."""
    value.file.seek(value.start)
    left = value.size
    while left > 0:
        piece = value.file.read(min(_PIECE, left))
        if not piece:
            raise EOFError(f"a part of a save ends early: {getattr(value.file, 'name', '')}")
        left -= len(piece)
        yield piece


def streamed(paths: Iterable[Path]) -> Iterator[bytes]:
    """Files one after the other, in pieces."""
    for path in paths:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece


def _is_key(value: Any) -> bool:
    return isinstance(value, str) and units(value) <= LONGEST_KEY


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_key(value[0]) and type(value[1]) is int and value[1] >= 0


def _not_a_segment() -> Invalid:
    return Invalid("The change to the databases cannot be read.")
