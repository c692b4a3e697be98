"""Anthropic's Messages API. Events and usage as of API versions 2023-06-01 and 2026-10-21."""

from collections.abc import Mapping
from typing import Any

import orjson

from vanilla.errors import Unavailable, UpstreamFailed, VanillaError
from vanilla.inference.backends.backlog import Backlog, line_at
from vanilla.inference.backends.base import (
    Events,
    Prompt,
    Route,
    Target,
    Usage,
    count_field,
    flag_field,
    model_field,
    with_one_meaning,
)

OLDEST_VERSION = "2023-06-01"  # for callers who name none
BEARER_SINCE = "2026-10-21"  # from this API version on the key goes up as a bearer, before it as x-api-key
DEFAULT_OUTPUT = 4096  # set aside when max_tokens is missing: the upstream refuses such a call by itself

# What an event has that tells usage, the end or an error; and the commonest event, which has but text.
_MARKS = (b'"usage"', b'"message_stop"', b'"error"')
_DELTA = b'"content_block_delta"'
_AROUND_TEXT = len(
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":""}}\n\n'
)

CALLERS_OWN_TOOLS = ("bash_", "text_editor_", "computer_", "memory_")


class Anthropic:
    """The host's account at Anthropic."""

    name = "anthropic"
    refused: frozenset[str] = frozenset()

    def __init__(self, base_url: str, api_key: str) -> None:
        self.base_url = base_url
        self.api_key = api_key
        self.routes: tuple[Route, ...] = (
            *(
                Route("POST", path, "/v1/messages", read=read_messages, tap=MessagesTap, with_cap=with_max_tokens)
                for path in ("/messages", "/v1/messages")
            ),
            Route("POST", "/v1/messages/count_tokens", "/v1/messages/count_tokens"),
            Route("GET", "/v1/models", "/v1/models"),
            Route("GET", "/v1/models/{model}", "/v1/models/{model}"),
        )

    @property
    def is_configured(self) -> bool:
        return bool(self.api_key)

    async def target(self, model: str | None, headers: Mapping[str, str]) -> Target:
        if not self.api_key:
            raise Unavailable("Claude is not set up here: the host has to set ANTHROPIC_API_KEY and restart.")
        version = headers.get("anthropic-version") or OLDEST_VERSION
        up = {"anthropic-version": version}
        if beta := headers.get("anthropic-beta"):
            up["anthropic-beta"] = beta
        if version >= BEARER_SINCE:
            up["authorization"] = f"Bearer {self.api_key}"
        else:
            up["x-api-key"] = self.api_key
        return Target(self.base_url, up)

    def unreachable(self) -> VanillaError:
        return UpstreamFailed("Anthropic does not answer: the host has to check the network and ANTHROPIC_BASE_URL.")

    def refusal(self, status: int) -> VanillaError | None:
        if status in (401, 403):
            return UpstreamFailed("Anthropic refused the host's key: the host has to check ANTHROPIC_API_KEY.")
        return None

    def failure_event(self, error: VanillaError, route: Route) -> bytes:
        body = {"type": "error", "error": {"type": error.type, "message": error.message}}
        return b"event: error\ndata: " + orjson.dumps(body) + b"\n\n"


def read_messages(body: dict[str, Any], raw: bytes) -> Prompt:
    """A request to create a message. Raises BadRequest."""
    raw = with_one_meaning(body, raw, "model", "stream", "max_tokens")
    cap = count_field(body, "max_tokens")
    thinking = body.get("thinking")
    budget = count_field(thinking, "budget_tokens") if isinstance(thinking, dict) else None
    return Prompt(
        body=body,
        raw=raw,
        model=model_field(body),
        stream=flag_field(body, "stream", default=False),
        output_cap=DEFAULT_OUTPUT if cap is None else max(0, cap),
        least_output=max(0, budget) + 1 if budget is not None else 1,
        extras=_extras(body, raw),
        text=[body.get(name) for name in ("system", "messages", "tools", "output_config", "output_format")],
    )


def _extras(body: dict[str, Any], raw: bytes) -> frozenset[str]:
    """What would run at Anthropic beside the model. Tools of these kinds are run by the caller, all others there."""
    found = set()
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else []:
        kind = tool.get("type") if isinstance(tool, dict) else None
        if isinstance(kind, str) and kind != "custom" and not kind.startswith(CALLERS_OWN_TOOLS):
            found.add(kind)
    found.update(name for name in ("mcp_servers", "container") if body.get(name))
    if b'"file_id"' in raw:
        found.add("file_id")
    return frozenset(found)


