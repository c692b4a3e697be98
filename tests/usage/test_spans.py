from datetime import UTC, datetime, timedelta

import pytest

from tests.usage.conftest import NOON
from vanilla.usage.spans import DAY, HOUR, RANGES, Filter, Span, minute_of

NOW = minute_of(NOON)


@pytest.mark.parametrize("key", RANGES)
def test_a_range_ends_with_the_current_step(key: str) -> None:
    of = RANGES[key]
    for minute in (NOW, NOW + 1, NOW + 59, NOW + 11 * HOUR + 59):
        span = of.span(minute)
        assert span.first % of.step == 0
        assert span.last - of.step <= minute < span.last
        assert len(list(span.starts())) == of.length // of.step
        assert len(list(span.starts())) <= 365


class TestBetween:
    def test_is_to_the_minute_where_minutes_are_kept(self) -> None:
        span = Span.between(NOON - timedelta(minutes=11, seconds=20), NOON - timedelta(minutes=10), NOON)
        assert (span.first, span.last, span.step) == (NOW - 12, NOW - 10, 1)

    def test_is_in_whole_hours_where_they_are_gone(self) -> None:
        span = Span.between(NOON - timedelta(days=9, minutes=11), NOON - timedelta(days=9), NOON)
        assert (span.first, span.last, span.step) == (NOW - 9 * DAY - HOUR, NOW - 9 * DAY, HOUR)

    @pytest.mark.parametrize("days", [0.01, 0.5, 1, 3, 20, 90, 400, 5000])
    def test_has_a_chart_that_can_be_read(self, days: float) -> None:
        span = Span.between(NOON - timedelta(days=days), NOON, NOON)
        assert 1 <= len(list(span.starts())) <= 100 or span.step == 7 * DAY

    def test_of_no_time_at_all_is_a_minute(self) -> None:
        span = Span.between(NOON, NOON, NOON)
        assert span.last - span.first == 1
        assert (span.since, span.until) == (NOON, datetime(2026, 11, 23, 12, 1, tzinfo=UTC))


def test_a_filter_that_asks_for_nothing_is_open() -> None:
    assert Filter().is_open
    assert not Filter(game_id="").is_open
    assert Filter(status="not-ok").bad_statuses == ("aborted", "failed", "recovered")
    assert Filter(status="ok").bad_statuses == ()
