"""Taking away what is over, again and again: a time that fails is not the last one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

logger = logging.getLogger(__name__)

HOUR, DAY = 3600.0, 24 * 3600.0  # seconds


async def keep_sweeping(sweep: Callable[[], Awaitable[object]], every: float, what: str) -> None:
    """Call `sweep` at once and then every so many seconds, until cancelled. `what` it takes away is for the log."""
    while True:
        try:
            await sweep()
        except Exception:
            logger.exception("Could not take away %s", what)
        await asyncio.sleep(every)
