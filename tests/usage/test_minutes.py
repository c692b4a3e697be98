from datetime import timedelta

from tests.usage.conftest import AddEntry, AddUser
from vanilla.database import Database
from vanilla.models import utc_now
from vanilla.usage.minutes import forget_old
from vanilla.usage.statistics import Statistics


async def test_minutes_are_kept_two_days_and_hours_for_ever(
    database: Database, statistics: Statistics, add_user: AddUser, add_entry: AddEntry
) -> None:
    await add_user("mira")
    for hours in (0, 47, 49):
        await add_entry(timestamp=utc_now() - timedelta(hours=hours))
    assert await forget_old(database) == 1
    assert len(await statistics.minutes(0)) == 2
    assert (await statistics.totals()).calls == 3
