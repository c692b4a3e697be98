"""Calls through the whole application, over real sockets."""

import asyncio
import json

import pytest

from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.conftest import HOST_KEY, Platform
from vanilla.settings import Settings

MESSAGES = "/api/inference/anthropic/messages"
CHAT = "/api/inference/ollama/chat"
ASK_CLAUDE = {"model": "claude-haiku-4-5", "max_tokens": 100, "messages": [{"role": "user", "content": "Who goes?"}]}
ASK_LLAMA = {"model": "llama3.2", "messages": [{"role": "user", "content": "Who goes?"}]}


class TestAnswers:
    async def test_needs_a_credential(self, platform: Platform, claude: ModelServer) -> None:
        client = await platform.client(None)
        answer = await client.post(MESSAGES, json=ASK_CLAUDE)
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "authentication_error")
        answer = await client.post(CHAT, json=ASK_LLAMA)
        assert (answer.status_code, list(answer.json())) == (401, ["error"])
        assert claude.seen == []

    @pytest.mark.parametrize("path", [MESSAGES, "/api/inference/anthropic/v1/messages"])
    @pytest.mark.parametrize("stream", [False, True])
    async def test_of_anthropic_arrive_byte_for_byte(
        self, platform: Platform, claude: ModelServer, path: str, stream: bool
    ) -> None:
        user, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(path, json={**ASK_CLAUDE, "stream": stream})
        assert answer.status_code == 200
        assert answer.content == claude.sent[-1]
        assert answer.headers["content-type"].startswith("text/event-stream" if stream else "application/json")
        (row,) = await platform.ledger()
        assert (row.user_id, row.backend, row.model) == (user.id, "anthropic", "claude-haiku-4-5")
        assert (row.prompt_tokens, row.completion_tokens, row.total_tokens) == (12, 8, 20)
        assert (row.status, row.estimated) == ("ok", False)
        assert row.duration_ms is not None
        assert row.first_byte_ms is not None
        after = await platform.user(user.id)
        assert (after.tokens_used, after.tokens_held, after.total_tokens) == (20, 0, 20)
        assert await platform.holds() == 0

    @pytest.mark.parametrize("path", ["/chat", "/api/chat", "/generate", "/api/generate"])
    @pytest.mark.parametrize("stream", [False, True, None])
    async def test_of_ollama_arrive_byte_for_byte(
        self, platform: Platform, llama: ModelServer, path: str, stream: bool | None
    ) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        asked: dict[str, object] = (
            {"model": "llama3.2", "prompt": "Who goes?"} if "generate" in path else dict(ASK_LLAMA)
        )
        if stream is not None:
            asked["stream"] = stream
        answer = await client.post(f"/api/inference/ollama{path}", json=asked)
        assert answer.status_code == 200
        assert answer.content == llama.sent[-1]
        assert len(answer.content.splitlines()) == (1 if stream is False else 9)
        (row,) = await platform.ledger()
        assert (row.backend, row.prompt_tokens, row.completion_tokens, row.estimated) == ("ollama", 12, 8, False)

    async def test_arrive_as_they_are_made(self, platform: Platform, llama: ModelServer) -> None:
        llama.default = Answer(pause=0.05)
        _, token = await platform.friend()
        client = await platform.client(token)
        loop = asyncio.get_running_loop()
        async with client.stream("POST", CHAT, json=ASK_LLAMA) as answer:
            assert answer.headers["x-accel-buffering"] == "no"
            moments = [loop.time() async for _ in answer.aiter_lines()]
        assert len(moments) == 9
        assert moments[-1] - moments[0] > 0.2

    async def test_are_the_requests_own_bytes(self, platform: Platform, claude: ModelServer) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        raw = json.dumps(ASK_CLAUDE, indent=3).encode()
        await client.post(MESSAGES, content=raw)
        assert claude.seen[-1].raw == raw

    async def test_of_embed_cost_the_prompt_alone(self, platform: Platform) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post("/api/inference/ollama/api/embed", json={"model": "minilm", "input": ["a", "b"]})
        assert answer.json()["embeddings"] == [[0.1, 0.2]]
        (row,) = await platform.ledger()
        assert (row.prompt_tokens, row.completion_tokens, row.estimated) == (12, 0, False)

    async def test_without_counts_are_estimated_and_marked(self, platform: Platform, llama: ModelServer) -> None:
        llama.default = Answer(prompt_tokens=None, completion_tokens=None)
        _, token = await platform.friend()
        client = await platform.client(token)
        await client.post(CHAT, json=ASK_LLAMA)
        (row,) = await platform.ledger()
        assert row.estimated
        assert 5 <= row.completion_tokens <= 10
        assert row.prompt_tokens > 3

    async def test_count_cache_reads_in_the_prompt(self, platform: Platform, claude: ModelServer) -> None:
        claude.default = Answer(cache_read=100)
        _, token = await platform.friend()
        client = await platform.client(token)
        await client.post(MESSAGES, json={**ASK_CLAUDE, "stream": True})
        (row,) = await platform.ledger()
        assert (row.prompt_tokens, row.cache_read_tokens, row.total_tokens) == (112, 100, 120)

    @pytest.mark.parametrize("stream", [False, True])
    async def test_that_are_compressed_unasked_are_decoded(
        self, platform: Platform, claude: ModelServer, stream: bool
    ) -> None:
        claude.default = Answer(compressed=True)
        _, token = await platform.friend()
        client = await platform.client(token)
        async with client.stream("POST", MESSAGES, json={**ASK_CLAUDE, "stream": stream}) as answer:
            raw = b"".join([part async for part in answer.aiter_raw()])
        assert "content-encoding" not in answer.headers
        assert raw == claude.sent[-1]
        (row,) = await platform.ledger()
        assert (row.prompt_tokens, row.completion_tokens, row.estimated) == (12, 8, False)

    async def test_in_an_unknown_encoding_are_a_502(self, platform: Platform, claude: ModelServer) -> None:
        claude.default = Answer(headers={"content-encoding": "br"})
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(MESSAGES, json=ASK_CLAUDE)
        assert answer.status_code == 502
        assert "encoding" in answer.json()["error"]["message"]
        assert await platform.holds() == 0


