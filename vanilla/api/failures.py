"""Errors as the API they came through writes them.

anthropic and platform   {"type": "error", "error": {"type": ..., "message": ...}, "request_id": ...}
ollama                   {"error": "message"}
openai                   {"error": {"message": ..., "type": ..., "code": ...}}
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.types import Scope, Send

from vanilla.errors import Invalid, MethodNotAllowed, NotFound, VanillaError

Shape = Literal["platform", "ollama", "openai"]
API_PREFIXES = ("/api/", "/auth/", "/admin/api/")


def shape_of(path: str) -> Shape:
    """The shape of errors below this path."""
    if path.startswith("/api/inference/ollama/v1/"):
        return "openai"
    if path.startswith("/api/inference/ollama"):
        return "ollama"
    return "platform"


def body_of(error: VanillaError, shape: Shape, request_id: str | None = None) -> dict[str, Any]:
    """The JSON of an error in that shape."""
    if shape == "ollama":
        return {"error": error.message, **error.details}
    if shape == "openai":
        return {"error": {"message": error.message, "type": error.type, "code": None, "param": None, **error.details}}
    body: dict[str, Any] = {
        "type": "error",
        "error": {"type": error.type, "message": error.message, **error.details},
    }
    if request_id:
        body["request_id"] = request_id
    return body


def encoded(error: VanillaError, path: str, request_id: str | None = None) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an error for a request to `path`: for code that speaks ASGI itself."""
    body = json.dumps(body_of(error, shape_of(path), request_id)).encode()
    return error.status, {"content-type": "application/json", "cache-control": "no-store", **error.headers}, body


def response_to(error: VanillaError, path: str, request_id: str | None = None) -> Response:
    """An error as a response for a request to `path`."""
    status, headers, body = encoded(error, path, request_id)
    return Response(body, status, headers)


async def answer(error: VanillaError, scope: Scope, send: Send) -> None:
    """Answer a request with an error, for code that speaks ASGI itself."""
    status, headers, body = encoded(error, scope["path"], scope.get("request_id"))
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    raw.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def install(app: FastAPI) -> None:
    """Answer errors of the API's routes in their shapes."""

    async def vanilla_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, VanillaError)
        return response_to(error, request.url.path, request.scope.get("request_id"))

    async def invalid_request(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return await vanilla_error(request, Invalid(_sentence(error.errors())))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == NotFound.status:
            return await vanilla_error(request, NotFound(f"There is nothing at {request.url.path}."))
        if error.status_code == MethodNotAllowed.status:
            allowed = (error.headers or {}).get("Allow", "")
            message = f"{request.method} is not possible here; allowed: {allowed or 'other methods'}."
            return await vanilla_error(request, MethodNotAllowed(message, headers=error.headers))
        kind = Invalid.type if error.status_code < 500 else VanillaError.type
        return JSONResponse({"type": "error", "error": {"type": kind, "message": error.detail}}, error.status_code)

    app.add_exception_handler(VanillaError, vanilla_error)
    app.add_exception_handler(RequestValidationError, invalid_request)
    app.add_exception_handler(HTTPException, http_error)


def _sentence(problems: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with a body or a query, field by field."""
    parts = []
    for problem in problems[:5]:
        place = ".".join(str(step) for step in problem["loc"] if step not in ("body", "query", "path"))
        text = str(problem["msg"]).removeprefix("Value error, ")
        if problem["type"] == "json_invalid":
            place, text = "", f"The body is not valid JSON: {problem.get('ctx', {}).get('error', 'it ends early')}"
        elif not place and problem["loc"] != ("query",):
            text = "Send a JSON object, with the header Content-Type: application/json"
        parts.append(f"{place}: {text}" if place else text)
    return "; ".join(parts) or "The request is not valid."
