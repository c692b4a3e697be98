"""Games as they are shown to somebody, and the statements that find a page of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, Row, Select, and_, func, select
from sqlmodel import Session, col

from vanilla.games import access, covers, search
from vanilla.games.access import Viewer, Visibility
from vanilla.games.tokens import TokensUsed
from vanilla.models import Favourite, Game, GameHost, GameVersion, Play, User, utc_now

Sort = Literal["recent", "new", "popular", "title"]
KEPT = timedelta(days=7)  # how long a removed game can be had back


@dataclass(frozen=True, slots=True)
class HostView:
    """Another host that a game has asked for, such as `fonts.example.org`; until it is approved it stays blocked."""

    host: str
    is_approved: bool
    is_refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class GameView:
    """A game as it is shown to one viewer."""

    id: str
    slug: str
    title: str
    description: str
    tags: list[str]
    owner_id: str
    owner: str  # username
    visibility: Visibility
    version: int  # the one that is played
    talks: bool  # that version calls a model
    size_bytes: int  # of that version's files
    has_cover: bool
    capability_epoch: int
    plays: int
    players: int  # who have played it, each counted once
    tokens_used: int  # of everybody's
    last_played_at: datetime | None  # by anybody
    my_last_played_at: datetime | None  # by the viewer
    is_favourite: bool  # of the viewer's
    is_mine: bool  # the viewer is the owner
    may_change: bool  # the viewer is the owner, or an admin
    hosts: tuple[HostView, ...] = ()
    created_at: datetime
    updated_at: datetime
    removed_at: datetime | None = None  # set in the list of removed games alone

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

    @property
    def purged_at(self) -> datetime | None:
        """Until when a removed game can be had back; None for one that is there."""
        return None if self.removed_at is None else self.removed_at + KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which games are asked for.

    `search`: every word must be in the title, the description, a tag or the owner's name, whatever the case and the
    accents. `talks`: only games that call a model, or only those that do not. `favourites` are the viewer's; unlisted
    games among them are shown, since whoever keeps one has its address. `mine` are the viewer's own; `removed` those of
    them that can still be had back.

    `recent` begins with what the viewer played last, followed by the newest; `popular` is by plays.
    """

    search: str = ""
    tag: str = ""
    talks: bool | None = None
    mine: bool = False
    favourites: bool = False
    removed: bool = False
    sort: Sort = "recent"
    limit: int = 24
    offset: int = 0


def page(session: Session, wish: Wish, viewer: Viewer, tokens: TokensUsed) -> tuple[list[GameView], int]:
    """The games of a wish, and how many match in all."""
    matches = _matching(wish, viewer)
    total = session.execute(select(func.count()).select_from(Game).where(matches)).scalar_one()
    # First the ids alone: sorting carries nothing else along, and all the rest is read for one page of games.
    ids = session.execute(_ordered(wish, viewer).where(matches).limit(wish.limit).offset(wish.offset)).scalars().all()
    return load(session, ids, viewer, tokens), total


def find(session: Session, game_id: str, viewer: Viewer, tokens: TokensUsed) -> GameView:
    """A game that this viewer may open. Raises NotFound."""
    access.opened(session, game_id, viewer)
    return load(session, [game_id], viewer, tokens)[0]


def load(session: Session, ids: Sequence[str], viewer: Viewer, tokens: TokensUsed) -> list[GameView]:
    """These games, in this order, without asking whether the viewer may see them."""
    if not ids:
        return []
    rows = {row[0].id: row for row in session.execute(_rows(viewer).where(col(Game.id).in_(ids)))}
    plays = (
        select(col(Play.game_id), func.count(), func.max(col(Play.last_played_at)))
        .where(col(Play.game_id).in_(ids))
        .group_by(col(Play.game_id))
    )
    played = {game_id: (players, last) for game_id, players, last in session.execute(plays)}
    used = tokens.of(session, ids)
    hosts = _hosts(session, ids)
    return [
        _view(rows[each], viewer, *played.get(each, (0, None)), used[each], hosts.get(each, ()))
        for each in ids
        if each in rows
    ]


def can_be_had_back() -> ColumnElement[bool]:
    """Of removed games, while their time is not over."""
    # A row without a version is all that is left of one whose time is.
    has_files = select(1).where(col(GameVersion.game_id) == col(Game.id)).correlate(Game).exists()
    return and_(col(Game.removed_at) > utc_now() - KEPT, has_files)


