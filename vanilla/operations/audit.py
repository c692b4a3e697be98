"""Reading the audit: who changed what, the newest first. It is written by vanilla.audit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, literal, or_, tuple_
from sqlmodel import Session, col, select

from vanilla.database import Database
from vanilla.models import AuditEntry, Game, Invitation, User, UtcText
from vanilla.operations.sentences import Names, sentence

SERVER = "server"  # as an actor: the platform itself, or its command line
LONGEST_SEARCH = 100  # characters


@dataclass(frozen=True, slots=True)
class AuditSearch:
    """Which entries: by whom (a user's id, or SERVER), which action (`user.update`, or `user` for all of that noun),
    about what (an id, or part of a user's name, a game's title or an invitation's note), from when to before when."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An entry and what it says."""

    entry: AuditEntry
    actor: str
    subject: str
    sentence: str


class AuditLog:
    """Answers from the table `audit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, search: AuditSearch, *, limit: int = 50, before: int | None = None) -> list[AuditRow]:
        """The newest entries that match, or those that come after the one with the id `before`."""
        conditions = _conditions(search)
        order = (col(AuditEntry.created_at), col(AuditEntry.id))

        def work(session: Session) -> list[AuditRow]:
            statement = select(AuditEntry).where(*conditions).order_by(*(column.desc() for column in order))
            if before is not None:
                last = session.get(AuditEntry, before)
                if last is None:
                    return []
                # With its type said, or it would be compared as Python writes a moment.
                place = (literal(last.created_at, UtcText), literal(last.id))
                statement = statement.where(tuple_(*order) < tuple_(*place))
            entries = session.exec(statement.limit(limit)).all()
            names = _names(session, entries)
            return [
                AuditRow(entry, names.actor(entry), names.subject(entry), sentence(entry, names)) for entry in entries
            ]

        return await self._database.read(work)

    async def actors(self) -> list[tuple[str, str]]:
        """Ids and names of the users who stand in it, by name."""
        acted = select(AuditEntry.actor_id).where(col(AuditEntry.actor_id).is_not(None)).distinct()
        statement = (
            select(User.id, User.username).where(col(User.id).in_(acted)).order_by(col(User.username_key)).limit(500)
        )
        rows = await self._database.read(lambda session: session.exec(statement).all())
        return [(user_id, username) for user_id, username in rows]


def _conditions(search: AuditSearch) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if search.actor:
        actor = col(AuditEntry.actor_id)
        conditions.append(actor.is_(None) if search.actor == SERVER else actor == search.actor)
    if search.action:
        action = col(AuditEntry.action)
        is_whole = "." in search.action
        conditions.append(
            action == search.action if is_whole else action.startswith(f"{search.action}.", autoescape=True)
        )
    if text := search.subject.strip()[:LONGEST_SEARCH]:
        subject = col(AuditEntry.subject)
        conditions.append(
            or_(
                subject == text,
                subject.in_(select(User.id).where(col(User.username).icontains(text, autoescape=True))),
                subject.in_(select(Game.id).where(col(Game.title).icontains(text, autoescape=True))),
                subject.in_(select(Invitation.id).where(col(Invitation.note).icontains(text, autoescape=True))),
            )
        )
    if search.since is not None:
        conditions.append(col(AuditEntry.created_at) >= search.since)
    if search.until is not None:
        conditions.append(col(AuditEntry.created_at) < search.until)
    return conditions


def _names(session: Session, entries: Sequence[AuditEntry]) -> Names:
    """What the ids in these entries stand for, in three queries however many they are."""
    ids = {entry.subject for entry in entries}
    people = ids | {entry.actor_id for entry in entries} | {entry.details.get("created_by") for entry in entries}
    users = select(User.id, User.username).where(col(User.id).in_(people - {None, ""}))
    games = select(Game.id, Game.title).where(col(Game.id).in_(ids))
    notes = select(Invitation.id, Invitation.note).where(col(Invitation.id).in_(ids))
    return Names(
        users=dict(iter(session.exec(users))),
        games=dict(iter(session.exec(games))),
        notes={invitation_id: note for invitation_id, note in session.exec(notes).all() if note},
    )
