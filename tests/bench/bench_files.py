"""How fast files of games are sent, beside nginx, and what a large upload takes. `make bench`, or
`python -m tests.bench.bench_files --help`.

    a   a script of 4 kB, 64 connections
    b   the page that opens, with the SDK in it, 64 connections; nginx sends it as it is
    c   a picture of 40 kB, 64 connections
    d   a sound of 400 kB, 64 connections
    e   a whole game: 120 files of all these sizes in turn, 64 connections
    f   a build of 5 MB that came as .br, as a browser on http gets it: unpacked; nginx sends what is unpacked already
    u   an upload of 100 MB in 51 files, by one client: seconds, and how much more memory the server has at most

How to read it: nginx serves the very folder that Vanilla has published, one worker, sendfile, no log. Load, nginx and
Vanilla share the processors; a ratio is the median of the rounds' ratios. Vanilla sends 1.5 kB of headers more with
every file (the sandbox). What is measured is what runs: `python main.py`, a game uploaded over HTTP.

What was found (on two cores shared with the load and with other work; processor time of the server for one file):

    a script of 4 kB through FastAPI, its middleware and ours, a query and a thread:  1,720 us, 0.01 of nginx
    one ASGI class around all that, which looks up file, capability and origin anew:  13,100 files/s where nginx does
        67,300 and a second processor is busy
    the same with headers and files up to 128 kB prepared once and kept:              39 us, 0.4 of nginx
    a sound of 400 kB, each piece of 256 kB read on a thread:                         380 us, 0.27 of nginx
    the same read on the loop with RWF_NOWAIT, at once where it is in the page cache: 200 us, 0.33 to 0.52 of nginx
    a 5 MB build unpacked from Brotli for each who asks: 32 ms; browsers then keep it for ever
    an upload of 100 MB: 0.3 to 0.5 s, 1 MB of memory, another request waits 4 to 14 ms at most
"""

import argparse
import asyncio
import getpass
import os
import random
import re
import shutil
import socket
import sys
import tempfile
import time
import zipfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import brotli
import httpx

from tests.bench.processes import cpu_seconds, ended, output_of
from tests.bench.table import Figures, Goal, show
from tests.servers import ServerProcess, server_process

CONNECTIONS = 64
PASSWORD = "long enough for a bench"
MB = 1_000_000
BUILD = 5 * MB
UPLOAD_FILES, UPLOAD_FILE = 50, 2 * MB

_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit; user {user};
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  types {{ text/html html; text/javascript js; image/png png; audio/ogg ogg; application/wasm wasm; }}
  server {{ listen 127.0.0.1:{port}; root {root}; keepalive_requests 1000000000; }}
}}
"""
_SCRIPT = """
local paths = {{ {paths} }}
local at = 0
request = function()
  at = at % #paths + 1
  return wrk.format("GET", paths[at])
end
done = function(summary, latency)
  local bad = summary.errors
  io.write(string.format("RESULT %d %d %f %d\\n", summary.requests, summary.duration, latency:percentile(50),
    bad.connect + bad.read + bad.write + bad.status + bad.timeout))
end
"""


@dataclass(frozen=True)
class Part:
    """Files that are asked for in turn: of Vanilla by their names, of nginx perhaps by others."""

    title: str
    names: tuple[str, ...]
    of_nginx: tuple[str, ...] = ()
    goal: float = 0.25


@dataclass(frozen=True)
class Place:
    """A server, and the path before a file's name."""

    name: str
    pid: int
    origin: str
    prefix: str = "/"


def make_game(folder: Path) -> list[str]:
    """A game like others: pages, scripts, pictures, sounds, a build; gives the files of the mix."""
    chance = random.Random(4)
    sizes = {
        **{f"js/{n}.js": 4_000 for n in range(60)},
        **{f"img/{n}.png": 40_000 for n in range(50)},
        **{f"snd/{n}.ogg": 400_000 for n in range(10)},
    }
    for name, size in sizes.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(chance.randbytes(size))
    (folder / "index.html").write_text("<!doctype html><title>Bench</title>" + "<p>A page.</p>" * 200)
    build = b"".join(chance.randbytes(500) + bytes(500) for _ in range(BUILD // 1000))
    (folder / "build.wasm.br").write_bytes(brotli.compress(build, quality=5))
    (folder / "plain.wasm").write_bytes(build)
    mix = list(sizes)
    chance.shuffle(mix)
    return mix


def zipped(folder: Path, archive: Path) -> Path:
    """All files of a folder, stored."""
    with zipfile.ZipFile(archive, "w") as out:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                out.write(path, path.relative_to(folder).as_posix())
    return archive


async def load(place: Place, names: Sequence[str], seconds: float, scratch: Path) -> tuple[float, float | None, int]:
    """Answers a second, processor time of the server for each in microseconds, and failures."""
    script = scratch / "files.lua"
    paths = ", ".join(f'"{place.prefix}{name}"' for name in names)
    script.write_text(_SCRIPT.replace("{{ {paths} }}", "{ " + paths + " }"))
    before = cpu_seconds(place.pid)
    out = await output_of(
        "wrk",
        "-t1",
        "--timeout",
        "30s",
        f"-c{CONNECTIONS}",
        f"-d{max(1, round(seconds))}s",
        "-s",
        str(script),
        place.origin,
    )
    after = cpu_seconds(place.pid)
    requests, duration, _, failures = out.rpartition("RESULT ")[2].split()
    each = None if before is None or after is None else (after - before) / max(1, int(requests)) * 1e6
    return int(requests) / (int(duration) / 1e6), each, int(failures)


@asynccontextmanager
async def nginx(root: Path, folder: Path) -> AsyncIterator[Place | None]:
    """nginx on a folder; None where it is not installed."""
    path = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if path is None:
        yield None
        return
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, root=root, port=port, user=getpass.getuser()))
    process = await asyncio.create_subprocess_exec(
        path, "-c", str(config), "-p", str(folder), stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(10):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.05)
                else:
                    writer.close()
                    break
        yield Place("nginx", process.pid, f"http://127.0.0.1:{port}")
    finally:
        await ended(process)


