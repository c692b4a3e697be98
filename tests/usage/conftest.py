"""A database of its own, people and games in it, and ledger rows at chosen moments."""

import shutil
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import factories
from vanilla.database import Database
from vanilla.models import Game, User, new_id
from vanilla.usage.feed import Feed
from vanilla.usage.ledger import Entry
from vanilla.usage.outcomes import Outcomes
from vanilla.usage.past import Pasts
from vanilla.usage.standings import Standings
from vanilla.usage.statistics import Statistics

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

AddUser = Callable[..., Awaitable[User]]
AddGame = Callable[..., Awaitable[Game]]
AddEntry = Callable[..., Awaitable[Entry]]


def entry(**values: Any) -> Entry:
    """A ledger row: 10 tokens in and 5 out at noon, unless told otherwise."""
    defaults: dict[str, Any] = {
        "id": new_id(),
        "timestamp": NOON,
        "user_id": "mira",
        "backend": "ollama",
        "model": "llama3.2",
        "prompt_tokens": 10,
        "completion_tokens": 5,
    }
    return Entry(**{**defaults, **values})


@pytest.fixture
def database(tmp_path: Path, migrated: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{shutil.copy(migrated, tmp_path)}")
    database.open()
    yield database
    database.close()


@pytest.fixture
def statistics(database: Database) -> Statistics:
    return Statistics(database)


class Clock:
    """Unix seconds that move when told to."""

    def __init__(self) -> None:
        self.now = NOON.timestamp()

    def __call__(self) -> float:
        return self.now

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outcomes(database: Database) -> Outcomes:
    return Outcomes(database)


@pytest.fixture
def feed(database: Database, statistics: Statistics, outcomes: Outcomes, clock: Clock) -> Feed:
    """A feed at noon."""
    return Feed(statistics, Pasts(database, Standings()), outcomes, clock=clock)


@pytest.fixture
def add_user(database: Database) -> AddUser:
    async def add(name: str, **values: Any) -> User:
        user = User(
            id=name, username=name, username_key=name, password_hash="-", created_at=NOON, updated_at=NOON, **values
        )
        await database.write(lambda session: session.add(user))
        return user

    return add


@pytest.fixture
def add_game(database: Database) -> AddGame:
    async def add(game_id: str, title: str, owner_id: str, **values: Any) -> Game:
        game = Game(
            id=game_id, slug=game_id, title=title, owner_id=owner_id, created_at=NOON, updated_at=NOON, **values
        )
        await database.write(lambda session: session.add(game))
        return game

    return add


@pytest.fixture
def add_entry(database: Database) -> AddEntry:
    async def add(**values: Any) -> Entry:
        row = entry(**values)
        await factories.record(database, row)
        return row

    return add
