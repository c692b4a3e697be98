"""The minute roll-ups serve the live page alone and are kept 48 hours."""

import asyncio
import logging
from datetime import timedelta

from sqlmodel import Session, col, delete

from vanilla.database import Database
from vanilla.models import UsageMinute, utc_now

logger = logging.getLogger(__name__)

KEPT = timedelta(hours=48)  # today and all of yesterday
FORGET_EVERY = 3600.0  # seconds


async def forget_old(database: Database) -> int:
    """Delete the minutes that no page shows any more; gives how many rows those were."""
    oldest = int((utc_now() - KEPT).timestamp()) // 60

    def work(session: Session) -> int:
        return session.exec(delete(UsageMinute).where(col(UsageMinute.minute) < oldest)).rowcount

    return await database.write(work)


async def keep_forgetting(database: Database) -> None:
    """Do so now and then, until cancelled. A time that fails is not the last one."""
    while True:
        try:
            await forget_old(database)
        except Exception:
            logger.exception("Could not delete old minutes of usage")
        await asyncio.sleep(FORGET_EVERY)
