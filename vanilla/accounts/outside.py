"""What another process has ended: a command resets a password, and the server that runs must close what is open.

The command writes a row. The server looks for rows twice a second, acts on them, and deletes them, which tells the
command that it did.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Column, Delete, Text
from sqlmodel import Field, Session, SQLModel, col, delete, select

from vanilla.accounts.callers import Callers
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.database import Database
from vanilla.models import UtcText, utc_now

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds


class OutsideRevocation(SQLModel, table=True):
    """Everything of a user's has ended, and the server does not know it yet."""

    __tablename__ = "outside_revocations"

    id: int | None = Field(default=None, primary_key=True)
    user_id: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_column=Column(UtcText, nullable=False))


class OutsideRevocations:
    """Those that wait to be announced in the server's process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, user_id: str) -> None:
        """For a command: everything of the user's has ended. Blocks."""
        row = OutsideRevocation(user_id=user_id, created_at=utc_now())
        self._database.write_now(lambda session: session.add(OutsideRevocation(**row.model_dump())))

    def are_waiting(self) -> bool:
        """For a command: whether the server has not acted on all of them yet. Blocks."""
        return bool(self._database.read_now(_waiting))

    async def follow(self, callers: Callers, revocations: Revocations) -> None:
        """For the server: announce them as they come, until cancelled."""
        while True:
            try:
                for row in await self._database.read(_waiting):
                    callers.forget(row.user_id)
                    revocations.announce(Revocation(row.user_id))
                    done = delete(OutsideRevocation).where(col(OutsideRevocation.id) == row.id)
                    await self._database.write(partial(_run, done))
            except Exception:
                logger.exception("Could not look for what other processes have ended")
            await asyncio.sleep(LOOK_EVERY)


def _run(statement: Delete, session: Session) -> None:
    session.exec(statement)


def _waiting(session: Session) -> Sequence[OutsideRevocation]:
    return session.exec(select(OutsideRevocation).order_by(col(OutsideRevocation.id))).all()