def _matching(wish: Wish, viewer: Viewer) -> ColumnElement[bool]:
    wanted: list[ColumnElement[bool]] = [search.matching(wish.search)]
    if wish.removed:
        wanted.append(can_be_had_back())
    else:
        wanted.append(col(Game.removed_at).is_(None))
    wanted.append(access.is_open_to(viewer) if wish.favourites else access.is_listed_for(viewer))
    if wish.mine or wish.removed:
        wanted.append(col(Game.owner_id) == viewer.user_id)
    if wish.favourites:
        mine = select(col(Favourite.game_id)).where(col(Favourite.user_id) == viewer.user_id)
        wanted.append(col(Game.id).in_(mine))
    if wish.talks is not None:
        wanted.append(col(Game.talks) == wish.talks)
    if wish.tag:
        wanted.append(search.tagged(wish.tag))
    return and_(*wanted)


def _ordered(wish: Wish, viewer: Viewer) -> Select[str]:
    statement = select(col(Game.id))
    if wish.removed:
        return statement.order_by(col(Game.removed_at).desc(), col(Game.id))
    newest: tuple[Any, ...] = (col(Game.created_at).desc(), col(Game.id))
    match wish.sort:
        case "new":
            return statement.order_by(*newest)
        case "popular":
            return statement.order_by(col(Game.plays).desc(), *newest)
        case "title":
            return statement.order_by(col(Game.search_text), *newest)
        case "recent":
            mine = and_(col(Play.game_id) == col(Game.id), col(Play.user_id) == viewer.user_id)
            last = col(Play.last_played_at)
            return statement.outerjoin(Play, mine).order_by(last.is_(None), last.desc(), *newest)


def _rows(viewer: Viewer) -> Select[Game, str, int, datetime, datetime]:
    """Games with their owner, the size of their version, the viewer's last play and when they made it a favourite."""
    return (
        select(
            Game,
            col(User.username),
            func.coalesce(col(GameVersion.size_bytes), 0),
            col(Play.last_played_at),
            col(Favourite.created_at),
        )
        .join(User, col(User.id) == col(Game.owner_id))
        .outerjoin(
            GameVersion,
            and_(col(GameVersion.game_id) == col(Game.id), col(GameVersion.number) == col(Game.version)),
        )
        .outerjoin(Play, and_(col(Play.game_id) == col(Game.id), col(Play.user_id) == viewer.user_id))
        .outerjoin(Favourite, and_(col(Favourite.game_id) == col(Game.id), col(Favourite.user_id) == viewer.user_id))
    )


def _hosts(session: Session, ids: Sequence[str]) -> dict[str, tuple[HostView, ...]]:
    statement = (
        select(col(GameHost.game_id), col(GameHost.host), col(GameHost.approved_at), col(GameHost.refused_at))
        .where(col(GameHost.game_id).in_(ids))
        .order_by(col(GameHost.host))
    )
    hosts: dict[str, tuple[HostView, ...]] = {}
    for game_id, host, approved_at, refused_at in session.execute(statement):
        view = HostView(host, approved_at is not None, refused_at is not None)
        hosts[game_id] = (*hosts.get(game_id, ()), view)
    return hosts


def _view(
    row: Row[Game, str, int, datetime, datetime],
    viewer: Viewer,
    players: int,
    last_played_at: datetime | None,
    tokens_used: int,
    hosts: tuple[HostView, ...],
) -> GameView:
    game, owner, size_bytes, my_last_played_at, favourite_since = row
    return GameView(
        id=game.id,
        slug=game.slug,
        title=game.title,
        description=game.description,
        tags=game.tags,
        owner_id=game.owner_id,
        owner=owner,
        visibility=cast(Visibility, game.visibility),
        version=game.version,
        talks=game.talks,
        size_bytes=size_bytes,
        has_cover=game.has_cover,
        capability_epoch=game.capability_epoch,
        plays=game.plays,
        players=players,
        tokens_used=tokens_used,
        last_played_at=last_played_at,
        my_last_played_at=my_last_played_at,
        is_favourite=favourite_since is not None,
        is_mine=game.owner_id == viewer.user_id,
        may_change=access.may_change(game.owner_id, viewer),
        hosts=hosts,
        created_at=game.created_at,
        updated_at=game.updated_at,
        removed_at=game.removed_at,
    )
