"""Model servers that answer as Anthropic and Ollama do, from a queue, with faults. Real servers on real sockets.

Runs by itself too, as a process of its own: `python -m tests.fakes.model_servers` prints its address.
"""

import asyncio
import json
import sys
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.fakes import protocols
from tests.fakes.protocols import Answer
from tests.fakes.serving import served

__all__ = ["Answer", "ModelServer", "Seen"]


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


class ModelServer:
    """One fake that speaks both protocols. `answers` are used up first, then it is `default` again and again, or what
    `by_model` has for the model that was asked."""

    def __init__(self, default: Answer | None = None) -> None:
        self.default = default or Answer()
        self.answers: deque[Answer] = deque()
        self.by_model: dict[str, Answer] = {}
        self.seen: list[Seen] = []
        self.sent: list[bytes] = []  # whole bodies, of answers that were sent to their end
        self.open = 0  # answers under way
        self.arrived = asyncio.Event()  # a request has come
        self.left = asyncio.Event()  # a caller went away before the end
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ModelServer"]:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        async with served(app) as self.url:
            yield self

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.seen.append(Seen(request.method, request.path, dict(request.headers), raw))
        self.arrived.set()
        plain = protocols.PLAIN.get((request.method, request.path))
        if plain is not None:
            return web.json_response(plain)
        answer = self.answers.popleft() if self.answers else self._usual(raw)
        self.open += 1
        try:
            await asyncio.sleep(answer.delay)
            if answer.fault == "page":  # of a proxy before it, whose server is down
                page = "<!doctype html><title>Bad gateway</title>"
                return web.Response(text=page, content_type="text/html", status=answer.status, headers=answer.headers)
            if answer.status != 200:
                return web.json_response(answer.error, status=answer.status, headers=answer.headers)
            if answer.fault == "no headers":
                _hang_up(request)
                return web.Response()
            events, whole, kind = _drawn(answer, request.path, json.loads(raw))
            if events is None:
                return await self._send_whole(request, answer, whole)
            return await self._stream(request, answer, events, kind)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        finally:
            self.open -= 1

    def _usual(self, raw: bytes) -> Answer:
        if not self.by_model:
            return self.default
        return self.by_model.get(str(json.loads(raw).get("model")), self.default)

    async def _send_whole(self, request: web.Request, answer: Answer, whole: dict[str, Any]) -> web.StreamResponse:
        body = json.dumps(whole).encode()
        if answer.fault == "error event":
            body = b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}'
        elif answer.fault == "garbage":
            body = b"<html>not json</html>"
        elif answer.fault in ("half a line", "ends early"):
            body = body[: len(body) // 2]
        headers = {"content-type": "application/json", "content-length": str(len(body)), **answer.headers}
        response = web.StreamResponse(headers=headers)
        if answer.compressed:
            del response.headers["content-length"]
            response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if answer.fault in ("cut", "cut in a line"):
            _hang_up(request)
            return response
        if answer.fault == "hangs":
            await asyncio.sleep(3600)
        await asyncio.sleep(answer.pause)
        if answer.gate is not None:
            await answer.gate.wait()
        await response.write(body[len(body) // 2 :])
        await response.write_eof()
        self.sent.append(body)
        return response

    async def _stream(self, request: web.Request, answer: Answer, events: list[bytes], kind: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": kind, **answer.headers})
        if answer.compressed:
            response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        sent = b""
        for number, each in enumerate(events):
            event = each
            await asyncio.sleep(answer.pause)
            if answer.fault is not None and number == answer.after:
                if answer.fault in ("half a line", "cut in a line"):
                    await response.write(event[: len(event) * 2 // 3])
                if answer.fault in ("cut", "cut in a line"):
                    _hang_up(request)
                    return response
                if answer.fault == "hangs":
                    await asyncio.sleep(3600)
                if answer.fault in ("ends early", "half a line"):
                    break
                if answer.fault == "garbage":
                    await response.write(_GARBAGE)
                    sent += _GARBAGE
                if answer.fault == "error event":
                    await response.write(_FAILURES[kind])
                    break
            if answer.gate is not None and number == len(events) - 1:
                await answer.gate.wait()
            if answer.fault == "no line end" and number == len(events) - 1:
                event = event.rstrip(b"\n")
            await response.write(event)
            sent += event
        if answer.fault == "cut at the end":
            _hang_up(request)
            return response
        await response.write_eof()
        self.sent.append(sent)
        return response


_GARBAGE = b"data: {not json\n\n\xff\xfe\n"
_FAILURES = {
    "text/event-stream": (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}\n\n'
    ),
    "application/x-ndjson": b'{"error":"model runner stopped"}\n',
}


def _drawn(answer: Answer, path: str, body: dict[str, Any]) -> tuple[list[bytes] | None, dict[str, Any], str]:
    """The answer as it goes out: the events if it is to be a stream, the whole, and the content type of a stream."""
    model, cap = str(body.get("model")), protocols.cap_of(path, body)
    streams = bool(body.get("stream"))
    if path == "/v1/messages":
        events, whole = protocols.anthropic(answer, model, cap)
    elif path == "/v1/chat/completions":
        with_usage = bool((body.get("stream_options") or {}).get("include_usage"))
        events, whole = protocols.openai(answer, model, with_usage, cap)
    else:
        events, whole = protocols.ollama(answer, model, path, cap)
        streams = body.get("stream", True) is not False and path != "/api/embed"
        return events if streams else None, whole, "application/x-ndjson"
    return events if streams else None, whole, "text/event-stream"


def _hang_up(request: web.Request) -> None:
    """Close the connection in the middle, when what has been written is on its way."""
    if request.transport is not None:
        request.transport.close()


async def _main() -> None:
    async with ModelServer(Answer(pause=0.05, words=("word ",) * 200)).serving() as server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
