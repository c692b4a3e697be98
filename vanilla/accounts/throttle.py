"""Guessing passwords, slowed: by name and address together, by address, and a little by name. Nobody is locked out.

A name and an address together, and an address alone, are refused for a growing while after some failures, at most a
minute at a time. A name alone never is, or a stranger could keep its owner out: from anywhere else a right password
works, at most two seconds later.
"""

import asyncio
import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from vanilla.accounts.sessions import hash_of
from vanilla.errors import TooManyRequests

REMEMBERED = 10_000  # of each kind
FORGIVEN_EVERY = 60.0  # seconds: one failure
LONGEST_WAIT = 60.0  # seconds
LONGEST_DELAY = 2.0  # seconds
FREE_TOGETHER = 5  # failures without a wait, of one name from one address
FREE_OF_ADDRESS = 20
FREE_OF_NAME = 10


@dataclass(slots=True)
class _Tries:
    count: float = 0.0
    last: float = 0.0


class Throttle:
    """Counts attempts in memory, of which it keeps a bounded number."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._together: OrderedDict[str, _Tries] = OrderedDict()
        self._addresses: OrderedDict[str, _Tries] = OrderedDict()
        self._names: OrderedDict[str, _Tries] = OrderedDict()

    async def admit(self, name: str, address: str, what: str = "passwords") -> "Attempt":
        """Let one attempt through, which counts as a failure until it is told otherwise, so that many at once gain
        nothing. Raises TooManyRequests, whose sentence says `what` there were too many wrong ones of."""
        now = self._clock()
        network = _network(address)
        together, from_address, of_name = (
            self._tries(kind, key, now)
            for kind, key in (
                (self._together, f"{network} {name}"),
                (self._addresses, network),
                (self._names, name),
            )
        )
        wait = max(_wait(together, FREE_TOGETHER, now), _wait(from_address, FREE_OF_ADDRESS, now))
        if wait > 0:
            seconds = math.ceil(wait)
            raise TooManyRequests(
                f"Too many wrong {what}: try again in {seconds} second{'s' if seconds > 1 else ''}.",
                retry_after=seconds,
            )
        delay = _delay(of_name, now)
        for tries in (together, from_address, of_name):
            tries.count = _standing(tries, now) + 1
            tries.last = now
        if delay > 0:
            await self._sleep(delay)
        return Attempt(together, from_address, of_name)

    async def admit_link(self, secret: str, address: str) -> "Attempt":
        """The same for a link whose secret may be guessed. Raises TooManyRequests."""
        return await self.admit(f"link {hash_of(secret)}", address, "links")

    def _tries(self, kind: OrderedDict[str, _Tries], key: str, now: float) -> _Tries:
        tries = kind.get(key)
        if tries is None:
            tries = kind[key] = _Tries(last=now)
            while len(kind) > REMEMBERED:
                kind.popitem(last=False)
        kind.move_to_end(key)
        return tries


class Attempt:
    """One attempt that was let through."""

    def __init__(self, together: _Tries, from_address: _Tries, of_name: _Tries) -> None:
        self._together = together
        self._from_address = from_address
        self._of_name = of_name

    def succeeded(self) -> None:
        """It was the right password. The address gets back this attempt alone: else whoever has one account could
        guess at the others for ever, signing in between."""
        self._together.count = 0.0
        self._from_address.count = max(0.0, self._from_address.count - 1)
        self._of_name.count = max(0.0, self._of_name.count - 1)


def _wait(tries: _Tries, free: int, now: float) -> float:
    """Seconds until the next attempt may be made."""
    count = _standing(tries, now)
    if count < free:
        return 0.0
    return tries.last + min(LONGEST_WAIT, math.pow(2.0, min(count - free, 10.0))) - now


def _standing(tries: _Tries, now: float) -> float:
    """The failures that still count."""
    return max(0.0, tries.count - (now - tries.last) / FORGIVEN_EVERY)


def _delay(tries: _Tries, now: float) -> float:
    """Seconds that the attempt is kept waiting."""
    over = _standing(tries, now) - FREE_OF_NAME
    return 0.0 if over < 0 else min(LONGEST_DELAY, 0.1 * math.pow(2.0, min(over, 10.0)))


def _network(address: str) -> str:
    """Who is one guesser: an IPv4 address, or the 64 bits of IPv6 that a household or a server gets."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
