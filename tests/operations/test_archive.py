"""What an archive may hold: what we wrote, whole, and nothing that leads anywhere else."""

import gzip
import hashlib
import io
import json
import random
import subprocess
import tarfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from vanilla.errors import Invalid
from vanilla.operations import archive
from vanilla.operations.archive import DATABASE, HEADER, SUMS, Header, extracted, read_header, written

HEAD = Header("0.1.0", "0009", "2026-11-23T16:42:35.123Z", 1000)
FILES = {
    "games/abc/1/manifest.json": b"{}",
    "games/abc/1/files/büro/a b.js": random.Random(1).randbytes(60_000),
    DATABASE: b"tables",
}


def make(target: Path, files: dict[str, bytes] = FILES) -> Path:
    """An archive with these files."""
    with written(target, HEAD) as writer:
        for name, data in files.items():
            writer.add_bytes(name, data)
    return target


Change = Callable[[tarfile.TarInfo, bytes], list[tuple[tarfile.TarInfo, bytes]]]


def remade(path: Path, change: Change) -> Path:
    """The archive with its members changed."""
    made = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as new:
        for member in old:
            contents = old.extractfile(member)
            assert contents is not None
            member.pax_headers = {}
            for info, data in change(member, contents.read()):
                info.size = len(data) if info.isreg() else 0
                new.addfile(info, io.BytesIO(data))
    path.write_bytes(made.getvalue())
    return path


def unpacked(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (folder := tmp_path / "deep" / "into").mkdir(parents=True)
    return folder


def test_what_is_put_in_comes_out(tmp_path: Path, into: Path) -> None:
    read: list[int] = []
    path = make(tmp_path / "b.tar.gz")
    assert extracted(path, into, read.append) == HEAD == read_header(path)
    assert unpacked(into) == FILES
    assert sum(read) == sum(len(data) for data in FILES.values())
    assert path.stat().st_mode & 0o777 == 0o600
    assert (into / DATABASE).stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["b.tar.gz"]


def test_a_person_can_check_it_without_us(tmp_path: Path, into: Path) -> None:
    subprocess.run(["tar", "xzf", make(tmp_path / "b.tar.gz"), "-C", into], check=True)
    done = subprocess.run(["sha256sum", "-c", SUMS], cwd=into, capture_output=True, text=True, check=True)
    assert done.stdout.count(": OK\n") == len(FILES) + 1


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), written(tmp_path / "b.tar.gz", HEAD) as writer:
        writer.add("vanilla.db", tmp_path / "gone")
    assert list(tmp_path.iterdir()) == []
    path = make(tmp_path / "b.tar.gz")
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        make(path, {})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_gone_leaves_the_archive_as_it_was(tmp_path: Path, into: Path) -> None:
    with written(tmp_path / "b.tar.gz", HEAD) as writer:
        with pytest.raises(FileNotFoundError):
            writer.add("games/abc/1/gone", tmp_path / "gone")
        writer.add_bytes(DATABASE, b"1")
    extracted(tmp_path / "b.tar.gz", into)
    assert unpacked(into) == {DATABASE: b"1"}


