"""OpenAI's chat completions, as Ollama offers them below /v1. https://docs.ollama.com/openai"""

import json
import secrets
import time
from pathlib import Path
from typing import Any

from vanilla.errors import BadRequest
from vanilla.inference.local.engine import Finish, Prompt
from vanilla.inference.local.fields import Fields, check_length, check_role
from vanilla.inference.local.ollama import check_model
from vanilla.inference.local.weights import MODEL

_NUMBERS = ("temperature", "top_p", "presence_penalty", "frequency_penalty")


class ChatCompletion:
    """POST /v1/chat/completions. One choice, whatever `n` says, as in Ollama."""

    media_type = "text/event-stream"

    def __init__(self, body: Fields) -> None:
        check_model(body.text("model"))
        if body.has("tools") or body.has("functions"):
            raise BadRequest(f"{MODEL} does not support tools")
        self.stream = body.flag("stream") is True
        options = body.object("stream_options") or Fields({})
        self._tells_usage = options.flag("include_usage") is True
        self.prompt: Prompt | None = _prompt(body)
        self._id = f"chatcmpl-{secrets.token_hex(8)}"
        self._created = int(time.time())

    def piece(self, text: str) -> bytes:
        """An event with the next text."""
        return self._event([_choice("delta", {"role": "assistant", "content": text}, None)])

    def last(self, finish: Finish) -> bytes:
        """The closing events: the reason, the usage if it was asked for, and the end."""
        end = self._event([_choice("delta", {"role": "assistant", "content": ""}, finish.reason)])
        usage = self._event([], usage=_usage(finish)) if self._tells_usage else b""
        return end + usage + b"data: [DONE]\n\n"

    def whole(self, text: str, finish: Finish) -> dict[str, Any]:
        """The answer of a call that did not ask for a stream."""
        choice = _choice("message", {"role": "assistant", "content": text}, finish.reason)
        return {**self._head("chat.completion"), "choices": [choice], "usage": _usage(finish)}

    def nothing(self) -> dict[str, Any]:
        """Never asked for: a call without messages is refused."""
        raise BadRequest("messages must not be empty.")

    def broken(self, message: str) -> bytes:
        """The event that ends a stream which failed."""
        return b"data: " + json.dumps(failure(message, "api_error")).encode() + b"\n\n"

    def _event(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        event = {**self._head("chat.completion.chunk"), "choices": choices, **more}
        return b"data: " + json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self._id,
            "object": kind,
            "created": self._created,
            "model": MODEL,
            "system_fingerprint": "fp_vanilla",
        }


def models(weights: Path) -> dict[str, Any]:
    """GET /v1/models."""
    created = int(weights.stat().st_mtime)
    return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": created, "owned_by": "library"}]}


def failure(message: str, kind: str) -> dict[str, Any]:
    """The body of an error."""
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


def _prompt(body: Fields) -> Prompt:
    messages = [
        {"role": check_role(message.text("role")), "content": _content(message)} for message in body.objects("messages")
    ]
    if not messages:
        raise BadRequest("messages must not be empty.")
    check_length([message["content"] for message in messages])
    sampling: dict[str, float | int] = {name: number for name in _NUMBERS if (number := body.number(name)) is not None}
    if (seed := body.integer("seed")) is not None and seed >= 0:
        sampling["seed"] = seed
    return Prompt(
        messages=messages,
        sampling=sampling,
        stop=body.stops(),
        max_tokens=body.integer("max_completion_tokens") or body.integer("max_tokens"),
        schema=_schema(body),
    )


def _content(message: Fields) -> str:
    """A message's text, which may come in parts."""
    if not isinstance(message.either("content"), list):
        return message.text("content") or ""
    parts = message.objects("content")
    if any(part.text("type") != "text" for part in parts):
        raise BadRequest(f"{MODEL} reads text only; images, audio and files are not supported")
    return "".join(part.text("text") or "" for part in parts)


def _schema(body: Fields) -> dict[str, Any] | None:
    chosen = body.object("response_format")
    kind = None if chosen is None else chosen.text("type")
    if chosen is None or kind in (None, "text"):
        return None
    if kind == "json_object":
        return {"type": "object"}
    if kind != "json_schema" or (named := chosen.object("json_schema")) is None:
        raise BadRequest("response_format.type must be text, json_object or json_schema (with its json_schema).")
    return named.schema("schema")


def _choice(name: str, message: dict[str, Any], reason: str | None) -> dict[str, Any]:
    return {"index": 0, name: message, "finish_reason": reason}


def _usage(finish: Finish) -> dict[str, int]:
    return {
        "prompt_tokens": finish.prompt_tokens,
        "completion_tokens": finish.output_tokens,
        "total_tokens": finish.prompt_tokens + finish.output_tokens,
    }
