"""A real server process that is killed in the middle of streams, and started again."""

import asyncio
import signal
from pathlib import Path

import httpx
import orjson
import pytest

from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.test_relay import ASK_LLAMA, CHAT
from tests.servers import ServerProcess

pytestmark = pytest.mark.slow

STREAMS = 25


async def test_every_token_of_a_killed_server_is_in_the_ledger(tmp_path: Path) -> None:
    fake = ModelServer(Answer(words=("word ",) * 400, pause=0.02, prompt_tokens=12))
    async with fake.serving():
        server = ServerProcess(
            DATA_DIR=str(tmp_path), OLLAMA_URL=fake.url, ADMIN_PASSWORD="long enough", LOG_LEVEL="warning"
        )
        await server.start()
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            await _sign_in(client, server)
            enough = asyncio.Event()
            streams = [asyncio.create_task(_stream(client, server.origin, enough)) for _ in range(STREAMS)]
            async with asyncio.timeout(20):
                await enough.wait()
            await server.stop(signal.SIGKILL)
            seen = await asyncio.gather(*streams)
        assert all(count > 0 for count in seen)

        await server.start()
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            await _sign_in(client, server)
            usage = (await client.get(f"{server.origin}/admin/api/usage")).json()
            me = (await client.get(f"{server.origin}/auth/me")).json()["user"]
            assert usage["totals"]["calls"] == STREAMS
            rows = usage["recent"]
            assert {row["status"] for row in rows} == {"recovered"}
            assert all(row["estimated"] for row in rows)
            assert len({row["id"] for row in rows}) == STREAMS
            # Checkpoints are two seconds old at most: 100 words at 20 ms each, and the machine's own slowness.
            assert all(row["completion_tokens"] > 0 for row in rows)
            assert sum(row["completion_tokens"] for row in rows) > sum(seen) - STREAMS * 150
            assert usage["totals"]["total_tokens"] == me["tokens_used"] == sum(row["total_tokens"] for row in rows)
        assert await server.stop() in (0, -signal.SIGTERM)  # uvicorn ends by the signal that it was sent


async def test_a_stopped_server_settles_what_is_in_flight(tmp_path: Path) -> None:
    fake = ModelServer(Answer(words=("word ",) * 2000, pause=0.02, prompt_tokens=12))
    async with fake.serving():
        server = ServerProcess(DATA_DIR=str(tmp_path), OLLAMA_URL=fake.url, ADMIN_PASSWORD="long enough")
        await server.start()
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            await _sign_in(client, server)
            enough = asyncio.Event()
            stream = asyncio.create_task(_stream(client, server.origin, enough, least=5))
            await asyncio.wait_for(enough.wait(), 20)
            await server.stop(signal.SIGTERM)
            await stream
        await server.start()
        async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
            await _sign_in(client, server)
            (row,) = (await client.get(f"{server.origin}/admin/api/usage")).json()["recent"]
        assert row["status"] == "aborted"
        assert row["completion_tokens"] >= 5
        await server.stop()


async def _sign_in(client: httpx.AsyncClient, server: ServerProcess) -> None:
    answer = await client.post(f"{server.origin}/auth/login", json={"username": "admin", "password": "long enough"})
    assert answer.status_code == 200


async def _stream(client: httpx.AsyncClient, origin: str, enough: asyncio.Event, least: int = 150) -> int:
    """Stream until the server dies; gives the words that arrived."""
    words = 0
    try:
        async with client.stream("POST", origin + CHAT, json=ASK_LLAMA) as answer:
            async for line in answer.aiter_lines():
                words += not orjson.loads(line).get("done", True)
                if words == least:
                    enough.set()
    except httpx.HTTPError:
        pass
    return words
