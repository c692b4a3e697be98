"""Ollama's API: what its requests ask of the model, and its answers. https://docs.ollama.com/api"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vanilla.errors import BadRequest, NotFound
from vanilla.inference.local.engine import Finish, Prompt
from vanilla.inference.local.fields import Fields, check_length, check_role
from vanilla.inference.local.weights import (
    CONTEXT_TOKENS,
    DETAILS,
    MODEL,
    MODEL_INFO,
    TEMPLATE,
    digest,
    modified_at,
)

VERSION = "0.12.0+vanilla"  # the protocol spoken here, and that it is not Ollama itself

_SAMPLING_DEFAULTS: dict[str, float | int] = {"temperature": 0.8, "top_k": 40, "top_p": 0.9, "repeat_penalty": 1.1}
_NUMBERS = (
    "temperature",
    "top_p",
    "min_p",
    "typical_p",
    "repeat_penalty",
    "presence_penalty",
    "frequency_penalty",
)
_INTEGERS = {"top_k": MODEL_INFO["llama.vocab_size"], "repeat_last_n": CONTEXT_TOKENS}  # the most that means anything
_LOADED_UNTIL = "2318-01-01T00:00:00Z"  # "for ever", as Ollama too says it with a date of that century


class Generate:
    """POST /api/generate: one prompt, answered in `response`."""

    media_type = "application/x-ndjson"

    def __init__(self, body: Fields) -> None:
        check_model(body.text("model"))
        _refuse_what_it_cannot(body)
        if body.has("suffix"):
            raise BadRequest(f"{MODEL} does not support insert")
        self.stream = body.flag("stream") is not False
        self.prompt = self._read(body)

    def piece(self, text: str) -> bytes:
        """A line with the next text."""
        return _line({**self._stamp(), **self._text(text), "done": False})

    def last(self, finish: Finish) -> bytes:
        """The closing line."""
        return _line(self._closing("", finish))

    def whole(self, text: str, finish: Finish) -> dict[str, Any]:
        """The answer of a call that did not ask for a stream."""
        return self._closing(text, finish)

    def nothing(self) -> dict[str, Any]:
        """The answer to a call without a prompt, which only asks to have the model loaded."""
        return {**self._stamp(), **self._text(""), "done": True, "done_reason": "load"}

    def broken(self, message: str) -> bytes:
        """The line that ends a stream which failed."""
        return _line({"error": message})

    def _read(self, body: Fields) -> Prompt | None:
        text, system = body.text("prompt") or "", body.text("system") or ""
        if not text:
            return None
        check_length([text, system])
        if not body.flag("raw"):
            messages = [{"role": "system", "content": system}] if system else []
            return _prompt(body, messages=[*messages, {"role": "user", "content": text}])
        if system or body.has("template") or body.has("context"):
            raise BadRequest("raw mode does not support template, system, or context")
        return _prompt(body, text=text)

    def _text(self, text: str) -> dict[str, Any]:
        return {"response": text}

    def _closing(self, text: str, finish: Finish) -> dict[str, Any]:
        return {
            **self._stamp(),
            **self._text(text),
            "done": True,
            "done_reason": finish.reason,
            "total_duration": finish.total_duration,
            "load_duration": finish.waited,  # the model is always loaded: the wait is for its turn
            "prompt_eval_count": finish.prompt_tokens,
            "prompt_eval_duration": finish.prompt_duration,
            "eval_count": finish.output_tokens,
            "eval_duration": finish.output_duration,
        }

    def _stamp(self) -> dict[str, Any]:
        return {"model": MODEL, "created_at": datetime.now(UTC).isoformat().replace("+00:00", "Z")}


class Chat(Generate):
    """POST /api/chat: a conversation, answered in `message`."""

    def _read(self, body: Fields) -> Prompt | None:
        messages = [_message(message) for message in body.objects("messages")]
        check_length([message["content"] for message in messages])
        return _prompt(body, messages=messages) if messages else None

    def _text(self, text: str) -> dict[str, Any]:
        return {"message": {"role": "assistant", "content": text}}


def check_model(name: str | None) -> None:
    """Raises BadRequest without a name, and NotFound in Ollama's words for any model but the one there is."""
    if not name:
        raise BadRequest("model is required")
    if name.lower() != MODEL:
        raise NotFound(f"model '{name[:100]}' not found (models here: {MODEL})")


def tags(weights: Path) -> dict[str, Any]:
    """GET /api/tags. Blocks while it reads the file for its digest, the first time."""
    return {"models": [{**_listed(weights), "modified_at": modified_at(weights)}]}


def running(weights: Path) -> dict[str, Any]:
    """GET /api/ps. Blocks likewise."""
    model = {
        **_listed(weights),
        "expires_at": _LOADED_UNTIL,
        "size_vram": 0,
        "context_length": CONTEXT_TOKENS,
    }
    return {"models": [model]}


def show(body: Fields, weights: Path) -> dict[str, Any]:
    """POST /api/show; `name` is what older clients call the model."""
    check_model(body.text("model") or body.text("name"))
    return {
        "license": "SmolLM2-135M-Instruct by Hugging Face, under the Apache License 2.0.",
        "modelfile": f"FROM {MODEL}\nTEMPLATE {json.dumps(TEMPLATE)}\n",
        "parameters": "\n".join(f"{name} {value}" for name, value in _SAMPLING_DEFAULTS.items()),
        "template": TEMPLATE,
        "details": DETAILS,
        "model_info": MODEL_INFO,
        "capabilities": ["completion"],
        "modified_at": modified_at(weights),
    }


def _prompt(body: Fields, *, messages: list[dict[str, str]] | None = None, text: str = "") -> Prompt:
    options = body.object("options") or Fields({})
    sampling = dict(_SAMPLING_DEFAULTS)
    for name in _NUMBERS:
        if (number := options.number(name)) is not None:
            sampling[name] = number
    for name, most in _INTEGERS.items():
        if (integer := options.integer(name)) is not None:
            sampling[name] = min(integer, most)
    if (seed := options.integer("seed")) is not None and seed >= 0:
        sampling["seed"] = seed
    return Prompt(
        messages=messages,
        text=text,
        sampling=sampling,
        stop=options.stops(),
        max_tokens=options.integer("num_predict"),
        schema=_format(body),
    )


def _format(body: Fields) -> dict[str, Any] | None:
    value = body.either("format")
    if value is None or value == "":
        return None
    if value == "json":
        return {"type": "object"}
    if not isinstance(value, dict):
        raise BadRequest('format must be "json" or a JSON schema.')
    return body.schema("format")


def _message(message: Fields) -> dict[str, str]:
    if message.has("images"):
        raise BadRequest(f"{MODEL} does not support images")
    if message.has("tool_calls"):
        raise BadRequest(f"{MODEL} does not support tools")
    return {"role": check_role(message.text("role")), "content": message.text("content") or ""}


def _refuse_what_it_cannot(body: Fields) -> None:
    for field, what in (("tools", "tools"), ("images", "images"), ("think", "thinking")):
        if body.has(field):
            raise BadRequest(f"{MODEL} does not support {what}")


def _listed(weights: Path) -> dict[str, Any]:
    return {
        "name": MODEL,
        "model": MODEL,
        "size": weights.stat().st_size,
        "digest": digest(weights),
        "details": DETAILS,
    }


def _line(values: dict[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
