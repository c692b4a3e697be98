"""All games as an admin looks after them: whose, how large, how much they are played and what they use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, func, select
from sqlmodel import Session, col

from vanilla.games import search as words_of
from vanilla.games import views
from vanilla.games.access import Viewer
from vanilla.games.tokens import TokensUsed
from vanilla.games.views import GameView
from vanilla.models import Game, GameVersion, Play, User

OverviewSort = Literal["played", "new", "title", "owner", "size", "players", "plays", "tokens"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A game, how many versions of it are kept, and the bytes that those take."""

    game: GameView
    versions: int
    stored_bytes: int


def page(
    session: Session,
    viewer: Viewer,
    tokens: TokensUsed,
    *,
    search: str,
    sort: OverviewSort,
    removed: bool,
    limit: int,
    offset: int,
) -> tuple[Sequence[Entry], int]:
    """A page of games, and how many match in all. `removed` gives those that can still be had back, the last first."""
    matches = _matching(search, removed)
    total = session.execute(select(func.count()).select_from(Game).where(matches)).scalar_one()
    ids = _ids(session, matches, tokens, "removed" if removed else sort, limit, offset)
    kept = (
        select(col(GameVersion.game_id), func.count(), func.sum(col(GameVersion.size_bytes)))
        .where(col(GameVersion.game_id).in_(ids))
        .group_by(col(GameVersion.game_id))
    )
    stored = {game_id: (count, size) for game_id, count, size in session.execute(kept)}
    games = views.load(session, ids, viewer, tokens)
    return [Entry(game, *stored.get(game.id, (0, 0))) for game in games], total


def _matching(words: str, removed: bool) -> ColumnElement[bool]:
    is_wanted = views.can_be_had_back() if removed else col(Game.removed_at).is_(None)
    return and_(is_wanted, words_of.matching(words))


def _ids(
    session: Session, matches: ColumnElement[bool], tokens: TokensUsed, sort: str, limit: int, offset: int
) -> Sequence[str]:
    statement = select(col(Game.id)).where(matches)
    newest: tuple[Any, ...] = (col(Game.created_at).desc(), col(Game.id))
    if sort == "tokens":  # they are counted in memory, and not in a column
        everything = session.execute(statement.order_by(*newest)).scalars().all()
        used = tokens.of(session, everything)
        return sorted(everything, key=lambda game_id: -used[game_id])[offset : offset + limit]
    of_this = col(Play.game_id) == col(Game.id)
    match sort:
        case "removed":
            order: tuple[Any, ...] = (col(Game.removed_at).desc(),)
        case "title":
            order = (col(Game.search_text),)
        case "owner":
            statement = statement.join(User, col(User.id) == col(Game.owner_id))
            order = (col(User.username_key), col(Game.search_text))
        case "plays":
            order = (col(Game.plays).desc(),)
        case "size":
            sizes = select(func.sum(col(GameVersion.size_bytes))).where(col(GameVersion.game_id) == col(Game.id))
            order = (sizes.correlate(Game).scalar_subquery().desc(),)
        case "players":
            order = (select(func.count()).select_from(Play).where(of_this).correlate(Game).scalar_subquery().desc(),)
        case "played":
            last = select(func.max(col(Play.last_played_at))).where(of_this).correlate(Game).scalar_subquery()
            order = (func.coalesce(last, "").desc(),)
        case _:
            order = ()
    return session.execute(statement.order_by(*order, *newest).limit(limit).offset(offset)).scalars().all()
