"""A Python client of before API version 2026-10-21: its key comes as `x-api-key`, not as a bearer."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from tests.fakes.model_servers import Answer, ModelServer
from tests.inference.conftest import HOST_KEY, Platform

REQUIREMENTS = ("anthropic==0.125.0", "distro==1.9.0")  # what else it needs is there
PROGRAM = """
import json, sys
import anthropic

base_url, token = sys.argv[1:]
ask = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Who goes?"}]}
client = anthropic.Anthropic(api_key=token, base_url=base_url)
seen = {"version": anthropic.__version__}
seen["text"] = client.messages.create(**ask, temperature=0.5).content[0].text
with client.messages.stream(**ask) as stream:
    seen["streamed"] = "".join(stream.text_stream)
seen["tokens"] = client.messages.count_tokens(model="m", messages=ask["messages"]).input_tokens
seen["models"] = [model.id for model in client.models.list()]
try:
    client.with_options(api_key="vk_wrong").messages.create(**ask)
except anthropic.AuthenticationError as error:
    seen["wrong"] = error.status_code
print(json.dumps(seen))
"""


@pytest.mark.slow
async def test_an_older_anthropic_client_works_unchanged(
    tmp_path: Path, platform: Platform, claude: ModelServer
) -> None:
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(tmp_path), *REQUIREMENTS]
    status, output = await _run(*command)
    if status != 0:
        pytest.skip(f"the older client could not be fetched: {output[-300:]}")
    _, token = await platform.friend()
    base_url = f"{platform.origin}/api/inference/anthropic"
    status, output = await _run(sys.executable, "-c", PROGRAM, base_url, token, path=str(tmp_path))
    assert status == 0, output
    text = "".join(Answer().words)
    assert json.loads(output.splitlines()[-1]) == {
        "version": "0.125.0",
        "text": text,
        "streamed": text,
        "tokens": 7,
        "models": ["claude-haiku-4-5"],
        "wrong": 401,
    }
    for seen in claude.seen:
        up = {name.lower(): value for name, value in seen.headers.items()}
        assert (up["anthropic-version"], up["x-api-key"]) == ("2023-06-01", HOST_KEY)
        assert "authorization" not in up
        assert token not in str(up)
    rows = await platform.ledger()
    assert [(row.total_tokens, row.estimated, row.status) for row in rows] == [(20, False, "ok")] * 2


async def _run(*command: str, path: str = "") -> tuple[int, str]:
    """Run it to its end, with `path` before what is installed; gives its exit status and output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **({"PYTHONPATH": path} if path else {})},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return process.returncode, output.decode()
