"""What is seen from outside of a game: every request that reaches the platform, and another host that hears nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(frozen=True)
class Asked:
    """A request, or a WebSocket's handshake, as it reached the platform."""

    method: str
    path: str
    query: str
    headers: Headers

    @property
    def has_cookie(self) -> bool:
        return "cookie" in self.headers

    def __str__(self) -> str:
        return f"{self.method} {self.path}?{self.query}" + (" with a cookie" if self.has_cookie else "")


class Witnessed:
    """An application, and all that it was asked."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.asked: list[Asked] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            query = scope["query_string"].decode("latin-1")
            self.asked.append(Asked(scope.get("method", "WEBSOCKET"), scope["path"], query, Headers(scope=scope)))
        await self._app(scope, receive, send)


@dataclass
class OtherHost:
    """Another host as far as browsers are concerned: another origin, that anybody may read. It notes what it was asked,
    how often somebody only knocked, at `quiet`, and how many packets came for the STUN server that it has not."""

    origin: str = ""
    quiet: str = ""
    stun: str = ""
    asked: list[str] = field(default_factory=list)
    knocks: int = 0
    packets: int = 0


class _Packets(asyncio.DatagramProtocol):
    def __init__(self, host: OtherHost) -> None:
        self._host = host

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._host.packets += 1


@asynccontextmanager
async def elsewhere() -> AsyncIterator[OtherHost]:
    """A running OtherHost."""
    host = OtherHost()

    async def answer(request: web.Request) -> web.Response:
        host.asked.append(f"{request.method} {request.path_qs}")
        origin = request.headers.get("origin", "*")
        headers = {"access-control-allow-origin": origin, "access-control-allow-credentials": "true"}
        return web.Response(text="1", headers={**headers, "content-type": "text/javascript"})

    async def knocked(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host.knocks += 1
        writer.close()

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    quiet = await asyncio.start_server(knocked, "127.0.0.1", 0)
    host.quiet = f"http://127.0.0.1:{quiet.sockets[0].getsockname()[1]}"
    loop = asyncio.get_running_loop()
    stun, _ = await loop.create_datagram_endpoint(lambda: _Packets(host), local_addr=("127.0.0.1", 0))
    host.stun = "127.0.0.1:{1}".format(*stun.get_extra_info("sockname"))
    try:
        yield host
    finally:
        stun.close()
        quiet.close()
        await runner.cleanup()
