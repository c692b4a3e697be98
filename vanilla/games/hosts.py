"""Other hosts that a game may load from and talk to: asked for by its owner, allowed by an admin, open to all to see.

What is allowed is the host, whoever serves there and whatever the game does with it. So an approval stays with the game
through its versions, until its owner or an admin takes the host away; asked for again, it has to be approved again.
What was refused stays on the list, so that its owner knows, until they withdraw it or ask once more.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import func
from sqlmodel import Session, and_, col, select
from sqlmodel.sql.expression import Select

from vanilla import audit
from vanilla.database import Database
from vanilla.errors import Invalid, NotFound
from vanilla.games import access, interventions
from vanilla.games.access import Viewer
from vanilla.games.closings import Closings
from vanilla.games.views import HostView
from vanilla.models import Game, GameHost, User, utc_now
from vanilla.settings import Settings

MOST_HOSTS = 10  # of one game
LONGEST_HOST = 253  # characters (RFC 1035, 2.3.4)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last part has a letter at its front and no digits alone: no browser reads such a name as an IP address.
_HOST = re.compile(rf"(?:{_LABEL}\.)+(?:[a-z]{{2,63}}|xn--[a-z0-9-]{{1,58}}[a-z0-9])")
# Names that mean something else on each network, and nothing that a game of a friend's has to reach.
_PRIVATE = re.compile(r"(?:.*\.)?(?:localhost|local|localdomain|internal|intranet|lan|home|corp|private|home\.arpa)")


@dataclass(frozen=True, slots=True)
class AskedHost:
    """A host that waits for an admin's decision, or has had it, and what its game says of itself."""

    game_id: str
    title: str
    description: str
    owner: str  # username
    host: str
    requested_at: datetime
    approved_at: datetime | None
    refused_at: datetime | None


