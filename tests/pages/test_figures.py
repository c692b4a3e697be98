"""Numbers and moments as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from pages import figures

NOW = datetime(2026, 11, 23, 16, 42, 35, tzinfo=UTC)


@pytest.mark.parametrize(
    ("back", "words"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(seconds=9), "just now"),
        (timedelta(seconds=45), "45 s ago"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=12), "12 d ago"),
        (timedelta(days=31), "23 Oct 2026"),
    ],
)
def test_how_long_ago(back: timedelta, words: str) -> None:
    assert figures.ago(NOW - back, NOW) == words


def test_numbers_have_commas() -> None:
    assert figures.count(12345) == "12,345"
    assert figures.counted(1, "play") == "1 play"
    assert figures.counted(0, "play") == "0 plays"


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1500, "2 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (5_242_880, "5.2 MB"),
        (999_949_999, "999.9 MB"),
        (78_476_000_000, "78.5 GB"),
    ],
)
def test_sizes_in_bytes(size: int, words: str) -> None:
    assert figures.size(size) == words


@pytest.mark.parametrize(("used", "limit", "part"), [(0, 10, 0.0), (5, 10, 0.5), (20, 10, 1.0), (0, 0, 1.0)])
def test_how_much_of_a_limit_is_used(used: int, limit: int, part: float) -> None:
    assert figures.fraction(used, limit) == part