async def signed_in(server: ServerProcess) -> httpx.AsyncClient:
    """A client of the admin's."""
    client = httpx.AsyncClient(base_url=server.origin, timeout=300)
    (await client.post("/auth/login", json={"username": "admin", "password": PASSWORD})).raise_for_status()
    return client


async def upload(client: httpx.AsyncClient, archive: Path) -> str:
    """Publish an archive; gives the game's id."""
    with archive.open("rb") as file:
        answer = await client.post("/api/games", files={"file": ("game.zip", file)})
    answer.raise_for_status()
    return str(answer.json()["id"])


async def measure_upload(server: ServerProcess, client: httpx.AsyncClient, scratch: Path, rounds: int) -> None:
    """Part u."""
    folder = scratch / "large"
    folder.mkdir()
    for number in range(UPLOAD_FILES):
        (folder / f"{number}.bin").write_bytes(os.urandom(UPLOAD_FILE))
    (folder / "index.html").write_text("<!doctype html><p>")
    archive = zipped(folder, scratch / "large.zip")
    print("\nu  an upload of 100 MB in 51 files")
    for _ in range(rounds):
        _forget_peak(server.pid)
        before, began, slowest = _peak(server.pid), time.perf_counter(), 0.0
        task = asyncio.create_task(upload(client, archive))
        async with httpx.AsyncClient(base_url=server.origin) as other:
            while not task.done():
                asked = time.perf_counter()
                await other.get("/healthz")
                slowest = max(slowest, time.perf_counter() - asked)
                await asyncio.sleep(0.01)
        seconds = time.perf_counter() - began
        game_id = await task
        growth = (_peak(server.pid) - before) / MB
        await client.delete(f"/api/games/{game_id}")
        print(
            f"   {seconds:6.2f} s {100 / seconds:8,.0f} MB/s   {growth:5.0f} MB more memory at most   "
            f"another request waits at most {slowest * 1000:.0f} ms"
        )


def _forget_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


def _peak(pid: int) -> int:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) * 1000 if found else 0


async def _main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench_files", description="Measure files of games beside nginx.")
    parser.add_argument("--only", default="a,b,c,d,e,f,u", help="parts, such as a,e")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--each", type=float, default=4.0, help="seconds for each server in each round")
    parser.add_argument("--quick", action="store_true", help="one round of a second each")
    options = parser.parse_args(arguments)
    if options.quick:
        options.rounds, options.each = 1, 1.0
    only = options.only.split(",")
    async with AsyncExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vanilla-bench-")))
        (scratch / "game").mkdir()
        mix = make_game(scratch / "game")
        settings = {
            "DATA_DIR": str(scratch / "data"),
            "ADMIN_PASSWORD": PASSWORD,
            "LOCAL_MODEL": "off",
            "OLLAMA_URL": "",
            "EXAMPLE_GAMES": "false",
            "UPLOADS_PER_HOUR": "0",
            "LOG_LEVEL": "warning",
        }
        server = await stack.enter_async_context(server_process(**settings))
        client = await signed_in(server)
        stack.push_async_callback(client.aclose)
        game_id = await upload(client, zipped(scratch / "game", scratch / "game.zip"))
        url = (await client.post(f"/api/games/{game_id}/play")).json()["url"]
        root = scratch / "data" / "games" / game_id / "1" / "files"
        reference = await stack.enter_async_context(nginx(root, scratch / "nginx"))
        places = [Place("vanilla", server.pid, server.origin, url), *([reference] if reference else [])]
        parts = {
            "a": Part("a  a script of 4 kB", ("js/0.js",)),
            "b": Part("b  the page that opens", ("index.html",)),
            "c": Part("c  a picture of 40 kB", ("img/0.png",)),
            "d": Part("d  a sound of 400 kB", ("snd/0.ogg",)),
            "e": Part("e  a whole game, 120 files in turn", tuple(mix)),
            "f": Part("f  a build of 5 MB, unpacked from .br", ("build.wasm.br",), ("plain.wasm",), goal=0.02),
        }
        failures = 0
        if shutil.which("wrk") is None:
            print("wrk is not installed: only part u is measured")
            parts = {}
        for letter, part in parts.items():
            if letter not in only:
                continue
            measured = [Figures(place.name) for place in places]
            for number in range(-1, options.rounds):  # the one before the first warms up
                for place, figures in zip(places, measured, strict=True):
                    names = part.of_nginx or part.names if place.name == "nginx" else part.names
                    rate, cpu, failed = await load(place, names, options.each if number >= 0 else 1.0, scratch)
                    failures += failed
                    if number >= 0:
                        figures.values.append(rate)
                        if cpu is not None:
                            figures.cpu_us.append(cpu)
            show(
                f"{part.title}, {CONNECTIONS} connections",
                "files/s",
                measured,
                [Goal("vanilla", "nginx", least=part.goal)],
            )
            sys.stdout.flush()
        if "u" in only:
            await measure_upload(server, client, scratch, options.rounds)
        if failures:
            print(f"PROBLEM: {failures} requests failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1:])))
