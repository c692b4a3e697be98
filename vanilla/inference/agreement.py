"""A game's call waits at the door until its player has agreed to it."""

import asyncio
from dataclasses import dataclass, field

from starlette.types import Message, Receive

from vanilla.accounts.caller import Caller
from vanilla.accounts.consents import Consents
from vanilla.inference.requests import CallerLeft

KEPT = 64 * 1024  # bytes of a request's body that are read meanwhile; the rest stays with its sender


async def agreed(consents: Consents, caller: Caller, receive: Receive) -> Receive:
    """Wait until the player has allowed the game; gives what to read the request with from then on.

    The request is read a little way, or a caller who leaves would not be noticed; where its body is longer than that,
    they are once it is read on. Raises CallerLeft, and what `Consents.settled` raises.
    """
    beginning = _Beginning()
    reading = asyncio.create_task(_has_left(receive, beginning))
    answering = asyncio.create_task(consents.settled(caller))
    try:
        await asyncio.wait((reading, answering), return_when=asyncio.FIRST_COMPLETED)
        if not answering.done() and reading.result():
            raise CallerLeft
        await answering
    finally:
        reading.cancel()
        answering.cancel()
        await asyncio.gather(reading, answering, return_exceptions=True)

    async def receive_on() -> Message:
        return beginning.taken() or await receive()

    return receive_on


@dataclass(slots=True)
class _Beginning:
    """What has been read of a request."""

    body: bytearray = field(default_factory=bytearray)
    is_read: bool = False
    more_body: bool = True

    def taken(self) -> Message | None:
        """All of it as one message, once."""
        if not self.is_read:
            return None
        self.is_read = False
        body, self.body = bytes(self.body), bytearray()
        return {"type": "http.request", "body": body, "more_body": self.more_body}


async def _has_left(receive: Receive, beginning: _Beginning) -> bool:
    """Read until the caller leaves (True), or as much as is kept."""
    while len(beginning.body) <= KEPT:
        message = await receive()
        if message["type"] == "http.disconnect":
            return True
        beginning.body += message.get("body", b"")
        beginning.is_read, beginning.more_body = True, message.get("more_body", False)
    return False
