"""From an upload on disk to a checked, unpacked folder.

    upload.zip ──> names checked ──> unpacked, counted ──> one wrapper stripped ──> the page to open is found ──> Bundle

Whatever is wrong is collected and told at once; nothing of a bad upload stays on disk.
"""

import contextlib
import errno
import hashlib
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from vanilla.errors import Invalid, OutOfSpace
from vanilla.games import about, names
from vanilla.games.archives import CHUNK, Archive, BadArchive, Entry
from vanilla.settings import Settings

Kind = Literal["zip", "html"]
MB = 1_000_000
MOST_PROBLEMS = 50  # listed; the rest is counted
HIGHEST_RATIO = 100  # of an archive's files to the archive; deflate reaches 1000 on zeros
RATIO_COUNTS_FROM = 20 * MB  # small files that compress well are no bombs
INDEX = "index.html"
_PAGES = (".html", ".htm")
_CODE = (*_PAGES, ".js", ".mjs")
_MODEL_CALLS = (b"/api/inference/", b"vanilla.chat", b"vanilla.stream", b"window.vanilla")


class InvalidBundle(Invalid):
    """What was uploaded cannot be a game. `problems` has a sentence for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        first, rest = problems[0], len(problems) - 1
        message = first if not rest else f"{first} There {_more(rest)}."
        listed = problems[:MOST_PROBLEMS]
        if len(problems) > MOST_PROBLEMS:
            listed.append(f"And {len(problems) - MOST_PROBLEMS:,} more.")
        super().__init__(message, details={"problems": listed})
        self.problems = listed


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a game may be once unpacked, in bytes."""

    files: int
    total_bytes: int
    file_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        total = settings.max_unpacked_mb * MB
        return cls(settings.max_game_files, total, min(total, 200 * MB))


@dataclass(frozen=True, slots=True)
class Bundle:
    """A checked game in `folder`: regular files only, below names that `names.problem_with` finds good."""

    folder: Path
    entry: str  # the page to open, at the root
    files: dict[str, int]  # path from the root, to size in bytes
    digest: str  # hex SHA-256 over names and contents
    title: str  # from meta.json or the page's <title>; may be empty
    description: str  # from meta.json
    tags: list[str]  # from meta.json
    talks: bool  # its pages or scripts call a model
    warnings: list[str] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        return sum(self.files.values())


def kind_of(filename: str, head: bytes) -> Kind:
    """Which kind of bundle an upload is, by its name and first bytes. Raises InvalidBundle for any other."""
    suffix = Path(filename).suffix.lower()
    if suffix == ".zip" or head.startswith(b"PK\3\4"):
        return "zip"
    if suffix in _PAGES:
        return "html"
    raise InvalidBundle(["Upload a .zip archive or a single .html file."])


def unpack(source: Path, kind: Kind, into: Path, limits: Limits) -> Bundle:
    """Unpack an upload into the new folder `into`. Blocks: call it on a thread.

    Raises InvalidBundle with all that is wrong, OutOfSpace when the disk is full; then `into` is gone again.
    """
    with _Unpacking(into, limits, archive_bytes=source.stat().st_size) as unpacking:
        if kind == "html":
            _take_page(source, unpacking)
        else:
            _take_zip(source, unpacking)
        return unpacking.bundle()


def copy(source: Path, into: Path, limits: Limits) -> Bundle:
    """The same for a folder on disk, such as an example that comes with Vanilla. Links in it are left out."""
    with _Unpacking(into, limits, archive_bytes=limits.total_bytes) as unpacking:
        for path in sorted(source.rglob("*")):
            name = path.relative_to(source).as_posix()
            if names.is_junk(name) or path.is_symlink() or not path.is_file():
                continue
            if reason := names.problem_with(name):
                unpacking.problems.append(f"{names.shown(name)} {reason}.")
            else:
                unpacking.write(name, _chunks(path))
        unpacking.entry = _page_to_open(list(unpacking.files), unpacking.problems)
        return unpacking.bundle()


class _TooMuch(Exception):
    """The upload unpacks to more than is possible; the rest of it is not read."""


class _Unpacking:
    """A folder being filled, with what is wrong so far. As a context manager it removes the folder on any error."""

    def __init__(self, into: Path, limits: Limits, *, archive_bytes: int) -> None:
        self.into = into
        self.limits = limits
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.files: dict[str, int] = {}
        self.entry = INDEX
        self._digests: dict[str, bytes] = {}
        self._talks = False
        self._total = 0
        self._ratio_bytes = max(RATIO_COUNTS_FROM, archive_bytes * HIGHEST_RATIO)

    def __enter__(self) -> "_Unpacking":
        self.into.mkdir(parents=True)
        return self

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        if error is None:
            return
        shutil.rmtree(self.into, ignore_errors=True)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutOfSpace("The disk of the host is full; nothing of this upload was kept.") from error

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        """Write one file, counting. Raises _TooMuch, with the reason among the problems, and what `chunks` raises."""
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
        if not self.problems and not self.files.get(self.entry):
            self.problems.append(f"{names.shown(self.entry)} is empty.")
        if self.problems:
            raise InvalidBundle(self.problems)
        whole = hashlib.sha256()
        for name, digest in sorted(self._digests.items()):
            whole.update(name.encode() + b"\0" + digest)
        said = about.read(self.into, self.entry)
        return Bundle(
            folder=self.into,
            entry=self.entry,
            files=self.files,
            digest=whole.hexdigest(),
            title=said.title,
            description=said.description,
            tags=said.tags,
            talks=self._talks,
            warnings=self.warnings,
        )

    def _count(self, more: int, size: int, name: str) -> None:
        self._total += more
        limits = self.limits
        if size > limits.file_bytes:
            self._stop(f"{names.shown(name)} is larger than {limits.file_bytes // MB} MB.")
        if self._total > limits.total_bytes:
            self._stop(f"The game unpacks to more than {limits.total_bytes // MB} MB.")
        if self._total > self._ratio_bytes:
            self._stop(f"The game unpacks to more than {HIGHEST_RATIO} times the size of its archive.")

    def _stop(self, problem: str) -> None:
        self.problems.append(problem)
        raise _TooMuch


