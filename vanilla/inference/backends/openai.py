"""The OpenAI-compatible face of an Ollama server: /v1/chat/completions."""

from typing import Any

import orjson

from vanilla.inference.backends.base import (
    DEFAULT_OUTPUT,
    Events,
    Lines,
    Prompt,
    Usage,
    count_field,
    flag_field,
    model_field,
    positive,
    with_one_meaning,
)

MOST_PARTS = 500  # of a text, before they are joined


def read_openai(body: dict[str, Any], raw: bytes) -> Prompt:
    """A request for /v1/chat/completions. Raises BadRequest. `n` answers cost n times the cap."""
    names = ("model", "stream", "max_tokens", "max_completion_tokens", "n", "stream_options")
    raw = with_one_meaning(body, raw, *names, any_case=True)
    caps = [cap for name in ("max_tokens", "max_completion_tokens") if (cap := count_field(body, name)) is not None]
    cap = max(caps, default=-1)
    answers = max(1, count_field(body, "n") or 1)
    stream = flag_field(body, "stream", default=False)
    options = body.get("stream_options")
    if stream and not (isinstance(options, dict) and options.get("include_usage")):
        # Without it a stream tells no usage. The extra chunk it brings is taken out again by the tap.
        raw = orjson.dumps({**body, "stream_options": {**(options or {}), "include_usage": True}})
    return Prompt(
        body=body,
        raw=raw,
        model=model_field(body),
        stream=stream,
        output_cap=(cap if cap > 0 else DEFAULT_OUTPUT) * answers,
        least_output=answers,
        cap_is_default=cap <= 0,
        text=[body.get(name) for name in ("messages", "tools", "response_format")],
    )


def with_openai_cap(prompt: Prompt, cap: int) -> bytes:
    """The request with another output cap, shared by its `n` answers."""
    body = orjson.loads(prompt.raw)
    answers = max(1, count_field(body, "n") or 1)
    named = [name for name in ("max_tokens", "max_completion_tokens") if name in body] or ["max_tokens"]
    return orjson.dumps({**body, **dict.fromkeys(named, cap // answers)})


class OpenAITap:
    """Usage from an OpenAI-compatible answer: `usage` of the object, or of the chunk before `[DONE]`."""

    def __init__(self, prompt: Prompt) -> None:
        self.usage = Usage()
        self.is_complete = False
        self.has_failed = False
        options = prompt.body.get("stream_options")
        self._asked = isinstance(options, dict) and bool(options.get("include_usage"))
        self._lines = Lines()
        self._events = Events()
        self._held: list[bytes] = []  # lines of an event that may turn out to tell usage alone
        self._dropped = False
        self._text: list[str] = []
        self._parts = 0

    def feed(self, chunk: bytes) -> bytes:
        kept: list[bytes] = []
        for line in self._lines.feed(chunk):
            only_usage = self._line(line)
            self._held.append(line)
            if self._events.is_within_one:
                continue
            if only_usage:
                self._dropped = True  # and the empty line that ends its event
                self._held.clear()
            elif self._dropped and not line.strip():
                self._dropped = False
                self._held.clear()
            kept += self._held
            self._held.clear()
        return chunk if self._asked else _lines(kept)

    def finish(self) -> bytes:
        out = self.feed(b"\n") + _lines(self._held)
        return b"" if self._asked else out.removesuffix(b"\n")  # the line end is ours

    def read(self, body: bytes) -> None:
        try:
            self._event(orjson.loads(body))
        except orjson.JSONDecodeError:
            return
        self.is_complete = self.usage.completion_tokens is not None

    @property
    def text(self) -> str:
        return "".join(self._text)

    @property
    def tokens_so_far(self) -> int:
        return self.usage.completion_tokens or self._parts  # a part is a token, near enough

    def _line(self, line: bytes) -> bool:
        """Take in one line; True if it completes an event that tells usage alone."""
        if line.startswith(b"data:") and line[5:].strip() == b"[DONE]":
            self.is_complete = True
            return False
        return self._event(self._events.feed(line))

    def _event(self, event: Any) -> bool:
        if not isinstance(event, dict):
            return False
        self.has_failed = self.has_failed or "error" in event
        usage = event.get("usage")
        if isinstance(usage, dict):
            self.usage.prompt_tokens = positive(usage.get("prompt_tokens"))
            self.usage.completion_tokens = positive(usage.get("completion_tokens"))
        choices = event.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            self._add_text(choice.get("delta") or choice.get("message") if isinstance(choice, dict) else None)
        return isinstance(usage, dict) and choices == []

    def _add_text(self, part: Any) -> None:
        if not isinstance(part, dict):
            return
        for name in ("content", "reasoning", "reasoning_content"):
            value = part.get(name)
            if isinstance(value, str) and value:
                self._text.append(value)
                self._parts += 1
        if len(self._text) > MOST_PARTS:  # each takes ten times its own length
            self._text = ["".join(self._text)]
        if part.get("tool_calls"):
            self._text.append(orjson.dumps(part["tool_calls"]).decode())


def _lines(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
