"""Single calls by pages: every one that was asked for, once, in order, whatever leads to it."""

import random
from datetime import timedelta

import pytest

from tests import factories
from tests.usage.conftest import NOON, AddGame, AddUser, entry
from vanilla.database import Database
from vanilla.models import User, utc_now
from vanilla.usage import calls
from vanilla.usage.calls import Place
from vanilla.usage.keeper import Keeper
from vanilla.usage.ledger import Entry
from vanilla.usage.spans import EVERYTHING, NOT_OK, NOT_OK_AT_ALL, Filter
from vanilla.usage.statistics import Statistics

FILTERS = (
    EVERYTHING,
    Filter(user_id="u1"),
    Filter(game_id="dragon"),
    Filter(game_id=""),
    Filter(game_id="dragon", user_id="u2"),
    Filter(model="rare"),
    Filter(backend="anthropic"),
    Filter(backend="ollama", model="llama3.2", status="ok"),
    Filter(status="failed"),
    Filter(status=NOT_OK_AT_ALL),
    Filter(status=NOT_OK_AT_ALL, game_id="dragon", user_id="u0"),
    Filter(game_id="nowhere"),
    Filter(model="nothing"),
    Filter(user_id="nobody"),
    Filter(status="ok", game_id="dragon"),
)


@pytest.fixture
async def ledger(database: Database, add_user: AddUser, add_game: AddGame) -> list[Entry]:
    """Calls of three users over two weeks, many of them in the same moment; newest first."""
    for number in range(3):
        await add_user(f"u{number}")
    await add_game("dragon", "Dragon", "u0")
    dice, now = random.Random(5), utc_now()
    entries = [
        entry(
            user_id=f"u{dice.randrange(3)}",
            timestamp=now - timedelta(hours=dice.randrange(14 * 24), minutes=dice.choice((0, 0, 0, 7))),
            game_id=dice.choice(("dragon", "", "orbit")),
            backend=dice.choice(("ollama", "anthropic")),
            model="rare" if n % 40 == 0 else "llama3.2",
            status=dice.choice(("ok", "ok", "ok", "aborted", "failed", "recovered")),
        )
        for n in range(400)
    ]
    await factories.record(database, *entries)
    return sorted(entries, key=lambda row: (row.timestamp, row.id), reverse=True)


def lets_through(chosen: Filter, row: Entry) -> bool:
    named = ("user_id", "game_id", "backend", "model")
    has_status = chosen.status is None or row.status == chosen.status
    if chosen.status == NOT_OK_AT_ALL:
        has_status = row.status in NOT_OK
    return has_status and all(getattr(chosen, name) in (None, getattr(row, name)) for name in named)


@pytest.mark.parametrize("at_once", [2, 50])
@pytest.mark.parametrize("is_rolled_up", [False, True])
async def test_pages_are_everything_asked_for_newest_first(
    database: Database, ledger: list[Entry], monkeypatch: pytest.MonkeyPatch, at_once: int, is_rolled_up: bool
) -> None:
    monkeypatch.setattr(calls, "AT_ONCE", at_once)
    if is_rolled_up:
        await Keeper(database).catch_up()
    now = utc_now()
    for since, until in ((None, None), (now - timedelta(days=6, minutes=13), now - timedelta(days=2, minutes=31))):
        within = [row for row in ledger if (since is None or row.timestamp >= since) and row.timestamp < (until or now)]
        for chosen in FILTERS:
            seen: list[str] = []
            place: Place | None = None
            while True:
                rows = await database.read(
                    lambda session, chosen=chosen, place=place, since=since, until=until: calls.page(  # type: ignore[misc]
                        session, chosen, 17, since=since, until=until, before=place
                    )
                )
                seen += [row.entry.id for row in rows]
                if len(rows) < 17:
                    break
                place = rows[-1].entry.timestamp, rows[-1].entry.id
            assert seen == [row.id for row in within if lets_through(chosen, row)], (chosen, since)


async def test_an_export_is_everything_asked_for_oldest_first(
    statistics: Statistics, ledger: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "CHUNK", 13)
    for chosen in FILTERS:
        seen: list[str] = []
        last = None
        while rows := await statistics.export(last, chosen=chosen):
            assert len(rows) <= 13
            seen += [row.entry.id for row in rows]
            last = rows[-1]
        assert seen == [row.id for row in reversed(ledger) if lets_through(chosen, row)], chosen


async def test_names_are_those_of_users_and_games_that_are_there(
    database: Database, statistics: Statistics, add_user: AddUser, add_game: AddGame
) -> None:
    await add_user("mira")
    await add_user("gone", deleted_at=NOON)
    await add_game("dragon", "Dragon", "mira")
    await add_game("removed", "Removed", "mira", removed_at=NOON)
    await factories.record(
        database,
        entry(user_id="mira", game_id="dragon", prompt_tokens=1),
        entry(user_id="gone", game_id="removed", prompt_tokens=2),
    )
    rows = {row.entry.prompt_tokens: row for row in await statistics.recent(5)}
    assert (rows[1].username, rows[1].title) == ("mira", "Dragon")
    assert (rows[2].username, rows[2].title) == (None, None)
    assert await statistics.user_called("gone") is None
    assert await statistics.game_called("removed") is None
    assert (await statistics.user_called("mira"), await statistics.game_called("dragon")) == ("mira", "dragon")
    assert isinstance(await database.read(lambda session: session.get(User, "gone")), User)
