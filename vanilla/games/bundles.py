"""From an upload on disk to a checked, unpacked folder.

    upload.zip ──> names and sizes checked ──> a wrapper stripped ──> the page to open found ──> unpacked ──> Bundle

Whatever is wrong is collected and told at once; nothing of a bad upload stays on disk.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal

from vanilla.games import layout, names
from vanilla.games.archives import CHUNK, Archive, BadArchive, Entry
from vanilla.games.reports import InvalidBundle, Problem
from vanilla.games.unpacking import MB, Bundle, Limits, TooMuch, Unpacking

__all__ = ["Bundle", "InvalidBundle", "Kind", "Limits", "copy", "kind_of", "unpack"]

Kind = Literal["zip", "html"]
# What people try to upload instead, by its first bytes.
_OTHERS = {
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"MZ": "a program for Windows",
    b"\x7fELF": "a program for Linux",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
}
HEAD = 8  # bytes that `kind_of` looks at


def _enough() -> None:
    """There is always room for what comes from the host itself."""


def kind_of(filename: str, head: bytes) -> Kind:
    """Which kind of bundle an upload is, by its name and first HEAD bytes. Raises InvalidBundle for any other."""
    suffix = Path(filename).suffix.lower()
    if suffix == ".zip" or head.startswith(b"PK\3\4"):
        return "zip"
    if suffix in layout.PAGES:
        return "html"
    known = next((what for magic, what in _OTHERS.items() if head.startswith(magic)), "")
    message = "Upload a .zip archive or a single .html file."
    file = names.shown(filename)
    raise InvalidBundle([Problem(f"{file} is {known}. {message}" if known and file else message, file)])


def unpack(
    source: Path,
    kind: Kind,
    into: Path,
    limits: Limits,
    entry: str = "",
    check_room: Callable[[], None] = _enough,
) -> Bundle:
    """Unpack an upload into the new folder `into`. Blocks: call it on a thread. `entry` is the page that its author
    chose to open, where they did. `check_room` is asked again and again, and raises when the disk has too little left.

    Raises InvalidBundle with all that is wrong, OutOfSpace when the disk is full; then `into` is gone again.
    """
    with Unpacking(into, limits, archive_bytes=source.stat().st_size, check_room=check_room) as unpacking:
        if kind == "html":
            _take_page(source, unpacking)
        else:
            _take_zip(source, unpacking, entry)
        return unpacking.bundle()


def copy(source: Path, into: Path, limits: Limits) -> Bundle:
    """The same for a folder on disk, such as an example that comes with Vanilla. Links in it are left out."""
    with Unpacking(into, limits, archive_bytes=limits.total_bytes, check_room=_enough) as unpacking:
        with contextlib.suppress(TooMuch):
            for path in sorted(source.rglob("*")):
                name = path.relative_to(source).as_posix()
                if names.is_junk(name) or path.is_symlink() or not path.is_file():
                    continue
                if reason := names.problem_with(name, limits.path_characters):
                    unpacking.tell(f"{names.shown(name)} {reason}.", name)
                else:
                    unpacking.write(name, _chunks(path))
        unpacking.open_with(layout.opening(unpacking.files))
        return unpacking.bundle()


def _take_page(source: Path, unpacking: Unpacking) -> None:
    with contextlib.suppress(TooMuch):
        unpacking.write(layout.INDEX, _chunks(source))
        with source.open("rb") as page:
            if unpacking.files[layout.INDEX] and b"<" not in page.read(CHUNK):
                unpacking.tell("The file is not an HTML page: there is no tag in it.")


def _take_zip(source: Path, unpacking: Unpacking, chosen: str) -> None:
    limits = unpacking.limits
    try:
        with Archive(source, limits.files * 4 + 1000, limits.path_characters) as archive:
            entries = _without_junk(archive.entries, unpacking.warnings)
            for each in entries:
                if each.problem:
                    unpacking.tell(f"{names.shown(each.name)} {each.problem}.", each.name)
            unpacking.problems += layout.collisions([(each.name, each.is_folder) for each in entries])
            named = [
                each.name
                for each in entries
                if not each.is_folder and not names.problem_with(each.name, limits.path_characters)
            ]
            wrapper = layout.wrapper(named)
            inside = [name.removeprefix(wrapper) for name in named]
            for name in inside:
                if names.is_ours(name):
                    message = f"{names.shown(name)} lies in {names.OURS}/, where the platform keeps its own files."
                    unpacking.tell(message, name)
            unpacking.open_with(layout.opening(inside, chosen))
            if _is_readable(inside, entries, unpacking):
                with contextlib.suppress(TooMuch):  # what was too much stands among the problems
                    _write_entries(archive, entries, wrapper, unpacking)
    except BadArchive as error:
        unpacking.tell(str(error))


def _is_readable(files: Sequence[str], entries: Sequence[Entry], unpacking: Unpacking) -> bool:
    """Tell what is too much by what the archive declares, which is all that is ever read of it. False where its
    contents are not worth reading."""
    limits = unpacking.limits
    folders = len({folder for name in files for folder in layout.folders(name)})
    for count, what, most in ((len(files), "files", limits.files), (folders, "folders", limits.files)):
        if count > most:
            unpacking.tell(f"The game has {count:,} {what}; at most {most:,} are possible.")
    for each in entries:
        if each.info.file_size > limits.file_bytes:
            size, largest = _mb(each.info.file_size), _mb(limits.file_bytes)
            unpacking.tell(f"{names.shown(each.name)} is {size} large; at most {largest} are possible.", each.name)
    total = sum(each.info.file_size for each in entries)
    if total > limits.total_bytes:
        unpacking.tell(f"The game unpacks to {_mb(total)}; at most {_mb(limits.total_bytes)} are possible.")
    if total > unpacking.ratio_bytes:
        unpacking.tell(f"The game unpacks to more than {limits.ratio} times the size of its archive.")
    return max(len(files), folders) <= limits.files and total <= min(limits.total_bytes, unpacking.ratio_bytes)


def _write_entries(archive: Archive, entries: list[Entry], wrapper: str, unpacking: Unpacking) -> None:
    """Unpack what may be unpacked, in order to find what else is wrong, even where the bundle is refused already."""
    files: set[str] = set()
    folders: set[str] = set()
    for entry in entries:
        key, above = names.key(entry.name), {names.key(folder) for folder in layout.folders(entry.name)}
        if entry.is_folder or entry.problem or key in files or key in folders or above & files:
            continue
        if entry.info.file_size > unpacking.limits.file_bytes:
            continue
        files.add(key)
        folders |= above
        try:
            unpacking.write(entry.name.removeprefix(wrapper), archive.read(entry))
        except BadArchive as error:
            unpacking.tell(f"{names.shown(entry.name)} {error}.", entry.name)


def _without_junk(entries: list[Entry], warnings: list[str]) -> list[Entry]:
    kept = [each for each in entries if not names.is_junk(each.name)]
    left_out = sorted({names.shown(each.name) for each in entries if not each.is_folder and names.is_junk(each.name)})
    if left_out:
        shown = ", ".join(left_out[:5]) + (f" and {len(left_out) - 5:,} more" if len(left_out) > 5 else "")
        warnings.append(f"Left out, since a game does not need it: {shown}.")
    return kept


def _mb(size: int) -> str:
    return f"{size / MB:,.1f}".removesuffix(".0") + " MB"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk
