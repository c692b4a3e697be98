"""Ollama's API, native and OpenAI-compatible: the host's server, or the embedded model."""

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import aiohttp
import orjson

from vanilla.errors import BadRequest, Unavailable, UpstreamFailed, VanillaError
from vanilla.inference.backends.backlog import Backlog, line_at
from vanilla.inference.backends.base import (
    DEFAULT_OUTPUT,
    Prompt,
    Route,
    Target,
    Usage,
    count_field,
    flag_field,
    model_field,
    positive,
    with_one_meaning,
)
from vanilla.inference.backends.openai import OpenAITap, read_openai, with_openai_cap
from vanilla.inference.local.process import LocalModel
from vanilla.inference.local.weights import MODEL
from vanilla.settings import DEFAULT_OLLAMA_URL

LocalMode = Literal["auto", "on", "off"]
ASK_AGAIN = 30.0  # seconds between looks for a server at the default address
PROBE_TIMEOUT = aiohttp.ClientTimeout(total=1.0)

IN_OPTIONS = ("num_predict", "num_ctx")
MANAGEMENT = frozenset({"/api/pull", "/api/push", "/api/create", "/api/copy", "/api/delete", "/api/blobs"})


class Ollama:
    """The host's Ollama server; where there is none, the embedded model."""

    name = "ollama"
    refused = MANAGEMENT

    def __init__(self, url: str, local_mode: LocalMode, local: LocalModel) -> None:
        self.url = url
        self._mode = local_mode
        self._local = local
        self._is_up = False
        self._asked_at = -ASK_AGAIN
        self._asking = asyncio.Lock()
        self.routes: tuple[Route, ...] = ROUTES

    async def target(self, model: str | None, headers: Mapping[str, str]) -> Target:
        if self._mode == "on" and model == MODEL:
            return await self._embedded()
        # "on" is beside the host's server, and in its place where there is none: lists and other models ask it too.
        if self._mode != "off" and self.url in ("", DEFAULT_OLLAMA_URL):
            if self.url and await self._answers():
                return Target(self.url)
            if self._local.is_installed():
                return await self._embedded()
        if not self.url:
            raise Unavailable("No Ollama is set up here: the host has to set OLLAMA_URL and restart.")
        return Target(self.url)

    @property
    def has_embedded(self) -> bool:
        """Whether the embedded model may answer beside the server (LOCAL_MODEL=on)."""
        return self._mode == "on" and self._local.is_installed()

    def unreachable(self) -> VanillaError:
        self._asked_at = -ASK_AGAIN
        return UpstreamFailed(f"Ollama does not answer at {self.url or 'its address'}: the host has to start it.")

    def refusal(self, status: int) -> VanillaError | None:
        return None

    def failure_event(self, error: VanillaError, route: Route) -> bytes:
        if route.is_openai:
            body = {"error": {"message": error.message, "type": error.type, "code": None}}
            return b"data: " + orjson.dumps(body) + b"\n\n"
        return orjson.dumps({"error": error.message}) + b"\n"

    async def _embedded(self) -> Target:
        endpoint = await self._local.endpoint()
        return Target(endpoint.base_url, endpoint.headers)

    async def _answers(self) -> bool:
        """Whether a server is there, asked at most every ASK_AGAIN seconds."""
        async with self._asking:
            if time.monotonic() - self._asked_at < ASK_AGAIN:
                return self._is_up
            self._is_up = await self._probe()
            self._asked_at = time.monotonic()
            return self._is_up

    async def _probe(self) -> bool:
        try:
            async with (
                aiohttp.ClientSession(timeout=PROBE_TIMEOUT) as session,
                session.get(f"{self.url}/api/version") as response,
            ):
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False


def read_chat(body: dict[str, Any], raw: bytes) -> Prompt:
    """A request for /api/chat. Raises BadRequest."""
    return _read(body, raw, "messages", "tools", "format")


def read_generate(body: dict[str, Any], raw: bytes) -> Prompt:
    """A request for /api/generate. Raises BadRequest."""
    prompt = _read(body, raw, "system", "prompt", "suffix", "format")
    images = body.get("images")
    if isinstance(images, list):
        prompt.text.append({"images": images})
    return prompt


def read_embed(body: dict[str, Any], raw: bytes) -> Prompt:
    """A request for /api/embed: nothing is generated. Raises BadRequest."""
    return replace(_read(body, raw, "input"), stream=False, output_cap=0, least_output=0, cap_is_default=False)


def with_num_predict(prompt: Prompt, cap: int) -> bytes:
    """The request with another output cap."""
    return orjson.dumps({**prompt.body, "options": {**(prompt.body.get("options") or {}), "num_predict": cap}})