class Hosts:
    """Which other hosts a game may use. Each change of what is approved gives the game's files other addresses: what
    browsers have cached with the policy of before is not used any more."""

    def __init__(self, database: Database, settings: Settings, closings: Closings) -> None:
        self._database = database
        self._public_url = settings.public_url
        self._closings = closings

    async def ask(self, game_id: str, hosts: Sequence[str], by: Viewer, *, origin: str = "") -> list[HostView]:
        """Make these the hosts of a game. One that is there keeps its decision, a new one waits for an admin's, one
        that is not named goes, and what was approved with it. `origin` is the platform's own, which is no other host.

        Raises NotFound, Forbidden, Invalid (which name is wrong, and why).
        """
        wanted = list(dict.fromkeys(self._checked(each, origin) for each in hosts))
        return await self._change(game_id, by, lambda _: wanted)

    async def request(self, game_id: str, host: str, by: Viewer, *, origin: str = "") -> list[HostView]:
        """Ask for one more host, or once more for one that was refused; gives all of the game. Raises as `ask` does."""
        wanted = self._checked(host, origin)
        return await self._change(game_id, by, lambda known: list({**dict.fromkeys(known), wanted: None}), again=wanted)

    async def withdraw(self, game_id: str, host: str, by: Viewer) -> list[HostView]:
        """Take a host from a game's list; nothing happens where it is not on it. Raises NotFound, Forbidden."""
        return await self._change(game_id, by, lambda known: [each for each in known if each != host])

    async def approve(self, game_id: str, host: str, by: Viewer) -> None:
        """Let a game use a host that its owner asked for. Raises Forbidden (no admin), NotFound (not asked for)."""
        await self._decide(game_id, host, by, is_approved=True)

    async def refuse(self, game_id: str, host: str, by: Viewer) -> None:
        """Keep a game from using a host, approved or not. Raises Forbidden (no admin), NotFound (not asked for)."""
        await self._decide(game_id, host, by, is_approved=False)

    async def asked(self, by: Viewer) -> list[AskedHost]:
        """The hosts of all games for an admin: those that wait first, then the allowed, then the refused; of each the
        oldest on top. Raises Forbidden."""
        access.check_admin(by)
        statement = (
            _asked()
            .where(col(Game.removed_at).is_(None))
            .order_by(
                col(GameHost.refused_at).is_not(None),
                col(GameHost.approved_at).is_not(None),
                col(GameHost.requested_at),
                col(GameHost.host),
            )
        )
        rows = await self._database.read(lambda session: session.exec(statement).all())
        return [_shown(*row) for row in rows]

    async def waiting(self, by: Viewer, limit: int) -> tuple[list[AskedHost], int]:
        """The first of those that wait for a decision, the oldest on top, and how many there are. Raises Forbidden."""
        access.check_admin(by)
        waits = and_(
            col(GameHost.approved_at).is_(None), col(GameHost.refused_at).is_(None), col(Game.removed_at).is_(None)
        )
        some = _asked().where(waits).order_by(col(GameHost.requested_at), col(GameHost.host)).limit(limit)
        all_of_them = select(func.count()).select_from(GameHost).join(Game, col(Game.id) == GameHost.game_id)

        def work(session: Session) -> tuple[list[AskedHost], int]:
            return [_shown(*row) for row in session.exec(some)], session.exec(all_of_them.where(waits)).one()

        return await self._database.read(work)

    def _checked(self, host: str, origin: str) -> str:
        checked = checked_host(host)
        if checked in {urlsplit(each).hostname for each in (origin, self._public_url) if each}:
            raise Invalid(f"{checked} is this platform itself: a game reaches it anyway, as far as it may.")
        return checked

    async def _change(
        self, game_id: str, by: Viewer, wanted_of: Callable[[list[str]], list[str]], *, again: str = ""
    ) -> list[HostView]:
        """Give a game the hosts that `wanted_of` makes of those it has. `again` is one to be decided anew if it was
        refused."""

        def work(session: Session) -> tuple[list[HostView], bool]:
            game = access.owned(session, game_id, by)
            known = {row.host: row for row in _rows(session, game_id)}
            wanted = wanted_of(list(known))
            if len(wanted) > max(MOST_HOSTS, len(known)):
                raise Invalid(f"There are {len(wanted)} hosts; at most {MOST_HOSTS} are possible.")
            dropped = [row for host, row in known.items() if host not in wanted]
            for row in dropped:
                session.delete(row)
            now = utc_now()
            for host in wanted:
                if host not in known:
                    session.add(GameHost(game_id=game_id, host=host, requested_at=now))
            if again in known and known[again].refused_at is not None:
                known[again].refused_at, known[again].requested_at = None, now
            if sorted(wanted) != sorted(known):
                details = {"hosts": [sorted(known), sorted(wanted)]}
                interventions.record(session, game, by, "game.update", details)
            is_closed = any(row.approved_at for row in dropped)
            if is_closed:
                game.capability_epoch += 1
            session.flush()
            return [_view(row) for row in _rows(session, game_id)], is_closed

        result, is_closed = await self._database.write(work)
        if is_closed:
            self._closings.announce(game_id)
        return result

    async def _decide(self, game_id: str, host: str, by: Viewer, *, is_approved: bool) -> None:
        access.check_admin(by)

        def work(session: Session) -> bool:
            game = access.owned(session, game_id, by)
            row = session.get(GameHost, (game_id, host))
            if row is None:
                raise NotFound(f"This game has not asked for {host[:LONGEST_HOST]}.")
            if (row.approved_at if is_approved else row.refused_at) is not None:
                return False
            is_other_policy = (row.approved_at is not None) != is_approved
            now = utc_now()
            row.approved_at, row.refused_at = (now, None) if is_approved else (None, now)
            row.approved_by = (by.user_id or None) if is_approved else None
            game.capability_epoch += is_other_policy
            action = "host.approve" if is_approved else "host.refuse"
            audit.record(session, by=by.user_id or None, action=action, subject=game_id, details={"host": host})
            return is_other_policy

        if await self._database.write(work):
            self._closings.announce(game_id)


def checked_host(value: str) -> str:
    """A host's name as it stands in a policy: lower case, ASCII. Raises Invalid, saying what is wrong with it."""
    host = value.strip().removeprefix("https://").removesuffix("/").lower()
    shown = value.strip()[:80]
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        raise Invalid(f"{shown} is not the name of a host, such as fonts.example.org.") from None
    if _PRIVATE.fullmatch(host):
        raise Invalid(f"{shown} is a name of a private network: games may reach public hosts only.")
    if len(host) > LONGEST_HOST or not _HOST.fullmatch(host):
        raise Invalid(
            f"{shown} is not the name of a host, such as fonts.example.org: it stands alone, without a scheme, a port, "
            "a path or a star, and is no IP address."
        )
    return host


def _rows(session: Session, game_id: str) -> Sequence[GameHost]:
    return session.exec(select(GameHost).where(GameHost.game_id == game_id).order_by(GameHost.host)).all()


def _view(row: GameHost) -> HostView:
    return HostView(row.host, row.approved_at is not None, row.refused_at is not None)


def _asked() -> Select[GameHost, str, str, str]:
    return (
        select(GameHost, Game.title, Game.description, User.username)
        .join(Game, col(Game.id) == GameHost.game_id)
        .join(User, col(User.id) == Game.owner_id)
    )


def _shown(row: GameHost, title: str, description: str, owner: str) -> AskedHost:
    return AskedHost(
        row.game_id, title, description, owner, row.host, row.requested_at, row.approved_at, row.refused_at
    )
