"""What Anthropic, Ollama and Ollama's OpenAI-compatible face answer with: the events of a stream, and the whole.

As their servers do, an answer stops at the output cap that it was asked for.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

Fault = Literal[
    "cut",  # the connection breaks between two events, or in the middle of a whole answer
    "cut in a line",
    "cut at the end",  # after the closing event
    "ends early",  # cleanly, without the closing event
    "half a line",  # the same, in the middle of one
    "no line end",  # complete, but for the last line end
    "hangs",
    "error event",
    "garbage",
    "no headers",
    "page",  # of a proxy before the model server
]


@dataclass
class Answer:
    """What to answer with. `words` become the events of a stream; counts of None are left out."""

    words: tuple[str, ...] = ("Halt", ", ", "who", " ", "goes", " ", "there", "?")
    prompt_tokens: int | None = 12
    completion_tokens: int | None = 8
    cache_read: int | None = None
    thinking: str = ""  # comes before the words
    tool: tuple[str, dict[str, Any]] | None = None  # name and input of a tool that is called after them
    delay: float = 0.0  # seconds before anything is sent
    pause: float = 0.0  # seconds before each word, and in the middle of a whole answer
    gate: asyncio.Event | None = None  # waited for before the closing event, or the second half of a whole answer
    fault: Fault | None = None
    after: int = 3  # words before the fault
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    compressed: bool = False  # although nobody asked for it


def anthropic(answer: Answer, model: str, cap: int | None = None) -> tuple[list[bytes], dict[str, Any]]:
    """Answer to /v1/messages."""
    words, completion = _up_to(cap, answer)
    usage: dict[str, Any] = {"input_tokens": answer.prompt_tokens or 0, "output_tokens": completion}
    if answer.cache_read is not None:
        usage["cache_read_input_tokens"] = answer.cache_read
        usage["cache_creation_input_tokens"] = 0
    content: list[dict[str, Any]] = [{"type": "text", "text": "".join(words)}]
    if answer.thinking:
        content.insert(0, {"type": "thinking", "thinking": answer.thinking, "signature": "c2lnbmVk"})
    if answer.tool is not None:
        content.append({"type": "tool_use", "id": "toolu_1", "name": answer.tool[0], "input": answer.tool[1]})
    message = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": "end_turn" if answer.tool is None else "tool_use",
        "stop_sequence": None,
        "usage": usage,
    }

    def event(kind: str, **fields: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()

    def deltas(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if block["type"] == "thinking":
            yield {"type": "thinking_delta", "thinking": block["thinking"]}
            yield {"type": "signature_delta", "signature": block["signature"]}
        elif block["type"] == "tool_use":
            written = json.dumps(block["input"])
            for part in (written[:5], written[5:]):
                yield {"type": "input_json_delta", "partial_json": part}
        else:
            yield from ({"type": "text_delta", "text": word} for word in words)

    def events() -> Iterator[bytes]:
        begun = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
        yield event("message_start", message=begun)
        for index, block in enumerate(content):
            empty = {"text": "", "thinking": "", "signature": "", "input": {}}
            blank = {name: empty.get(name, value) for name, value in block.items()}
            yield event("content_block_start", index=index, content_block=blank)
            if index == 0:
                yield event("ping")
            for delta in deltas(block):
                yield event("content_block_delta", index=index, delta=delta)
            yield event("content_block_stop", index=index)
        told = {"output_tokens": completion}
        yield event("message_delta", delta={"stop_reason": message["stop_reason"], "stop_sequence": None}, usage=told)
        yield event("message_stop")

    return list(events()), message


def ollama(answer: Answer, model: str, path: str, cap: int | None = None) -> tuple[list[bytes], dict[str, Any]]:
    """Answer to /api/chat, /api/generate or /api/embed."""
    words, completion = _up_to(cap, answer)

    def said(text: str, **more: Any) -> dict[str, Any]:
        stamp = {"model": model, "created_at": "2026-11-23T00:00:00Z"}
        if path == "/api/generate":
            return {**stamp, "response": text, **more}
        return {**stamp, "message": {"role": "assistant", "content": text, **more}}

    last = {"done": True, "done_reason": "stop", "total_duration": 5, "load_duration": 1}
    if answer.prompt_tokens is not None:
        last["prompt_eval_count"] = answer.prompt_tokens
    if completion is not None and path != "/api/embed":
        last["eval_count"] = completion
    thinks = {"thinking": answer.thinking} if answer.thinking else {}
    calls: dict[str, Any] = {}
    if answer.tool is not None:
        calls["tool_calls"] = [{"function": {"name": answer.tool[0], "arguments": answer.tool[1]}}]

    def events() -> Iterator[bytes]:
        for begun in [said("", **part) for part in (thinks, calls) if part] + [said(word) for word in words]:
            yield json.dumps({**begun, "done": False}).encode() + b"\n"
        yield json.dumps({**said(""), **last}).encode() + b"\n"

    if path == "/api/embed":
        count = {"prompt_eval_count": answer.prompt_tokens} if answer.prompt_tokens is not None else {}
        return [], {"model": model, "embeddings": [[0.1, 0.2]], **count}
    return list(events()), {**said("".join(words), **thinks, **calls), **last}


def openai(answer: Answer, model: str, with_usage: bool, cap: int | None = None) -> tuple[list[bytes], dict[str, Any]]:
    """Answer to /v1/chat/completions."""
    words, counted = _up_to(cap, answer)
    base = {"id": "chatcmpl-1", "created": 1, "model": model}
    prompt, completion = answer.prompt_tokens or 0, counted or 0
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    calls: dict[str, Any] = {}
    if answer.tool is not None:
        function = {"name": answer.tool[0], "arguments": json.dumps(answer.tool[1])}
        calls["tool_calls"] = [{"index": 0, "id": "call_1", "type": "function", "function": function}]
    reason = "tool_calls" if calls else "stop"

    def chunk(**fields: Any) -> bytes:
        return f"data: {json.dumps({**base, 'object': 'chat.completion.chunk', **fields})}\n\n".encode()

    def events() -> Iterator[bytes]:
        for delta in [{"content": word} for word in words] + ([calls] if calls else []):
            yield chunk(choices=[{"index": 0, "delta": delta, "finish_reason": None}])
        yield chunk(choices=[{"index": 0, "delta": {}, "finish_reason": reason}])
        if with_usage:
            yield chunk(choices=[], usage=usage)
        yield b"data: [DONE]\n\n"

    message = {"role": "assistant", "content": "".join(words), **calls}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    return list(events()), {**base, "object": "chat.completion", "choices": [choice], "usage": usage}


def cap_of(path: str, body: dict[str, Any]) -> int | None:
    """The output cap of a request."""
    if path.startswith("/api/"):
        cap = (body.get("options") or {}).get("num_predict")
    else:
        cap = body.get("max_completion_tokens", body.get("max_tokens"))
    return cap if isinstance(cap, int) and cap > 0 else None


def _up_to(cap: int | None, answer: Answer) -> tuple[tuple[str, ...], int | None]:
    if cap is None:
        return answer.words, answer.completion_tokens
    counted = None if answer.completion_tokens is None else min(cap, answer.completion_tokens)
    return answer.words[:cap], counted


MODEL = {
    "type": "model",
    "id": "claude-haiku-4-5",
    "display_name": "Claude Haiku 4.5",
    "created_at": "2025-10-01T00:00:00Z",
}
LLAMA = {"id": "llama3.2", "object": "model", "created": 1, "owned_by": "library"}
# Both servers list their models at /v1/models, each in its own shape: this one listing has the fields of both.
PLAIN: dict[tuple[str, str], Any] = {
    ("GET", "/v1/models"): {
        "object": "list",
        "data": [{**MODEL, "object": "model", "created": 1, "owned_by": "library"}],
        "has_more": False,
        "first_id": "claude-haiku-4-5",
        "last_id": "claude-haiku-4-5",
    },
    ("GET", "/v1/models/claude-haiku-4-5"): MODEL,
    ("GET", "/v1/models/llama3.2"): LLAMA,
    ("POST", "/v1/messages/count_tokens"): {"input_tokens": 7},
    ("GET", "/api/tags"): {"models": [{"model": "llama3.2", "name": "llama3.2"}]},
    ("GET", "/api/version"): {"version": "0.12.0"},
    ("GET", "/api/ps"): {"models": []},
    ("POST", "/api/show"): {"details": {"family": "llama"}, "model_info": {}},
}
