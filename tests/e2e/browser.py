"""Chromium for the tests that need a real browser, through Playwright's async API.

pytest-playwright is left out on purpose: its sync API leaves an event loop running, which breaks every async test
that comes after it in the same run.
"""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from playwright.async_api import Browser, async_playwright

ROOT = Path(__file__).parents[2]

FLAGS = (
    "--no-sandbox",  # Chromium refuses its own sandbox to root, who runs the tests in containers
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


class NoChromium(Exception):
    """There is no Chromium on this machine; the message is what to type."""


@asynccontextmanager
async def launched(*flags: str) -> AsyncIterator[Browser]:
    """A headless Chromium, closed at the end. Each `browser.new_context()` is a visitor with cookies of their own.

    `flags` are further command-line switches. Raises NoChromium.
    """
    path = await asyncio.to_thread(chromium)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            await browser.close()


@cache
def chromium() -> str:
    """The path of the Chromium that .ci/chromium.sh finds (`CHROMIUM` in the environment names another).

    Raises NoChromium.
    """
    return found_chromium(dict(os.environ))


def found_chromium(environ: dict[str, str]) -> str:
    """As `chromium`, in the environment given."""
    script = subprocess.run(
        ["sh", str(ROOT / ".ci" / "chromium.sh"), "find"], env=environ, capture_output=True, text=True, check=False
    )
    if script.returncode != 0 or not script.stdout.strip():
        raise NoChromium(
            f"{script.stderr.strip()} There is no Chromium for the browser tests. To install one, type:"
            " sh .ci/chromium.sh".strip()
        )
    return script.stdout.strip()
