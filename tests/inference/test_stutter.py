"""Hostile bodies are one caller's matter: the streams of others run on beside them."""

import asyncio
import http.client
import itertools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.inference.conftest import NO_TLS
from tests.inference.test_relay import ASK_LLAMA, CHAT, MESSAGES
from tests.servers import ServerProcess, fake_process, server_process

MB = 1024 * 1024
STREAMS = 20  # of 20 events a second each
LONGEST_GAP = 0.5  # seconds; the streams' own rhythm is 0.05
LEAD = 2.0  # seconds of streaming without hostile bodies, to compare


def _asking(content: str) -> bytes:
    return b'{"model":"m","max_tokens":10,"messages":[{"role":"user","content":%s}]}' % content.encode()


def _padded(start: bytes, part: bytes, end: bytes, size: int = 32 * MB - 4096) -> bytes:
    return start + part * ((size - len(start) - len(end)) // len(part)) + end


# What is sent, and the status that it gets.
BODIES: dict[str, tuple[Callable[[], bytes], int]] = {
    "text of 32 MB": (lambda: _padded(b'{"model":"m","max_tokens":10,"messages":"', b"word ", b'"}'), 200),
    "text of just under 1 MB": (lambda: _asking(json.dumps("The dragon! " * 80_000)), 200),
    "a million spaces": (lambda: _asking(json.dumps(" " * 999_000)), 200),
    "a million letters": (lambda: _asking(json.dumps("a" * 999_000)), 200),
    "special tokens": (lambda: _asking(json.dumps("<|endoftext|>" * 70_000)), 200),
    "millions of small parts": (lambda: _padded(b'{"model":"m","x":[', b"{},", b"{}]}"), 400),
    "half a million small parts": (
        lambda: b'{"model":"m","max_tokens":1,"messages":[' + b"[]," * 330_000 + b"[]]}",
        200,
    ),
    "deep nesting": (lambda: b'{"model":"m","x":' + b"[" * 16 * MB, 400),
    "deep objects": (lambda: b'{"x":' * 5 * MB, 400),
    "a huge number": (lambda: _padded(b'{"model":"m","max_tokens":', b"9", b"}"), 400),
    "the same key again and again": (lambda: _padded(b"{", b'"model":"m",', b'"max_tokens":1}', 9 * MB), 200),
    "escapes": (lambda: _padded(b'{"model":"m","max_tokens":10,"system":"', b"\\u0041", b'","messages":[]}'), 200),
    "an image of 30 MB": (
        lambda: _padded(
            b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":'
            b'"base64","media_type":"image/png","data":"',
            b"iVBORw0KGgo=",
            b'"}}]}]}',
            30 * MB,
        ),
        200,
    ),
    "no JSON at all": (lambda: b"\x00" * (32 * MB - 4096), 400),
    "bytes that are no text": (lambda: _padded(b'{"model":"', b"\xff\xfe", b'"}'), 400),
}


@pytest.mark.slow
async def test_streams_run_on_beside_hostile_bodies(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    async with fake_process("tests.fakes.model_servers") as upstream:
        async with server_process(
            DATA_DIR=str(tmp_path),
            OLLAMA_URL=upstream,
            ANTHROPIC_BASE_URL=upstream,
            ANTHROPIC_API_KEY="sk-test",
            ADMIN_PASSWORD="long enough",
            EXAMPLE_GAMES="false",
            LOG_LEVEL="warning",
        ) as server:
            token = await _token(server)
            async with httpx.AsyncClient(
                base_url=server.origin,
                headers={"authorization": f"Bearer {token}"},
                timeout=60,
                limits=httpx.Limits(max_connections=None),
                trust_env=False,
                verify=NO_TLS,
            ) as client:
                moments: list[list[float]] = [[] for _ in range(STREAMS)]
                streams = [asyncio.create_task(_stream(client, own)) for own in moments]
                await asyncio.sleep(LEAD)
                began = time.monotonic()
                spans: dict[str, tuple[float, float]] = {}
                for name, (make, status) in BODIES.items():
                    start = time.monotonic()
                    seen = await asyncio.to_thread(_post, server.origin, token, make())
                    spans[name] = (start, time.monotonic())
                    assert seen == status, name
                    assert not any(stream.done() for stream in streams), "the streams ended too soon to tell"
                for stream in streams:
                    stream.cancel()
                await asyncio.gather(*streams, return_exceptions=True)

    quiet = max(gap for at, gap in _gaps(moments) if at < began)
    worst = {
        name: max(gap for at, gap in _gaps(moments) if start <= at <= end + 0.1) for name, (start, end) in spans.items()
    }
    for name, gap in {"without any": quiet, **worst}.items():
        record_property(name, f"{gap * 1000:.0f} ms")
    sys.stderr.write(
        "".join(f"\n{gap * 1000:6.0f} ms  {name}" for name, gap in {"without any": quiet, **worst}.items()) + "\n"
    )
    assert max(worst.values()) < LONGEST_GAP + quiet
    assert statistics.median(worst.values()) < LONGEST_GAP / 2 + quiet


async def _stream(client: httpx.AsyncClient, moments: list[float]) -> None:
    """Streams one after the other, and when each event came."""
    while True:
        async with client.stream("POST", CHAT, json=ASK_LLAMA) as answer:
            assert answer.status_code == 200
            moments.append(time.monotonic())
            async for _ in answer.aiter_raw():
                moments.append(time.monotonic())  # noqa: PERF401 - seen while the stream runs


def _gaps(moments: list[list[float]]) -> Iterator[tuple[float, float]]:
    """Every gap between two events of a stream: when it ended, and how long it was."""
    for own in moments:
        for before, after in itertools.pairwise(own):
            yield after, after - before


def _post(origin: str, token: str, body: bytes) -> int:
    """Send it from this thread, and give the status."""
    connection = http.client.HTTPConnection(urlsplit(origin).netloc, timeout=60)
    try:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
        connection.request("POST", MESSAGES, body, headers)
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


async def _token(server: ServerProcess) -> str:
    """An API token of the admin, who may make any number of calls."""
    async with httpx.AsyncClient(base_url=server.origin, trust_env=False, verify=NO_TLS, timeout=30) as client:
        answer = await client.post("/auth/login", json={"username": "admin", "password": "long enough"})
        user = answer.json()["user"]
        free = {"requests_per_minute": 10_000, "concurrent_calls": 1_000}
        answer = await client.put(f"/admin/api/users/{user['id']}", json=free)
        assert answer.status_code == 200, answer.text
        token: str = (await client.post("/api/tokens", json={"name": "test"})).json()["token"]
        return token
