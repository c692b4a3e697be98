"""Closed pages leave nothing that waits for a collection of garbage which may never come."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import httpx
import pytest
from nicegui import Client

from pages import remains
from tests.factories import Factory


@pytest.fixture
def _no_collector() -> Iterator[None]:
    """As in a server, where it runs after millions of objects."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def opened_and_closed(browser: httpx.AsyncClient) -> list[weakref.ref[object]]:
    """What NiceGUI kept for a page: the classes of all its elements."""
    assert (await browser.get("/admin/usage")).status_code == 200
    (client,) = Client.instances.values()
    parts: list[weakref.ref[object]] = [weakref.ref(element.classes) for element in client.elements.values()]
    client.delete()
    return parts


@pytest.mark.usefixtures("_no_collector")
async def test_most_of_a_page_goes_with_it(make: Factory) -> None:
    parts = await opened_and_closed(await make.admin())
    await asyncio.sleep(0.05)
    assert len(parts) > 50
    assert sum(part() is not None for part in parts) < len(parts) / 3


async def test_the_rest_is_looked_for_after_some_pages(make: Factory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remains, "COLLECT_AFTER", 3)
    monkeypatch.setattr(remains, "_closed", 0)
    looked: list[int] = []
    monkeypatch.setattr(gc, "collect", lambda: looked.append(len(Client.instances)))
    admin = await make.admin()
    for _ in range(7):
        await opened_and_closed(admin)
        await asyncio.sleep(0)
    assert looked == [0, 0]
