"""Reading a request's body: bounded for each and for all together."""

from starlette.types import Receive, Scope

from vanilla.errors import BadRequest, TooLarge, Unavailable

LARGEST_BODY = 32 * 1024 * 1024  # bytes: what Anthropic accepts
MOST_BUFFERED = 256 * 1024 * 1024  # bytes of all bodies that are held at once


class CallerLeft(Exception):
    """The caller closed the connection; there is nobody to answer."""


class Buffer:
    """Counts the bytes of request bodies in memory, so that many large ones cannot take all of it."""

    def __init__(self, capacity: int = MOST_BUFFERED) -> None:
        self._capacity = capacity
        self._held = 0

    async def read(self, scope: Scope, receive: Receive) -> bytes:
        """The whole body, which counts as held until `release`.

        Raises TooLarge above 32 MB, Unavailable when too much is held already, CallerLeft.
        """
        announced = _content_length(scope)
        if announced is not None and announced > LARGEST_BODY:
            raise _too_large()
        parts: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CallerLeft
                part = message.get("body", b"")
                size += len(part)
                self._hold(len(part))
                if size > LARGEST_BODY:
                    raise _too_large()
                parts.append(part)
                if not message.get("more_body", False):
                    return parts[0] if len(parts) == 1 else b"".join(parts)
        except BaseException:
            self.release(size)
            raise

    def release(self, size: int) -> None:
        """Forget `size` bytes that `read` gave."""
        self._held -= size

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > self._capacity:
            raise Unavailable(
                "The server is holding too many large requests. Try again in a moment.", headers={"retry-after": "5"}
            )


def _content_length(scope: Scope) -> int | None:
    for name, value in scope["headers"]:
        if name == b"content-encoding" and value.strip().lower() not in (b"", b"identity"):
            raise BadRequest("Send the request uncompressed, without Content-Encoding.")
        if name == b"content-length":
            try:
                return int(value)
            except ValueError:
                raise BadRequest("Content-Length is not a number.") from None
    return None


def _too_large() -> TooLarge:
    return TooLarge(f"The request is larger than {LARGEST_BODY // 1024 // 1024} MB.")
