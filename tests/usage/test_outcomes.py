"""Refusals and first bytes: noted at once, written every few seconds, read by range."""

import asyncio
import random
import statistics as arithmetic

import pytest

from tests.usage.conftest import NOON, AddUser
from vanilla.database import Database
from vanilla.usage import outcomes as outcomes_module
from vanilla.usage.books import BEYOND, BOUNDS, Books, bound_of, histogram, percentile
from vanilla.usage.outcomes import Outcomes, first_bytes_of, refusals_of
from vanilla.usage.spans import EVERYTHING, Filter, Span, minute_of

NOW = minute_of(NOON)
HOUR = Span(NOW - 59, NOW + 1, 1)


class TestOutcomes:
    async def test_are_added_to_what_was_written_before(self, database: Database, outcomes: Outcomes) -> None:
        for _ in range(2):
            for _ in range(3):
                outcomes.refused(NOW, "ollama", "mira", "spent")
                outcomes.answered(NOW, "ollama", "m", 100)
            outcomes.refused(NOW - 100, "ollama", "mira", "spent")
            await outcomes.write()
        assert await database.read(lambda session: refusals_of(session, HOUR, EVERYTHING)) == {"spent": 6}
        assert await database.read(lambda session: first_bytes_of(session, HOUR)) == [(("ollama", "m", 100), 6)]
        await outcomes.write()
        assert await database.read(lambda session: refusals_of(session, HOUR, EVERYTHING)) == {"spent": 6}

    async def test_more_than_one_write_takes_are_all_written(
        self, database: Database, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(outcomes_module, "ROWS_AT_ONCE", 4)
        for number in range(11):
            outcomes.refused(NOW, "ollama", f"u{number}", "spent")
        await outcomes.write()
        assert await database.read(lambda session: refusals_of(session, HOUR, EVERYTHING)) == {"spent": 11}

    async def test_what_is_noted_while_others_are_written_is_not_lost(
        self, database: Database, outcomes: Outcomes
    ) -> None:
        outcomes.refused(NOW, "ollama", "mira", "spent")
        writing = asyncio.create_task(outcomes.write())
        await asyncio.sleep(0)
        outcomes.refused(NOW, "ollama", "mira", "spent")
        await writing
        await outcomes.write()
        assert await database.read(lambda session: refusals_of(session, HOUR, EVERYTHING)) == {"spent": 2}

    async def test_what_cannot_be_written_is_written_later(
        self, database: Database, outcomes: Outcomes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(outcomes_module, "SECONDS_BETWEEN_WRITES", 0.01)
        write, tries = database.write, []

        async def fails_once(work: object) -> object:
            tries.append(1)
            if len(tries) == 1:
                raise RuntimeError("disk is full")
            return await write(work)  # type: ignore[arg-type]

        monkeypatch.setattr(database, "write", fails_once)
        outcomes.refused(NOW, "ollama", "mira", "spent")
        task = asyncio.create_task(outcomes.run())
        async with asyncio.timeout(5):
            while not await database.read(lambda session: refusals_of(session, HOUR, EVERYTHING)):
                await asyncio.sleep(0.01)
        task.cancel()
        assert "could not be written yet" in caplog.text

    async def test_are_listed_newest_first_page_by_page(self, outcomes: Outcomes, add_user: AddUser) -> None:
        await add_user("mira")
        for number in range(7):
            outcomes.refused(NOW - number // 2, "ollama", "mira" if number % 2 else "gone", "spent")
        seen = []
        last = None
        while rows := await outcomes.refusals(HOUR, EVERYTHING, 3, before=last):
            seen += [(NOW - row.minute, row.username) for row in rows]
            last = rows[-1]
        assert seen == [(0, "mira"), (0, None), (1, "mira"), (1, None), (2, "mira"), (2, None), (3, None)]
        assert len(await outcomes.refusals(HOUR, Filter(user_id="mira"), 9)) == 3
        assert await outcomes.refusals(HOUR, Filter(backend="anthropic"), 9) == []
        assert await outcomes.refusals(HOUR, EVERYTHING, 9, reason="held") == []


class TestPercentiles:
    def test_err_by_a_ninth_at_most(self) -> None:
        dice = random.Random(3)
        times = [round(dice.lognormvariate(6, 0.8)) for _ in range(5000)]
        counted: dict[int, int] = {}
        for time in times:
            counted[bound_of(time)] = counted.get(bound_of(time), 0) + 1
        exact = arithmetic.quantiles(times, n=20)
        for part, found in ((0.5, exact[9]), (0.95, exact[18])):
            assert percentile(counted, part) == pytest.approx(found, rel=0.12)

    def test_of_none_there_is_none_and_what_lies_beyond_the_bounds_is_the_last_of_them(self) -> None:
        assert percentile({}, 0.5) is None
        assert bound_of(10**8) == BEYOND
        assert percentile({BEYOND: 3}, 0.5) == BOUNDS[-1]
        assert percentile({BOUNDS[0]: 1}, 1.0) == BOUNDS[0]

    def test_are_told_apart_by_backend_and_model(self) -> None:
        noted = [(("ollama", "a", 10), 1), (("ollama", "b", 10), 2), (("anthropic", "a", 20), 4)]
        assert histogram(noted, "ollama") == {10: 3}
        assert histogram(noted, "ollama", "b") == {10: 2}


def test_books_of_old_minutes_are_forgotten() -> None:
    books = Books()
    for minute in range(100):
        books[minute].use("mira", "", "ollama", "m", 1, 10)
        books.turn(minute)
    assert [minute for minute, _ in books.since(0)] == [94, 95, 96, 97, 98, 99]
    assert books.together(98).users == {"mira": [2, 20]}
