import asyncio
import threading
import time

import bcrypt
import pytest

from vanilla.accounts import passwords
from vanilla.accounts.passwords import Passwords
from vanilla.errors import Invalid, TooManyRequests


@pytest.fixture
def quick() -> Passwords:
    return Passwords(rounds=4)


async def test_a_hash_matches_its_own_password_alone(quick: Passwords) -> None:
    hashed = await quick.hash("correct horse battery")
    assert hashed.startswith("$2b$04$")
    assert await quick.matches("correct horse battery", hashed)
    assert not await quick.matches("correct horse batterz", hashed)
    assert not await quick.matches("", hashed)


async def test_72_bytes_are_kept_and_73_are_refused_with_their_number(quick: Passwords) -> None:
    longest = "é" * 36
    assert await quick.matches(longest, await quick.hash(longest))
    with pytest.raises(Invalid, match="73 bytes, and at most 72"):
        await quick.hash(longest + "x")


async def test_a_login_with_too_long_a_password_is_wrong_and_not_an_error(quick: Passwords) -> None:
    hashed = await quick.hash("x" * 72)
    assert not await quick.matches("x" * 73, hashed)
    assert not await quick.matches("x" * 1_000_000, hashed)


@pytest.mark.parametrize("password", ["sevench", "", "nul\0in the middle", "half a \ud800 pair", "x" * 73])
async def test_a_password_that_cannot_be_kept_is_refused(quick: Passwords, password: str) -> None:
    with pytest.raises(Invalid):
        await quick.hash(password)
    assert not await quick.matches(password, await quick.hash("a good password"))


@pytest.mark.parametrize("prefix", ["$2a$", "$2b$", "$2y$"])
async def test_a_hash_of_another_platforms_bcrypt_counts(quick: Passwords, prefix: str) -> None:
    hashed = (await quick.hash("correct horse")).replace("$2b$", prefix)
    assert await quick.matches("correct horse", hashed)
    assert not await quick.matches("wrong horse", hashed)


@pytest.mark.parametrize("hashed", ["", "!", "correct horse", "$argon2id$v=19$m=1$x$y", "$2b$04$short", "\ud800"])
async def test_nothing_matches_what_is_no_hash(quick: Passwords, hashed: str) -> None:
    assert not await quick.matches("correct horse", hashed)


async def test_nul_does_not_end_a_password(quick: Passwords) -> None:
    assert not await quick.matches("abcdefgh\0 and more", await quick.hash("abcdefgh"))


async def test_a_name_that_nobody_has_takes_as_long() -> None:
    slower = Passwords(rounds=8)
    hashed = await slower.hash("correct horse battery")
    known: list[float] = []
    unknown: list[float] = []
    for _ in range(12):  # in turns, so that whatever else the machine does meets both alike
        for times, work in (
            (known, slower.matches("wrong password", hashed)),
            (unknown, slower.spend()),
        ):
            started = time.perf_counter()
            await work
            times.append(time.perf_counter() - started)
    assert 0.5 < min(known) / min(unknown) < 2


async def test_hashing_leaves_the_event_loop_free(quick: Passwords, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    plain = bcrypt.hashpw

    def hashpw(password: bytes, salt: bytes) -> bytes:
        threads.append(threading.current_thread().name)
        return plain(password, salt)

    monkeypatch.setattr(bcrypt, "hashpw", hashpw)
    await asyncio.gather(*(quick.hash("correct horse battery") for _ in range(6)))
    assert len(threads) == 6
    assert all(name.startswith("passwords") for name in threads)


async def test_a_flood_is_turned_away_instead_of_kept(quick: Passwords) -> None:
    tries = [quick.spend() for _ in range(passwords.LONGEST_QUEUE + 10)]
    answers = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(answer, TooManyRequests) for answer in answers) == 10
    await quick.spend()  # and afterwards there is room again
