from datetime import UTC, datetime, timedelta

import pytest

from tests import factories
from tests.usage.conftest import NOON, AddEntry, AddGame, AddUser, entry
from vanilla.database import Database
from vanilla.models import utc_now
from vanilla.usage.calls import CHUNK
from vanilla.usage.statistics import LedgerRow, Statistics, bucket_starts, range_start

HOUR = timedelta(hours=1)


@pytest.fixture
async def some_usage(add_user: AddUser, add_game: AddGame, add_entry: AddEntry) -> None:
    """mira: 15 in a game at noon, 1100 of claude a day before; jon: 30 outside any game."""
    await add_user("mira")
    await add_user("jon")
    await add_game("dragon", "Dragon at the Bridge", "mira")
    await add_entry(game_id="dragon")
    await add_entry(
        timestamp=NOON - timedelta(days=1),
        backend="anthropic",
        model="claude-haiku-4-5",
        prompt_tokens=1000,
        completion_tokens=100,
        cache_read_tokens=900,
    )
    await add_entry(user_id="jon", prompt_tokens=20, completion_tokens=10)


class TestTotals:
    async def test_are_zero_where_there_is_nothing(self, statistics: Statistics) -> None:
        totals = await statistics.totals()
        assert (totals.calls, totals.total_tokens) == (0, 0)
        assert await statistics.by_user() == []
        assert await statistics.series("hour") == []

    async def test_sum_everybody_or_one_user(self, statistics: Statistics, some_usage: None) -> None:
        everybody = await statistics.totals()
        mira = await statistics.totals(user_id="mira")
        assert (everybody.calls, everybody.prompt_tokens, everybody.completion_tokens) == (3, 1030, 115)
        assert (mira.calls, mira.total_tokens, mira.cache_read_tokens) == (2, 1115, 900)
        assert (await statistics.totals(user_id="nobody")).calls == 0

    async def test_keep_to_their_range(self, statistics: Statistics, some_usage: None) -> None:
        assert (await statistics.totals(since=NOON)).total_tokens == 45
        assert (await statistics.totals(until=NOON)).total_tokens == 1100
        assert (await statistics.totals(since=NOON + HOUR)).calls == 0
        assert (await statistics.totals(since=NOON + timedelta(minutes=20))).calls == 2  # whole hours

    async def test_by_user_name_the_user_and_start_with_the_most(
        self, statistics: Statistics, some_usage: None
    ) -> None:
        rows = await statistics.by_user()
        assert [(row.user_id, row.username, row.total_tokens) for row in rows] == [
            ("mira", "mira", 1115),
            ("jon", "jon", 30),
        ]

    async def test_by_backend_and_model(self, statistics: Statistics, some_usage: None) -> None:
        backends = await statistics.by_backend()
        models = await statistics.by_model(user_id="jon")
        assert [(row.backend, row.total_tokens) for row in backends] == [("anthropic", 1100), ("ollama", 45)]
        assert [(row.backend, row.model, row.calls) for row in models] == [("ollama", "llama3.2", 1)]

    async def test_by_game_keep_calls_outside_games_apart(self, statistics: Statistics, some_usage: None) -> None:
        rows = await statistics.by_game(since=NOON)
        assert [(row.game_id, row.title, row.total_tokens) for row in rows] == [
            ("", None, 30),
            ("dragon", "Dragon at the Bridge", 15),
        ]

    async def test_a_removed_game_keeps_its_tokens_and_loses_its_title(
        self, statistics: Statistics, add_user: AddUser, add_game: AddGame, add_entry: AddEntry
    ) -> None:
        await add_user("mira")
        await add_game("gone", "Gone", "mira", removed_at=NOON)
        await add_entry(game_id="gone")
        (row,) = await statistics.by_game()
        assert (row.game_id, row.title, row.total_tokens) == ("gone", None, 15)

    async def test_by_day_are_utc_days_in_order(self, statistics: Statistics, some_usage: None) -> None:
        rows = await statistics.by_day(user_id="mira")
        assert [(row.day, row.total_tokens) for row in rows] == [("2026-11-22", 1100), ("2026-11-23", 15)]


