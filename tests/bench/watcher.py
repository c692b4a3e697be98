"""An admin who has a page open, such as the live one: signs in, fetches it, and keeps its socket as a browser does."""

import asyncio
import contextlib
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

_CLIENT = re.compile(r"""['"]client_id['"]: ['"]([0-9a-f-]{36})['"]""")
SECONDS_BETWEEN_ACKS = 3.0


class LivePage:
    """An open page. `seconds` is what it took to be served, `size` its bytes; `messages` and `received` (bytes) count
    what was pushed to it."""

    def __init__(self, path: str = "/admin") -> None:
        self.path = path
        self.status = 0
        self.seconds = 0.0
        self.size = 0
        self.messages = 0
        self.received = 0
        self._next = 0
        self._client = ""

    async def follow(self, session: aiohttp.ClientSession, ready: asyncio.Event) -> None:
        """Open it and stay. Raises RuntimeError where it is not served."""
        began = time.perf_counter()
        async with session.get(self.path) as answer:
            text = await answer.text()
        self.seconds, self.size, self.status = time.perf_counter() - began, len(text), answer.status
        found = _CLIENT.search(text)
        if found is None:
            raise RuntimeError(f"{self.path} answered {answer.status} and is no page that could be live")
        self._client = found[1]
        query = f"EIO=4&transport=websocket&client_id={self._client}"
        async with session.ws_connect(f"/_nicegui_ws/socket.io/?{query}", max_msg_size=0) as socket:
            acks = asyncio.create_task(self._acknowledge(socket))
            try:
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        await self._answer(socket, message.data, ready)
            finally:
                acks.cancel()

    async def _answer(self, socket: aiohttp.ClientWebSocketResponse, text: str, ready: asyncio.Event) -> None:
        self.received += len(text)
        if text.startswith("0"):  # engine.io is open
            await socket.send_str("40")
        elif text.startswith("40"):  # and so is socket.io
            tab, document = str(uuid.uuid4()), str(uuid.uuid4())
            hello = {"client_id": self._client, "tab_id": tab, "document_id": document, "next_message_id": 0}
            await socket.send_str("420" + json.dumps(["handshake", hello]))  # 0: answer this one
        elif text == "2":  # a ping
            await socket.send_str("3")
        elif text == "430[true]":
            ready.set()
        elif text.startswith("42"):
            self.messages += 1
            if (at := text.rfind('"_id":')) >= 0 and (number := re.match(r" *(\d+)", text[at + 6 :])):
                self._next = int(number[1]) + 1

    async def _acknowledge(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_ACKS)
            ack = {"client_id": self._client, "next_message_id": self._next}
            await socket.send_str("42" + json.dumps(["ack", ack]))


@asynccontextmanager
async def watching(origin: str, username: str, password: str) -> AsyncIterator[LivePage]:
    """The live page, open and connected until the block ends. Raises TimeoutError when it never comes alive."""
    async with signed_in(origin, username, password) as session, opened(session) as page:
        yield page


@asynccontextmanager
async def signed_in(origin: str, username: str, password: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody's browser, without a page."""
    jar = aiohttp.CookieJar(unsafe=True)  # the server is an address without a name
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(origin, cookie_jar=jar, connector=connector) as session:
        async with session.post("/auth/login", json={"username": username, "password": password}) as answer:
            answer.raise_for_status()
        yield session


@asynccontextmanager
async def opened(session: aiohttp.ClientSession, path: str = "/admin") -> AsyncIterator[LivePage]:
    """A page, open and connected until the block ends. Raises TimeoutError when it never comes alive."""
    page = LivePage(path)
    ready = asyncio.Event()
    task = asyncio.create_task(page.follow(session, ready))
    try:
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((task, waiting), timeout=30, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            task.result()
        if not ready.is_set():
            raise TimeoutError(f"{path} does not come alive")
        yield page
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, aiohttp.ClientError):
            await task
