"""The example games of an install: published once, and brought up to date where a newer Vanilla has newer ones.

What was published is remembered in the table of runtime settings. A game that was removed stays removed, and whatever
its owner has changed since stays as it is: its files, its title, description and tags, its cover, each for itself.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sqlmodel import Session, col, select

from vanilla.database import Database
from vanilla.errors import NotFound
from vanilla.games import about, bundles, examples
from vanilla.games.access import Someone
from vanilla.games.bundles import Limits
from vanilla.games.catalogue import Catalogue, GameChanges
from vanilla.games.files import Files, on_thread
from vanilla.games.layout import INDEX
from vanilla.games.versions import Versions
from vanilla.models import Game, GameVersion, RuntimeSetting, utc_now
from vanilla.settings import Settings

RECORD = "example_games"  # the name of the runtime setting
TEXTS = ("title", "description", "tags")
NOTES = "Came with a newer version of Vanilla."

# Examples of the time when nothing was remembered, by the digest of their files.
_BEFORE = {
    "ba738029ad9e20495dceb14f60a5b6e3cf94b4b9d0190491be55fc992e4c9b93": "orbit",
    "29c4c1c485f106ca177021d6ed4f9e17cfa7ae7e8271bb63d5f00ff00e124a46": "orbit",
    "bb0799fdf9911d93ab2ce5d26878be6fda237ed727dc550e200b556b62d0b082": "dragon",
    "75593b2f89d8ac2fb733d0668c1fd9dd37c6cda47cbfdd45dcff1a46731c8320": "dragon",
    "c4b43fb4abcee548a7bc40aa77a9866af3ae1f8e5f7838faa5719ef1034ecb0b": "dragon",
    "0a2db4df31fea094280da8f69bba7024ba39909e45fe8f4d1c805fae8b311275": "dragon",
    "1ae07b2ea61a439ec02abb6851db186f097117cbcc8e227ab4ab639dfc261c90": "dragon",
}


class _Now(NamedTuple):
    """A game as it stands."""

    owner: str
    digest: str
    texts: dict[str, object]


@dataclass(slots=True)
class Published:
    """An example as it was last published here. Texts that are missing are not known, and so not touched."""

    game: str  # its id
    digest: str  # of its files
    texts: dict[str, object] = field(default_factory=dict)
    cover: str = ""  # hex SHA-256 of the picture; empty for none


class Upkeep:
    """Publishes the examples and keeps them current."""

    def __init__(
        self, database: Database, files: Files, settings: Settings, catalogue: Catalogue, versions: Versions
    ) -> None:
        self._database = database
        self._files = files
        self._limits = Limits.of(settings)
        self._catalogue = catalogue
        self._versions = versions

    async def run(self, owner_id: str, folder: Path = examples.FOLDER) -> None:
        """See to all of them; new ones become games of `owner_id`. To be called at each start.

        Raises OutOfSpace, TooLarge (the owner's storage).
        """
        digests = await on_thread(lambda: {name: digest_of(folder / name) for name in examples.NAMES})
        record = await self._database.read(_recorded)
        if record is None:
            known = {**_BEFORE, **{digest: name for name, digest in digests.items()}}
            record = await self._database.read(lambda session: _found(session, known))
            if not record and not await self._catalogue.is_untouched():
                return  # they were removed, or never wanted
        for name, digest in digests.items():
            published = record.get(name)
            if published is None:
                record[name] = await self._publish(owner_id, folder / name)
            elif published.digest != digest:
                await self._update(published, folder / name, digest)
            else:
                continue
            await self._remember(record)

    async def _publish(self, owner_id: str, folder: Path) -> Published:
        game = await self._catalogue.publish_folder(owner_id, folder, title="", description="")
        texts = {name: getattr(game, name) for name in TEXTS}
        return Published(game.id, digest_of(folder), texts, await self._cover_of(game.id))

    async def _update(self, published: Published, folder: Path, digest: str) -> None:
        """Bring what is as it was published to what it is now."""
        now = await self._database.read(lambda session: _as_it_is(session, published.game))
        if now is None or now.digest != published.digest:
            return  # removed, or its owner's own from here on
        owner = Someone(now.owner)
        async with self._files.staging() as staging:
            bundle = await on_thread(bundles.copy, folder, staging / "unpacked", self._limits)
            await self._versions.add(published.game, bundle, owner, notes=bundle.notes or NOTES)
        published.digest = digest
        news: dict[str, Any] = {
            name: getattr(bundle, name) for name in TEXTS if now.texts[name] == published.texts.get(name, _UNKNOWN)
        }
        if news:
            await self._catalogue.change(published.game, GameChanges(**news), owner)
            published.texts |= news
        if bundle.cover and await self._cover_of(published.game) == published.cover:
            await self._catalogue.set_cover(published.game, folder / about.read(folder, INDEX).cover, owner)
            published.cover = await self._cover_of(published.game)

    async def _cover_of(self, game_id: str) -> str:
        try:
            return hashlib.sha256(await self._files.cover(game_id, "page.webp")).hexdigest()
        except NotFound:
            return ""

    async def _remember(self, record: Mapping[str, Published]) -> None:
        value = {name: asdict(published) for name, published in record.items()}

        def work(session: Session) -> None:
            session.merge(RuntimeSetting(name=RECORD, value=value, updated_at=utc_now()))

        await self._database.write(work)


def digest_of(folder: Path) -> str:
    """The digest that `bundles.copy` gives this folder, without copying it."""
    digests = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
        if path.is_file()
    }
    return hashlib.sha256(b"".join(name.encode() + b"\0" + digests[name] for name in sorted(digests))).hexdigest()


_UNKNOWN = object()


def _recorded(session: Session) -> dict[str, Published] | None:
    row = session.get(RuntimeSetting, RECORD)
    return None if row is None else {name: Published(**values) for name, values in row.value.items()}


def _found(session: Session, known: Mapping[str, str]) -> dict[str, Published]:
    """Games that are examples by their files, published before anything was remembered. What their texts were is not
    known, so they stay."""
    statement = (
        select(GameVersion)
        .join(Game, col(Game.id) == col(GameVersion.game_id))
        .where(col(GameVersion.digest).in_(known), col(Game.removed_at).is_(None))
        .order_by(col(GameVersion.created_at))
    )
    found: dict[str, Published] = {}
    for row in session.exec(statement):
        found.setdefault(known[row.digest], Published(row.game_id, row.digest))
    return found


def _as_it_is(session: Session, game_id: str) -> _Now | None:
    """A game that is there, by the version that is played. None where it was removed, or a newer one is being tried."""
    game = session.get(Game, game_id)
    if game is None or game.removed_at is not None:
        return None
    row = session.get(GameVersion, (game_id, game.version))
    if row is None or game.version != game.last_version:
        return None
    return _Now(game.owner_id, row.digest, {name: getattr(game, name) for name in TEXTS})
