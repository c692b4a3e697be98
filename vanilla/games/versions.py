"""The versions of a game: each upload is one. One of them is played by everybody, and any that is kept can be."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from vanilla.database import Database
from vanilla.errors import Conflict, Forbidden, Invalid, NotFound, OutOfSpace
from vanilla.games import about, access, interventions
from vanilla.games.access import Viewer
from vanilla.games.bundles import Bundle
from vanilla.games.cover_changes import CoverChanges
from vanilla.games.files import Files, Manifest, to_its_end
from vanilla.games.leftovers import Leftovers
from vanilla.games.quota import Quota
from vanilla.models import Game, GameVersion, utc_now

logger = logging.getLogger(__name__)

KEPT = 10  # versions of a game, the played one and previews included
LONGEST_NOTES = 2000  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionView:
    """A version as the owner of its game sees it."""

    number: int
    notes: str
    created_at: datetime
    published_at: datetime | None  # when it was first played by everybody; None for a preview that never was
    size_bytes: int
    files: int
    talks: bool
    warnings: list[str]
    is_current: bool  # the one that is played
    is_unchanged: bool = False  # what was uploaded is in it already: no version was made

    @classmethod
    def of(cls, row: GameVersion, current: int, *, is_unchanged: bool = False) -> "VersionView":
        """Of a row, in a game that plays the version `current`."""
        return cls(
            number=row.number,
            notes=row.notes,
            created_at=row.created_at,
            published_at=row.published_at,
            size_bytes=row.size_bytes,
            files=row.files,
            talks=row.talks,
            warnings=row.warnings,
            is_current=row.number == current,
            is_unchanged=is_unchanged,
        )


class Versions:
    """All of it is for the game's owner and admins; to others NotFound (a draft) or Forbidden is raised."""

    def __init__(
        self, database: Database, files: Files, quota: Quota, leftovers: Leftovers, cover_changes: CoverChanges
    ) -> None:
        self._database = database
        self._files = files
        self._quota = quota
        self._leftovers = leftovers
        self._cover_changes = cover_changes

    async def check(self, game_id: str, by: Viewer) -> None:
        """Returns where `by` may add a version: asked before anything is read. Raises NotFound, Forbidden, TooLarge."""

        def work(session: Session) -> None:
            self._quota.check(session, access.owned(session, game_id, by).owner_id, 0)

        await self._database.read(work)

    async def list(self, game_id: str, by: Viewer) -> list[VersionView]:
        """Those that are kept, the newest first. Raises NotFound, Forbidden."""

        def work(session: Session) -> list[VersionView]:
            game = access.owned(session, game_id, by)
            return [VersionView.of(row, game.version) for row in _rows(session, game_id)]

        return await self._database.read(work)

    async def add(
        self, game_id: str, bundle: Bundle, by: Viewer, *, notes: str = "", publish: bool = True
    ) -> VersionView:
        """Make a version of a bundle in staging, which is used up. Published, everybody plays it from now on; else the
        owner can try it first (`Addresses.playable`) and `publish` it later.

        What is the same as the newest version makes no new one (`is_unchanged`); where it is to be published, that one
        is. Beyond KEPT versions the oldest goes, whatever it is, but never the one that is played. A game without a
        cover of its own gets the one that a published version brings.

        Raises NotFound, Forbidden, Invalid (notes), TooLarge (the owner's storage), OutOfSpace.
        """
        notes = checked_notes(notes) or bundle.notes
        version = await to_its_end(self._add(game_id, bundle, by, notes, publish))
        if version.is_current:
            await self._adopt_cover(game_id, version.number, by)
        return version

    async def publish(self, game_id: str, number: int, by: Viewer) -> VersionView:
        """Have everybody play this version from now on: a preview, or an older one again (the rollback).

        Raises NotFound (game, or no such version any more), Forbidden.
        """

        def work(session: Session) -> VersionView:
            game = access.owned(session, game_id, by)
            row = _row(session, game_id, number)
            if game.version != number:
                interventions.record(session, game, by, "game.update", {"version": [game.version, number]})
            _play(game, row)
            return VersionView.of(row, number)

        version = await self._database.write(work)
        await self._adopt_cover(game_id, number, by)
        return version

    async def remove(self, game_id: str, number: int, by: Viewer) -> None:
        """Remove a version that is not played. Raises NotFound, Forbidden, Conflict (it is played)."""
        await to_its_end(self._remove(game_id, number, by))

    async def _adopt_cover(self, game_id: str, number: int, by: Viewer) -> None:
        try:
            await self._cover_changes.adopt(game_id, number, by)
        except (NotFound, Forbidden, OutOfSpace) as error:  # the version is played all the same
            logger.info("The cover of version %d of the game %s is not used: %s", number, game_id, error)

    async def _add(self, game_id: str, bundle: Bundle, by: Viewer, notes: str, publish: bool) -> VersionView:
        def begin(session: Session) -> VersionView | int:
            game = access.owned(session, game_id, by)
            rows = _rows(session, game_id)
            if rows and (rows[0].digest, rows[0].entry) == (bundle.digest, bundle.entry):
                if publish and game.version != rows[0].number:
                    interventions.record(session, game, by, "game.update", {"version": [game.version, rows[0].number]})
                if publish:
                    _play(game, rows[0])
                return VersionView.of(rows[0], game.version, is_unchanged=True)
            game.last_version += 1  # taken, whatever becomes of this: no two uploads get the same
            dropped = _too_many(rows, game.last_version if publish else game.version)
            makes_way = sum(row.size_bytes for row in dropped)
            self._quota.check(session, game.owner_id, bundle.size_bytes - makes_way)
            return game.last_version

        number = await self._database.write(begin)
        if isinstance(number, VersionView):
            return number
        row = version_row(game_id, number, bundle, notes=notes, is_published=publish)

        def finish(session: Session) -> tuple[VersionView, list[int], list[str]]:
            game = access.owned(session, game_id, by)  # it may have been removed meanwhile
            dropped = _too_many(_rows(session, game_id), number if publish else game.version)
            for each in dropped:
                session.delete(each)
            session.flush()
            gone = self._quota.make_room(session, game.owner_id, bundle.size_bytes)
            made = GameVersion(**row.model_dump())
            session.add(made)
            details = {"version": [game.version, number]} if publish else {"preview": [None, number]}
            interventions.record(session, game, by, "game.update", details)
            if publish:
                _play(game, made)
            session.flush()
            return VersionView.of(made, game.version), [each.number for each in dropped], gone

        # Files first: a row that is there has its files, whenever the server dies.
        await self._files.publish(game_id, number, bundle.folder, Manifest(bundle.entry, bundle.files, bundle.packed))
        try:
            view, dropped, gone = await self._database.write(finish)
        except BaseException:
            await self._files.remove_version(game_id, number)
            raise
        for each in dropped:
            await self._files.remove_version(game_id, each)
        await self._leftovers.clear(gone)
        return view

    async def _remove(self, game_id: str, number: int, by: Viewer) -> None:
        def work(session: Session) -> None:
            game = access.owned(session, game_id, by)
            row = _row(session, game_id, number)
            if number == game.version:
                raise Conflict("This is the version that is played: publish another one first.")
            interventions.record(session, game, by, "game.update", {"removed_version": [number, None]})
            session.delete(row)

        await self._database.write(work)
        await self._files.remove_version(game_id, number)


