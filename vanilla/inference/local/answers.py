"""One call answered: read, asked, and sent as it comes, for as long as the caller is there."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from vanilla.errors import TooLarge, VanillaError
from vanilla.inference.local.engine import Engine, Finish, Prompt
from vanilla.inference.local.fields import Fields

MAX_BODY_BYTES = 32 * 1024 * 1024


class Call(Protocol):
    """A request as one API reads it (raising BadRequest or NotFound), and how that API writes the answer."""

    media_type: str  # of a stream
    stream: bool
    prompt: Prompt | None  # None: nothing to generate

    def piece(self, text: str) -> bytes: ...
    def last(self, finish: Finish) -> bytes: ...
    def whole(self, text: str, finish: Finish) -> dict[str, Any]: ...
    def nothing(self) -> dict[str, Any]: ...
    def broken(self, message: str) -> bytes: ...


class Answers:
    """An ASGI endpoint for one kind of call. A caller who leaves, streaming or not, stops the model."""

    def __init__(self, engine: Engine, read: Callable[[Fields], Call]) -> None:
        self._engine = engine
        self._read = read

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = self._read(await read_body(Request(scope, receive)))
        if call.prompt is None:
            await JSONResponse(call.nothing())(scope, receive, send)
            return
        answer = (
            self._stream(call, call.prompt, send)
            if call.stream
            else self._whole(call, call.prompt, scope, receive, send)
        )
        await _while_connected(receive, answer)

    async def _whole(self, call: Call, prompt: Prompt, scope: Scope, receive: Receive, send: Send) -> None:
        text: list[str] = []
        async with aclosing(self._engine.generate(prompt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, str):
                    text.append(piece)
                else:
                    await JSONResponse(call.whole("".join(text), piece))(scope, receive, send)

    async def _stream(self, call: Call, prompt: Prompt, send: Send) -> None:
        started = False
        try:
            async with aclosing(self._engine.generate(prompt)) as pieces:
                async for piece in pieces:
                    if not started:  # only now, so that what the model refuses still gets its status
                        headers = [(b"content-type", call.media_type.encode()), (b"cache-control", b"no-cache")]
                        await send({"type": "http.response.start", "status": 200, "headers": headers})
                        started = True
                    if isinstance(piece, str):
                        await send({"type": "http.response.body", "body": call.piece(piece), "more_body": True})
                    else:
                        await send({"type": "http.response.body", "body": call.last(piece), "more_body": False})
        except VanillaError as error:
            if not started:
                raise
            await send({"type": "http.response.body", "body": call.broken(error.message), "more_body": False})


async def read_body(request: Request) -> Fields:
    """The request's JSON object. Raises BadRequest or TooLarge."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"The body is larger than {MAX_BODY_BYTES // 1024 // 1024} MB.")
    return Fields.parse(bytes(body))


async def _while_connected(receive: Receive, answer: Awaitable[None]) -> None:
    answering = asyncio.ensure_future(answer)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((answering, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()
        answering.cancel()  # does nothing to one that is done
        await asyncio.wait((answering, leaving))
    if not answering.cancelled():
        answering.result()


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
