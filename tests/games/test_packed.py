import gzip
import os
from pathlib import Path

import brotli
import pytest

from tests.games import archives
from vanilla.games import packed
from vanilla.games.packed import NotPacked

DATA = b"a game of snails " * 60_000
UNITY_BROTLI = b"\x6b\x8d\x00UnityWeb Compressed Content (brotli)" + bytes(80)


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "file"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize(
    ("name", "head", "encoding"),
    [
        ("Build/game.wasm.br", b"", "br"),
        ("Build/GAME.DATA.BR", b"", "br"),
        ("Build/game.framework.js.gz", b"\x1f\x8b", "gzip"),
        ("Build/game.symbols.json.gz", b"", "gzip"),
        ("index.pck.gz", b"", "gzip"),
        ("Build/game.data.unityweb", b"\x1f\x8b\x08", "gzip"),
        ("Build/game.wasm.unityweb", UNITY_BROTLI, "br"),
        ("Build/game.data.unityweb", b"UnityWebData1.0", None),
        ("levels.json.gz", b"\x1f\x8b", None),  # the game unpacks it itself
        ("save.gz", b"\x1f\x8b", None),
        ("notes.br", b"", None),
        ("index.html.br", b"", None),
        ("picture.svg.br", b"", None),
        ("game.wasm", b"", None),
    ],
)
def test_what_an_engine_leaves_to_the_server_is_known(name: str, head: bytes, encoding: str | None) -> None:
    assert packed.encoding_of(name, head) == encoding


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (brotli.compress(DATA), "br"),
        (gzip.compress(DATA), "gzip"),
        (gzip.compress(DATA[:1000]) + gzip.compress(DATA[1000:]), "gzip"),
    ],
)
def test_it_comes_out_as_it_went_in_and_in_small_pieces(tmp_path: Path, data: bytes, encoding: packed.Encoding) -> None:
    pieces = list(packed.unpacked(written(tmp_path, data), encoding))
    assert b"".join(pieces) == DATA
    assert max(map(len, pieces)) <= 2 * packed.PIECE


@pytest.mark.parametrize("encoding", ["br", "gzip"])
@pytest.mark.parametrize("spoil", ["cut", "noise", "trailer", "nothing"])
def test_what_does_not_unpack_is_told(tmp_path: Path, encoding: packed.Encoding, spoil: str) -> None:
    whole = brotli.compress(DATA) if encoding == "br" else gzip.compress(DATA)
    data = {"cut": whole[:-5], "noise": os.urandom(5000), "trailer": whole + b"more", "nothing": b""}[spoil]
    with pytest.raises(NotPacked):
        list(packed.unpacked(written(tmp_path, data), encoding))


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_a_bomb_is_unpacked_no_further_than_it_is_read(tmp_path: Path, encoding: packed.Encoding) -> None:
    zeros = archives.brotli_bomb() if encoding == "br" else gzip.compress(bytes(60_000_000))
    pieces = packed.unpacked(written(tmp_path, zeros), encoding)
    assert sum(len(next(pieces)) for _ in range(4)) <= 8 * packed.PIECE
