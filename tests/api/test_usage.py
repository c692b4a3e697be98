"""GET /api/inference/usage and /usage/stats: the caller's own figures, and nobody else's."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests import factories
from tests.factories import Factory
from vanilla.models import User, new_id, utc_now
from vanilla.services import Services
from vanilla.usage.ledger import Entry

USAGE = "/api/inference/usage"


async def spend(services: Services, user: User, **values: Any) -> Entry:
    """A settled call of the user: 10 tokens in, 5 out, now, unless told otherwise; counted as the meter does."""
    defaults: dict[str, Any] = {
        "id": new_id(),
        "timestamp": utc_now(),
        "user_id": user.id,
        "backend": "ollama",
        "model": "llama3.2",
        "prompt_tokens": 10,
        "completion_tokens": 5,
    }
    entry = Entry(**{**defaults, **values})
    await factories.record(services.database, entry)

    def count(session: Any) -> None:
        row = session.get(User, user.id)
        row.tokens_used += entry.total_tokens
        row.total_tokens += entry.total_tokens

    await services.database.write(count)
    return entry


class TestUsage:
    async def test_wants_a_caller(self, client: httpx.AsyncClient) -> None:
        for path in (USAGE, f"{USAGE}/stats"):
            answer = await client.get(path)
            assert answer.status_code == 401
            assert answer.json()["error"]["type"] == "authentication_error"

    async def test_is_the_callers_own(self, make: Factory, services: Services) -> None:
        mira, jon = await make.user("mira", token_limit=100), await make.user("jon")
        await spend(services, mira)
        await spend(services, jon, prompt_tokens=500)
        body = (await (await make.signed_in(mira)).get(USAGE)).json()
        assert body == {
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "token_limit": 100,
            "limit_period": "total",
            "remaining_tokens": 85,
            "resets_at": None,
        }

    async def test_has_no_remainder_without_a_limit(self, make: Factory) -> None:
        body = (await (await make.signed_in()).get(USAGE)).json()
        assert (body["token_limit"], body["remaining_tokens"], body["total_tokens"]) == (None, None, 0)

    async def test_counts_the_current_period_and_says_when_it_ends(self, make: Factory, services: Services) -> None:
        mira = await make.user("mira", token_limit=1000, limit_period="day")
        yesterday = utc_now() - timedelta(days=1)
        old = Entry(
            id=new_id(),
            timestamp=yesterday,
            user_id=mira.id,
            backend="ollama",
            model="m",
            prompt_tokens=700,
            completion_tokens=0,
        )
        await factories.record(services.database, old)
        await spend(services, mira)
        body = (await (await make.signed_in(mira)).get(USAGE)).json()
        assert (body["total_tokens"], body["remaining_tokens"]) == (15, 985)
        tomorrow = utc_now() + timedelta(days=1)
        assert body["resets_at"] == f"{tomorrow:%Y-%m-%d}T00:00:00.000Z"

    async def test_never_has_less_than_nothing_left(self, make: Factory, services: Services) -> None:
        mira = await make.user("mira", token_limit=10)
        await spend(services, mira)
        assert (await (await make.signed_in(mira)).get(USAGE)).json()["remaining_tokens"] == 0

    async def test_is_answered_to_an_api_token(self, make: Factory) -> None:
        assert (await (await make.with_api_token()).get(USAGE)).status_code == 200


class TestStats:
    async def test_sum_by_backend_model_and_day(self, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        await spend(services, mira)
        await spend(services, mira, backend="anthropic", model="claude-haiku-4-5", prompt_tokens=100)
        await spend(services, await make.user("jon"))
        body = (await (await make.signed_in(mira)).get(f"{USAGE}/stats")).json()
        assert (body["totals"]["calls"], body["totals"]["total_tokens"]) == (2, 120)
        assert [(row["backend"], row["total_tokens"]) for row in body["by_backend"]] == [
            ("anthropic", 105),
            ("ollama", 15),
        ]
        assert [row["model"] for row in body["by_model"]] == ["claude-haiku-4-5", "llama3.2"]
        assert sum(row["total_tokens"] for row in body["by_day"]) == 120
        assert {"prompt_tokens", "completion_tokens", "total_tokens", "day"} <= set(body["by_day"][0])

    async def test_can_be_of_the_last_days(self, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        await spend(services, mira, timestamp=utc_now() - timedelta(days=3))
        browser = await make.signed_in(mira)
        assert (await browser.get(f"{USAGE}/stats", params={"days": 2})).json()["totals"]["calls"] == 0
        assert (await browser.get(f"{USAGE}/stats", params={"days": 5})).json()["totals"]["calls"] == 1

    @pytest.mark.parametrize("days", ["0", "-1", "x", "99999"])
    async def test_refuse_days_that_make_no_sense(self, make: Factory, days: str) -> None:
        answer = await (await make.signed_in()).get(f"{USAGE}/stats", params={"days": days})
        assert answer.status_code == 422
        assert "days" in answer.json()["error"]["message"]
