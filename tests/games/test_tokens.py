"""Sums of the roll-up stay right as hours pass, and are read from memory where they cannot change."""

from sqlmodel import Session, col, update

from tests.games.library import Library
from vanilla.games.tokens import TokensUsed
from vanilla.models import UsageHour

HOUR = 3600.0


async def test_sums_go_on_from_hour_to_hour(library: Library) -> None:
    now = [100 * HOUR]
    tokens = TokensUsed(clock=lambda: now[0])

    async def add(hour: int, amount: int) -> None:
        row = UsageHour(hour=hour, user_id="mira", backend="b", model=f"m{amount}", game_id="g", total_tokens=amount)
        columns = row.model_dump()
        await library.database.write(lambda session: session.add(UsageHour(**columns)))

    async def used() -> dict[str, int]:
        return await library.database.read(lambda session: tokens.of(session, ["g", "other"]))

    assert await used() == {"g": 0, "other": 0}
    await add(99, 10)  # a call of the last hour that was settled a little late
    await add(100, 20)
    assert await used() == {"g": 30, "other": 0}
    await add(100, 40)
    assert (await used())["g"] == 70
    for now[0] in (101 * HOUR, 102.5 * HOUR, 200 * HOUR):
        assert (await used())["g"] == 70
    await add(200, 1)
    assert (await used())["g"] == 71


async def test_an_hour_that_is_over_is_not_read_again(library: Library) -> None:
    tokens = TokensUsed(clock=lambda: 100 * HOUR)
    row = UsageHour(hour=1, user_id="mira", backend="b", model="m", game_id="g", total_tokens=5)
    await library.database.write(lambda session: session.add(row))

    def raise_it(session: Session) -> None:
        session.exec(update(UsageHour).values(total_tokens=col(UsageHour.total_tokens) + 1))

    for _ in range(2):
        assert await library.database.read(lambda session: tokens.of(session, ["g"])) == {"g": 5}
        await library.database.write(raise_it)
