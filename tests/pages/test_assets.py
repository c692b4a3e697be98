"""Static files: small on the way, kept for as long as they may be."""

import gzip
from pathlib import Path

import brotli
import httpx
import nicegui
import pytest
from fastapi import FastAPI

from pages import design
from pages.assets import Assets


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("br;q=0, gzip", "gzip")]
)
async def test_text_is_sent_compressed_as_the_browser_takes_it(
    client: httpx.AsyncClient, accepted: str, encoding: str
) -> None:
    address, contents = design.asset("design.css"), (design.STATIC / "design.css").read_bytes()
    async with client.stream("GET", address, headers={"accept-encoding": accepted}) as answer:
        sent = b"".join([part async for part in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == encoding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) == len(sent) < len(contents) / 3
    assert (brotli.decompress(sent) if encoding == "br" else gzip.decompress(sent)) == contents


async def test_who_takes_nothing_compressed_gets_the_file_itself(client: httpx.AsyncClient) -> None:
    answer = await client.get("/static/design.css", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding", "or a proxy would hand it to others"
    assert answer.content == (design.STATIC / "design.css").read_bytes()


async def test_a_part_of_a_file_and_a_font_are_sent_as_they_are(client: httpx.AsyncClient) -> None:
    part = await client.get("/static/design.css", headers={"range": "bytes=0-9"})
    assert (part.status_code, len(part.content)) == (206, 10)
    font = await client.get("/static/fonts/figtree-latin-wght-normal.woff2")
    assert "content-encoding" not in font.headers
    assert "immutable" in font.headers["cache-control"]


async def test_a_compressed_file_that_is_asked_for_again_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get("/static/frame.js")
    assert first.headers["cache-control"] == "no-cache"
    again = await client.get("/static/frame.js", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    head = await client.head("/static/frame.js")
    assert (head.status_code, head.content) == (200, b"")


async def test_a_file_that_changed_is_compressed_anew(tmp_path: Path) -> None:
    app = FastAPI()
    app.mount("/files", Assets(tmp_path))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        for words in ("one " * 500, "two " * 500):
            (tmp_path / "a.js").write_text(words)
            assert (await client.get("/files/a.js")).text == words


async def test_what_is_there_of_niceguis_is_compressed_too(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/_nicegui/{nicegui.__version__}/static/quasar.umd.prod.js")
    assert answer.headers["content-encoding"] == "br"
    assert "immutable" in answer.headers["cache-control"]
    missing = await client.get(f"/_nicegui/{nicegui.__version__}/static/none.js")
    assert missing.status_code == 404
