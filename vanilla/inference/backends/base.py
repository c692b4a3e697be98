"""What every model API has in common: how a request is read, how usage is tapped from the answer as it passes."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from vanilla.errors import BadRequest, VanillaError

DEFAULT_OUTPUT = 2048  # set aside when no cap is asked for, and sent up for users with a limit
LONGEST_MODEL = 200  # characters
MOST_NODES = 1_000_000  # commas and brackets of a request: some 30 ms of parsing, during which nothing else runs
LOOKED_THROUGH = 64 * 1024  # bytes of a request that may be parsed once more, about 1 ms
MOST_TOKENS = 100_000_000  # beyond any model, and far within the database's integers

# A letter of ASCII written as an escape: no encoder does that, and it could hide a key.
_ESCAPED_LETTER = re.compile(rb"\\u00[4-7]")


@dataclass(slots=True)
class Usage:
    """Tokens of one call. None is what the upstream did not say. Prompt tokens include cache reads and writes."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    server_tool_calls: int = 0


@dataclass(slots=True, kw_only=True)
class Prompt:
    """A request, read once."""

    body: dict[str, Any]
    raw: bytes  # what goes up if nothing has to be changed
    model: str
    stream: bool
    output_cap: int  # tokens to set aside for the answer: what was asked, or a default
    least_output: int = 1  # below this the call makes no sense
    cap_is_default: bool = False  # the caller asked for no cap: ours goes up for users with a limit
    extras: frozenset[str] = frozenset()  # what it asks to run at the upstream beside the model
    num_ctx: int | None = None  # tokens of context that it wants in the server's memory
    keep_alive: float | None = None  # seconds that the model is to stay loaded; negative for ever
    text: Any = None  # the part of the body that is prompt, for the estimate


class Tap(Protocol):
    """Reads usage from an answer as its bytes pass."""

    usage: Usage
    is_complete: bool  # the closing event has been seen: usage is final
    has_failed: bool  # the upstream reported an error inside the stream

    def feed(self, chunk: bytes) -> bytes:
        """Take in bytes of a stream, cut anywhere, and give what goes to the caller: the same bytes, as a rule."""
        ...

    def finish(self) -> bytes:
        """Take note of a stream's end, and give what `feed` still holds back."""
        ...

    def read(self, body: bytes) -> None:
        """Take in the whole body of an answer that is not streamed."""
        ...

    @property
    def text(self) -> str:
        """What the model has said so far, for an estimate."""
        ...

    @property
    def tokens_so_far(self) -> int:
        """A quick guess at the tokens of `text`, for live display and checkpoints."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """One call of a model API that may be relayed.

    `path` is the caller's, below `/api/inference/<backend>`; `upstream` the one at the model server. `read` is None for
    calls that cost nothing.
    """

    method: str
    path: str
    upstream: str
    read: Callable[[dict[str, Any], bytes], Prompt] | None = None
    tap: Callable[[Prompt], Tap] | None = None
    with_cap: Callable[[Prompt, int], bytes] | None = None  # the body with another output cap
    is_openai: bool = False  # its errors have OpenAI's shape


@dataclass(frozen=True, slots=True)
class Target:
    """Where a call goes up, and with which headers of the host's."""

    base_url: str
    headers: Mapping[str, str] = field(default_factory=dict)


class Backend(Protocol):
    """One model API of the host's."""

    name: str
    routes: tuple[Route, ...]
    refused: frozenset[str]  # paths that manage the server: known, and not for callers

    async def target(self, model: str | None, headers: Mapping[str, str]) -> Target:
        """Where to send a call for this model. `headers` are the caller's, in lower case.

        Raises Unavailable when the host has not set this backend up.
        """
        ...

    def unreachable(self) -> VanillaError:
        """What to say, and to whom, when no connection could be made."""
        ...

    def refusal(self, status: int) -> VanillaError | None:
        """What an upstream's status says about the host rather than the call, such as a wrong key; else None."""
        ...

    def failure_event(self, error: VanillaError, route: Route) -> bytes:
        """An error as the last event of a stream that has begun."""
        ...


def read_object(raw: bytes) -> dict[str, Any]:
    """A request's JSON object. Raises BadRequest with a sentence."""
    if not raw:
        raise BadRequest("The request has no body; send a JSON object.")
    if len(raw) > MOST_NODES and raw.count(b",") + raw.count(b"[") + raw.count(b"{") > MOST_NODES:
        raise BadRequest(f"The request's JSON has more than {MOST_NODES:,} parts.")
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"The request's body is not valid JSON: {error}.") from None
    if not isinstance(body, dict):
        raise BadRequest("The request's body must be a JSON object.")
    return body