def renamed(to: str) -> Change:
    def change(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        if info.name.endswith(".js"):
            info.name = to
        return [(info, data)]

    return change


@pytest.mark.parametrize(
    "name",
    [
        "/etc/cron.d/x",
        "../escaped",
        "games/../../escaped",
        "games/abc/../../../escaped",
        "games//abc/x",
        "games/abc/./x",
        "games\\..\\x/y/z",
        "games/abc/x\ny",
        "games/abc",
        "games",
        "staging/a/b",
        "vanilla.db-wal",
        ".env",
        "games/abc/" + "x/" * 1100 + "y",
        "session_secret/x/y",
    ],
)
def test_a_path_that_no_backup_has_is_refused(tmp_path: Path, into: Path, name: str) -> None:
    path = remade(make(tmp_path / "b.tar.gz"), renamed(name))
    with pytest.raises(Invalid, match="a path that no backup has"):
        extracted(path, into)
    assert not list(tmp_path.rglob("escaped"))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.tar.gz", "deep"]


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, b"S", b"V"],
)
def test_what_is_no_file_is_refused(tmp_path: Path, into: Path, kind: bytes) -> None:
    def change(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        if not info.name.endswith(".js"):
            return [(info, data)]
        link = tarfile.TarInfo("games/abc/1/files/link")
        link.type, link.linkname = kind, "/etc/passwd"
        return [(link, b""), (info, data)]

    path = remade(make(tmp_path / "b.tar.gz"), change)
    with pytest.raises(Invalid):
        extracted(path, into)
    assert not list(into.rglob("link"))


def test_a_file_below_a_link_or_a_file_cannot_be(tmp_path: Path, into: Path) -> None:
    def twice(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        return [(info, data), (info, data)] if info.name == DATABASE else [(info, data)]

    def below(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        if info.name.endswith(".js"):
            info.name = "games/abc/1/manifest.json/x"
        return [(info, data)]

    for number, change in enumerate((twice, below)):
        path = remade(make(tmp_path / f"{number}.tar.gz"), change)
        (folder := into / str(number)).mkdir()
        with pytest.raises(Invalid, match="twice"):
            extracted(path, folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda info, data: [(info, data.replace(b"1", b"2", 1) if info.name.endswith(".js") else data)],
        lambda info, data: [] if info.name.endswith(".js") else [(info, data)],
        lambda info, data: [(info, data)] if info.name != SUMS else [],
        lambda info, data: [(info, data + b"0" if info.name == SUMS else data)],
        lambda info, data: [(info, b"" if info.name == SUMS else data)],
        lambda info, data: [(info, data.replace(b"0.1.0", b"0.2.0") if info.name == HEADER else data)],
    ],
)
def test_what_was_changed_on_the_way_is_found(tmp_path: Path, into: Path, change: Change) -> None:
    path = remade(make(tmp_path / "b.tar.gz"), change)
    with pytest.raises(Invalid, match=r"damaged|ends too early"):
        extracted(path, into)


def test_what_is_cut_off_anywhere_is_found(tmp_path: Path, into: Path) -> None:
    whole = make(tmp_path / "b.tar.gz").read_bytes()
    for place in [*range(0, len(whole) - 12, 997), len(whole) - 60]:
        (tmp_path / "b.tar.gz").write_bytes(whole[:place])
        (folder := into / str(place)).mkdir()
        with pytest.raises(Invalid):
            extracted(tmp_path / "b.tar.gz", folder)


def test_bits_that_flip_are_found(tmp_path: Path, into: Path) -> None:
    whole = make(tmp_path / "b.tar.gz").read_bytes()
    for place in range(12, len(whole) - 100, 997):
        (tmp_path / "b.tar.gz").write_bytes(whole[:place] + bytes([whole[place] ^ 0x20]) + whole[place + 1 :])
        (folder := into / str(place)).mkdir()
        with pytest.raises(Invalid):
            extracted(tmp_path / "b.tar.gz", folder)


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"not gzip",
        gzip.compress(b"not tar"),
        gzip.compress(b"\0" * 10240),
        b"PK\3\4",
    ],
    ids=["nothing", "not gzip", "not tar", "an empty tar", "a zip"],  # gzip writes the time: no two workers would agree
)
def test_what_is_no_backup_is_said_to_be_none(tmp_path: Path, into: Path, contents: bytes) -> None:
    (tmp_path / "b.tar.gz").write_bytes(contents)
    with pytest.raises(Invalid, match=r"not a backup|damaged"):
        read_header(tmp_path / "b.tar.gz")
    with pytest.raises(Invalid, match=r"not a backup|damaged"):
        extracted(tmp_path / "b.tar.gz", into)


def test_a_format_to_come_is_said_to_be_one(tmp_path: Path) -> None:
    def later(info: tarfile.TarInfo, data: bytes) -> list[tuple[tarfile.TarInfo, bytes]]:
        return [(info, json.dumps({**json.loads(data), "format": 2}).encode() if info.name == HEADER else data)]

    with pytest.raises(Invalid, match="upgrade"):
        read_header(remade(make(tmp_path / "b.tar.gz"), later))


def test_memory_does_not_grow_with_what_is_in_it(tmp_path: Path, into: Path) -> None:
    (tmp_path / "large").write_bytes(b"0123456789" * 3_000_000)

    def write(count: int, target: Path) -> int:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        with written(target, HEAD) as writer:
            writer.add("games/abc/1/files/large", tmp_path / "large")
            for number in range(count):
                writer.add_bytes(f"games/abc/1/files/{number}", b"")
        return tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    try:
        few, many = write(10, tmp_path / "few.tar.gz"), write(3000, tmp_path / "many.tar.gz")
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        extracted(tmp_path / "many.tar.gz", into)
        reading = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert many < few + 300_000  # a remembered member is a kilobyte
    assert reading < 3_000_000
    digest = hashlib.sha256((into / "games/abc/1/files/large").read_bytes()).hexdigest()
    assert digest == hashlib.sha256((tmp_path / "large").read_bytes()).hexdigest()
    assert archive.PIECE < 1_000_000
