"""Taps and readers: usage read right wherever a stream is cut, requests held to one meaning."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes import protocols
from tests.fakes.protocols import Answer
from vanilla.errors import BadRequest
from vanilla.inference.backends import base, ollama, openai
from vanilla.inference.backends.anthropic import MessagesTap, read_messages, with_max_tokens
from vanilla.inference.backends.base import DEFAULT_OUTPUT, Lines, Prompt, Tap, with_one_meaning


def prompt(**body: Any) -> Prompt:
    return Prompt(body=body, raw=b"", model="m", stream=True, output_cap=100)


WORDS = ("Größe ", "日本", "!")
STREAMS: dict[str, tuple[Callable[[Prompt], Tap], bytes]] = {
    "anthropic": (MessagesTap, b"".join(protocols.anthropic(Answer(words=WORDS), "m")[0])),
    "chat": (ollama.LinesTap, b"".join(protocols.ollama(Answer(words=WORDS), "m", "/api/chat")[0])),
    "generate": (ollama.LinesTap, b"".join(protocols.ollama(Answer(words=WORDS), "m", "/api/generate")[0])),
    "openai": (openai.OpenAITap, b"".join(protocols.openai(Answer(words=WORDS), "m", with_usage=True)[0])),
}


class TestTaps:
    @pytest.mark.parametrize("name", STREAMS)
    @pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 100_000])
    def test_read_usage_wherever_the_stream_is_cut(self, name: str, size: int) -> None:
        make, stream = STREAMS[name]
        tap = make(prompt(stream_options={"include_usage": True}))
        out = b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size)) + tap.finish()
        assert out == stream
        assert (tap.usage.prompt_tokens, tap.usage.completion_tokens) == (12, 8)
        assert tap.is_complete
        assert not tap.has_failed
        assert tap.text == "".join(WORDS)

    @pytest.mark.parametrize("name", STREAMS)
    def test_are_not_complete_before_the_closing_event(self, name: str) -> None:
        make, stream = STREAMS[name]
        tap = make(prompt(stream_options={"include_usage": True}))
        lines = stream.rstrip(b"\n").split(b"\n")
        tap.feed(b"\n".join(lines[:-1]) + b"\n")
        assert not tap.is_complete
        tap.feed(lines[-1] + b"\n")
        assert tap.is_complete

    @pytest.mark.parametrize("size", [1, 3, 100_000])
    def test_take_out_the_usage_nobody_asked_for(self, size: int) -> None:
        make, stream = STREAMS["openai"]
        without = b"".join(protocols.openai(Answer(words=WORDS), "m", with_usage=False)[0])
        tap = make(prompt())
        out = b"".join(tap.feed(stream[at : at + size]) for at in range(0, len(stream), size)) + tap.finish()
        assert out == without
        assert tap.usage.completion_tokens == 8

    def test_message_delta_overwrites_and_never_adds(self) -> None:
        tap = MessagesTap(prompt())
        start = {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}}
        for event in (
            start,
            {"type": "message_delta", "usage": {"output_tokens": 10, "input_tokens": None}},
            {"type": "message_delta", "usage": {"output_tokens": 30, "input_tokens": 7, "cache_read_input_tokens": 4}},
        ):
            tap.feed(f"data: {json.dumps(event)}\n".encode())
        assert (tap.usage.prompt_tokens, tap.usage.completion_tokens, tap.usage.cache_read_tokens) == (11, 30, 4)

    @pytest.mark.parametrize("name", STREAMS)
    def test_garbage_passes_and_tells_nothing(self, name: str) -> None:
        make, _ = STREAMS[name]
        tap = make(prompt(stream_options={"include_usage": True}))
        garbage = b'data: {not json\n{"usage": 5}\ndata: []\ndata: {"type":"message_start","message":3}\n\xff\xfe\n'
        assert tap.feed(garbage) == garbage
        assert tap.usage.completion_tokens is None
        assert not tap.is_complete

    def test_ollamas_missing_and_zero_counts_are_left_to_an_estimate(self) -> None:
        for counts in ({}, {"prompt_eval_count": 0, "eval_count": 0}):
            tap = ollama.LinesTap(prompt())
            tap.feed(json.dumps({"response": "word", "done": False}).encode() + b"\n")
            tap.feed(json.dumps({"response": "", "done": True, **counts}).encode() + b"\n")
            assert tap.is_complete
            assert (tap.usage.prompt_tokens, tap.usage.completion_tokens) == (None, None)

    def test_loading_a_model_costs_nothing(self) -> None:
        tap = ollama.LinesTap(prompt())
        tap.feed(b'{"response":"","done":true,"done_reason":"load"}\n')
        assert (tap.usage.prompt_tokens, tap.usage.completion_tokens) == (0, 0)


class TestLines:
    def test_forget_what_never_ends(self) -> None:
        lines = Lines()
        for _ in range(40):
            assert lines.feed(b"x" * 1_000_000) == []
        assert len(lines.rest()) <= Lines.LONGEST


class TestReading:
    def test_anthropic(self) -> None:
        body = {"model": "m", "max_tokens": 500, "thinking": {"type": "enabled", "budget_tokens": 200}, "stream": True}
        read = read_messages(body, json.dumps(body).encode())
        assert (read.model, read.stream, read.output_cap, read.least_output) == ("m", True, 500, 201)
        assert json.loads(with_max_tokens(read, 300)) == {**body, "max_tokens": 300}

    @pytest.mark.parametrize("asked", [None, 0, -1, -2])
    def test_a_missing_or_negative_num_predict_is_a_default(self, asked: int | None) -> None:
        body: dict[str, Any] = {"model": "m", "prompt": "x", "options": {"num_predict": asked, "seed": 1}}
        read = ollama.read_generate(body, json.dumps(body).encode())
        assert (read.output_cap, read.cap_is_default) == (DEFAULT_OUTPUT, True)
        assert json.loads(ollama.with_num_predict(read, 7))["options"] == {"num_predict": 7, "seed": 1}

    def test_n_multiplies(self) -> None:
        body = {"model": "m", "messages": [], "n": 3, "max_tokens": 100}
        read = openai.read_openai(body, json.dumps(body).encode())
        assert (read.output_cap, read.least_output) == (300, 3)
        assert json.loads(openai.with_openai_cap(read, 150))["max_tokens"] == 50

    def test_a_number_beyond_all_models_is_refused(self) -> None:
        body = {"model": "m", "max_tokens": 10**12}
        with pytest.raises(BadRequest):
            read_messages(body, json.dumps(body).encode())

    def test_a_key_twice_in_one_object_is_refused_and_in_two_is_not(self) -> None:
        twice = b'{"model": "m", "max_tokens": 1, "max_tokens": 2}'
        with pytest.raises(BadRequest, match="max_tokens"):
            with_one_meaning(json.loads(twice), twice, "model", "max_tokens")
        apart = b'{"model": "m", "tools": [{"model": "x"}]}'
        assert with_one_meaning(json.loads(apart), apart, "model", "max_tokens") is apart

    def test_what_is_too_large_to_look_through_is_written_anew(self) -> None:
        large = b'{"model": "m", "max_tokens": 1, "max_tokens": 2, "x": "' + b"y" * 100_000 + b'"}'
        sent = with_one_meaning(json.loads(large), large, "model", "max_tokens")
        assert sent.count(b"max_tokens") == 1
        assert json.loads(sent) == json.loads(large)

    def test_escaped_text_is_no_reason_to_look_again(self) -> None:
        text = json.dumps({"model": "m", "x": "Gr\u00f6\u00dfe \u2028 <&> \x1f \u65e5"}).encode()
        assert base._ESCAPED_LETTER.search(text) is None
        assert base._ESCAPED_LETTER.search(b'{"m\\u006fdel": 1}') is not None

    def test_millions_of_small_parts_are_refused_before_they_are_parsed(self) -> None:
        with pytest.raises(BadRequest, match="1,000,000 parts"):
            base.read_object(b'{"x":[' + b"{}," * 2_000_000 + b"{}]}")
