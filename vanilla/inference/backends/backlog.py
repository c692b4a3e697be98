"""Lines of a stream that have passed and that nobody had to look into yet.

Parsing every event costs more than passing it on, and as a rule the few that tell usage tell everything. The others are
kept, and read when the text turns out to be wanted (the stream broke off), or when there are too many to keep.
"""

LARGEST = 32 * 1024  # bytes that are kept unread; read, their text alone takes a tenth of it
LONGEST_LINE = 16 * 1024 * 1024  # bytes; more without a line end is no event of any model API, and is forgotten


class Backlog:
    """Cuts a stream of bytes into whole lines, wherever its chunks were cut, and keeps them."""

    __slots__ = ("_lines", "_rest", "_rest_size", "_size")

    def __init__(self) -> None:
        self._lines: list[bytes] = []  # whole ones, many in one piece
        self._size = 0
        self._rest: list[bytes] = []  # what came after the last line end
        self._rest_size = 0

    def feed(self, chunk: bytes) -> bytes:
        """The lines that `chunk` completes, in one piece with their ends."""
        end = chunk.rfind(b"\n") + 1
        if not end:
            self._keep(chunk)
            return b""
        lines = chunk if end == len(chunk) else chunk[:end]
        if self._rest:
            lines = b"".join((*self._rest, lines))
            self._rest.clear()
            self._rest_size = 0
        if end < len(chunk):
            self._keep(chunk[end:])
        self._lines.append(lines)
        self._size += len(lines)
        return lines

    @property
    def is_full(self) -> bool:
        """Whether it is time to `take` the lines."""
        return self._size > LARGEST

    def take(self) -> list[bytes]:
        """All lines that were kept, without their ends."""
        lines = b"".join(self._lines).split(b"\n")
        self._lines.clear()
        self._size = 0
        lines.pop()  # nothing, behind the last line end
        return lines

    def _keep(self, part: bytes) -> None:
        self._rest_size += len(part)
        if self._rest_size > LONGEST_LINE:
            self._rest.clear()
        else:
            self._rest.append(part)


def line_at(lines: bytes, place: int) -> bytes:
    """The line around a place, without its end."""
    return lines[lines.rfind(b"\n", 0, place) + 1 : lines.find(b"\n", place)]
