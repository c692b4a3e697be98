"""Who may see a game, open it, change it. Every statement that gives a game to somebody is built on these.

    visibility   in lists of     opened by whoever is signed in and has the address
    draft        owner, admins   owner, admins
    unlisted     owner, admins   everybody
    shared       everybody       everybody

What somebody may not open is not there for them (NotFound); what they may see and not change is Forbidden.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy import ColumnElement, and_, or_, true
from sqlmodel import Session, col, select

from vanilla.errors import Forbidden, NotFound
from vanilla.models import Game

Visibility = Literal["draft", "unlisted", "shared"]


class Viewer(Protocol):
    """Who looks, or changes something: `accounts.caller.Caller` is one. A token of an admin's is no admin."""

    @property
    def user_id(self) -> str: ...

    @property
    def is_admin(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Someone:
    """A viewer without a credential: for what the host itself does, and for tests."""

    user_id: str
    is_admin: bool = False


NOBODY = Someone("")
HOST = Someone("", is_admin=True)  # the server itself, at its start and on its command line


def is_listed_for(viewer: Viewer) -> ColumnElement[bool]:
    """Of games, removed or not, that stand in lists for this viewer."""
    if viewer.is_admin:
        return true()
    return or_(col(Game.visibility) == "shared", col(Game.owner_id) == viewer.user_id)


def is_open_to(viewer: Viewer) -> ColumnElement[bool]:
    """Of games, removed or not, that this viewer may open by their address."""
    if viewer.is_admin:
        return true()
    return or_(col(Game.visibility).in_(("unlisted", "shared")), col(Game.owner_id) == viewer.user_id)


def is_there(game_id: str) -> ColumnElement[bool]:
    """Of the game with this id, unless it was removed."""
    return and_(col(Game.id) == game_id, col(Game.removed_at).is_(None))


def opened(session: Session, game_id: str, viewer: Viewer) -> Game:
    """The row of a game that this viewer may open. Raises NotFound."""
    game = session.exec(select(Game).where(is_there(game_id), is_open_to(viewer))).one_or_none()
    if game is None:
        raise unknown()
    return game


def owned(session: Session, game_id: str, by: Viewer) -> Game:
    """The row of a game that `by` may change: its owner, or an admin. Raises NotFound, Forbidden."""
    game = opened(session, game_id, by)
    if not may_change(game.owner_id, by):
        raise Forbidden("Only the owner of a game or an admin may do this.")
    return game


def may_change(owner_id: str, viewer: Viewer) -> bool:
    """Whether a game of this owner is the viewer's to change."""
    return viewer.is_admin or (viewer.user_id != "" and owner_id == viewer.user_id)


def check_admin(by: Viewer) -> None:
    """Raises Forbidden for everybody but admins."""
    if not by.is_admin:
        raise Forbidden("Only an admin may do this.")


def unknown() -> NotFound:
    """The error for a game that is not there."""
    return NotFound("There is no such game. It may have been removed.")
