"""Lines of a stream, kept until somebody wants them."""

from hypothesis import given
from hypothesis import strategies as st

from vanilla.inference.backends import backlog
from vanilla.inference.backends.backlog import Backlog, line_at


@given(st.lists(st.lists(st.sampled_from([b"a", b"bc", b"\n"]), max_size=8).map(b"".join), max_size=12))
def test_lines_are_whole_however_they_were_cut(chunks: list[bytes]) -> None:
    kept = Backlog()
    fed = b"".join(kept.feed(chunk) for chunk in chunks)
    whole, _, _ = b"".join(chunks).rpartition(b"\n")
    expected = whole.split(b"\n") if b"\n" in b"".join(chunks) else []
    assert fed == b"".join(line + b"\n" for line in expected)
    assert kept.take() == expected
    assert kept.take() == []


def test_it_says_when_it_is_full() -> None:
    kept = Backlog()
    full = []
    for chunk in (b"x" * backlog.LARGEST, b"\n"):  # without a line there is nothing to take
        kept.feed(chunk)
        full.append(kept.is_full)
    kept.take()
    assert [*full, kept.is_full] == [False, True, False]


def test_what_never_ends_a_line_is_not_kept_for_ever() -> None:
    kept = Backlog()
    for _ in range(20):
        kept.feed(b"x" * 1024 * 1024)
    kept.feed(b"\nnext\n")
    assert kept.take()[-1] == b"next"
    assert sum(map(len, kept._rest)) == 0


def test_the_line_around_a_place() -> None:
    lines = b"first\nsecond\nthird\n"
    assert line_at(lines, lines.index(b"cond")) == b"second"
    assert line_at(lines, 0) == b"first"
