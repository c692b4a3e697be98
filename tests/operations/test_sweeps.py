"""Sweeping goes on, whatever happens, until the server ends."""

import asyncio

import pytest

from vanilla.operations.sweeps import keep_sweeping


async def test_a_sweep_that_fails_is_said_and_is_not_the_last_one(caplog: pytest.LogCaptureFixture) -> None:
    swept = asyncio.Event()
    tries: list[int] = []

    async def sweep() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("the disk is full")
        swept.set()

    sweeping = asyncio.create_task(keep_sweeping(sweep, 0, "crumbs"))
    async with asyncio.timeout(5):
        await swept.wait()
    assert not sweeping.done()
    sweeping.cancel()
    assert "Could not take away crumbs" in caplog.text
    assert "the disk is full" in caplog.text


async def test_the_first_one_is_at_once_and_the_next_in_its_time() -> None:
    tries: list[int] = []

    async def sweep() -> None:
        tries.append(1)

    sweeping = asyncio.create_task(keep_sweeping(sweep, 60, "crumbs"))
    await asyncio.sleep(0.05)
    sweeping.cancel()
    assert tries == [1]