class TestOpenAI:
    PATH = "/api/inference/ollama/v1/chat/completions"

    @pytest.mark.parametrize("asked", [True, False])
    async def test_stream_shows_usage_only_to_who_asked(
        self, platform: Platform, llama: ModelServer, asked: bool
    ) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        options = {"stream_options": {"include_usage": True}} if asked else {}
        answer = await client.post(self.PATH, json={**ASK_LLAMA, "stream": True, **options})
        assert llama.seen[-1].body["stream_options"] == {"include_usage": True}
        assert (b'"usage"' in answer.content) is asked
        assert answer.content.endswith(b"data: [DONE]\n\n")
        assert answer.content.count(b"data: ") == (11 if asked else 10)
        (row,) = await platform.ledger()
        assert (row.prompt_tokens, row.completion_tokens, row.estimated) == (12, 8, False)

    async def test_errors_have_its_shape(self, platform: Platform) -> None:
        client = await platform.client("vk_wrong")
        answer = await client.post(self.PATH, json=ASK_LLAMA)
        assert answer.status_code == 401
        assert set(answer.json()["error"]) >= {"message", "type", "code"}


class TestHeaders:
    async def test_the_callers_credential_never_goes_up(self, platform: Platform, claude: ModelServer) -> None:
        _, token = await platform.friend()
        client = await platform.client(token, cookie="vanilla_session=x; other=y")
        await client.post(MESSAGES, json=ASK_CLAUDE)
        up = claude.seen[-1].headers
        assert token not in str(up)
        assert "cookie" not in {name.lower() for name in up}

    @pytest.mark.parametrize(
        ("version", "name", "value"),
        [
            (None, "x-api-key", HOST_KEY),
            ("2023-06-01", "x-api-key", HOST_KEY),
            ("2026-10-21", "authorization", f"Bearer {HOST_KEY}"),
        ],
    )
    async def test_the_hosts_key_goes_up_as_the_version_has_it(
        self, platform: Platform, claude: ModelServer, version: str | None, name: str, value: str
    ) -> None:
        _, token = await platform.friend()
        headers = {} if version is None else {"anthropic-version": version, "anthropic-beta": "a-beta"}
        client = await platform.client(token, **headers)
        await client.post(MESSAGES, json=ASK_CLAUDE)
        up = {key.lower(): text for key, text in claude.seen[-1].headers.items()}
        assert up[name] == value
        assert len({"x-api-key", "authorization"} & set(up)) == 1
        assert up["anthropic-version"] == (version or "2023-06-01")
        assert up.get("anthropic-beta") == headers.get("anthropic-beta")

    async def test_the_upstreams_request_id_comes_down(self, platform: Platform, claude: ModelServer) -> None:
        claude.default = Answer(headers={"request-id": "req_upstream", "set-cookie": "a=b", "server": "secret"})
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(MESSAGES, json=ASK_CLAUDE)
        assert answer.headers.get_list("request-id") == ["req_upstream"]
        assert "set-cookie" not in answer.headers
        (row,) = await platform.ledger()
        assert row.request_id == "req_upstream"

    async def test_an_upstreams_request_id_takes_no_more_room_than_it_may(
        self, platform: Platform, claude: ModelServer
    ) -> None:
        claude.default = Answer(headers={"request-id": "r" * 5000})
        _, token = await platform.friend()
        answer = await (await platform.client(token)).post(MESSAGES, json=ASK_CLAUDE)
        assert len(answer.headers["request-id"]) == 5000  # it is the upstream's to say
        (row,) = await platform.ledger()
        assert row.request_id == "r" * 200


