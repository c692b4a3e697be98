"""Inference, usage, models and me answer pages of any origin, without cookies: games run under the origin `null`.

There are no credentials in this CORS: a browser sends no cookie along, and `identify` takes none from another origin.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_AGE = 600  # seconds that a browser keeps a preflight's answer
LIMITS = ("requests", "tokens", "input-tokens", "output-tokens")
EXPOSED = ", ".join(
    [
        "request-id",
        "retry-after",
        "x-should-retry",
        *(f"anthropic-ratelimit-{what}-{figure}" for what in LIMITS for figure in ("limit", "remaining", "reset")),
    ]
)


def is_open(path: str) -> bool:
    """Whether pages of any origin may read what is at `path`."""
    return path.startswith("/api/inference/") or path in ("/api/inference", "/auth/me")


class Cors:
    """Answers preflights, and lets any origin read every answer: errors too, or an SDK could not tell what is wrong."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not is_open(scope["path"]):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            await send({"type": "http.response.start", "status": 204, "headers": _preflight(headers).raw})
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_open(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer["access-control-allow-origin"] = "*"
                answer["access-control-expose-headers"] = EXPOSED
            await send(message)

        await self._app(scope, receive, send_open)


def _preflight(asked: Headers) -> MutableHeaders:
    """What was asked for is allowed: SDKs send a dozen headers of their own (`x-stainless-...`), and `*` would not
    cover Authorization (https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name)."""
    answer = MutableHeaders(
        {
            "access-control-allow-origin": "*",
            "access-control-allow-methods": asked["access-control-request-method"],
            "access-control-max-age": str(MAX_AGE),
            "vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
        }
    )
    if names := asked.get("access-control-request-headers"):
        answer["access-control-allow-headers"] = names
    return answer
