"""Whatever the network makes of a stream, a tap reads the same from it: every way of cutting and of writing it."""

import json
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fakes import protocols
from tests.fakes.protocols import Answer
from vanilla.inference.backends.anthropic import MessagesTap
from vanilla.inference.backends.base import Prompt, Tap
from vanilla.inference.backends.ollama import LinesTap
from vanilla.inference.backends.openai import OpenAITap

Protocol = Literal["anthropic", "chat", "generate", "openai", "openai without usage"]
same_every_time = settings(max_examples=80, deadline=None, derandomize=True, database=None)


@dataclass(frozen=True)
class Style:
    """How a server, or a proxy before it, may write the same events."""

    line_end: str = "\n"
    space: str = " "  # after the colon of a field
    comments: bool = False  # as keep-alives are
    names: bool = True  # the `event:` lines
    several_lines: bool = False  # of data for one event
    last_end: bool = True  # whether the last line has an end

    def write(self, events: list[Any], protocol: Protocol) -> bytes:
        """The stream. An event is its JSON, or text that is none."""
        ndjson = protocol in ("chat", "generate")
        out = ""
        for event in events:
            written = event if isinstance(event, str) else self._json(event, one_line=ndjson)
            if ndjson:
                out += written + self.line_end
                continue
            if self.comments:
                out += ": keep-alive" + self.line_end * 2
            if self.names and isinstance(event, dict) and "type" in event:
                out += f"event:{self.space}{event['type']}{self.line_end}"
            for line in written.split("\n"):
                out += f"data:{self.space}{line}{self.line_end}"
            out += self.line_end
        return (out if self.last_end else out.rstrip("\r\n")).encode()

    def _json(self, event: Any, *, one_line: bool) -> str:
        indent = 1 if self.several_lines and not one_line else None
        return json.dumps(event, ensure_ascii=False, indent=indent)


words = st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=6)
styles = st.builds(
    Style,
    line_end=st.sampled_from(["\n", "\r\n"]),
    space=st.sampled_from([" ", ""]),
    comments=st.booleans(),
    names=st.booleans(),
    several_lines=st.booleans(),
    last_end=st.booleans(),
)
places = st.lists(st.floats(0, 1), max_size=30)  # of cuts; two at one place make an empty chunk


def cut(stream: bytes, places: list[float]) -> list[bytes]:
    """The stream in pieces."""
    ends = sorted(round(place * len(stream)) for place in places)
    return [stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)], strict=True)]


def prompt(**body: Any) -> Prompt:
    return Prompt(body=body, raw=b"", model="m", stream=True, output_cap=100)


def events_of(protocol: Protocol, spoken: list[str]) -> list[Any]:
    """What the server says, as JSON."""
    answer = Answer(words=tuple(spoken), cache_read=100)
    if protocol == "anthropic":
        raw, _ = protocols.anthropic(answer, "m")
    elif protocol in ("chat", "generate"):
        raw, _ = protocols.ollama(Answer(words=tuple(spoken), prompt_tokens=112), "m", f"/api/{protocol}")
    else:
        raw, _ = protocols.openai(Answer(words=tuple(spoken), prompt_tokens=112), "m", with_usage=True)
    lines = [line.removeprefix(b"data: ") for event in raw for line in event.splitlines()]
    return [_loaded(line) for line in lines if line and not line.startswith(b"event:")]


def _loaded(line: bytes) -> Any:
    return "[DONE]" if line == b"[DONE]" else json.loads(line)


def tap_of(protocol: Protocol) -> Tap:
    if protocol == "anthropic":
        return MessagesTap(prompt())
    if protocol in ("chat", "generate"):
        return LinesTap(prompt())
    return OpenAITap(prompt(**({"stream_options": {"include_usage": True}} if protocol == "openai" else {})))


PROTOCOLS: list[Protocol] = ["anthropic", "chat", "generate", "openai", "openai without usage"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@example(spoken=["Größe ", "日本", "\U0001f409"], style=Style(), places=[at / 2000 for at in range(2000)])
@example(spoken=["word"], style=Style(line_end="\r\n", several_lines=True), places=[at / 500 for at in range(500)])
@example(spoken=["word"], style=Style(last_end=False), places=[])
@given(spoken=words, style=styles, places=places)
@same_every_time
def test_a_tap_reads_the_same_however_a_stream_is_written_and_cut(
    protocol: Protocol, spoken: list[str], style: Style, places: list[float]
) -> None:
    events = events_of(protocol, spoken)
    stream = style.write(events, protocol)
    tap = tap_of(protocol)
    out = b"".join(tap.feed(chunk) for chunk in cut(stream, places)) + tap.finish()
    if protocol == "openai without usage":
        events = [event for event in events if not (isinstance(event, dict) and event["choices"] == [])]
        expected = style.write(events, protocol)
        if style.comments:  # those between events stay, also the one before the event that was taken out
            assert out.replace(b": keep-alive", b"").split() == expected.replace(b": keep-alive", b"").split()
        else:
            assert out == expected
    else:
        assert out == stream
    cached = 100 if protocol == "anthropic" else 0
    usage = tap.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.cache_read_tokens) == (112, 8, cached)
    assert tap.text == "".join(spoken)
    assert tap.is_complete
    assert not tap.has_failed


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(spoken=words, style=styles, places=places, stop=st.floats(0, 1, exclude_max=True))
@same_every_time
def test_a_stream_that_stops_anywhere_is_not_taken_for_a_whole_one(
    protocol: Protocol, spoken: list[str], style: Style, places: list[float], stop: float
) -> None:
    events = events_of(protocol, spoken)
    closing = len(style.write(events[:-1], protocol))
    stream = style.write(events, protocol)[: int(stop * closing)]
    tap = tap_of(protocol)
    out = b"".join(tap.feed(chunk) for chunk in cut(stream, places)) + tap.finish()
    assert not tap.is_complete
    assert "".join(spoken).startswith(tap.text)
    if protocol != "openai without usage":
        assert out == stream


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(chunks=st.lists(st.binary(max_size=60), max_size=12))
@same_every_time
def test_any_bytes_pass_as_they_are(protocol: Protocol, chunks: list[bytes]) -> None:
    tap = tap_of(protocol)
    out = b"".join(tap.feed(chunk) for chunk in chunks) + tap.finish()
    assert out == b"".join(chunks)
    assert not tap.is_complete


def test_an_event_without_end_is_not_held_back_for_ever() -> None:
    tap = tap_of("openai without usage")
    line = b"data: {no json\n"
    out = b"".join(tap.feed(line) for _ in range(3000))
    assert len(out) >= 2000 * len(line)
    assert out + tap.finish() == line * 3000
