"""Deleting users: what is theirs goes, what they used stays counted.

The ledger's rows name their user, and are never changed. So the row of the user stays, as nobody: "Deleted user 3",
without a password, who cannot sign in. Their name is free at once. A call in flight settles against that row.
"""

from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence

from sqlalchemy import Column, Table
from sqlmodel import Session, SQLModel, col, delete, func, or_, select, update

from vanilla import audit
from vanilla.accounts.endings import revoke_invitations
from vanilla.accounts.names import username_key
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.accounts.users import is_last_admin
from vanilla.database import Database
from vanilla.errors import Conflict, NotFound
from vanilla.models import Game, GameDay, Hold, Invitation, Save, User, utc_now

KEPT = {Hold.__tablename__, GameDay.__tablename__}  # what calls in flight settle with, gone in two days

Saved = tuple[str, str]  # ids of a user and of a game that keeps something for them
Clear = Callable[[Collection[str], Collection[Saved]], Awaitable[None]]


class Deletions:
    """Takes users away."""

    def __init__(self, database: Database, revocations: Revocations) -> None:
        self._database = database
        self._revocations = revocations
        self._clear: list[Clear] = []

    def subscribe(self, clear: Clear) -> None:
        """Have `clear` take off the disk what belongs to rows that are gone: whole games, by their ids, and what games
        kept for players. It may be told of some twice, and it is not told again of what a crash kept it from."""
        self._clear.append(clear)

    async def delete(self, user_id: str, *, by: str | None = None) -> User:
        """Delete a user in the name of the user `by`: signed out everywhere at once, streams cut, games, saves and
        everything else that is theirs gone for good. Gives the row that stays.

        Raises NotFound, Conflict (the last active admin).
        """

        def work(session: Session) -> tuple[User, Sequence[str], Sequence[Saved]] | NotFound | Conflict:
            user = session.get(User, user_id)
            if user is None or user.deleted_at is not None:
                return NotFound("There is no such user.")
            if user.is_admin and user.is_active and is_last_admin(session, user):
                return Conflict(f"{user.username} is the last active admin: make somebody else an admin first.")
            now = utc_now()
            revoked = revoke_invitations(session, user_id, now)
            games, saved = _erase(session, [user_id])
            _make_nobody(session, user)
            user.deleted_at = user.updated_at = now
            details = {"games": len(games), "invitations_revoked": revoked}
            audit.record(session, by=by, action="user.delete", subject=user_id, details=details)
            return user, games, saved

        answer = await self._database.write(work)
        if not isinstance(answer, tuple):
            raise answer
        user, games, saved = answer
        self._revocations.announce(Revocation(user_id))
        await self._take_off_the_disk(games, saved)
        return user

    async def sweep(self) -> None:
        """Take away what deleted users got after that: an upload or a save may have been on its way."""

        def work(session: Session) -> tuple[Sequence[str], Sequence[Saved]]:
            return _erase(session, session.exec(select(User.id).where(col(User.deleted_at).is_not(None))).all())

        await self._take_off_the_disk(*await self._database.write(work))

    async def _take_off_the_disk(self, games: Sequence[str], saved: Sequence[Saved]) -> None:
        if games or saved:
            for clear in self._clear:
                await clear(games, saved)


def _erase(session: Session, user_ids: Sequence[str]) -> tuple[Sequence[str], Sequence[Saved]]:
    """Delete every row that is these users': of each table whose rows go with their user, and with those the rows that
    go with their games. Gives the games that are gone and whose saves are."""
    games = session.exec(select(Game.id).where(col(Game.owner_id).in_(user_ids))).all()
    theirs = or_(col(Save.user_id).in_(user_ids), col(Save.game_id).in_(games))
    saved = session.exec(select(Save.user_id, Save.game_id).where(theirs).distinct()).all()
    for table, column in _theirs():
        session.exec(delete(table).where(column.in_(user_ids)))
    # Its note says whom it was for.
    session.exec(update(Invitation).where(col(Invitation.user_id).in_(user_ids)).values(note=""))
    return games, [(user_id, game_id) for user_id, game_id in saved]


def _theirs() -> Iterator[tuple[Table, Column[str]]]:
    """The tables whose rows go with their user, as their foreign keys say, each with the column that names the user."""
    for table in SQLModel.metadata.sorted_tables:
        if table.name in KEPT:
            continue
        for key in table.foreign_keys:
            if key.ondelete == "CASCADE" and key.column.table.name == User.__tablename__:
                yield table, key.parent


def _make_nobody(session: Session, user: User) -> None:
    number = session.exec(select(func.count()).where(col(User.deleted_at).is_not(None))).one() + 1
    while session.exec(select(User.id).where(User.username_key == username_key(f"Deleted user {number}"))).first():
        number += 1  # somebody is called so
    user.username = f"Deleted user {number}"
    user.username_key = username_key(user.username)
    user.password_hash = ""  # which no password matches
    user.is_admin = user.is_active = False
    user.token_limit = user.own_token_limit = user.requests_per_minute = user.concurrent_calls = None
    user.last_active_at = None
