from contextlib import ExitStack

import pytest

from vanilla.errors import TooManyRequests
from vanilla.games.turns import AT_ONCE, HOUR, UploadTurns


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def upload(turns: UploadTurns, user_id: str = "mira") -> None:
    with turns.of(user_id):
        pass


def test_a_few_at_once_and_no_more_for_each_user() -> None:
    turns = UploadTurns(0)
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            stack.enter_context(turns.of("mira"))
        with pytest.raises(TooManyRequests, match="2 uploads of yours are still on their way") as refusal:
            upload(turns)
        assert refusal.value.retry_after == 5
        upload(turns, "sam")
    upload(turns)


def test_so_many_an_hour_of_which_each_is_forgotten_after_one() -> None:
    clock = Clock()
    turns = UploadTurns(3, clock=clock)
    for _ in range(3):
        upload(turns)
        clock.now += 600
    with pytest.raises(TooManyRequests, match=r"3 times within an hour.*in 30 minutes"):
        upload(turns)
    upload(turns, "sam")
    clock.now += HOUR - 1800
    upload(turns)
    with pytest.raises(TooManyRequests, match="in 10 minutes"):
        upload(turns)


def test_an_upload_that_fails_counts_and_ends() -> None:
    turns = UploadTurns(2)
    for _ in range(2):
        with pytest.raises(ValueError, match="bad"), turns.of("mira"):
            raise ValueError("bad")
    with pytest.raises(TooManyRequests, match="within an hour"):
        upload(turns)


def test_what_is_remembered_does_not_grow_for_ever() -> None:
    clock = Clock()
    turns = UploadTurns(5, clock=clock)
    for number in range(100):
        upload(turns, f"friend{number}")
    clock.now += HOUR + 1
    upload(turns)
    assert list(turns._begun) == ["mira"]
    assert turns._running == {}