class TestSeries:
    async def test_buckets_by_hour_or_day_for_each_backend(self, statistics: Statistics, some_usage: None) -> None:
        hours = await statistics.series("hour", since=NOON)
        days = await statistics.series("day")
        assert [(point.start, point.backend, point.total_tokens) for point in hours] == [(NOON, "ollama", 45)]
        assert [(point.start, point.backend, point.total_tokens) for point in days] == [
            (datetime(2026, 11, 22, tzinfo=UTC), "anthropic", 1100),
            (datetime(2026, 11, 23, tzinfo=UTC), "ollama", 45),
        ]

    def test_a_range_of_a_day_is_twenty_four_hours_with_this_one(self) -> None:
        now = NOON + timedelta(minutes=20)
        starts = list(bucket_starts(range_start(1, now), now, "hour"))
        assert (len(starts), starts[0]) == (24, NOON - 23 * HOUR)


class TestRecent:
    async def test_is_the_newest_first_with_names(self, statistics: Statistics, some_usage: None) -> None:
        rows = await statistics.recent(2)
        assert {(row.username, row.title) for row in rows} == {("mira", "Dragon at the Bridge"), ("jon", None)}
        assert all(row.entry.timestamp == NOON for row in rows)

    async def test_of_a_user_shows_only_theirs(self, statistics: Statistics, some_usage: None) -> None:
        assert {row.entry.user_id for row in await statistics.recent(10, user_id="jon")} == {"jon"}

    async def test_pages_through_rows_of_the_same_moment_without_loss(
        self, statistics: Statistics, add_user: AddUser, add_entry: AddEntry
    ) -> None:
        await add_user("mira")
        ids = {(await add_entry()).id for _ in range(7)}
        seen: list[str] = []
        before = None
        while rows := await statistics.recent(3, user_id="mira", before=before):
            seen += [row.entry.id for row in rows]
            before = rows[-1].entry.id
        assert len(seen) == 7
        assert set(seen) == ids

    async def test_is_empty_before_a_row_that_is_not_there(self, statistics: Statistics, some_usage: None) -> None:
        assert await statistics.recent(3, before="nothing") == []


class TestExport:
    async def test_gives_every_row_once_oldest_first_in_chunks(
        self, database: Database, statistics: Statistics, add_user: AddUser
    ) -> None:
        await add_user("mira")
        rows = [entry(timestamp=NOON + timedelta(seconds=n // 2)) for n in range(CHUNK + 5)]
        await factories.record(database, *rows)
        seen: list[str] = []
        sizes: list[int] = []
        last: LedgerRow | None = None
        while chunk := await statistics.export(last):
            sizes.append(len(chunk))
            seen += [row.entry.id for row in chunk]
            last = chunk[-1]
        assert sizes == [CHUNK, 5]
        assert sorted(seen) == sorted(row.id for row in rows)

    async def test_keeps_to_its_range_exactly(self, statistics: Statistics, some_usage: None) -> None:
        until = await statistics.export(None, until=NOON)
        since = await statistics.export(None, since=NOON)
        assert [row.entry.model for row in until] == ["claude-haiku-4-5"]
        assert len(since) == 2


class TestNearLimit:
    async def test_starts_with_the_one_nearest_and_leaves_out_who_has_no_limit_or_is_out(
        self, statistics: Statistics, add_user: AddUser
    ) -> None:
        today = utc_now().strftime("%Y-%m-%d")
        await add_user("half", token_limit=100, tokens_used=50)
        await add_user("full", token_limit=10, tokens_used=10, limit_period="day", period=today)
        await add_user("free", tokens_used=9999)
        await add_user("blocked", token_limit=0)
        await add_user("out", token_limit=10, tokens_used=10, is_active=False)
        rows = await statistics.near_limit()
        assert [(row.username, row.tokens_used, row.token_limit) for row in rows] == [
            ("full", 10, 10),
            ("half", 50, 100),
        ]
        assert rows[0].share == 1.0

    async def test_counts_nothing_of_a_period_that_is_over(self, statistics: Statistics, add_user: AddUser) -> None:
        await add_user("mira", token_limit=100, tokens_used=90, limit_period="day", period="2020-01-01")
        await add_user("jon", token_limit=100, tokens_used=90, limit_period="month", period="2020-01")
        assert await statistics.near_limit() == ()


async def test_titles_are_those_of_games_that_are_there(
    statistics: Statistics, add_user: AddUser, add_game: AddGame
) -> None:
    await add_user("mira")
    await add_game("dragon", "Dragon", "mira")
    await add_game("gone", "Gone", "mira", removed_at=NOON)
    assert await statistics.titles(["dragon", "gone", "other"]) == {"dragon": "Dragon"}
    assert await statistics.titles([]) == {}
