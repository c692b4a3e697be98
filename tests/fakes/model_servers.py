"""Model servers that answer as Anthropic and Ollama do, from a queue, with faults. Real servers on real sockets.

Runs by itself too, as a process of its own: `python -m tests.fakes.model_servers` prints its address.
"""

import asyncio
import json
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

Fault = Literal["cut", "ends early", "hangs", "error event", "garbage", "no headers"]


@dataclass
class Answer:
    """What to answer with. `words` become the events of a stream; counts of None are left out."""

    words: tuple[str, ...] = ("Halt", ", ", "who", " ", "goes", " ", "there", "?")
    prompt_tokens: int | None = 12
    completion_tokens: int | None = 8
    cache_read: int | None = None
    pause: float = 0.0  # seconds before each word
    fault: Fault | None = None
    after: int = 3  # words before the fault
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    compressed: bool = False  # although nobody asked for it


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
    """One fake that speaks both protocols. `answers` are used up first, then `default` again and again."""

    def __init__(self, default: Answer | None = None) -> None:
        self.default = default or Answer()
        self.answers: deque[Answer] = deque()
        self.seen: list[Seen] = []
        self.sent: list[bytes] = []  # whole bodies, of answers that were sent to their end
        self.open = 0  # answers under way
        self.left = asyncio.Event()  # a caller went away before the end
        self.url = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ModelServer"]:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        self.seen.append(Seen(request.method, request.path, dict(request.headers), raw))
        plain = _PLAIN.get((request.method, request.path))
        if plain is not None:
            return web.json_response(plain)
        answer = self.answers.popleft() if self.answers else self.default
        if answer.status != 200:
            return web.json_response(answer.error, status=answer.status, headers=answer.headers)
        if answer.fault == "no headers":
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        body = json.loads(raw)
        model = str(body.get("model"))
        if request.path == "/v1/messages":
            events, whole = _anthropic(answer, model)
            streams, kind = bool(body.get("stream")), "text/event-stream"
        elif request.path == "/v1/chat/completions":
            events, whole = _openai(answer, model, bool((body.get("stream_options") or {}).get("include_usage")))
            streams, kind = bool(body.get("stream")), "text/event-stream"
        else:
            events, whole = _ollama(answer, model, request.path)
            streams, kind = body.get("stream", True) is not False, "application/x-ndjson"
        self.open += 1
        try:
            if not streams or request.path == "/api/embed":
                await asyncio.sleep(answer.pause)
                return await self._send_whole(request, answer, whole)
            return await self._stream(request, answer, list(events), kind)
        except (asyncio.CancelledError, ConnectionError):
            self.left.set()
            raise
        finally:
            self.open -= 1

    async def _send_whole(self, request: web.Request, answer: Answer, whole: dict[str, Any]) -> web.StreamResponse:
        body = json.dumps(whole).encode()
        if answer.fault == "cut":
            headers = {"content-type": "application/json", "content-length": str(len(body))}
            half = web.StreamResponse(headers=headers)
            await half.prepare(request)
            await half.write(body[: len(body) // 2])
            assert request.transport is not None
            request.transport.close()
            return half
        if answer.fault == "garbage":
            body = b"<html>not json</html>"
        self.sent.append(body)
        response = web.Response(body=body, content_type="application/json", headers=answer.headers)
        if answer.compressed:
            response.enable_compression(web.ContentCoding.gzip)
        return response

    async def _stream(self, request: web.Request, answer: Answer, events: list[bytes], kind: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": kind, **answer.headers})
        if answer.compressed:
            response.enable_compression(web.ContentCoding.gzip)
        await response.prepare(request)
        sent = b""
        for number, event in enumerate(events):
            await asyncio.sleep(answer.pause)
            if answer.fault is not None and number == answer.after:
                assert request.transport is not None
                if answer.fault == "cut":
                    request.transport.abort()
                    return response
                if answer.fault == "hangs":
                    await asyncio.sleep(3600)
                if answer.fault == "ends early":
                    break
                if answer.fault == "garbage":
                    await response.write(b"data: {not json\n\n\xff\xfe\n")
                if answer.fault == "error event":
                    failure = (
                        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy"}}\n\n'
                        if kind == "text/event-stream"
                        else b'{"error":"model runner stopped"}\n'
                    )
                    await response.write(failure)
                    break
            await response.write(event)
            sent += event
        await response.write_eof()
        self.sent.append(sent)
        return response


def _anthropic(answer: Answer, model: str) -> tuple[Iterator[bytes], dict[str, Any]]:
    usage: dict[str, Any] = {"input_tokens": answer.prompt_tokens or 0, "output_tokens": answer.completion_tokens}
    if answer.cache_read is not None:
        usage["cache_read_input_tokens"] = answer.cache_read
        usage["cache_creation_input_tokens"] = 0
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [{"type": "text", "text": "".join(answer.words)}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": usage,
    }

    def event(kind: str, **fields: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()

    def events() -> Iterator[bytes]:
        begun = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
        yield event("message_start", message=begun)
        yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        yield event("ping")
        for word in answer.words:
            yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
        yield event("content_block_stop", index=0)
        told = {"output_tokens": answer.completion_tokens}
        yield event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage=told)
        yield event("message_stop")

    return events(), message


def _ollama(answer: Answer, model: str, path: str) -> tuple[Iterator[bytes], dict[str, Any]]:
    def said(text: str) -> dict[str, Any]:
        stamp = {"model": model, "created_at": "2026-11-23T00:00:00Z"}
        if path == "/api/generate":
            return {**stamp, "response": text}
        return {**stamp, "message": {"role": "assistant", "content": text}}

    last = {"done": True, "done_reason": "stop", "total_duration": 5, "load_duration": 1}
    if answer.prompt_tokens is not None:
        last["prompt_eval_count"] = answer.prompt_tokens
    if answer.completion_tokens is not None and path != "/api/embed":
        last["eval_count"] = answer.completion_tokens

    def events() -> Iterator[bytes]:
        for word in answer.words:
            yield json.dumps({**said(word), "done": False}).encode() + b"\n"
        yield json.dumps({**said(""), **last}).encode() + b"\n"

    if path == "/api/embed":
        count = {"prompt_eval_count": answer.prompt_tokens} if answer.prompt_tokens is not None else {}
        return events(), {"model": model, "embeddings": [[0.1, 0.2]], **count}
    return events(), {**said("".join(answer.words)), **last}


def _openai(answer: Answer, model: str, with_usage: bool) -> tuple[Iterator[bytes], dict[str, Any]]:
    base = {"id": "chatcmpl-1", "created": 1, "model": model}
    prompt, completion = answer.prompt_tokens or 0, answer.completion_tokens or 0
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}

    def chunk(**fields: Any) -> bytes:
        return f"data: {json.dumps({**base, 'object': 'chat.completion.chunk', **fields})}\n\n".encode()

    def events() -> Iterator[bytes]:
        for word in answer.words:
            yield chunk(choices=[{"index": 0, "delta": {"content": word}, "finish_reason": None}])
        yield chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
        if with_usage:
            yield chunk(choices=[], usage=usage)
        yield b"data: [DONE]\n\n"

    choice = {"index": 0, "message": {"role": "assistant", "content": "".join(answer.words)}, "finish_reason": "stop"}
    return events(), {**base, "object": "chat.completion", "choices": [choice], "usage": usage}


_PLAIN: dict[tuple[str, str], Any] = {
    ("GET", "/v1/models"): {
        "data": [
            {
                "type": "model",
                "id": "claude-haiku-4-5",
                "display_name": "Claude Haiku 4.5",
                "created_at": "2025-10-01T00:00:00Z",
            }
        ],
        "has_more": False,
        "first_id": "claude-haiku-4-5",
        "last_id": "claude-haiku-4-5",
    },
    ("POST", "/v1/messages/count_tokens"): {"input_tokens": 7},
    ("GET", "/api/tags"): {"models": [{"model": "llama3.2", "name": "llama3.2"}]},
    ("GET", "/api/version"): {"version": "0.12.0"},
    ("GET", "/api/ps"): {"models": []},
    ("POST", "/api/show"): {"details": {"family": "llama"}, "model_info": {}},
}


async def _main() -> None:
    async with ModelServer(Answer(pause=0.05, words=("word ",) * 200)).serving() as server:
        sys.stdout.write(server.url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
