"""Putting load on a relay: what is called, by `wrk` where it is installed, else by our own callers."""

import json
import shutil
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from tests.bench.generator import Load, Measured
from tests.bench.processes import output_of

Api = Literal["anthropic", "ollama"]
PATHS: dict[Api, str] = {"anthropic": "/v1/messages", "ollama": "/api/chat"}

_SCRIPT = """
wrk.method = "POST"
wrk.body = %s
%s
done = function(summary, latency)
  local bad = summary.errors
  io.write(string.format("RESULT %%d %%d %%f %%d\\n", summary.requests, summary.duration, latency:percentile(50),
    bad.connect + bad.read + bad.write + bad.status + bad.timeout))
end
"""


@dataclass(frozen=True)
class Target:
    """Something that answers as a model server does."""

    name: str
    port: int
    pid: int
    prefix: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    def load(self, api: Api, model: str, *, stream: bool, connections: int, seconds: float, ramp: float = 0.0) -> Load:
        """Callers that ask it for this."""
        prefix = self.prefix and f"{self.prefix}/{api}"
        return Load(
            port=self.port,
            path=prefix + PATHS[api],
            headers={"content-type": "application/json", "anthropic-version": "2023-06-01", **self.headers},
            body=_body(api, model, stream=stream),
            connections=connections,
            seconds=seconds,
            ramp=ramp,
            event_end="\n\n" if api == "anthropic" else "\n",
        )


async def calls(load: Load, scratch: Path) -> Measured:
    """Answers that are not streamed."""
    if shutil.which("wrk") is None:
        return await streams(load)
    script = scratch / "calls.lua"
    headers = "\n".join(f"wrk.headers[ {_lua(name)} ] = {_lua(value)}" for name, value in load.headers.items())
    script.write_text(_SCRIPT % (_lua(load.body), headers))
    address = f"http://127.0.0.1:{load.port}{load.path}"
    out = await output_of(
        *("wrk", "-t1", f"-c{load.connections}", f"-d{max(1, round(load.seconds))}s", "-s", str(script), address)
    )
    requests, duration_us, median_us, failures = out.rpartition("RESULT ")[2].split()
    return Measured(
        answers=int(requests), seconds=int(duration_us) / 1e6, median_us=float(median_us), failures=int(failures)
    )


async def streams(load: Load) -> Measured:
    """Answers of any kind, with their events counted."""
    out = await output_of(sys.executable, "-m", "tests.bench.generator", stdin=json.dumps(asdict(load)).encode())
    return Measured(**json.loads(out))


def _body(api: Api, model: str, *, stream: bool) -> str:
    cap = {"max_tokens": 4096} if api == "anthropic" else {"options": {"num_predict": 4096}}
    messages = [
        {"role": "user", "content": "You are a dragon who guards a bridge. A knight with a cheese comes along."},
        {"role": "assistant", "content": "Halt! Who goes there, and what is that smell?"},
        {"role": "user", "content": "It is I, Sir Bertram, and this is a very old Gorgonzola. May I pass?"},
    ]
    return json.dumps({"model": model, **cap, "stream": stream, "messages": messages}, separators=(",", ":"))


def _lua(text: str) -> str:
    return f"[==[{text}]==]"
