"""Reading a multipart form as it streams in: files go to disk at once, small fields are kept."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from vanilla.errors import BadRequest, Invalid, TooLarge
from vanilla.games.disk import fullness_told
from vanilla.games.files import on_thread

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MB = 1_000_000
AT_ONCE = 1_000_000  # bytes parsed and written in one go on a thread
LARGEST_FIELDS = 64_000  # bytes, all fields together
MOST_PARTS = 50


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of the form, on disk."""

    path: Path
    filename: str  # as the client calls it; never a path to write to
    size: int


@dataclass(slots=True)
class Upload:
    """A form: its files by field, and every value of its other fields."""

    files: dict[str, UploadedFile] = field(default_factory=dict)
    fields: dict[str, list[str]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The value of a field, the last one if it was sent more than once, or ""."""
        return self.fields.get(name, [""])[-1]


async def receive(request: Request, into: Path, files: Mapping[str, int], check_room: Callable[[], None]) -> Upload:
    """Read the request's form. `files` names the fields that are files, the main one first, with the largest size
    of each in bytes. `check_room` is asked again and again, and raises when the disk has too little left.

    Raises TooLarge, at once where Content-Length says so; BadRequest for a form that cannot be read or ends early;
    Invalid for one that has a field twice that may be there once; OutOfSpace. What was written stays in `into`.
    """
    media_type, options = parse_options_header(request.headers.get("content-type"))
    if media_type != b"multipart/form-data" or not options.get(b"boundary"):
        raise BadRequest("Send the game as multipart/form-data, with the archive in the field named file.")
    largest = sum(files.values()) + LARGEST_FIELDS + MOST_PARTS * 10_000
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > largest:
        raise _too_large("The upload", next(iter(files.values())))
    form = _Form(options[b"boundary"], into, files)
    waiting, received = bytearray(), 0
    try:
        async for chunk in request.stream():
            waiting += chunk
            received += len(chunk)
            if received > largest:
                raise _too_large("The upload", next(iter(files.values())))
            if len(waiting) >= AT_ONCE:
                check_room()
                await on_thread(form.parse, bytes(waiting))
                waiting.clear()
        await on_thread(form.parse, bytes(waiting))
    except ClientDisconnect:
        raise BadRequest("The upload ended before it was complete.") from None
    finally:
        form.close()
    if not form.is_complete:
        raise BadRequest("The upload ended before it was complete.")
    return form.upload


class _Form:
    """The parser's callbacks, which all run on the thread that parses."""

    def __init__(self, boundary: bytes, into: Path, files: Mapping[str, int]) -> None:
        self.upload = Upload()
        self.is_complete = False
        self._into = into
        self._largest = files
        self._parts = 0
        self._field_bytes = 0
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._name = ""
        self._filename: str | None = None
        self._data = bytearray()
        self._size = 0
        self._out: BinaryIO | None = None
        callbacks: MultipartCallbacks = {
            "on_part_begin": self._part_begins,
            "on_header_begin": self._header_begins,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._headers_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_ends,
            "on_end": self._form_ends,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)
        except FormParserError:
            raise BadRequest("The form cannot be read: its boundary is not valid.") from None

    def parse(self, data: bytes) -> None:
        try:
            with fullness_told():
                self._parser.write(data)
        except FormParserError:
            raise BadRequest("The form cannot be read: it is not valid multipart/form-data.") from None

    def close(self) -> None:
        if self._out is not None:
            out, self._out = self._out, None
            with fullness_told():  # what was still buffered
                out.close()

    def _part_begins(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise Invalid(f"The form has more than {MOST_PARTS} fields.")
        self._disposition, self._size, self._data = b"", 0, bytearray()

    def _header_begins(self) -> None:
        self._header = self._value = b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = _decoded(options.get(b"name", b""))
        self._filename = _decoded(options[b"filename"]) if b"filename" in options else None
        if self._filename is not None and self._name not in self._largest:
            wanted = next(iter(self._largest))
            raise Invalid(f"There is a file in the field {self._name}; it belongs into the field named {wanted}.")
        if self._is_file:
            if self._name in self.upload.files:
                raise Invalid(f"The form has the field {self._name} twice.")
            # Numbered by us: nothing that the client says becomes part of a path.
            self._out = (self._into / f"part{self._parts}").open("xb")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._out is not None:
            if self._size > self._largest[self._name]:
                raise _too_large(f"The {self._name}", self._largest[self._name])
            self._out.write(memoryview(data)[start:end])
            return
        self._field_bytes += end - start
        if self._field_bytes > LARGEST_FIELDS:
            raise TooLarge("The texts beside the file are too long.")
        self._data += data[start:end]

    def _part_ends(self) -> None:
        if self._out is not None:
            path = Path(self._out.name)
            self.close()
            # A browser sends an empty part without a name for a file field that was left empty.
            if self._size or self._filename:
                self.upload.files[self._name] = UploadedFile(path, self._filename or "", self._size)
            return
        try:
            self.upload.fields.setdefault(self._name, []).append(self._data.decode())
        except UnicodeDecodeError:
            raise Invalid(f"The field {self._name} is not valid UTF-8.") from None

    def _form_ends(self) -> None:
        self.is_complete = True

    @property
    def _is_file(self) -> bool:
        return self._name in self._largest and (self._filename is not None or self._name == "file")


def _decoded(value: bytes) -> str:
    """A name in a header: UTF-8 as browsers send it, without what cannot stand in a sentence."""
    return re.sub(r"[\x00-\x1f\x7f]", "", value.decode("utf-8", "replace"))[:200]


def _too_large(what: str, most: int) -> TooLarge:
    return TooLarge(f"{what} is larger than {most // MB:,} MB, the most that this host takes.")
