"""The one tree of errors.

    VanillaError                  500  api_error
    ├── BadRequest                400  invalid_request_error
    ├── Unauthenticated           401  authentication_error
    ├── Forbidden                 403  permission_error
    ├── NotFound                  404  not_found_error
    ├── MethodNotAllowed          405  invalid_request_error
    ├── Conflict                  409  conflict_error
    ├── TooLarge                  413  request_too_large
    ├── Invalid                   422  invalid_request_error
    ├── TooManyRequests           429  rate_limit_error
    │   └── LimitReached          429  rate_limit_error   (used, limit, resets_at)
    ├── UpstreamFailed            502  api_error
    └── Unavailable               503  api_error
        └── OutOfSpace            507  api_error

An error carries its HTTP status, the type that Anthropic's API would name, and a sentence the reader can act on.
It knows nothing of JSON: `vanilla.api.failures` draws it in the shape of the API it came through.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any


class VanillaError(Exception):
    """Base of everything Vanilla raises on purpose. `message` is safe to show to whoever made the request."""

    status = 500
    type = "api_error"

    def __init__(
        self,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """`headers` go onto the response, `details` become further fields beside `message` where the shape has room."""
        super().__init__(message)
        self.message = message
        self.headers: dict[str, str] = dict(headers or {})
        self.details: dict[str, Any] = dict(details or {})


class BadRequest(VanillaError):
    """The request cannot be understood."""

    status = 400
    type = "invalid_request_error"


class Unauthenticated(VanillaError):
    """Nobody is signed in, or a presented credential is wrong, expired or revoked."""

    status = 401
    type = "authentication_error"


class Forbidden(VanillaError):
    """The caller is known and may not do this."""

    status = 403
    type = "permission_error"


class NotFound(VanillaError):
    """There is no such thing, or the caller may not know of it."""

    status = 404
    type = "not_found_error"


class MethodNotAllowed(VanillaError):
    """The path exists, the method does not."""

    status = 405
    type = "invalid_request_error"


class Conflict(VanillaError):
    """The change contradicts what is already there, such as a taken name."""

    status = 409
    type = "conflict_error"


class TooLarge(VanillaError):
    """The body is over a size limit."""

    status = 413
    type = "request_too_large"


class Invalid(VanillaError):
    """The request is well formed and its values are not acceptable."""

    status = 422
    type = "invalid_request_error"


class TooManyRequests(VanillaError):
    """Too much at once or too fast; the same call may succeed after `retry_after` seconds (1 to 60)."""

    status = 429
    type = "rate_limit_error"

    def __init__(
        self,
        message: str,
        *,
        retry_after: int | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        headers = {} if retry_after is None else {"retry-after": str(max(1, min(60, retry_after)))}
        super().__init__(message, headers=headers, details=details)
        self.retry_after = retry_after


class LimitReached(TooManyRequests):
    """A token limit does not leave room for the call.

    Spent (`retry_after` None): retrying is useless before `resets_at`, so the answer says `x-should-retry: false` and
    carries no `retry-after`, on which the official SDKs would sleep without end. Held by the user's other calls:
    retryable, `retry_after` seconds.
    """

    def __init__(
        self, message: str, *, used: int, limit: int, resets_at: datetime | None, retry_after: int | None = None
    ) -> None:
        resets = None if resets_at is None else resets_at.isoformat().replace("+00:00", "Z")
        super().__init__(
            message,
            retry_after=retry_after,
            details={"used": used, "limit": limit, "remaining": max(0, limit - used), "resets_at": resets},
        )
        if retry_after is None:
            self.headers["x-should-retry"] = "false"
        self.headers["anthropic-ratelimit-tokens-limit"] = str(limit)
        self.headers["anthropic-ratelimit-tokens-remaining"] = str(max(0, limit - used))
        if resets is not None:
            self.headers["anthropic-ratelimit-tokens-reset"] = resets


class UpstreamFailed(VanillaError):
    """The model server could not be reached, or broke."""

    status = 502
    type = "api_error"


class Unavailable(VanillaError):
    """The host has not set this up, or it is switched off for now."""

    status = 503
    type = "api_error"


class OutOfSpace(Unavailable):
    """The disk has too little room left for this."""

    status = 507
