"""The model itself: llama.cpp inside this process, asked from threads, answering token by token on the event loop."""

import asyncio
import importlib
import os
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vanilla.errors import BadRequest, Unavailable, VanillaError
from vanilla.inference.local.weights import CONTEXT_TOKENS

PARALLEL = 2  # generations at once; on two cores each then has half the speed
MAX_WAITING = 64  # calls that may wait for their turn
MAX_THREADS = 2  # cores the model may use, of those that are left when one is kept for everything else
DEFAULT_OUTPUT_TOKENS = 512  # a model this small may never come to an end by itself
PROMPT_BATCH_TOKENS = 128  # read between two looks at whether the caller is still there: about 0.6 s


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What the model is asked: `messages` (role and content) in its chat template, or else `text` as it is.

    `sampling` has llama.cpp's own names. `max_tokens` of None, 0 or below means DEFAULT_OUTPUT_TOKENS, as Ollama
    also takes 0 and below for "no limit given". `schema` is the JSON schema that the answer must follow.
    """

    messages: list[dict[str, str]] | None = None
    text: str = ""
    sampling: dict[str, float | int] = field(default_factory=dict)
    stop: list[str] = field(default_factory=list)
    max_tokens: int | None = None
    schema: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """How a generation ended: `reason` is stop or length, counts are the model's own, durations are nanoseconds."""

    reason: str
    prompt_tokens: int
    output_tokens: int
    waited: int
    prompt_duration: int
    output_duration: int
    total_duration: int


class Engine:
    """The loaded model. One per process; loading takes about a second and blocks."""

    def __init__(self, weights: Path) -> None:
        xllamacpp: Any = importlib.import_module("xllamacpp")
        # llama.cpp's threads wait for each other by spinning: two of them on two cores with anything else running give
        # 3 to 7 tokens/s, one gives 60 to 80 (and 90 against 110 on a quiet machine).
        threads = max(1, min(MAX_THREADS, (os.cpu_count() or 1) - 1))
        params = xllamacpp.CommonParams()
        params.model.path = str(weights)
        params.n_parallel = PARALLEL
        params.n_ctx = CONTEXT_TOKENS * PARALLEL  # llama.cpp divides it among the slots
        params.n_batch = PROMPT_BATCH_TOKENS
        params.n_gpu_layers = 0
        params.cpuparams.n_threads = threads
        params.cpuparams_batch.n_threads = threads
        params.cache_ram_mib = 0  # prompts of finished calls are not kept beyond their slot
        params.verbosity = 0
        params.warmup = False
        # llama.cpp opens an HTTP port of its own that cannot be switched off: locked, and the key thrown away.
        params.api_keys = [secrets.token_urlsafe(32)]
        params.ui = False
        params.endpoint_slots = False
        params.n_threads_http = 1
        self._server = xllamacpp.Server(params)
        self._threads = ThreadPoolExecutor(PARALLEL, thread_name_prefix="generation")
        self._free = asyncio.Semaphore(PARALLEL)
        self._waiting = 0

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str | Finish, None]:
        """Yields the answer's text as it comes, then one Finish. Closing the generator stops the model.

        Raises BadRequest (prompt too long, unusable schema) before the first text, Unavailable when too many wait.
        """
        arrived = time.monotonic_ns()
        await self._turn()
        started = time.monotonic_ns()
        loop = asyncio.get_running_loop()
        chunks: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        abandoned = threading.Event()

        def take(chunk: dict[str, Any]) -> bool:
            loop.call_soon_threadsafe(chunks.put_nowait, chunk)
            return abandoned.is_set()  # True ends the generation

        def finished(work: asyncio.Future[None]) -> None:
            self._free.release()
            work.exception()  # looked at here, so that it is not reported when nobody reads on
            chunks.put_nowait(None)

        handle, body = self._call(prompt)
        work = loop.run_in_executor(self._threads, handle, body, take)
        work.add_done_callback(finished)
        reason, last = "stop", None
        try:
            while (chunk := await chunks.get()) is not None:
                if "error" in chunk:
                    raise _refusal(chunk["error"])
                for choice in chunk.get("choices", ()):
                    reason = choice.get("finish_reason") or reason
                    if text := choice["delta"].get("content") if "delta" in choice else choice.get("text"):
                        yield text
                last = chunk if "usage" in chunk else last
            await _result(work)
        finally:
            abandoned.set()
        if last is None:
            raise VanillaError("The embedded model stopped without an answer.")
        yield Finish(
            reason="length" if reason == "length" else "stop",
            prompt_tokens=last["usage"]["prompt_tokens"],
            output_tokens=last["usage"]["completion_tokens"],
            waited=started - arrived,
            prompt_duration=int(last["timings"]["prompt_ms"] * 1e6),
            output_duration=int(last["timings"]["predicted_ms"] * 1e6),
            total_duration=time.monotonic_ns() - arrived,
        )

    async def _turn(self) -> None:
        """Wait for a free slot here rather than in llama.cpp, where a caller who leaves could not be taken out."""
        if self._free.locked() and self._waiting >= MAX_WAITING:
            raise Unavailable("server busy, please try again.  maximum pending requests exceeded")
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1

    def _call(self, prompt: Prompt) -> tuple[Callable[..., None], dict[str, Any]]:
        limit = prompt.max_tokens if prompt.max_tokens and prompt.max_tokens > 0 else DEFAULT_OUTPUT_TOKENS
        body: dict[str, Any] = {
            **prompt.sampling,
            "max_tokens": min(limit, CONTEXT_TOKENS),
            "stop": prompt.stop,
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,  # calls back while the prompt is read too, where it can be abandoned
            # A cached prompt is computed in other batches, which can change what a seed gives.
            "cache_prompt": "seed" not in prompt.sampling,
        }
        if prompt.messages is None:
            body["prompt"] = prompt.text
            if prompt.schema is None:
                return self._server.handle_completions, body
            body["json_schema"] = prompt.schema
            return self._complete_by_schema, body
        body["messages"] = prompt.messages
        if prompt.schema is not None:
            body["response_format"] = _response_format(prompt.schema)
        return self._server.handle_chat_completions, body

    def _complete_by_schema(self, body: dict[str, Any], take: Callable[[dict[str, Any]], bool]) -> None:
        """Refuse an unusable schema as the chat does, where handle_completions would quietly do without it."""
        trial = {
            "messages": [{"role": "user", "content": ""}],
            "max_tokens": 1,
            "stream": True,
            "response_format": _response_format(body["json_schema"]),
        }
        refused: list[dict[str, Any]] = []

        def note(chunk: dict[str, Any]) -> bool:
            refused.extend([chunk] if "error" in chunk else [])
            return True

        self._server.handle_chat_completions(trial, note)
        if refused:
            take(refused[0])
        else:
            self._server.handle_completions(body, take)


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"schema": schema}}


async def _result(work: asyncio.Future[None]) -> None:
    """Raises what llama.cpp refused: it says ValueError to values and schemas that it does not take."""
    try:
        await work
    except ValueError as error:
        raise BadRequest(str(error).rpartition("generation failed: ")[2]) from error


def _refusal(error: dict[str, Any]) -> VanillaError:
    if error.get("type") == "exceed_context_size_error":
        return BadRequest(
            f"The prompt is {error['n_prompt_tokens']} tokens long and the embedded model reads fewer than "
            f"{error['n_ctx']}. Shorten it."
        )
    message = str(error.get("message", "The embedded model failed."))
    return BadRequest(message) if error.get("code") == 400 else VanillaError(message)