class TestRefusals:
    async def test_of_the_upstream_pass_and_cost_nothing(self, platform: Platform, claude: ModelServer) -> None:
        error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        claude.answers.append(Answer(status=529, error=error, headers={"retry-after": "7", "x-should-retry": "true"}))
        user, token = await platform.friend(token_limit=1000)
        client = await platform.client(token)
        answer = await client.post(MESSAGES, json=ASK_CLAUDE)
        assert (answer.status_code, answer.json()) == (529, error)
        assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("7", "true")
        assert await platform.ledger() == []
        assert (await platform.user(user.id)).tokens_held == 0

    @pytest.mark.parametrize("status", [401, 403])
    async def test_of_the_hosts_key_are_the_hosts_matter(
        self, platform: Platform, claude: ModelServer, status: int
    ) -> None:
        claude.answers.append(Answer(status=status, error={"error": {"message": f"invalid key {HOST_KEY}"}}))
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(MESSAGES, json=ASK_CLAUDE)
        assert answer.status_code == 502
        assert "ANTHROPIC_API_KEY" in answer.json()["error"]["message"]
        assert HOST_KEY not in answer.text
        assert await platform.holds() == 0

    @pytest.mark.parametrize("path", ["pull", "push", "create", "copy", "delete", "blobs/sha256:abc"])
    async def test_managing_models_is_forbidden(self, platform: Platform, llama: ModelServer, path: str) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(f"/api/inference/ollama/api/{path}", json={"model": "x"})
        assert answer.status_code == 403
        assert isinstance(answer.json()["error"], str)
        assert llama.seen == []

    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("POST", "/api/inference/ollama/api/unknown", 404),
            ("GET", "/api/inference/ollama/api/chat", 405),
            ("POST", "/api/inference/anthropic/v1/complete", 404),
            ("POST", "/api/inference/anthropic", 404),
            ("GET", "/api/inference/anthropic/v1/messages", 405),
            ("GET", "/api/inference/ollama/api/../api/tags", 200),
            ("GET", "/api/inference/anthropic/v1/models/%2e%2e", 404),
            ("GET", "/api/inference/anthropic/v1/models/%2e", 404),
        ],
    )
    async def test_other_paths_are_never_forwarded(
        self, platform: Platform, claude: ModelServer, llama: ModelServer, method: str, path: str, status: int
    ) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.request(method, path, json={} if method == "POST" else None)
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("application/json")
        assert len(llama.seen) == (status == 200)
        assert claude.seen == []

    @pytest.mark.parametrize(
        "raw",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'"text"',
            b"{}",
            b'{"model": 5}',
            b'{"model": ""}',
            b'{"model": "%s"}' % (b"m" * 201),
            b'{"model": "a\\r\\nb"}',
            b'{"model": "a\\u0000"}',
            b'{"model": "a\\u202eb"}',
            b'{"model": "m", "stream": "yes"}',
            b'{"model": "m", "stream": 1}',
            b'{"model": "m", "model": "n"}',
            b'{"model": "m", "m\\u006fdel": "n"}',
            b"\xff\xfe",
            b"[" * 100_000,
            b'{"model": "m", "x": ' + b"[" * 2000 + b"]" * 2000 + b"}",
        ],
    )
    async def test_bad_bodies_are_400_in_the_apis_shape(
        self, platform: Platform, llama: ModelServer, raw: bytes
    ) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        for path in (CHAT, MESSAGES):
            answer = await client.post(path, content=raw)
            assert answer.status_code == 400, (path, raw[:40], answer.text)
            error = answer.json()["error"]
            assert error if path == CHAT else error["message"]
        assert llama.seen == []

    @pytest.mark.parametrize(
        "asked",
        [
            {"Model": "m"},
            {"model": "m", "STREAM": False},
            {"model": "m", "Options": {}},
            {"model": "m", "options": {"NUM_PREDICT": 9}},
            {"model": "m", "options": []},
            {"model": "m", "options": {"num_predict": "many"}},
            {"model": "m", "options": {"num_predict": 10**30}},
        ],
    )
    async def test_ollamas_other_spellings_are_refused(self, platform: Platform, asked: dict[str, object]) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(CHAT, json=asked)
        assert answer.status_code == 400
        assert isinstance(answer.json()["error"], str)

    async def test_compressed_requests_are_refused(self, platform: Platform) -> None:
        _, token = await platform.friend()
        client = await platform.client(token, **{"content-encoding": "gzip"})
        answer = await client.post(CHAT, json=ASK_LLAMA)
        assert answer.status_code == 400
        assert "uncompressed" in answer.json()["error"]

    async def test_too_large_is_413(self, platform: Platform) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(MESSAGES, content=b"x" * (32 * 1024 * 1024 + 1))
        assert answer.status_code == 413
        assert answer.json()["error"]["type"] == "request_too_large"