class LinesTap:
    """Usage from native answers: the last line of a stream, or the one object, has prompt_eval_count and eval_count.
    Either may be missing or 0 (older servers, a cached prompt): then it is for us to estimate. Lines that tell nothing
    but text are kept unread."""

    def __init__(self, prompt: Prompt) -> None:
        self.usage = Usage()
        self.is_complete = False
        self.has_failed = False
        self._generates = prompt.output_cap > 0
        self._backlog = Backlog()
        self._lines = 0
        self._text: list[str] = []

    def feed(self, chunk: bytes) -> bytes:
        lines = self._backlog.feed(chunk)
        if lines:
            self._lines += lines.count(b"\n")
            place = _more(lines)
            if self._backlog.is_full or (place >= 0 and not self._is_last(line_at(lines, place))):
                self._read_backlog()
        return chunk

    def finish(self) -> bytes:
        self.feed(b"\n")
        if not self.is_complete:
            self._read_backlog()
        return b""

    def read(self, body: bytes) -> None:
        self._line(body)

    @property
    def text(self) -> str:
        self._read_backlog()
        self._text = ["".join(self._text)]
        return self._text[0]

    @property
    def tokens_so_far(self) -> int:
        return self.usage.completion_tokens or self._lines  # a line is a token, near enough

    def _is_last(self, line: bytes) -> bool:
        """Take in the last line, if it is that and says all there is to know."""
        try:
            answer = orjson.loads(line)
        except orjson.JSONDecodeError:
            return False
        if not (isinstance(answer, dict) and answer.get("done") is True) or "error" in answer:
            return False
        if not (positive(answer.get("eval_count")) and positive(answer.get("prompt_eval_count"))):
            return False
        self.is_complete = True
        self._take_usage(answer)
        return True

    def _read_backlog(self) -> None:
        for line in self._backlog.take():
            self._line(line)
        self._text = ["".join(self._text)]

    def _line(self, line: bytes) -> None:
        try:
            answer = orjson.loads(line)
        except orjson.JSONDecodeError:
            return
        if not isinstance(answer, dict):
            return
        message = answer.get("message")
        for part in (answer, message if isinstance(message, dict) else {}):
            for name in ("response", "content", "thinking"):
                value = part.get(name)
                if isinstance(value, str) and value:
                    self._text.append(value)
            if part.get("tool_calls"):
                self._text.append(orjson.dumps(part["tool_calls"]).decode())
        self.has_failed = self.has_failed or "error" in answer
        if answer.get("done") is True or "embeddings" in answer or "embedding" in answer:
            self.is_complete = True
            self._take_usage(answer)

    def _take_usage(self, answer: dict[str, Any]) -> None:
        if answer.get("done_reason") == "load":  # an empty prompt: the model was loaded and nothing read
            self.usage = Usage(prompt_tokens=0, completion_tokens=0)
            return
        generated = positive(answer.get("eval_count"))
        self.usage.prompt_tokens = positive(answer.get("prompt_eval_count"))
        self.usage.completion_tokens = generated if self._generates and self._text else generated or 0


def _more(lines: bytes) -> int:
    """Where they tell more than text (an error, an embedding, the end), or -1. Within a text quotes are escaped."""
    for mark in (b'"error"', b'"embedding'):
        if (place := lines.find(mark)) >= 0:
            return place
    done = _DONE.search(lines)
    return done.start() if done else -1


def _read(body: dict[str, Any], raw: bytes, *prompt_fields: str) -> Prompt:
    names = ("model", "stream", "options", "keep_alive", *prompt_fields)
    raw = with_one_meaning(body, raw, *names, *IN_OPTIONS, any_case=True)
    options = body.get("options")
    if options is not None and not isinstance(options, dict):
        raise BadRequest("options: must be an object.")
    for key in options or {}:
        if key not in IN_OPTIONS and key.casefold() in IN_OPTIONS:
            raise BadRequest(f"Write {key.casefold()} in lower case, not {key}.")
    asked = count_field(options or {}, "num_predict")
    return Prompt(
        body=body,
        raw=raw,
        model=model_field(body),
        stream=flag_field(body, "stream", default=True),
        output_cap=asked if asked is not None and asked > 0 else DEFAULT_OUTPUT,
        cap_is_default=asked is None or asked <= 0,  # to Ollama 0 and less mean: as much as it likes
        num_ctx=count_field(options or {}, "num_ctx"),
        keep_alive=_seconds(body.get("keep_alive")),
        text=[body.get(name) for name in prompt_fields],
    )


def _seconds(keep_alive: Any) -> float | None:
    """Ollama's keep_alive: seconds, or a duration of Go's such as `5m`, `1h30m` or `-1`. Raises BadRequest."""
    if keep_alive is None:
        return None
    if isinstance(keep_alive, int | float) and not isinstance(keep_alive, bool):
        return float(keep_alive)
    if isinstance(keep_alive, str):
        sign, text = (-1, keep_alive[1:]) if keep_alive.startswith("-") else (1, keep_alive)
        if text.isascii() and text.isdigit():
            return sign * float(text[:20])
        if _DURATION.fullmatch(text):
            return sign * sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    raise BadRequest("keep_alive: must be seconds, or a duration such as 5m.")


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?)(ns|us|µs|ms|s|m|h)")
_DURATION = re.compile(rf"(?:{_PART.pattern}){{1,8}}")

_DONE = re.compile(rb'"done"\s*:\s*true')

_CHAT = Route("POST", "/api/chat", "/api/chat", read=read_chat, tap=LinesTap, with_cap=with_num_predict)
_GENERATE = replace(_CHAT, path="/api/generate", upstream="/api/generate", read=read_generate)
ROUTES: tuple[Route, ...] = (
    _CHAT,
    replace(_CHAT, path="/chat"),
    _GENERATE,
    replace(_GENERATE, path="/generate"),
    Route("POST", "/api/embed", "/api/embed", read=read_embed, tap=LinesTap),
    Route(
        "POST",
        "/v1/chat/completions",
        "/v1/chat/completions",
        read=read_openai,
        tap=OpenAITap,
        with_cap=with_openai_cap,
        is_openai=True,
    ),
    Route("POST", "/api/show", "/api/show"),
    Route("GET", "/api/tags", "/api/tags"),
    Route("GET", "/models", "/api/tags"),
    Route("GET", "/api/ps", "/api/ps"),
    Route("GET", "/api/version", "/api/version"),
    Route("GET", "/v1/models", "/v1/models", is_openai=True),
    Route("GET", "/v1/models/{model}", "/v1/models/{model}", is_openai=True),
)
