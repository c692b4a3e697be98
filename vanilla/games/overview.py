"""All games as an admin looks after them: whose, how large, how much they are played and what they use."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, SQLColumnExpression, Text, and_, cast, func, select
from sqlmodel import Session, col

from vanilla.games import search, views
from vanilla.games.access import Viewer
from vanilla.games.tokens import TokensUsed
from vanilla.games.views import GameView
from vanilla.models import Game, GameVersion, Play, User

OverviewSort = Literal["title", "owner", "versions", "size", "players", "plays", "tokens", "played", "new"]
OverviewShow = Literal["all", "shared", "unlisted", "draft", "removed"]
FROM_A_TO_Z = ("title", "owner")  # the others begin with the most, or the latest


@dataclass(frozen=True, slots=True)
class Search:
    """Which games are asked for, and in which order. `removed` are those that can still be had back; the others are
    there."""

    words: str = ""
    show: OverviewShow = "all"
    sort: OverviewSort = "played"
    is_reversed: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A game, how many versions of it are kept, and the bytes that those take."""

    game: GameView
    versions: int
    stored_bytes: int


def page(
    session: Session, viewer: Viewer, tokens: TokensUsed, wanted: Search, *, limit: int, offset: int
) -> tuple[Sequence[Entry], int]:
    """A page of games, and how many match in all."""
    matches = _matching(wanted)
    total = session.execute(select(func.count()).select_from(Game).where(matches)).scalar_one()
    ids = _ids(session, matches, tokens, wanted, limit, offset)
    kept = (
        select(col(GameVersion.game_id), func.count(), func.sum(col(GameVersion.size_bytes)))
        .where(col(GameVersion.game_id).in_(ids))
        .group_by(col(GameVersion.game_id))
    )
    stored = {game_id: (count, size) for game_id, count, size in session.execute(kept)}
    games = views.load(session, ids, viewer, tokens)
    return [Entry(game, *stored.get(game.id, (0, 0))) for game in games], total


def _matching(wanted: Search) -> ColumnElement[bool]:
    if wanted.show == "removed":
        return and_(views.can_be_had_back(), search.matching(wanted.words))
    conditions = [col(Game.removed_at).is_(None), search.matching(wanted.words)]
    if wanted.show != "all":
        conditions.append(col(Game.visibility) == wanted.show)
    return and_(*conditions)


def _ids(
    session: Session, matches: ColumnElement[bool], tokens: TokensUsed, wanted: Search, limit: int, offset: int
) -> Sequence[str]:
    newest: tuple[Any, ...] = (col(Game.created_at).desc(), col(Game.id))
    statement = select(col(Game.id)).where(matches)
    if wanted.sort == "tokens":  # they are counted in memory, and not in a column
        everything = session.execute(statement.order_by(*newest)).scalars().all()
        used = tokens.of(session, everything)
        ordered = sorted(everything, key=used.__getitem__, reverse=not wanted.is_reversed)
        return ordered[offset : offset + limit]
    if wanted.sort == "owner":
        statement = statement.join(User, col(User.id) == col(Game.owner_id))
    key = _key(wanted)
    is_ascending = (wanted.sort in FROM_A_TO_Z) != wanted.is_reversed
    statement = statement.order_by(key.asc() if is_ascending else key.desc(), *newest)
    return session.execute(statement.limit(limit).offset(offset)).scalars().all()


def _key(wanted: Search) -> SQLColumnExpression[Any]:
    of_play, of_version = col(Play.game_id) == col(Game.id), col(GameVersion.game_id) == col(Game.id)
    match wanted.sort:
        case "title":
            return col(Game.search_text)
        case "owner":
            return col(User.username_key)
        case "plays":
            return col(Game.plays)
        case "versions":
            counted = select(func.count()).select_from(GameVersion).where(of_version)
            return counted.correlate(Game).scalar_subquery()
        case "size":
            summed = select(func.sum(col(GameVersion.size_bytes))).where(of_version)
            return summed.correlate(Game).scalar_subquery()
        case "players":
            return select(func.count()).select_from(Play).where(of_play).correlate(Game).scalar_subquery()
        case "played":
            # As text, so that what was never played comes last whichever database sorts.
            last = select(func.max(col(Play.last_played_at))).where(of_play).correlate(Game).scalar_subquery()
            return func.coalesce(cast(last, Text), "")
        case _:
            return col(Game.removed_at) if wanted.show == "removed" else col(Game.created_at)
