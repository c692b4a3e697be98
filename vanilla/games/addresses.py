"""From a game and a player to the address of the files, and from such an address back to what is served there."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from sqlmodel import Session, col, select

from vanilla.database import Database
from vanilla.errors import Forbidden, NotFound
from vanilla.games import access, sandbox, views
from vanilla.games.access import Viewer
from vanilla.games.closings import Closings
from vanilla.games.tokens import TokensUsed
from vanilla.games.views import GameView
from vanilla.models import Game, GameHost, GameVersion
from vanilla.settings import Settings

REMEMBERED = 1000  # games
ASK_AGAIN = 30.0  # seconds: what another process changed is seen by then


@dataclass(frozen=True, slots=True)
class Playable:
    """A version of a game that a viewer may play now, and where its files are."""

    game: GameView
    version: int
    talks: bool  # this version calls a model
    capability: str
    hosts: tuple[str, ...]  # other hosts that its policy lets it talk to

    @property
    def is_preview(self) -> bool:
        """Whether others play another version: nobody's plays are counted then."""
        return self.version != self.game.version

    @property
    def files(self) -> str:
        """The path below which the files are, with a slash at its end: the address of the frame."""
        return sandbox.files_path(self.game.id, self.capability)

    def frame_source(self, origin: str) -> str:
        """The only `frame-src` of the page around it; `origin` is the platform's. Raises BadRequest."""
        return sandbox.frame_source(origin, self.game.id, self.capability)


@dataclass(frozen=True, slots=True)
class Serving:
    """What a request for a file of a game must know."""

    epoch: int
    hosts: tuple[str, ...]  # approved


class Addresses:
    """Gives play pages the address of a game's files, and says what a presented one opens."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        closings: Closings,
        tokens: TokensUsed,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._settings = settings
        self._tokens = tokens
        self._clock = clock
        self._known: OrderedDict[str, tuple[Serving, float]] = OrderedDict()
        self._changes = 0  # so that an answer read before a change is not remembered after it
        closings.subscribe(self._forget)

    async def playable(self, game_id: str, viewer: Viewer, version: int | None = None) -> Playable:
        """The game as this viewer plays it: the version that is published or, for its owner and admins, any `version`
        that is kept.

        Raises NotFound (no such game for this viewer, or no such version), Forbidden (another version of somebody
        else's game).
        """

        def work(session: Session) -> tuple[GameView, bool, tuple[str, ...]]:
            game = views.find(session, game_id, viewer, self._tokens)
            talks = game.talks
            if version is not None and version != game.version:
                if not game.may_change:
                    raise Forbidden("Only the owner of a game or an admin may play another version of it.")
                row = session.get(GameVersion, (game_id, version))
                if row is None:
                    raise NotFound(f"There is no version {version} of this game any more.")
                talks = row.talks
            return game, talks, tuple(each.host for each in game.hosts if each.is_approved)

        game, talks, hosts = await self._database.read(work)
        number = game.version if version is None else version
        capability = sandbox.capability(self._settings.signing_key, game_id, number, game.capability_epoch)
        return Playable(game, number, talks, capability, hosts)

    async def granted(self, game_id: str, capability: str) -> tuple[int, tuple[str, ...]]:
        """The version whose files a presented capability opens, and the other hosts its policy names. Raises NotFound.

        Asked for every file: answered from memory, until the game changes.
        """
        serving = await self._serving(game_id)
        version = sandbox.granted_version(self._settings.signing_key, game_id, serving.epoch, capability)
        if version is None:
            raise NotFound("There are no files at this address.")
        return version, serving.hosts

    async def _serving(self, game_id: str) -> Serving:
        known = self._known.get(game_id)
        if known is not None and known[1] > self._clock():
            return known[0]
        changes = self._changes
        serving = await self._database.read(lambda session: _serving(session, game_id))
        if changes == self._changes:
            self._known[game_id] = serving, self._clock() + ASK_AGAIN
            self._known.move_to_end(game_id)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return serving

    def _forget(self, game_id: str) -> None:
        self._changes += 1
        self._known.pop(game_id, None)


def _serving(session: Session, game_id: str) -> Serving:
    epoch = session.exec(select(Game.capability_epoch).where(access.is_there(game_id))).one_or_none()
    if epoch is None:
        raise access.unknown()
    approved = select(GameHost.host).where(GameHost.game_id == game_id, col(GameHost.approved_at).is_not(None))
    return Serving(epoch, tuple(session.exec(approved.order_by(GameHost.host)).all()))
