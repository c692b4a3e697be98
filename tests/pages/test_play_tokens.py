"""What the play page makes of the database's figures and of what has been counted since."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from pages.play_tokens import Spent, Standing, left_words, spent, used_words
from vanilla.models import User
from vanilla.usage.plays import PlayNow, Tokens

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def standing(*, used: int = 0, limit: int | None = 10_000, period: str = "day", **values: Any) -> Standing:
    key = {"day": "2026-11-23", "month": "2026-11", "total": "total"}[period]
    user = User(
        username="mira",
        username_key="mira",
        password_hash="-",
        tokens_used=used,
        token_limit=limit,
        limit_period=period,
        period=key,
    )
    return Standing(**{"user": user, "in_game": 0, **values})


def now(settled: int = 0, running: int = 0, *, elsewhere: int = 0, **values: Any) -> PlayNow:
    return PlayNow(in_game=Tokens(settled, running), in_all=Tokens(settled + elsewhere, running), **values)


class TestSums:
    def test_what_has_settled_since_and_what_runs_is_added_to_the_database(self) -> None:
        said = spent(standing(used=1_000, in_game=500), now(30, 12, elsewhere=100), NOON)
        assert (said.visit, said.in_game, said.used, said.left) == (42, 542, 1_142, 8_858)

    def test_what_the_database_counted_already_is_not_counted_again(self) -> None:
        at = now(30, 12)
        said = spent(standing(used=1_030, in_game=530, at=at), now(50, 0), NOON)
        assert (said.visit, said.in_game, said.used) == (50, 550, 1_050)

    def test_a_period_that_has_ended_counts_no_more(self) -> None:
        tomorrow = datetime(2026, 11, 24, 0, 1, tzinfo=UTC)
        said = spent(standing(used=9_999), now(), tomorrow)
        assert (said.used, said.level) == (0, "fine")

    def test_the_lower_of_two_limits_holds(self) -> None:
        stands = standing(used=100)
        stands.user.own_token_limit = 1_000
        assert spent(stands, now(), NOON).left == 900

    def test_nothing_is_left_below_nothing(self) -> None:
        assert spent(standing(used=12_000), now(), NOON).left == 0


class TestLevel:
    @pytest.mark.parametrize(
        ("used", "level"), [(0, "fine"), (8_999, "fine"), (9_000, "near"), (9_999, "near"), (10_000, "over")]
    )
    def test_from_nine_tenths_on_it_is_near_and_then_over(self, used: int, level: str) -> None:
        assert spent(standing(used=used), now(), NOON).level == level

    def test_it_turns_while_a_call_runs(self) -> None:
        assert spent(standing(used=8_000), now(running=1_000), NOON).level == "near"

    def test_without_a_limit_there_is_none(self) -> None:
        said = spent(standing(used=10**9, limit=None), now(), NOON, is_refused=True)
        assert (said.level, said.left) == ("fine", None)

    def test_a_limit_of_nothing_is_used_up(self) -> None:
        assert spent(standing(limit=0), now(), NOON).level == "over"

    def test_a_refusal_with_tokens_left_says_that_they_are_too_few(self) -> None:
        assert spent(standing(used=9_960), now(), NOON, is_refused=True).level == "short"

    def test_a_refusal_by_what_the_game_may_take_in_a_day_says_so(self) -> None:
        stands = standing(period="month", game_today=49_000, game_cap=50_000)
        said = spent(stands, now(), NOON, is_refused=True)
        assert (said.level, said.resets_at) == ("game", datetime(2026, 11, 24, tzinfo=UTC))
        assert spent(stands, now(), NOON).level == "fine", "as long as nothing is refused"

    def test_it_knows_when_the_limit_counts_anew(self) -> None:
        assert spent(standing(), now(), NOON).resets_at == datetime(2026, 11, 24, tzinfo=UTC)
        assert spent(standing(period="month"), now(), NOON).resets_at == datetime(2026, 12, 1, tzinfo=UTC)
        assert spent(standing(period="total"), now(), NOON).resets_at is None


def test_the_words() -> None:
    said = Spent(visit=1_000, in_game=2_500, used=7_000, limit=10_000, level="fine", resets_at=None)
    assert left_words(said) == "3,000 of your 10,000 tokens are left."
    assert left_words(replace(said, limit=None)) == "You have no limit."
    assert used_words(said) == "You have used 2,500 tokens in this game, 1,000 of them in this visit."
    assert (
        used_words(replace(said, visit=2_500)) == "You have used 2,500 tokens in this game, all of them in this visit."
    )
    assert used_words(replace(said, visit=0)) == "You have used 2,500 tokens in this game."
    assert used_words(replace(said, in_game=0, visit=0)) == "You have used no tokens here."