def with_max_tokens(prompt: Prompt, cap: int) -> bytes:
    """The request with a lower output cap."""
    return orjson.dumps({**prompt.body, "max_tokens": cap})


class MessagesTap:
    """Usage from a message: message_start, then every non-null field of each message_delta overwrites (they are
    cumulative; adding would count twice). Events that tell nothing but text are kept unread."""

    def __init__(self, prompt: Prompt) -> None:
        self.usage = Usage()
        self.is_complete = False
        self.has_failed = False
        self._backlog = Backlog()
        self._events = Events()
        self._reads_all = False  # events come in a form in which they cannot be told apart at a glance
        self._told: dict[str, Any] = {}
        self._text: list[str] = []
        self._length = 0  # characters of the text, and
        self._unread = 0  # a guess at those in the backlog

    def feed(self, chunk: bytes) -> bytes:
        lines = self._backlog.feed(chunk)
        if lines:
            if deltas := lines.count(_DELTA):
                self._unread += max(0, len(lines) - deltas * _AROUND_TEXT)
            if not self._reads_all:
                self._reads_all = not self._glance(lines)
            if self._reads_all or self._backlog.is_full:
                self._read_backlog()
        return chunk

    def finish(self) -> bytes:
        self.feed(b"\n")
        if not self.is_complete:
            self._read_backlog()
        return b""

    def read(self, body: bytes) -> None:
        try:
            message = orjson.loads(body)
        except orjson.JSONDecodeError:
            return
        if isinstance(message, dict):
            self._take_usage(message.get("usage"))
            self.is_complete = self.usage.completion_tokens is not None
            if not self.is_complete:  # else nobody asks for its text
                content = message.get("content")
                for block in content if isinstance(content, list) else []:
                    self._add_text(block)

    @property
    def text(self) -> str:
        self._read_backlog()
        self._text = ["".join(self._text)]
        return self._text[0]

    @property
    def tokens_so_far(self) -> int:
        return max(self.usage.completion_tokens or 0, (self._length + self._unread) // 4)

    def _glance(self, lines: bytes) -> bool:
        """Read the events that tell more than text: False where that cannot be told from one line."""
        read = b""
        for mark in _MARKS:
            place = lines.find(mark)  # within a text the quotes would be escaped
            while place >= 0:
                line = line_at(lines, place)
                if line is not read and line.startswith(b"data:"):
                    try:
                        self._event(orjson.loads(line[5:]))
                    except orjson.JSONDecodeError:
                        return False
                    read = line
                place = lines.find(mark, place + len(line))
        return True

    def _read_backlog(self) -> None:
        """Read what was kept. Events that were read before may be read again, in their order: they overwrite."""
        for line in self._backlog.take():
            self._event(self._events.feed(line))
        self._text = ["".join(self._text)]
        self._unread = 0

    def _event(self, event: Any) -> None:
        if not isinstance(event, dict):
            return
        kind = event.get("type")
        if kind == "content_block_delta":
            self._add_text(event.get("delta"))
        elif kind == "content_block_start":
            self._add_text(event.get("content_block"))
        elif kind == "message_start":
            message = event.get("message")
            self._take_usage(message.get("usage") if isinstance(message, dict) else None)
        elif kind == "message_delta":
            self._take_usage(event.get("usage"))
        elif kind == "message_stop":
            self.is_complete = True
        elif kind == "error":
            self.has_failed = True

    def _take_usage(self, usage: Any) -> None:
        if not isinstance(usage, dict):
            return
        self._told.update((name, value) for name, value in usage.items() if isinstance(value, int))
        told = self._told
        if "input_tokens" in told:
            self.usage.cache_read_tokens = told.get("cache_read_input_tokens", 0)
            self.usage.cache_write_tokens = told.get("cache_creation_input_tokens", 0)
            cached = self.usage.cache_read_tokens + self.usage.cache_write_tokens
            self.usage.prompt_tokens = told["input_tokens"] + cached
        self.usage.completion_tokens = told.get("output_tokens", self.usage.completion_tokens)
        used = usage.get("server_tool_use")
        if isinstance(used, dict):  # a count for each tool; cumulative too
            self.usage.server_tool_calls = sum(calls for calls in used.values() if isinstance(calls, int))

    def _add_text(self, block: Any) -> None:
        if not isinstance(block, dict):
            return
        for name in ("text", "thinking", "partial_json"):
            value = block.get(name)
            if isinstance(value, str) and value:
                self._text.append(value)
                self._length += len(value)
