from datetime import UTC, datetime, timedelta, timezone

import pytest

from vanilla.accounts.periods import period_key, resets_at, starts_at


@pytest.mark.parametrize(
    ("period", "moment", "key", "start", "reset"),
    [
        ("total", datetime(2026, 11, 23, 12, tzinfo=UTC), "total", None, None),
        (
            "day",
            datetime(2026, 12, 31, 23, 59, 59, 999000, tzinfo=UTC),
            "2026-12-31",
            datetime(2026, 12, 31, tzinfo=UTC),
            datetime(2027, 1, 1, tzinfo=UTC),
        ),
        (
            "month",
            datetime(2028, 2, 29, 12, tzinfo=UTC),
            "2028-02",
            datetime(2028, 2, 1, tzinfo=UTC),
            datetime(2028, 3, 1, tzinfo=UTC),
        ),
        (
            "month",
            datetime(2026, 12, 1, tzinfo=UTC),
            "2026-12",
            datetime(2026, 12, 1, tzinfo=UTC),
            datetime(2027, 1, 1, tzinfo=UTC),
        ),
    ],
)
def test_a_period_has_a_name_a_start_and_an_end(
    period: str, moment: datetime, key: str, start: datetime | None, reset: datetime | None
) -> None:
    assert (period_key(period, moment), starts_at(period, moment), resets_at(period, moment)) == (key, start, reset)


def test_days_are_utc_days_wherever_the_clock_stands() -> None:
    late = datetime(2026, 11, 24, 1, 30, tzinfo=timezone(timedelta(hours=2)))
    assert period_key("day", late) == "2026-11-23"
