"""The child, driven by the official Ollama client and, where that hides the bytes, by plain HTTP."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest
import pytest_asyncio

from tests.inference.local.conftest import HOST_KEY
from tests.inference.local.marks import needs_model
from vanilla.inference.local.process import LocalModel
from vanilla.inference.local.weights import MODEL

pytestmark = [*needs_model, pytest.mark.asyncio(loop_scope="module")]

HELLO = [{"role": "user", "content": "Greet the hero in one sentence."}]
# The model goes on counting for as long as it may: 40 s and more on two cores.
ENDLESS: dict[str, Any] = {
    "model": MODEL,
    "prompt": "1 2 3 4 5 6 7 8 9 10 11 12",
    "raw": True,
    "options": {"num_predict": 4000, "temperature": 0, "repeat_penalty": 1.0},
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def http(model: LocalModel) -> AsyncIterator[httpx.AsyncClient]:
    endpoint = await model.endpoint()
    async with httpx.AsyncClient(base_url=endpoint.base_url, headers=endpoint.headers, timeout=60) as client:
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(model: LocalModel) -> AsyncIterator[ollama.AsyncClient]:
    endpoint = await model.endpoint()
    official = ollama.AsyncClient(host=endpoint.base_url, headers=dict(endpoint.headers), timeout=60)
    yield official
    await official._client.aclose()


class TestAccess:
    @pytest.mark.parametrize("path", ["/", "/api/tags", "/api/version", "/v1/models", "/nothing"])
    @pytest.mark.parametrize("presented", ["", "Bearer wrong", "Basic eDp5"])
    async def test_whoever_does_not_bear_the_secret_gets_401(
        self, http: httpx.AsyncClient, path: str, presented: str
    ) -> None:
        answer = await http.get(path, headers={"authorization": presented})
        assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})

    async def test_the_host_s_key_and_the_secret_are_not_to_be_read_off_the_process(self, model: LocalModel) -> None:
        process = Path(f"/proc/{model.pid}")
        if not process.exists():
            pytest.skip("this system has no /proc")
        environment = (process / "environ").read_bytes()
        command = (process / "cmdline").read_bytes()
        secret = (await model.endpoint()).headers["authorization"].removeprefix("Bearer ").encode()
        assert b"vanilla.inference.local.server" in command
        assert HOST_KEY.encode() not in environment
        assert secret not in environment + command


class TestOfficialClient:
    async def test_lists_the_model(self, client: ollama.AsyncClient) -> None:
        [listed] = (await client.list()).models
        assert listed.model == MODEL
        assert listed.size is not None
        assert listed.size > 90_000_000
        assert listed.digest is not None
        assert len(listed.digest) == 64
        assert listed.details is not None
        assert listed.details.quantization_level == "Q4_1"

    async def test_says_what_runs_and_how_long_its_context_is(self, client: ollama.AsyncClient) -> None:
        [running] = (await client.ps()).models
        assert (running.model, running.context_length) == (MODEL, 4096)

    async def test_shows_that_the_model_completes_and_nothing_more(self, client: ollama.AsyncClient) -> None:
        shown = await client.show(MODEL)
        assert shown.capabilities == ["completion"]
        assert shown.modelinfo is not None
        assert shown.modelinfo["general.parameter_count"] == 134_515_008

    async def test_chats_and_counts(self, client: ollama.AsyncClient) -> None:
        answer = await client.chat(MODEL, HELLO, options={"num_predict": 20})
        assert answer.message.role == "assistant"
        assert answer.message.content
        assert answer.done
        assert answer.done_reason in ("stop", "length")
        # ChatML with the template's own system message around six words.
        assert answer.prompt_eval_count is not None
        assert 30 < answer.prompt_eval_count < 50
        assert answer.eval_count is not None
        assert 0 < answer.eval_count <= 20
        assert None not in (answer.total_duration, answer.prompt_eval_duration, answer.eval_duration)

    async def test_streams_a_chat_token_by_token_as_it_comes(self, client: ollama.AsyncClient) -> None:
        pieces, times = [], []
        async for piece in await client.chat(MODEL, HELLO, stream=True, options={"num_predict": 40, "seed": 3}):
            pieces.append(piece)
            times.append(time.monotonic())
        last = pieces[-1]
        assert [piece.done for piece in pieces] == [False] * (len(pieces) - 1) + [True]
        assert last.message.content == ""
        assert last.eval_count is not None
        assert last.eval_duration is not None
        # A token may be half of a character, and the one that ends the answer has no text.
        assert last.eval_count - 4 <= len(pieces) - 1 <= last.eval_count
        assert times[-1] - times[0] > 0.2 * last.eval_duration / 1e9

    async def test_generates(self, client: ollama.AsyncClient) -> None:
        answer = await client.generate(MODEL, "Say hello.", system="You are a pirate.", options={"num_predict": 8})
        assert answer.response
        assert answer.eval_count

    async def test_streams_a_generation(self, client: ollama.AsyncClient) -> None:
        stream = await client.generate(MODEL, "Once upon a time", raw=True, stream=True, options={"num_predict": 6})
        pieces = [piece async for piece in stream]
        assert "".join(piece.response or "" for piece in pieces)
        assert (pieces[-1].done_reason, pieces[-1].eval_count, pieces[-1].prompt_eval_count) == ("length", 6, 4)

    @pytest.mark.parametrize("raw", [False, True])
    async def test_keeps_to_a_schema(self, client: ollama.AsyncClient, raw: bool) -> None:
        schema = {
            "type": "object",
            "properties": {"mood": {"enum": ["calm", "angry"]}, "hits": {"type": "integer", "maximum": 99}},
            "required": ["mood", "hits"],
        }
        answer = await client.generate(MODEL, "The dragon:", raw=raw, format=schema, options={"temperature": 0})
        state = json.loads(answer.response or "")
        assert state["mood"] in ("calm", "angry")
        assert isinstance(state["hits"], int)

    async def test_writes_json_when_asked_to(self, client: ollama.AsyncClient) -> None:
        asked = [{"role": "user", "content": "A cat's name as JSON"}]
        answer = await client.chat(MODEL, asked, format="json", options={"temperature": 0, "num_predict": 40})
        assert answer.message.content is not None
        assert answer.message.content.startswith("{")

    async def test_an_unknown_model_is_ollama_s_404_and_names_the_one_there_is(
        self, client: ollama.AsyncClient
    ) -> None:
        with pytest.raises(ollama.ResponseError, match=rf"model 'llama3' not found.*{MODEL}") as failure:
            await client.chat("llama3", HELLO)
        assert failure.value.status_code == 404

    async def test_embeddings_are_refused_with_a_reason(self, client: ollama.AsyncClient) -> None:
        with pytest.raises(ollama.ResponseError, match="does not support embeddings") as failure:
            await client.embed(MODEL, "hello")
        assert failure.value.status_code == 400

    async def test_the_same_seed_gives_the_same_answer(self, client: ollama.AsyncClient) -> None:
        options = {"seed": 7, "num_predict": 12, "temperature": 1.0}
        answers = {(await client.chat(MODEL, HELLO, options=options)).message.content for _ in range(2)}
        other = (await client.chat(MODEL, HELLO, options={**options, "seed": 8})).message.content
        assert len(answers) == 1
        assert other not in answers

    async def test_a_cached_prompt_counts_in_full(self, client: ollama.AsyncClient) -> None:
        counts = [(await client.chat(MODEL, HELLO, options={"num_predict": 1})).prompt_eval_count for _ in range(3)]
        assert len(set(counts)) == 1

    async def test_stops_at_a_stop_sequence(self, client: ollama.AsyncClient) -> None:
        answer = await client.generate(
            MODEL, ENDLESS["prompt"], raw=True, options={**ENDLESS["options"], "stop": ["20"], "num_predict": 100}
        )
        assert answer.done_reason == "stop"
        assert answer.response is not None
        assert "19" in answer.response
        assert "20" not in answer.response


class TestProtocol:
    async def test_a_stream_is_lines_of_json_and_the_last_one_has_the_counts(self, http: httpx.AsyncClient) -> None:
        body = {"model": MODEL, "messages": HELLO, "options": {"num_predict": 3}}
        answer = await http.post("/api/chat", json=body)  # streams unless told not to
        assert answer.headers["content-type"] == "application/x-ndjson"
        *pieces, last = [json.loads(line) for line in answer.text.splitlines()]
        assert {frozenset(piece) for piece in pieces} == {frozenset({"model", "created_at", "message", "done"})}
        assert set(last) == {
            *("model", "created_at", "message", "done", "done_reason", "total_duration", "load_duration"),
            *("prompt_eval_count", "prompt_eval_duration", "eval_count", "eval_duration"),
        }
        assert (last["done_reason"], last["eval_count"]) == ("length", 3)

    async def test_says_that_it_runs_and_which_protocol_it_speaks(self, http: httpx.AsyncClient) -> None:
        assert (await http.get("/")).text == "Ollama is running"
        assert (await http.get("/api/version")).json()["version"].endswith("+vanilla")

    @pytest.mark.parametrize("body", [{"messages": []}, {}])
    async def test_a_chat_without_messages_only_loads(self, http: httpx.AsyncClient, body: dict[str, Any]) -> None:
        answer = (await http.post("/api/chat", json={"model": MODEL, **body})).json()
        assert (answer["done"], answer["done_reason"]) == (True, "load")

    async def test_a_prompt_beyond_the_context_is_refused_with_its_length(self, http: httpx.AsyncClient) -> None:
        answer = await http.post("/api/generate", json={"model": MODEL, "prompt": "word " * 5000})
        assert answer.status_code == 400
        assert "5031 tokens" in answer.json()["error"]

    @pytest.mark.parametrize("path", ["/api/chat", "/api/generate", "/v1/chat/completions"])
    @pytest.mark.parametrize(
        "body", [b"", b"{", b"[]", b"[" * 100_000, b"\xff", b'{"model": NaN}', b'{"a": "\\ud800"}']
    )
    async def test_a_body_that_is_no_json_object_is_a_400(
        self, http: httpx.AsyncClient, path: str, body: bytes
    ) -> None:
        answer = await http.post(path, content=body)
        assert answer.status_code == 400
        assert "body" in str(answer.json()["error"])

    @pytest.mark.parametrize(
        "wanted",
        [
            {"type": "nonsense"},
            {"$ref": "https://example.org/schema.json"},
            {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/a"}}},
            {"type": "string", "minLength": 1_000_000},
            {"type": "object", "properties": [1]},
        ],
    )
    @pytest.mark.parametrize("raw", [False, True])
    async def test_a_schema_that_cannot_be_kept_is_a_400_and_never_ignored(
        self, http: httpx.AsyncClient, wanted: dict[str, Any], raw: bool
    ) -> None:
        body = {"model": MODEL, "prompt": "x", "raw": raw, "format": wanted, "options": {"num_predict": 2}}
        answer = await http.post("/api/generate", json=body)
        assert answer.status_code == 400
        assert answer.json()["error"]

    async def test_values_out_of_range_are_refused_or_cut_but_never_slow(self, http: httpx.AsyncClient) -> None:
        options = {"num_predict": 2, "repeat_last_n": 10**9, "top_k": 2**31 - 1, "seed": 2**31 - 1, "num_ctx": 10**9}
        body = {"model": MODEL, "prompt": "x", "stream": False, "options": options}
        async with asyncio.timeout(5):  # without a cut, 11 s and gigabytes
            assert (await http.post("/api/generate", json=body)).status_code == 200

    @pytest.mark.parametrize(("method", "path", "status"), [("POST", "/api/pull", 404), ("GET", "/api/chat", 405)])
    async def test_what_is_not_offered_says_so(
        self, http: httpx.AsyncClient, method: str, path: str, status: int
    ) -> None:
        answer = await http.request(method, path)
        assert (answer.status_code, answer.json()["error"]) == (status, f"{method} {path} is not offered here")


class TestOpenAI:
    async def test_completes_a_chat(self, http: httpx.AsyncClient) -> None:
        body = {"model": MODEL, "messages": HELLO, "max_tokens": 3}
        answer = (await http.post("/v1/chat/completions", json=body)).json()
        assert answer["choices"][0]["message"]["content"]
        assert answer["choices"][0]["finish_reason"] == "length"
        assert answer["usage"]["completion_tokens"] == 3
        assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + 3

    @pytest.mark.parametrize("asked", [True, False])
    async def test_streams_and_tells_the_usage_only_if_asked(self, http: httpx.AsyncClient, asked: bool) -> None:
        body = {"model": MODEL, "messages": HELLO, "max_tokens": 3, "stream": True}
        answer = await http.post("/v1/chat/completions", json={**body, "stream_options": {"include_usage": asked}})
        assert answer.headers["content-type"] == "text/event-stream"
        events = [event.removeprefix("data: ") for event in answer.text.strip().split("\n\n")]
        assert events.pop() == "[DONE]"
        chunks = [json.loads(event) for event in events]
        assert "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks if chunk["choices"])
        assert [chunk["usage"]["completion_tokens"] for chunk in chunks if "usage" in chunk] == ([3] if asked else [])

    async def test_lists_the_model_and_refuses_others_in_its_own_shape(self, http: httpx.AsyncClient) -> None:
        assert [model["id"] for model in (await http.get("/v1/models")).json()["data"]] == [MODEL]
        answer = await http.post("/v1/chat/completions", json={"model": "gpt-4", "messages": HELLO})
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "not_found_error"


class TestTurns:
    async def test_callers_who_leave_their_streams_free_the_slots(self, http: httpx.AsyncClient) -> None:
        async with http.stream("POST", "/api/generate", json=ENDLESS) as first:
            async with http.stream("POST", "/api/generate", json=ENDLESS) as second:
                await anext(first.aiter_lines())
                await anext(second.aiter_lines())  # both slots are taken
        await _answers_soon(http)

    async def test_callers_who_leave_without_a_stream_free_the_slots(self, http: httpx.AsyncClient) -> None:
        await _leave(
            http, {**ENDLESS, "stream": False}, callers=4, after=1
        )  # two are answered, two wait for their turn
        await _answers_soon(http)

    async def test_callers_who_leave_while_their_prompt_is_read_free_the_slots(self, http: httpx.AsyncClient) -> None:
        long = "The cat sat on the mat. " * 550  # 30 s and more to read, for two
        await _leave(http, {**ENDLESS, "prompt": long}, callers=2, after=0.5)
        await _answers_soon(http)

    async def test_more_callers_than_slots_are_answered_one_after_the_other(self, http: httpx.AsyncClient) -> None:
        body = {"model": MODEL, "messages": HELLO, "stream": False, "options": {"num_predict": 5}}
        answers = await asyncio.gather(*(http.post("/api/chat", json=body) for _ in range(6)))
        assert [answer.status_code for answer in answers] == [200] * 6


async def _leave(http: httpx.AsyncClient, body: dict[str, Any], *, callers: int, after: float) -> None:
    calls = [asyncio.create_task(http.post("/api/generate", json=body)) for _ in range(callers)]
    answered, waiting = await asyncio.wait(calls, timeout=after)
    assert not answered
    for call in waiting:
        call.cancel()
    await asyncio.wait(waiting)


async def _answers_soon(http: httpx.AsyncClient) -> None:
    """Both slots are free: two calls at once are answered in a part of what the abandoned ones would still take."""
    body = {"model": MODEL, "prompt": "Hello", "stream": False, "options": {"num_predict": 1}}
    async with asyncio.timeout(15):
        answers = await asyncio.gather(*(http.post("/api/generate", json=body) for _ in range(2)))
    assert [answer.status_code for answer in answers] == [200, 200]
