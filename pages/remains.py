"""What a page leaves in memory once it is closed: nothing that waits for Python's collector of garbage.

A page of NiceGUI's, its connection and its request hold on to each other in circles, a quarter of a megabyte in all.
The collector finds such circles when millions of objects have come (main.py says why so late): by then a thousand pages
would lie there.
"""

import asyncio
import gc

import nicegui
from nicegui import Client

COLLECT_AFTER = 50  # pages that were closed: some 10 ms of looking for circles

_closed = 0


def clear_up() -> None:
    """Do so for every page from now on."""
    nicegui.app.on_delete(_forget)


def _forget(client: Client) -> None:
    global _closed  # noqa: PLW0603 - of this process, like the collector itself
    for element in client.elements.values():
        for part in (element.classes, element.style, element.props):
            # Each has itself told of its own changes: two thirds of a page's objects are kept by that alone.
            part._change_handlers.clear()
    _closed += 1
    if _closed >= COLLECT_AFTER:
        _closed = 0
        asyncio.get_running_loop().call_soon(gc.collect)  # once this one is gone too
