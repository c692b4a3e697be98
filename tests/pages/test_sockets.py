"""The sockets of pages, on a real server: for open pages, and briefly for pages of before a restart."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI
from nicegui import Client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from pages import clients, sockets
from tests.servers import serving

SOCKET = "/_nicegui_ws/socket.io/?EIO=4&transport="


@pytest.fixture
async def origin(app: FastAPI) -> AsyncIterator[str]:
    async with serving(app) as origin:
        yield origin


async def opened(origin: str) -> str:
    """The sign-in page; gives its id."""
    async with httpx.AsyncClient(base_url=origin) as client:
        text = (await client.get("/login")).text
    found = re.search(r"[\"']?client_id[\"']?: ?[\"']([0-9a-f-]+)", text)
    assert found is not None, "no page of NiceGUI's"
    return found[1]


def socket(origin: str, page: str = "") -> connect:
    query = f"&client_id={page}" if page else ""
    return connect(f"{origin.replace('http', 'ws')}{SOCKET}websocket{query}", additional_headers={"origin": origin})


async def test_a_page_has_its_socket_and_not_many(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "UNKNOWN_SECONDS", 0.0)
    page = await opened(origin)
    assert page in Client.instances
    held: list[ClientConnection] = [await socket(origin, page) for _ in range(sockets.MOST_OF_A_PAGE)]
    for each in held:
        assert str(await each.recv()).startswith("0{")
    with pytest.raises(InvalidStatus, match="403"):
        await socket(origin, page)
    await held.pop().close()
    async with asyncio.timeout(5):
        while True:
            try:
                held.append(await socket(origin, page))
                break
            except InvalidStatus:
                await asyncio.sleep(0.01)
    for each in held:
        await each.close()


@pytest.mark.parametrize("page", ["", "gone"])
async def test_one_without_a_page_is_told_so_and_gets_seconds(
    origin: str, page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "UNKNOWN_SECONDS", 1.0)
    async with asyncio.timeout(10), socket(origin, page) as connection:
        assert str(await connection.recv()).startswith("0{")
        await connection.wait_closed()
        assert connection.close_code == 1013


async def test_there_are_never_many_of_those(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "MOST_UNKNOWN", 3)
    held = [await socket(origin) for _ in range(3)]
    with pytest.raises(InvalidStatus, match="403"):
        await socket(origin)
    page = await opened(origin)
    async with socket(origin, page) as connection:  # which keeps nobody's page from its own
        assert str(await connection.recv()).startswith("0{")
    for each in held:
        await each.close()


async def test_polling_is_for_pages_that_are_open(origin: str) -> None:
    page = await opened(origin)
    async with httpx.AsyncClient(base_url=origin, headers={"origin": origin}) as client:
        assert (await client.get(f"{SOCKET}polling")).status_code == 403
        assert (await client.get(f"{SOCKET}polling&client_id=gone")).status_code == 403
        assert (await client.get(f"{SOCKET}polling&client_id={page}")).status_code == 200


async def test_strangers_get_the_plain_sign_in_page_once_there_are_many(
    origin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "MOST_STRANGERS", 2)
    async with httpx.AsyncClient(base_url=origin) as client:
        texts = [(await client.get("/login")).text for _ in range(3)]
    assert ["client_id" in text for text in texts] == [True, True, False]
    assert all('action="/auth/login"' in text or "auth/login" in text for text in texts)
