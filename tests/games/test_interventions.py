"""What admins do to the games of others stands in the audit; what owners do to their own does not."""

import pytest
from sqlmodel import col, select

from tests.games.library import ADMIN, MIRA, Library
from vanilla.errors import Conflict, NotFound
from vanilla.games.access import HOST
from vanilla.models import AuditEntry


async def entries(library: Library) -> list[tuple[str | None, str, dict[str, object]]]:
    in_order = select(AuditEntry).order_by(col(AuditEntry.id))
    rows = await library.database.read(lambda session: session.exec(in_order).all())
    return [(row.actor_id, row.action, row.details) for row in rows]


async def test_each_change_is_one_entry_with_what_was_before(library: Library) -> None:
    game = await library.add("Dragon")
    await library.change(game.id, ADMIN, title="Wyrm", description="Long.", visibility="shared")
    await library.change(game.id, ADMIN, title="Wyrm")
    await library.update(game.id, b"2", ADMIN, publish=False)
    await library.versions.publish(game.id, 2, ADMIN)
    await library.versions.publish(game.id, 2, ADMIN)
    await library.versions.remove(game.id, 1, ADMIN)
    await library.hosts.ask(game.id, ["a.example.org"], ADMIN)
    await library.hosts.approve(game.id, "a.example.org", ADMIN)
    await library.hosts.approve(game.id, "a.example.org", ADMIN)
    await library.hosts.refuse(game.id, "a.example.org", ADMIN)
    await library.catalogue.remove_cover(game.id, ADMIN)
    await library.removals.remove(game.id, ADMIN)
    await library.removals.restore(game.id, ADMIN)
    await library.removals.remove(game.id, HOST)
    assert await entries(library) == [
        ("ada", "game.update", {"title": ["Dragon", "Wyrm"], "description": "changed"}),
        ("ada", "game.update", {"preview": [None, 2]}),
        ("ada", "game.update", {"version": [1, 2]}),
        ("ada", "game.update", {"removed_version": [1, None]}),
        ("ada", "game.update", {"hosts": [[], ["a.example.org"]]}),
        ("ada", "host.approve", {"host": "a.example.org"}),
        ("ada", "host.refuse", {"host": "a.example.org"}),
        ("ada", "game.remove", {}),
        ("ada", "game.restore", {}),
        (None, "game.remove", {}),
    ]


async def test_owners_are_left_alone(library: Library) -> None:
    game = await library.add("Dragon")
    await library.change(game.id, title="Wyrm")
    await library.update(game.id, b"2")
    await library.hosts.ask(game.id, ["a.example.org"], MIRA)
    await library.removals.remove(game.id, MIRA)
    await library.removals.restore(game.id, MIRA)
    assert await entries(library) == []


async def test_what_fails_leaves_no_entry(library: Library) -> None:
    game = await library.add("Dragon")
    for call in (
        library.versions.publish(game.id, 7, ADMIN),
        library.versions.remove(game.id, 1, ADMIN),
        library.hosts.approve(game.id, "a.example.org", ADMIN),
    ):
        with pytest.raises((NotFound, Conflict)):
            await call
    assert await entries(library) == []
