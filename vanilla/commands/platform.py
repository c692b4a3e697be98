"""A Vanilla somewhere, as a program on its user's machine talks to it: with an API token, over HTTP."""

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import httpx

from vanilla import __version__
from vanilla.commands.failures import CommandFailed

# Seconds. An answer comes once the game is unpacked and safe on the disk there, which takes a while.
PATIENCE = httpx.Timeout(300.0, connect=10.0)

Progress = Callable[[int], object]  # gets the bytes just sent


class Platform:
    """The platform at `url`, until `close`. Every method raises CommandFailed, with the platform's own words where it
    has refused something."""

    def __init__(self, url: str, token: str) -> None:
        self.url = checked_url(url)
        if not token:
            raise CommandFailed(
                f"There is no API token: make one at {self.url}/account, and set VANILLA_TOKEN to it (or give --token)."
            )
        if not token.isascii() or not token.isprintable() or " " in token:
            raise CommandFailed("The API token has characters that no token has: copy it again.")
        headers = {"authorization": f"Bearer {token}", "user-agent": f"vanilla-upload/{__version__}"}
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE)

    def __enter__(self) -> "Platform":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str) -> dict[str, Any]:
        """The JSON at a path."""
        return self._answer(self._client.build_request("GET", path))

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON that answers a change."""
        return self._answer(self._client.build_request("PATCH", path, json=body))

    def send_file(
        self, path: str, file: Path, name: str, fields: Mapping[str, str], progress: Progress
    ) -> dict[str, Any]:
        """The JSON that answers a form with the field `file`, called `name` there. The file is read as it is sent."""
        try:
            stream = _Counted(file, progress)
        except OSError as error:
            raise CommandFailed(f"{file} cannot be read: {error.strerror}.") from None
        with stream:
            form = {"file": (name, stream, "application/octet-stream")}
            return self._answer(self._client.build_request("POST", path, data=dict(fields), files=form))

    def _answer(self, request: httpx.Request) -> dict[str, Any]:
        with _reachable(self.url):
            response = self._client.send(request)
        try:
            body = response.json()
        except ValueError:
            body = None
        if response.is_redirect:
            there = httpx.URL(self.url).join(response.headers.get("location", ""))
            raise CommandFailed(f"{self.url} sends to {there.copy_with(path='/')}: give that as --url or VANILLA_URL.")
        if response.is_success and isinstance(body, dict):
            return body
        raise Refused(response.status_code, _reason(self.url, response.status_code, body))


class Refused(CommandFailed):
    """The platform has answered with an error; `status` is that of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def checked_url(url: str) -> str:
    """An address of a platform, without a slash at its end. Raises CommandFailed."""
    url = url.strip().rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise CommandFailed(f"{url or 'Nothing'} is not the address of a Vanilla, such as https://games.example.org.")
    return url


class _Counted(io.BufferedReader):
    """A file that tells how much of it was read."""

    def __init__(self, path: Path, progress: Progress) -> None:
        super().__init__(io.FileIO(path))
        self._progress = progress

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self._progress(len(data))
        return data


@contextmanager
def _reachable(url: str) -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException:
        raise CommandFailed(f"{url} does not answer.") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise CommandFailed(f"{url} cannot be reached: {str(error) or type(error).__name__}.") from None


def _reason(url: str, status: int, body: object) -> str:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return f"{url} answers with {status}, and not as a Vanilla does: is the address right?"
    problems = [each.get("message") if isinstance(each, dict) else each for each in error.get("problems") or ()]
    lines = [str(each) for each in problems if each]
    return "\n".join(lines if len(lines) > 1 else [error["message"]])
