"""An admin in front of the admin's pages, with calls in the ledger behind them."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from html import unescape
from typing import Any

import pytest
from nicegui.testing import User as Browser

from tests import factories
from tests.factories import ADMIN_PASSWORD, sign_in
from vanilla.models import User, new_id, utc_now
from vanilla.services import Services
from vanilla.usage.ledger import Entry

PATIENCE = 50  # tenths of a second, for `should_see`: the machine may be busy
Spend = Callable[..., Awaitable[Entry]]


@pytest.fixture
async def admin(user: Browser) -> Browser:
    """The simulated browser, signed in as the first admin."""
    await sign_in(user.http_client, "admin", ADMIN_PASSWORD)
    return user


@pytest.fixture
def spend(services: Services) -> Spend:
    """Writes a settled call: 1,000 tokens in and 234 out of ollama, now, unless told otherwise."""

    async def spend(user: User, **values: Any) -> Entry:
        defaults: dict[str, Any] = {
            "id": new_id(),
            "timestamp": utc_now(),
            "user_id": user.id,
            "backend": "ollama",
            "model": "llama3.2",
            "prompt_tokens": 1000,
            "completion_tokens": 234,
        }
        entry = Entry(**{**defaults, **values})
        await factories.record(services.database, entry)
        return entry

    return spend


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait until it holds: handlers of a page run as tasks that tell nobody when they are done."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.01)


def texts(browser: Browser) -> list[str]:
    """Every text on the page: of elements, and in what is drawn as HTML."""
    assert browser.client is not None
    found: list[str] = []
    for element in browser.client.elements.values():
        if text := getattr(element, "text", ""):
            found.append(text)
        elif content := getattr(element, "content", ""):
            found += [unescape(part) for part in re.split(r"<[^>]*>", content) if part]
    return found
