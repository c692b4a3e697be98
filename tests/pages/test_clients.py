"""Open pages and what they leave behind: nothing."""

import asyncio
import gc
import weakref

import httpx
import pytest
from nicegui import Client

from tests.factories import Factory
from vanilla.games import examples
from vanilla.services import Services

PAGES = (
    "/",
    "/upload",
    "/account",
    "/docs",
    "/admin",
    "/admin/users",
    "/admin/games",
    "/admin/invitations",
    "/admin/usage",
    "/admin/audit",
    "/admin/settings",
)


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_that_was_closed_is_gone_from_memory(make: Factory, path: str) -> None:
    """Seen with weak references: whatever holds on to a page, such as a subscription, would hold on to all of them."""
    host = await make.admin()
    await _are_gone([await _visit(host, path) for _ in range(3)])


async def test_a_play_page_that_was_closed_is_gone_too(make: Factory, services: Services) -> None:
    mira = await make.user("mira")
    await examples.publish(services.catalogue, mira.id)
    games, _ = await services.catalogue.list()
    friend = await make.signed_in(mira)
    await _are_gone([await _visit(friend, games[0].play_url) for _ in range(3)])


async def _visit(browser: httpx.AsyncClient, path: str) -> "weakref.ref[Client]":
    """Open a page, connect to it and leave it for good; gives a weak reference to what NiceGUI kept for it."""
    answer = await browser.get(path)
    assert answer.status_code == 200, answer.text[:300]
    (client,) = Client.instances.values()
    await client.handle_handshake("test-socket", "tab", None, "document", None)
    await asyncio.sleep(0.05)
    client.delete()  # as ten seconds after its connection broke
    return weakref.ref(client)


async def _are_gone(pages: list["weakref.ref[Client]"]) -> None:
    """Once what they had begun has come to its end."""
    for _ in range(60):
        gc.collect()
        if all(page() is None for page in pages):
            return
        await asyncio.sleep(0.05)
    left = [page() for page in pages if page() is not None]
    raise AssertionError([type(holder) for holder in gc.get_referrers(left[0])])