def version_row(
    game_id: str, number: int, bundle: Bundle, *, notes: str = "", is_published: bool = True
) -> GameVersion:
    """The row of a bundle as a version of a game."""
    now = utc_now()
    return GameVersion(
        game_id=game_id,
        number=number,
        digest=bundle.digest,
        entry=bundle.entry,
        files=len(bundle.files),
        size_bytes=bundle.size_bytes,
        notes=notes,
        talks=bundle.talks,
        warnings=bundle.warnings,
        published_at=now if is_published else None,
        created_at=now,
    )


def _play(game: Game, row: GameVersion) -> None:
    if game.version == row.number:
        return
    now = utc_now()
    game.version, game.talks, game.updated_at = row.number, row.talks, now
    row.published_at = row.published_at or now


def _rows(session: Session, game_id: str) -> Sequence[GameVersion]:
    statement = select(GameVersion).where(GameVersion.game_id == game_id).order_by(col(GameVersion.number).desc())
    return session.exec(statement).all()


def _row(session: Session, game_id: str, number: int) -> GameVersion:
    row = session.get(GameVersion, (game_id, number))
    if row is None:
        raise NotFound(f"There is no version {number} of this game any more.")
    return row


def _too_many(rows: Sequence[GameVersion], played: int) -> list[GameVersion]:
    """Of all versions, the newest first, those that make way for one more: the oldest, but not the played one."""
    others = [row for row in rows if row.number != played]
    return others[KEPT - 1 - (len(rows) - len(others)) :]


def checked_notes(notes: str) -> str:
    """Notes as a person typed them, cleaned. Raises Invalid when they are too long."""
    cleaned = about.text(notes)
    if len(cleaned) > LONGEST_NOTES:
        raise Invalid(f"The notes have {len(cleaned):,} characters; at most {LONGEST_NOTES:,} are possible.")
    return cleaned
