"""The application on a real socket: in this process, or in one of its own that can be killed."""

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from vanilla.api.connections import LARGEST_SOCKET_MESSAGE, BoundedHttp

ROOT = Path(__file__).parents[1]


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve `app` on a free port of this machine, its lifespan included; gives the origin."""
    config = uvicorn.Config(
        app,
        log_config=None,
        http=BoundedHttp,
        ws="websockets-sansio",
        ws_max_size=LARGEST_SOCKET_MESSAGE,
        lifespan="on",
        timeout_graceful_shutdown=2,
        access_log=False,
    )
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        while not server.started:
            if task.done():
                task.result()
                raise RuntimeError("the server stopped while it was starting")
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listener.close()


def measured() -> dict[str, str]:
    """What a process of ours needs in its environment, that its lines count as covered too."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


class ServerProcess:
    """`python main.py` with settings from the environment alone."""

    def __init__(self, **environment: str) -> None:
        self.environment = environment
        self.origin = ""
        self.output = ""
        self._port = 0
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, patience: float = 30.0) -> None:
        """Start it and wait until it answers, at the address it had if it was started before."""
        with socket.create_server(("127.0.0.1", self._port)) as probe:
            port = self._port = probe.getsockname()[1]
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "main.py"),
            env={"PATH": os.environ["PATH"], "PORT": str(port), **measured(), **self.environment},
            cwd=ROOT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        self.origin = f"http://127.0.0.1:{port}"
        self._reader = asyncio.create_task(self._read())
        async with asyncio.timeout(patience):
            while not await _answers(port):
                if self._process.returncode is not None:
                    raise RuntimeError(f"the server did not start:\n{self.output}")
                await asyncio.sleep(0.05)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def printed_password(self) -> str:
        """The admin's password from the first start's output."""
        found = re.search(r"with the password (\S+)", self.output)
        assert found is not None, self.output
        return found[1]

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it with that signal; gives its exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(how)
        async with asyncio.timeout(30):
            status = await self._process.wait()
            await self._reader
        return status

    def pause(self) -> None:
        """Let it answer nothing until `go_on`, its connections open."""
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """The end of a pause."""
        os.kill(self.pid, signal.SIGCONT)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.output += line.decode()


@asynccontextmanager
async def server_process(**environment: str) -> AsyncIterator[ServerProcess]:
    """A running server process, stopped at the end."""
    server = ServerProcess(**environment)
    await server.start()
    try:
        yield server
    finally:
        await server.stop(signal.SIGKILL)


async def _answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


@asynccontextmanager
async def fake_process(module: str) -> AsyncIterator[str]:
    """A fake model server in a process of its own, such as `tests.fakes.model_servers`; gives its address."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield (await asyncio.wait_for(process.stdout.readline(), 20)).decode().strip()
    finally:
        process.kill()
        await process.wait()