def with_one_meaning(body: dict[str, Any], raw: bytes, *names: str, any_case: bool = False) -> bytes:
    """The bytes to send up for `body`, so that the model server cannot read them otherwise than we did.

    A key of `names` that stands twice in an object means the last one to us and perhaps the first one to others; with
    `any_case`, for a server that reads keys without regard to case, another spelling is another such key. Raises
    BadRequest for what is found; a body too large to look through is written anew.
    """
    if any_case:
        for key in body:
            if key not in names and key.casefold() in names:
                raise BadRequest(f"Write {key.casefold()} in lower case, not {key}.")
    is_plain = all(raw.count(b'"' + name.encode() + b'"') < 2 for name in names) and not _ESCAPED_LETTER.search(raw)
    if is_plain:
        return raw
    if len(raw) > LOOKED_THROUGH:
        return orjson.dumps(body)

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            for name in names:
                if sum(key == name for key, _ in pairs) > 1:
                    raise BadRequest(f"{name} stands more than once in the request.")
        return found

    try:
        json.loads(raw, object_pairs_hook=once)
    except RecursionError:
        raise BadRequest("The request's JSON is nested too deeply.") from None
    return raw


def text_field(body: dict[str, Any], name: str) -> str:
    """A required string. Raises BadRequest."""
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadRequest(f"{name}: a string is required.")
    return value


def model_field(body: dict[str, Any]) -> str:
    """The model's name, which goes into the ledger and onto pages. Raises BadRequest."""
    model = text_field(body, "model")
    if len(model) > LONGEST_MODEL or not model.isprintable():
        raise BadRequest(f"model: must be a name of at most {LONGEST_MODEL} printable characters.")
    return model


def flag_field(body: dict[str, Any], name: str, default: bool) -> bool:
    """An optional boolean. Raises BadRequest."""
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise BadRequest(f"{name}: must be true or false.")
    return value


def count_field(body: Mapping[str, Any], name: str) -> int | None:
    """An optional whole number. Raises BadRequest."""
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise BadRequest(f"{name}: must be a whole number.")
    if value > MOST_TOKENS:
        raise BadRequest(f"{name}: must be at most {MOST_TOKENS:,}.")
    return value


def positive(value: Any) -> int | None:
    """A reported count; None where there is none, or 0, which servers say when they do not know."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


class Lines:
    """Cuts a stream of bytes into lines, wherever its chunks were cut."""

    __slots__ = ("_parts", "_size")

    LONGEST = 16 * 1024 * 1024  # bytes; more without a line end is no event of any model API, and is forgotten

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, without their ends."""
        if b"\n" not in chunk:
            self._keep(chunk)
            return []
        lines = b"".join((*self._parts, chunk)).split(b"\n")
        self._parts.clear()
        self._size = 0
        self._keep(lines.pop())
        return lines

    def rest(self) -> bytes:
        """What came after the last line end."""
        return b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self.LONGEST:
            self._parts.clear()
        elif part:
            self._parts.append(part)


class Events:
    """The JSON of server-sent events from their `data:` lines: one line for each as a rule, several by the standard
    (WHATWG HTML, 9.2.6)."""

    __slots__ = ("_parts", "_size")

    MOST_LINES = 1000  # of one event, and
    LARGEST = 1024 * 1024  # bytes, so that nobody makes us join for ever

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def is_within_one(self) -> bool:
        """Whether the lines so far are not yet JSON, and may become it with the next."""
        return bool(self._parts)

    def feed(self, line: bytes) -> Any:
        """Take in a line of the stream, and give the JSON that it completes; None for none."""
        if not line.startswith(b"data:"):
            if not line.strip():
                self._parts.clear()  # the event has ended
            return None
        data = line[5:]
        if self._parts:
            if len(self._parts) == self.MOST_LINES or self._size > self.LARGEST:
                self._parts.clear()
                return None
            self._parts.append(data)
            self._size += len(data)
            if not data.rstrip().endswith(b"}"):
                return None
            data = b"\n".join(self._parts)
        try:
            event = orjson.loads(data)
        except orjson.JSONDecodeError:
            if not self._parts:
                self._parts.append(data)
                self._size = len(data)
            return None
        self._parts.clear()
        return event
