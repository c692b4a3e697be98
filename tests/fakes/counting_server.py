"""A model server that counts what it served, in a process of its own: `python -m tests.fakes.counting_server`.

It speaks Anthropic's API and Ollama's. Each call is known by the model it names, such as `17 cut`: a number,
and how the answer ends. GET /served tells the counts.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from tests.fakes.serving import served

PAUSE = 0.03  # seconds before each word


@dataclass
class Served:
    """One call as its server saw it."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0  # a word is a token
    finished: bool = False


class CountingServer:
    """Answers with as many words as the call's number says, and counts them as they are sent."""

    def __init__(self) -> None:
        self.served: dict[str, Served] = {}

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_get("/served", self._tell)
        app.router.add_post("/{path:.*}", self._answer)
        async with served(app) as url:
            yield url

    async def _tell(self, request: web.Request) -> web.Response:
        return web.json_response({name: asdict(served) for name, served in self.served.items()})

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        name = str(body["model"])
        number, ending = name.split(" ")
        if ending == "refused":
            error = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}
            return web.json_response(error, status=529)
        served = self.served.setdefault(name, Served())
        served.calls += 1
        served.prompt_tokens = 20 + int(number) % 7
        words = 5 + int(number) % 40
        draw = _anthropic if request.path == "/v1/messages" else _ollama
        if not body.get("stream"):
            await asyncio.sleep(PAUSE * words)
            served.completion_tokens = words
            served.finished = True
            return web.json_response(draw(served, words, whole=True)[0])
        kind = "text/event-stream" if request.path == "/v1/messages" else "application/x-ndjson"
        response = web.StreamResponse(headers={"content-type": kind})
        await response.prepare(request)
        *events, closing = draw(served, words)
        for at, event in enumerate(events):
            await asyncio.sleep(PAUSE)
            if at == len(events) // 2 and ending == "cut":
                assert request.transport is not None
                request.transport.close()
                return response
            if at == len(events) // 2 and ending == "fails":
                await response.write(_failure(request.path))
                await response.write_eof()
                return response
            await response.write(_line(event, request.path))
            served.completion_tokens += "word" in json.dumps(event)
        await response.write(_line(closing, request.path))
        served.finished = True
        await response.write_eof()
        return response


def _line(event: dict[str, Any], path: str) -> bytes:
    line = json.dumps(event).encode()
    return b"event: " + event["type"].encode() + b"\ndata: " + line + b"\n\n" if "type" in event else line + b"\n"


def _failure(path: str) -> bytes:
    if path == "/v1/messages":
        return _line({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}, path)
    return b'{"error": "the runner stopped"}\n'


def _anthropic(served: Served, words: int, *, whole: bool = False) -> list[dict[str, Any]]:
    usage = {"input_tokens": served.prompt_tokens, "output_tokens": words if whole else 1}
    text = [{"type": "text", "text": "word " * words}] if whole else []
    message = {"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": text, "usage": usage}
    if whole:
        return [{**message, "stop_reason": "end_turn"}]
    delta = {"type": "text_delta", "text": "word "}
    return [
        {"type": "message_start", "message": message},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for _ in range(words)),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": words}},
        {"type": "message_stop"},
    ]


def _ollama(served: Served, words: int, *, whole: bool = False) -> list[dict[str, Any]]:
    last = {"done": True, "done_reason": "stop", "prompt_eval_count": served.prompt_tokens, "eval_count": words}
    if whole:
        return [{"model": "m", "message": {"role": "assistant", "content": "word " * words}, **last}]
    said = {"model": "m", "message": {"role": "assistant", "content": "word "}, "done": False}
    return [*(said for _ in range(words)), {"model": "m", "message": {"role": "assistant", "content": ""}, **last}]


async def _main() -> None:
    async with CountingServer().serving() as url:
        sys.stdout.write(url + "\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