class TestWithoutUpstream:
    @pytest.fixture
    def open_settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"ollama_url": "http://127.0.0.1:9"})

    async def test_says_what_the_host_has_to_do(self, platform: Platform) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        answer = await client.post(MESSAGES, json=ASK_CLAUDE)
        assert answer.status_code == 503
        assert "ANTHROPIC_API_KEY" in answer.json()["error"]["message"]
        answer = await client.post(CHAT, json=ASK_LLAMA)
        assert answer.status_code == 502
        assert "Ollama" in answer.json()["error"]
        assert await platform.ledger() == []
        assert await platform.holds() == 0

    async def test_lists_no_models(self, platform: Platform) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        assert (await client.get("/api/inference/models")).json() == {"items": []}


class TestFreeCalls:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/api/inference/anthropic/v1/models"),
            ("POST", "/api/inference/anthropic/v1/messages/count_tokens"),
            ("GET", "/api/inference/ollama/api/tags"),
            ("GET", "/api/inference/ollama/models"),
            ("GET", "/api/inference/ollama/api/version"),
            ("GET", "/api/inference/ollama/api/ps"),
            ("POST", "/api/inference/ollama/api/show"),
        ],
    )
    async def test_pass_and_cost_nothing(self, platform: Platform, method: str, path: str) -> None:
        _, token = await platform.friend(token_limit=0)
        client = await platform.client(token)
        answer = await client.request(method, path, json={"model": "m", "messages": []} if method == "POST" else None)
        assert answer.status_code == 200
        assert await platform.ledger() == []

    async def test_models_of_both_backends_are_listed(self, platform: Platform) -> None:
        _, token = await platform.friend()
        client = await platform.client(token)
        items = (await client.get("/api/inference/models")).json()["items"]
        assert [(item["backend"], item["model"]) for item in items] == [
            ("anthropic", "claude-haiku-4-5"),
            ("ollama", "llama3.2"),
        ]
