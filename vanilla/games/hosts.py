"""Other hosts that a game may load from and talk to: asked for by its owner, allowed by an admin, open to all to see.

What is allowed is the host, whoever serves there and whatever the game does with it. So an approval stays with the game
through its versions, until its owner or an admin takes the host away; asked for again, it has to be approved again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlmodel import Session, col, select

from vanilla.database import Database
from vanilla.errors import Forbidden, Invalid, NotFound
from vanilla.games import access
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
    """A host that waits for an admin's decision, or was approved."""

    game_id: str
    title: str
    owner: str  # username
    host: str
    requested_at: datetime
    approved_at: datetime | None


class Hosts:
    """Which other hosts a game may use. Each change of what is approved gives the game's files other addresses: what
    browsers have cached with the policy of before is not used any more."""

    def __init__(self, database: Database, settings: Settings, closings: Closings) -> None:
        self._database = database
        self._public_url = settings.public_url
        self._closings = closings

    async def ask(self, game_id: str, hosts: Sequence[str], by: Viewer, *, origin: str = "") -> list[HostView]:
        """Make these the hosts of a game. One that is there keeps its approval, a new one waits for an admin's, one
        that is not named goes, and what was approved with it. `origin` is the platform's own, which is no other host.

        Raises NotFound, Forbidden, Invalid (which name is wrong, and why).
        """
        ours = {urlsplit(each).hostname for each in (origin, self._public_url) if each}
        wanted = list(dict.fromkeys(checked_host(each) for each in hosts))
        for host in wanted:
            if host in ours:
                raise Invalid(f"{host} is this platform itself: a game reaches it anyway, as far as it may.")
        if len(wanted) > MOST_HOSTS:
            raise Invalid(f"There are {len(wanted)} hosts; at most {MOST_HOSTS} are possible.")

        def work(session: Session) -> tuple[list[HostView], bool]:
            game = access.owned(session, game_id, by)
            known = {row.host: row for row in _rows(session, game_id)}
            dropped = [row for host, row in known.items() if host not in wanted]
            for row in dropped:
                session.delete(row)
            for host in wanted:
                if host not in known:
                    session.add(GameHost(game_id=game_id, host=host, requested_at=utc_now()))
            is_closed = any(row.approved_at for row in dropped)
            if is_closed:
                game.capability_epoch += 1
            session.flush()
            return [HostView(row.host, row.approved_at is not None) for row in _rows(session, game_id)], is_closed

        result, is_closed = await self._database.write(work)
        if is_closed:
            self._closings.announce(game_id)
        return result

    async def approve(self, game_id: str, host: str, by: Viewer) -> None:
        """Let a game use a host that its owner asked for. Raises Forbidden (no admin), NotFound (not asked for)."""
        await self._decide(game_id, host, by, is_approved=True)

    async def refuse(self, game_id: str, host: str, by: Viewer) -> None:
        """Take a host from a game's list, approved or not. Raises Forbidden (no admin), NotFound (not on it)."""
        await self._decide(game_id, host, by, is_approved=False)

    async def asked(self, by: Viewer) -> list[AskedHost]:
        """The hosts of all games for an admin: those that wait first, the oldest of them on top. Raises Forbidden."""
        _check_admin(by)
        statement = (
            select(GameHost, Game.title, User.username)
            .join(Game, col(Game.id) == GameHost.game_id)
            .join(User, col(User.id) == Game.owner_id)
            .where(col(Game.removed_at).is_(None))
            .order_by(col(GameHost.approved_at).is_not(None), col(GameHost.requested_at), col(GameHost.host))
        )
        rows = await self._database.read(lambda session: session.exec(statement).all())
        return [
            AskedHost(row.game_id, title, owner, row.host, row.requested_at, row.approved_at)
            for row, title, owner in rows
        ]

    async def _decide(self, game_id: str, host: str, by: Viewer, *, is_approved: bool) -> None:
        _check_admin(by)

        def work(session: Session) -> bool:
            game = access.owned(session, game_id, by)
            row = session.get(GameHost, (game_id, host))
            if row is None:
                raise NotFound(f"This game has not asked for {host[:LONGEST_HOST]}.")
            is_changed = (row.approved_at is not None) != is_approved
            if is_approved and is_changed:
                row.approved_at, row.approved_by = utc_now(), by.user_id or None
            elif not is_approved:
                session.delete(row)
            game.capability_epoch += is_changed
            return is_changed

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


def _check_admin(by: Viewer) -> None:
    if not by.is_admin:
        raise Forbidden("Only an admin may do this.")
