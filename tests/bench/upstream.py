"""A model server that costs next to nothing, so that what stands before it is measured.
`python -m tests.bench.upstream` prints its port.

It speaks as much HTTP as the relays here do. The model's name says how it answers: `plain` as it is asked,
`burst-200` with 200 tokens in one piece, `drip-200` with 200 tokens and no pause either but each event a packet of its
own, `paced-20-1200` with 20 events a second, 1,200 of them.
It counts what it has served: `GET /served`.
"""

import asyncio
import json
import re
import socket
import sys
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final, cast

import uvloop

from tests.bench.processes import end_with_starter, raise_open_files

PROMPT_TOKENS: Final = 12
PLAIN_TOKENS: Final = 8
TICK: Final = 0.005  # seconds between writes to paced streams, which are spread over the ticks of their period

_MODEL = re.compile(rb'"model": ?"([a-z]+)(?:-(\d+))?(?:-(\d+))?"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Served:
    """What went out, tokens as the answers state them. `open` are streams under way."""

    calls: int = 0
    tokens: int = 0
    open: int = 0
    left: int = 0  # streams whose caller went away


@dataclass(frozen=True)
class Answer:
    """How a request is answered: with `head` at once and then, for a stream that is not all in `head`, with `events`
    events, `rate` a second (0: one after the other)."""

    head: bytes
    tokens: int
    is_ollama: bool = False
    rate: int = 0
    events: int = 0


@lru_cache(256)
def answer_to(path: bytes, body: bytes) -> Answer | None:
    """What a request gets; None for a path that is none."""
    is_ollama = path == b"/api/chat"
    if not is_ollama and path != b"/v1/messages":
        return None
    found = _MODEL.search(body)
    kind, first, second = found.groups() if found else (b"plain", None, None)
    asked = json.loads(body) if body else {}
    streams = bool(asked.get("stream", is_ollama))
    if kind == b"paced":
        rate, events = int(first or 20), int(second or 100)
        return Answer(_stream_head(is_ollama), PROMPT_TOKENS + events, is_ollama, rate, events)
    tokens = int(first or PLAIN_TOKENS)
    if not streams:
        return Answer(_plain(is_ollama, tokens), PROMPT_TOKENS + tokens)
    if kind == b"drip":
        return Answer(_stream_head(is_ollama), PROMPT_TOKENS + tokens, is_ollama, events=tokens)
    events_between = b"".join(_event(is_ollama, 0) for _ in range(tokens))
    return Answer(_stream_head(is_ollama) + events_between + _stream_end(is_ollama, tokens), PROMPT_TOKENS + tokens)


class Connection(asyncio.Protocol):
    """One connection, kept alive."""

    def __init__(self, served: Served, pacer: "Pacer") -> None:
        self._served = served
        self._pacer = pacer
        self._unread = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass of it

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None

    def data_received(self, data: bytes) -> None:
        data = self._unread + data if self._unread else data
        while (end := data.find(b"\r\n\r\n")) >= 0:
            head = data[:end]
            length = _LENGTH.search(head)
            size = end + 4 + (int(length[1]) if length else 0)
            if len(data) < size:
                break
            self._reply(head.split(b" ", 2)[1], data[end + 4 : size])
            data = data[size:]
        self._unread = data

    def _reply(self, path: bytes, body: bytes) -> None:
        assert self.transport is not None
        answer = None if path == b"/served" else answer_to(path, body)
        if answer is None:
            text = json.dumps(asdict(self._served)).encode() if path == b"/served" else b"{}"
            self.transport.write(_head("200 OK" if path == b"/served" else "404 Not Found", len(text)) + text)
            return
        self.transport.write(answer.head)
        if answer.events:
            self._served.open += 1
            stream = Stream(self, answer, self._served)
            if answer.rate:
                self._pacer.add(stream)
            else:
                stream.drip()
        else:
            self._served.calls += 1
            self._served.tokens += answer.tokens


class Stream:
    """The rest of an answer."""

    __slots__ = ("_connection", "_served", "_to_send", "answer")

    def __init__(self, connection: Connection, answer: Answer, served: Served) -> None:
        self.answer = answer
        self._connection = connection
        self._served = served
        self._to_send = answer.events

    def send(self, event: bytes) -> bool:
        """Send one event; False once the stream is over."""
        transport = self._connection.transport
        if transport is None:
            self._served.open -= 1
            self._served.left += 1
            return False
        self._to_send -= 1
        if self._to_send:
            transport.write(event)
            return True
        transport.write(event + _stream_end(self.answer.is_ollama, self.answer.events))
        self._served.open -= 1
        self._served.calls += 1
        self._served.tokens += self.answer.tokens
        return False

    def drip(self) -> None:
        """Send an event in each turn of the loop: the kernel gets them one by one."""
        if self.send(_undated_event(self.answer.is_ollama)):
            asyncio.get_running_loop().call_soon(self.drip)


class Pacer:
    """Sends the events of paced streams. Streams that share a tick get the same bytes: one is made for all of them."""

    def __init__(self) -> None:
        self._wheels: dict[tuple[int, bool], _Wheel] = {}

    def add(self, stream: Stream) -> None:
        """Serve a stream from the next tick on."""
        key = stream.answer.rate, stream.answer.is_ollama
        if key not in self._wheels:
            self._wheels[key] = _Wheel(*key)
        self._wheels[key].add(stream)


class _Wheel:
    def __init__(self, rate: int, is_ollama: bool) -> None:
        self._is_ollama = is_ollama
        self._slots: list[list[Stream]] = [[] for _ in range(max(1, round(1 / rate / TICK)))]
        self._step = 1 / rate / len(self._slots)
        self._added = 0
        self._ticks = 0
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._turn()

    def add(self, stream: Stream) -> None:
        self._slots[self._added % len(self._slots)].append(stream)
        self._added += 1

    def _turn(self) -> None:
        number = self._ticks % len(self._slots)
        self._ticks += 1
        self._loop.call_at(self._began + self._ticks * self._step, self._turn)
        if slot := self._slots[number]:
            event = _event(self._is_ollama, time.monotonic_ns() // 1000)
            self._slots[number] = [stream for stream in slot if stream.send(event)]


def _head(status: str, length: int) -> bytes:
    return f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n".encode()


def _plain(is_ollama: bool, tokens: int) -> bytes:
    text = "Halt, who goes there?"
    if is_ollama:
        answer: dict[str, Any] = {**_line(text), "done": True, "done_reason": "stop", **_ollama_counts(tokens)}
    else:
        answer = {**_MESSAGE, "content": [{"type": "text", "text": text}], "stop_reason": "end_turn"}
        answer["usage"] = {**_USAGE, "output_tokens": tokens}
    body = json.dumps(answer).encode()
    return _head("200 OK", len(body)) + body


def _stream_head(is_ollama: bool) -> bytes:
    kind = "application/x-ndjson" if is_ollama else "text/event-stream; charset=utf-8"
    head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ntransfer-encoding: chunked\r\n\r\n".encode()
    if is_ollama:
        return head
    block = {"type": "text", "text": ""}
    return head + _sse("message_start", message=_MESSAGE) + _sse("content_block_start", index=0, content_block=block)


@lru_cache(2)
def _undated_event(is_ollama: bool) -> bytes:
    return _event(is_ollama, 0)


def _event(is_ollama: bool, at: int) -> bytes:
    """One token, with the moment it was sent (monotonic, microseconds) for those who measure how late it comes."""
    if is_ollama:
        return _chunk(json.dumps({**_line("word "), "done": False, "at": at}).encode() + b"\n")
    return _sse("content_block_delta", index=0, delta={"type": "text_delta", "text": "word "}, at=at)


@lru_cache(64)
def _stream_end(is_ollama: bool, tokens: int) -> bytes:
    if is_ollama:
        last = {**_line(""), "done": True, "done_reason": "stop", **_ollama_counts(tokens)}
        return _chunk(json.dumps(last).encode() + b"\n") + b"0\r\n\r\n"
    return (
        _sse("content_block_stop", index=0)
        + _sse("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": tokens})
        + _sse("message_stop")
        + b"0\r\n\r\n"
    )


def _sse(kind: str, **fields: Any) -> bytes:
    return _chunk(f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode())


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _line(text: str) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    return {"model": "llama", "created_at": "2026-11-23T00:00:00.000000Z", "message": message}


def _ollama_counts(tokens: int) -> dict[str, int]:
    return {"total_duration": 5, "prompt_eval_count": PROMPT_TOKENS, "eval_count": tokens}


_USAGE: Final = {
    "input_tokens": PROMPT_TOKENS,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
    "output_tokens": 1,
}
_MESSAGE: Final[dict[str, Any]] = {
    "id": "msg_01",
    "type": "message",
    "role": "assistant",
    "model": "claude",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": _USAGE,
}


async def _main() -> None:
    raise_open_files()
    end_with_starter()
    served = Served()
    pacer = Pacer()
    listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(served, pacer), sock=listener, backlog=4096
    )
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_main())