def _take_page(source: Path, unpacking: _Unpacking) -> None:
    with contextlib.suppress(_TooMuch):
        unpacking.write(INDEX, _chunks(source))
        with source.open("rb") as page:
            if unpacking.files[INDEX] and b"<" not in page.read(CHUNK):
                unpacking.problems.append("The file is not an HTML page: there is no tag in it.")


def _take_zip(source: Path, unpacking: _Unpacking) -> None:
    limits, problems = unpacking.limits, unpacking.problems
    try:
        with Archive(source, most_entries=limits.files * 4 + 1000) as archive:
            entries = _without_junk(archive.entries, unpacking.warnings)
            problems += [f"{names.shown(each.name)} {each.problem}." for each in entries if each.problem]
            problems += _collisions(entries)
            named = [each.name for each in entries if not each.is_folder and not names.problem_with(each.name)]
            wrapper = _wrapper(named)
            inside = [name.removeprefix(wrapper) for name in named]
            problems += [
                f"{names.shown(name)} lies in {names.OURS}/, where the platform keeps its own files."
                for name in inside
                if names.is_ours(name)
            ]
            unpacking.entry = _page_to_open(inside, problems)
            if len(inside) > limits.files:
                problems.append(f"The game has {len(inside):,} files; at most {limits.files:,} are possible.")
                return
            if (folders := len({folder for name in inside for folder in _folders(name)})) > limits.files:
                problems.append(f"The game has {folders:,} folders; at most {limits.files:,} are possible.")
                return
            _write_entries(archive, entries, wrapper, unpacking)
    except BadArchive as error:
        problems.append(str(error))
    except _TooMuch:
        pass  # what was too much stands among the problems


def _write_entries(archive: Archive, entries: list[Entry], wrapper: str, unpacking: _Unpacking) -> None:
    """Unpack what may be unpacked, in order to find what else is wrong, even where the bundle is refused already."""
    files: set[str] = set()
    folders: set[str] = set()
    for entry in entries:
        key, above = names.key(entry.name), {names.key(folder) for folder in _folders(entry.name)}
        if entry.is_folder or entry.problem or key in files or key in folders or above & files:
            continue
        files.add(key)
        folders |= above
        try:
            unpacking.write(entry.name.removeprefix(wrapper), archive.read(entry))
        except BadArchive as error:
            unpacking.problems.append(f"{names.shown(entry.name)} {error}.")


def _without_junk(entries: list[Entry], warnings: list[str]) -> list[Entry]:
    kept = [each for each in entries if not names.is_junk(each.name)]
    left_out = sorted({names.shown(each.name) for each in entries if not each.is_folder and names.is_junk(each.name)})
    if left_out:
        shown = ", ".join(left_out[:5]) + (f" and {len(left_out) - 5:,} more" if len(left_out) > 5 else "")
        warnings.append(f"Left out, since a game does not need it: {shown}.")
    return kept


def _collisions(entries: list[Entry]) -> Iterator[str]:
    """Files that are there twice, differ only in case, or are also a folder."""
    files = Counter(names.key(each.name) for each in entries if not each.is_folder)
    spellings: dict[str, set[str]] = {}
    folders = {names.key(each.name) for each in entries if each.is_folder}
    for each in entries:
        folders |= {names.key(folder) for folder in _folders(each.name)}
        if not each.is_folder:
            spellings.setdefault(names.key(each.name), set()).add(each.name)
    for key, same in spellings.items():
        listed = " and ".join(names.shown(name) for name in sorted(same)[:2])
        if key in folders:
            yield f"{listed} is both a file and a folder."
        elif len(same) > 1:
            yield f"{listed} differ only in upper and lower case."
        elif files[key] > 1:
            yield f"{listed} is in the archive {files[key]} times."


def _folders(name: str) -> Iterator[str]:
    """The folders above a name: `a` and `a/b` of `a/b/c`."""
    parts = name.split("/")[: names.DEEPEST + 2]
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


def _wrapper(files: list[str]) -> str:
    """The one folder that everything lies in, with its slash; empty when there is none."""
    first = {name.split("/", 1)[0] for name in files}
    return f"{first.pop()}/" if len(first) == 1 and all("/" in name for name in files) else ""


def _page_to_open(files: list[str], problems: list[str]) -> str:
    """index.html at the root, or the only page there. Adds a problem when it cannot be told."""
    if INDEX in files:
        return INDEX
    pages = sorted(name for name in files if "/" not in name and name.lower().endswith(_PAGES))
    if len(pages) == 1:
        return pages[0]
    deeper = sorted((name for name in files if name.endswith(f"/{INDEX}")), key=len)
    if pages:
        listed = ", ".join(names.shown(name) for name in pages[:5])
        problems.append(f"There is no index.html, and more than one page it could be: {listed}. Name one index.html.")
    elif deeper:
        problems.append(f"index.html must be at the top of the archive; it is at {names.shown(deeper[0])}.")
    else:
        problems.append("There is no index.html: the page that opens when somebody plays.")
    return INDEX


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            yield chunk


def _more(count: int) -> str:
    return "is 1 more problem" if count == 1 else f"are {count:,} more problems"
