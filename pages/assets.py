"""Static files over HTTP: kept by browsers for as long as they may be, and compressed once."""

import asyncio
import gzip
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import brotli
from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOR_EVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"

Encoding = Literal["br", "gzip"]

_PACKED: Final = {".css", ".js", ".mjs", ".svg"}
_LEAST: Final = 500  # bytes: below, compressing saves no packet
_MOST: Final = 256  # files kept compressed; there are some fifty


class Assets(StaticFiles):
    """A folder of files that come with the software. With `is_settled` none of its addresses ever changes its
    contents; else those do not that carry a digest (`?v=`), nor fonts, and others are asked for again."""

    def __init__(self, directory: Path, *, is_settled: bool = False) -> None:
        super().__init__(directory=directory, follow_symlink=True)
        self._is_settled = is_settled

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200 and isinstance(response, FileResponse):
            response = await _smaller(response, Headers(scope=scope))
        if response.status_code in (200, 206, 304):
            is_settled = self._is_settled or b"v=" in scope.get("query_string", b"") or path.endswith(".woff2")
            response.headers["Cache-Control"] = FOR_EVER if is_settled else ASK_AGAIN
            response.headers["X-Content-Type-Options"] = "nosniff"
        return response


async def _smaller(response: FileResponse, asked: Headers) -> Response:
    """The same answer, compressed where the browser takes that."""
    path = Path(response.path)
    if path.suffix not in _PACKED or "range" in asked:
        return response
    response.headers["Vary"] = "Accept-Encoding"
    stat, encoding = response.stat_result, _encoding_of(asked.get("accept-encoding", ""))
    if encoding is None or stat is None or stat.st_size < _LEAST:
        return response
    body = await asyncio.to_thread(_packed, path, stat.st_mtime_ns, encoding)
    # A weak tag: these are other bytes with the same meaning.
    headers = {
        "Content-Encoding": encoding,
        "Vary": "Accept-Encoding",
        "ETag": f"W/{response.headers['etag']}",
        "Last-Modified": response.headers["last-modified"],
    }
    return Response(body, headers=headers, media_type=response.media_type)


def _encoding_of(accepted: str) -> Encoding | None:
    names = {part.split(";")[0].strip() for part in accepted.split(",") if not part.replace(" ", "").endswith(";q=0")}
    return "br" if "br" in names else "gzip" if "gzip" in names else None


@lru_cache(maxsize=_MOST)
def _packed(path: Path, _mtime_ns: int, encoding: Encoding) -> bytes:
    """The contents, compressed: at most a tenth of a second for the largest, outside the event loop."""
    contents = path.read_bytes()
    return bytes(brotli.compress(contents, quality=9)) if encoding == "br" else gzip.compress(contents, 9, mtime=0)
