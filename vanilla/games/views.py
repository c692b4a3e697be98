"""Games as they are shown, and the statements that find them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlmodel import Session, col

from vanilla.errors import NotFound
from vanilla.games import about, covers
from vanilla.models import Game, Play, User

LONGEST_SEARCH = 100  # characters
MOST_WORDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class GameView:
    """A game as it is shown: its row, its owner's name, and when the viewer last played it."""

    id: str
    slug: str
    title: str
    description: str
    tags: list[str]
    owner_id: str
    owner: str  # username
    version: int
    talks: bool
    has_cover: bool
    capability_epoch: int
    plays: int
    created_at: datetime
    updated_at: datetime
    last_played_at: datetime | None = None

    @property
    def cover_url(self) -> str:
        """Address of the cover, good for ever: another cover has another one. `&size=page` gives the large one."""
        return f"/api/games/{self.id}/cover?v={self.cover_version}"

    @property
    def cover_version(self) -> str:
        if self.has_cover:
            return f"u{int(self.updated_at.timestamp() * 1000):x}"
        return covers.drawing_version(self.title)

    @property
    def play_url(self) -> str:
        return f"/play/{self.id}"


def matching(search: str, tag: str) -> ColumnElement[bool]:
    """Games that are there, with every word of `search` somewhere in them and with that tag. Needs the owner joined."""
    wanted: list[ColumnElement[bool]] = [col(Game.removed_at).is_(None)]
    for word in about.line(search)[:LONGEST_SEARCH].split()[:MOST_WORDS]:
        # SQLite's LIKE ignores case for ASCII alone.
        spellings = {word, word.lower(), word.upper(), word.title()} if not word.isascii() else {word}
        wanted.append(
            or_(
                *(
                    column.icontains(spelling, autoescape=True)
                    for spelling in sorted(spellings)
                    for column in (col(Game.title), col(Game.description), col(User.username))
                ),
                _has_tag(_contains(word.lower())),
            )
        )
    if tag:
        wanted.append(_has_tag(lambda value: value == about.line(tag).lower()))
    return and_(*wanted)


def _contains(word: str) -> Callable[[ColumnElement[str]], ColumnElement[bool]]:
    return lambda value: value.contains(word, autoescape=True)


def _has_tag(test: Callable[[ColumnElement[str]], ColumnElement[bool]]) -> ColumnElement[bool]:
    each = func.json_each(col(Game.tags)).table_valued("value")
    return select(1).select_from(each).where(test(each.c.value)).correlate(Game).exists()


def shown(viewer_id: str) -> Select[Game, str, datetime]:
    """Rows for `view`: games with their owners and the viewer's last play."""
    played = and_(col(Play.game_id) == col(Game.id), col(Play.user_id) == viewer_id)
    return (
        select(Game, col(User.username), col(Play.last_played_at))
        .join(User, col(User.id) == col(Game.owner_id))
        .outerjoin(Play, played)
    )


def find(session: Session, game_id: str, viewer_id: str = "") -> GameView:
    """Raises NotFound for a game that is not there or was removed."""
    row = session.execute(shown(viewer_id).where(is_there(game_id))).one_or_none()
    if row is None:
        raise unknown()
    return view(*row)


def view(game: Game, owner: str, last_played_at: datetime | None) -> GameView:
    """A row of `shown`."""
    return GameView(
        id=game.id,
        slug=game.slug,
        title=game.title,
        description=game.description,
        tags=game.tags,
        owner_id=game.owner_id,
        owner=owner,
        version=game.version,
        talks=game.talks,
        has_cover=game.has_cover,
        capability_epoch=game.capability_epoch,
        plays=game.plays,
        created_at=game.created_at,
        updated_at=game.updated_at,
        last_played_at=last_played_at,
    )


def is_there(game_id: str) -> ColumnElement[bool]:
    """Of the game with this id, unless it was removed."""
    return and_(col(Game.id) == game_id, col(Game.removed_at).is_(None))


def unknown() -> NotFound:
    """The error for a game that is not there."""
    return NotFound("There is no such game. It may have been removed.")
