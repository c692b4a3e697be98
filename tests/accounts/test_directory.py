from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from tests.factories import Factory
from vanilla.accounts.directory import Search, Show, Sort
from vanilla.accounts.periods import period_key
from vanilla.models import User, utc_now
from vanilla.services import Services


async def names(services: Services, **options: Any) -> list[str]:
    users, total = await services.directory.find(Search(**options))
    assert total == len(users)
    return [user.username for user in users]


async def set_up(services: Services, user: User, **values: Any) -> None:
    def work(session: Session) -> None:
        row = session.get(User, user.id)
        for name, value in values.items():
            setattr(row, name, value)

    await services.database.write(work)


async def test_near_a_limit_counts_in_the_period_that_is_now(services: Services, make: Factory) -> None:
    today, yesterday = period_key("day", utc_now()), period_key("day", utc_now() - timedelta(days=1))
    for name, period, used in (("now", today, 80), ("then", yesterday, 100), ("far", today, 79)):
        user = await make.user(name, token_limit=100, limit_period="day")
        await set_up(services, user, period=period, tokens_used=used)
    await make.user("blocked", token_limit=0)
    assert await names(services, show="near") == ["blocked", "now"]
    assert await names(services, show="near", sort="used", is_descending=True) == ["blocked", "now"]
    assert (await names(services, sort="used", is_descending=True))[:3] == ["blocked", "now", "far"]


@pytest.mark.parametrize(
    ("show", "expected"),
    [
        ("all", ["Ada", "admin", "bea", "Cleo"]),
        ("active", ["Ada", "admin", "bea"]),
        ("inactive", ["Cleo"]),
        ("admin", ["Ada", "admin"]),
        ("near", []),
    ],
)
async def test_shows_one_kind(services: Services, make: Factory, show: Show, expected: list[str]) -> None:
    await make.user("Ada", is_admin=True)
    await make.user("bea")
    await set_up(services, await make.user("Cleo"), is_active=False)
    assert await names(services, show=show) == expected


@pytest.mark.parametrize("sort", ["username", "used", "total_tokens", "created_at", "last_active_at", "state"])
async def test_every_order_is_the_same_each_time_so_that_pages_do_not_overlap(
    services: Services, make: Factory, sort: Sort
) -> None:
    for number in range(6):
        await make.user(f"friend {number}")
    for is_descending in (False, True):
        search = Search(sort=sort, is_descending=is_descending)
        everybody, total = await services.directory.find(search)
        pages = [(await services.directory.find(search, limit=2, offset=offset))[0] for offset in range(0, 8, 2)]
        assert [user.id for page in pages for user in page] == [user.id for user in everybody]
        assert total == 7


async def test_finds_parts_of_names_as_they_are_typed(services: Services, make: Factory) -> None:
    for name in ("Mira", "100%", "a_b"):
        await make.user(name)
    assert await names(services, name=" IR ") == ["Mira"]
    assert await names(services, name="%") == ["100%"]
    assert await names(services, name="_") == ["a_b"]


async def test_who_was_deleted_is_nobody(services: Services, make: Factory) -> None:
    mira = await make.user("mira", is_admin=True)
    await services.deletions.delete(mira.id)
    for show in ("all", "active", "inactive", "admin", "near"):
        assert "Deleted user 1" not in await names(services, show=show)
    assert (await services.users.list())[1] == 1
