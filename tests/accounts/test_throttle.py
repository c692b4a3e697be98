import asyncio

import pytest

from vanilla.accounts import throttle
from vanilla.accounts.throttle import Throttle
from vanilla.errors import TooManyRequests


class Time:
    """A clock that moves by hand, and a sleep that only says how long it was."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def guard(time: Time) -> Throttle:
    return Throttle(clock=time, sleep=time.sleep)


async def refused(guard: Throttle, name: str, address: str) -> int:
    """Seconds to wait, 0 when the attempt was let through."""
    try:
        await guard.admit(name, address)
    except TooManyRequests as error:
        return error.retry_after or 0
    return 0


async def test_guessing_one_name_waits_longer_and_longer_up_to_a_minute(guard: Throttle, time: Time) -> None:
    waits = []
    for _ in range(14):
        wait = await refused(guard, "mira", "192.0.2.1")
        waits.append(wait)
        time.now += wait
        if wait:
            assert await refused(guard, "mira", "192.0.2.1") == 0
    assert waits[:5] == [0] * 5
    assert waits[5:11] == sorted(waits[5:11])
    assert waits[5] <= 2
    assert waits[-1] > 30
    assert max(waits) <= 60


async def test_many_guesses_at_once_gain_nothing(guard: Throttle) -> None:
    answers = await asyncio.gather(*(refused(guard, "mira", "192.0.2.1") for _ in range(100)))
    assert answers.count(0) == throttle.FREE_TOGETHER


async def test_a_right_password_from_another_address_still_works(guard: Throttle) -> None:
    for _ in range(50):
        await refused(guard, "mira", "192.0.2.1")
    assert await refused(guard, "mira", "192.0.2.1") > 0
    assert await refused(guard, "mira", "192.0.2.2") == 0


async def test_a_name_guessed_at_from_everywhere_is_slowed_and_never_refused(guard: Throttle, time: Time) -> None:
    assert [await refused(guard, "mira", f"192.0.2.{n}") for n in range(200)] == [0] * 200
    assert len(time.slept) == 200 - throttle.FREE_OF_NAME
    assert time.slept == sorted(time.slept)
    assert time.slept[-1] == throttle.LONGEST_DELAY


async def test_one_address_cannot_try_many_names(guard: Throttle) -> None:
    answers = [await refused(guard, f"name{n}", "192.0.2.1") for n in range(100)]
    assert answers.count(0) == throttle.FREE_OF_ADDRESS
    assert await refused(guard, "name0", "192.0.2.9") == 0


async def test_a_household_of_ipv6_is_one_address(guard: Throttle) -> None:
    answers = [await refused(guard, f"name{n}", f"2001:db8:1:2::{n:x}") for n in range(100)]
    assert answers.count(0) == throttle.FREE_OF_ADDRESS
    assert await refused(guard, "other", "2001:db8:1:3::1") == 0


async def test_success_clears_the_name_there(guard: Throttle) -> None:
    for _ in range(4):
        await guard.admit("mira", "192.0.2.1")
    (await guard.admit("mira", "192.0.2.1")).succeeded()
    assert [await refused(guard, "mira", "192.0.2.1") for _ in range(5)] == [0] * 5


async def test_signing_in_oneself_does_not_buy_guesses_at_others(guard: Throttle) -> None:
    let_through = 0
    for n in range(100):
        try:
            (await guard.admit("own", "192.0.2.1")).succeeded()
        except TooManyRequests:
            continue
        let_through += await refused(guard, f"name{n}", "192.0.2.1") == 0
    assert let_through <= throttle.FREE_OF_ADDRESS


async def test_failures_are_forgiven_with_time(guard: Throttle, time: Time) -> None:
    for _ in range(30):
        await refused(guard, "mira", "192.0.2.1")
    time.now += 30 * throttle.FORGIVEN_EVERY
    assert [await refused(guard, "mira", "192.0.2.1") for _ in range(5)] == [0] * 5


async def test_memory_is_bounded(guard: Throttle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "REMEMBERED", 20)
    for n in range(200):
        await refused(guard, f"name{n}", f"192.0.2.{n}")
    for kind in (guard._together, guard._addresses, guard._names):
        assert len(kind) == 20
