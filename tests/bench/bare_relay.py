"""What a relay in Python costs at least: one ASGI function, bytes passed as they come, nobody asked, nothing counted.
`UPSTREAM=http://127.0.0.1:1234 python -m tests.bench.bare_relay` prints its port.
"""

import asyncio
import os
import socket
import sys

import aiohttp
import uvicorn
from starlette.types import Receive, Scope, Send

from tests.bench.processes import end_with_starter, raise_open_files

UPSTREAM = os.environ["UPSTREAM"]


class BareRelay:
    """The function, and the client that it shares between calls."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {"content-type": "application/json"}
        async with self._session.post(UPSTREAM + scope["path"], data=body, headers=headers) as response:
            passed = [
                (name.lower().encode(), value.encode())
                for name, value in response.headers.items()
                if name.lower() in ("content-type", "content-length")
            ]
            await send({"type": "http.response.start", "status": response.status, "headers": passed})
            async for chunk in response.content.iter_any():
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _main() -> None:
    raise_open_files()
    end_with_starter()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        BareRelay(), loop="uvloop", http="httptools", lifespan="off", access_log=False, log_level="critical"
    )
    await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_main())
