"""What Vanilla is compared with: the model server itself, nginx, and the least that a relay in Python can be."""

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.bench.load import Target
from tests.bench.processes import ended, module_process

_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log warn; worker_rlimit_nofile 16384;
events {{ worker_connections 8192; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream model {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096; keepalive_requests 1000000000;
    location / {{
      proxy_pass http://model; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;
    }}
  }}
}}
"""


@asynccontextmanager
async def upstream() -> AsyncIterator[Target]:
    """The model server that all relays pass calls to."""
    async with module_process("tests.bench.upstream") as (pid, port):
        yield Target("upstream itself", port, pid)


@asynccontextmanager
async def bare_relay(upstream_port: int) -> AsyncIterator[Target]:
    """One ASGI function under uvicorn."""
    address = f"http://127.0.0.1:{upstream_port}"
    async with module_process("tests.bench.bare_relay", UPSTREAM=address) as (pid, port):
        yield Target("bare relay", port, pid)


@asynccontextmanager
async def nginx(upstream_port: int, folder: Path) -> AsyncIterator[Target | None]:
    """`proxy_pass`; None where nginx is not installed."""
    path = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if path is None:
        yield None
        return
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, port=port, upstream=upstream_port))
    process = await asyncio.create_subprocess_exec(path, "-c", str(config), "-p", str(folder))
    try:
        async with asyncio.timeout(10):
            while not await _answers(port):
                await asyncio.sleep(0.05)
        yield Target("nginx", port, process.pid)
    finally:
        await ended(process)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True
