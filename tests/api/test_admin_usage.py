"""/admin/api/usage: everybody's figures, for admins alone."""

import csv
import io
from datetime import timedelta

import httpx
import pytest

from tests.api.test_usage import spend
from tests.factories import Factory
from vanilla.api.admin_usage import CSV_COLUMNS
from vanilla.models import Game, utc_now, utc_text
from vanilla.services import Services
from vanilla.usage import calls

USAGE = "/admin/api/usage"


class TestAccess:
    @pytest.mark.parametrize("path", [USAGE, f"{USAGE}.csv", f"{USAGE}/someone"])
    async def test_is_for_the_session_of_an_admin_alone(
        self, client: httpx.AsyncClient, make: Factory, services: Services, path: str
    ) -> None:
        admin, _ = await services.users.list("admin", 1, 0)
        assert (await client.get(path)).status_code == 401
        assert (await (await make.signed_in()).get(path)).status_code == 403
        assert (await (await make.with_api_token(admin[0])).get(path)).status_code == 403


class TestPlatform:
    async def test_sums_over_everybody(self, make: Factory, services: Services) -> None:
        mira, jon = await make.user("mira"), await make.user("jon")
        now = utc_now()
        game = Game(id="dragon", slug="dragon", title="Dragon", owner_id=mira.id, created_at=now, updated_at=now)
        await services.database.write(lambda session: session.add(game))
        await spend(services, mira, game_id="dragon", prompt_tokens=100)
        entry = await spend(services, jon, backend="anthropic", model="claude-haiku-4-5", first_byte_ms=410)
        body = (await (await make.admin()).get(USAGE)).json()
        assert body["totals"]["total_tokens"] == 120
        assert [(row["user_id"], row["username"], row["total_tokens"]) for row in body["by_user"]] == [
            (mira.id, "mira", 105),
            (jon.id, "jon", 15),
        ]
        assert {row["model"] for row in body["by_model"]} == {"llama3.2", "claude-haiku-4-5"}
        assert {row["backend"] for row in body["by_backend"]} == {"ollama", "anthropic"}
        assert [(row["game_id"], row["title"]) for row in body["by_game"]] == [("dragon", "Dragon"), ("", None)]
        assert sum(point["total_tokens"] for point in body["series"]) == 120
        row = next(row for row in body["recent"] if row["id"] == entry.id)
        assert row == {
            "id": entry.id,
            "timestamp": utc_text(entry.timestamp),
            "user_id": jon.id,
            "username": "jon",
            "game_id": "",
            "title": None,
            "backend": "anthropic",
            "model": "claude-haiku-4-5",
            "prompt_tokens": 10,
            "completion_tokens": 5,
            "total_tokens": 15,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "estimated": False,
            "status": "ok",
            "duration_ms": None,
            "first_byte_ms": 410,
            "request_id": None,
            "server_tool_calls": 0,
        }

    async def test_lists_as_many_calls_as_asked(self, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        for _ in range(3):
            await spend(services, mira)
        body = (await (await make.admin()).get(USAGE, params={"limit": 2, "days": 1})).json()
        assert (len(body["recent"]), body["totals"]["calls"]) == (2, 3)

    @pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 501}, {"days": 0}, {"days": "week"}])
    async def test_refuses_what_makes_no_sense(self, make: Factory, query: dict[str, str]) -> None:
        assert (await (await make.admin()).get(USAGE, params=query)).status_code == 422


class TestFilters:
    async def test_json_and_csv_take_the_same(self, make: Factory, services: Services) -> None:
        mira, jon = await make.user("mira"), await make.user("jon")
        now = utc_now()
        await spend(services, mira, game_id="dragon", prompt_tokens=100)
        await spend(services, mira, backend="anthropic", model="claude", prompt_tokens=200)
        await spend(services, jon, status="failed", prompt_tokens=300)
        await spend(services, jon, timestamp=now - timedelta(days=9), prompt_tokens=400)
        admin = await make.admin()
        for query, prompts in (
            ({"user_id": mira.id}, [100, 200]),
            ({"game_id": "dragon"}, [100]),
            ({"game_id": ""}, [200, 300, 400]),
            ({"model": "claude"}, [200]),
            ({"backend": "ollama"}, [100, 300, 400]),
            ({"status": "failed"}, [300]),
            ({"status": "not-ok"}, [300]),
            ({"status": "ok", "days": "2"}, [100, 200]),
            ({"since": utc_text(now - timedelta(days=10)), "until": utc_text(now - timedelta(days=8))}, [400]),
            ({"user_id": jon.id, "status": "ok"}, [400]),
        ):
            body = (await admin.get(USAGE, params=query)).json()
            assert sorted(row["prompt_tokens"] for row in body["recent"]) == prompts, query
            assert body["totals"]["prompt_tokens"] == sum(prompts), query
            for name in ("by_user", "by_model", "by_backend", "by_game", "series"):
                assert sum(row["prompt_tokens"] for row in body[name]) == sum(prompts), (query, name)
            rows = csv.DictReader(io.StringIO((await admin.get(f"{USAGE}.csv", params=query)).text))
            assert sorted(int(row["prompt_tokens"]) for row in rows) == prompts, query

    async def test_go_on_from_page_to_page(self, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        ids = [(await spend(services, mira, timestamp=utc_now() - timedelta(hours=n))).id for n in range(5)]
        for _ in range(3):
            await spend(services, mira, model="other")
        admin = await make.admin()
        query = {"model": "llama3.2", "limit": "2"}
        seen: list[str] = []
        while rows := (await admin.get(USAGE, params=query)).json()["recent"]:
            seen += [row["id"] for row in rows]
            query["before"] = seen[-1]
        assert seen == ids

    @pytest.mark.parametrize(
        "query", [{"status": "lost"}, {"since": "yesterday"}, {"until": "0001-01-01T00:00:00+23:00"}]
    )
    async def test_refuse_what_makes_no_sense(self, make: Factory, query: dict[str, str]) -> None:
        admin = await make.admin()
        for path in (USAGE, f"{USAGE}.csv"):
            assert (await admin.get(path, params=query)).status_code == 422


class TestUser:
    async def test_has_their_history_alone_and_pages_through_it(self, make: Factory, services: Services) -> None:
        mira = await make.user("mira", token_limit=1000)
        await spend(services, await make.user("jon"))
        ids = [(await spend(services, mira, timestamp=utc_now() - timedelta(hours=n))).id for n in range(3)]
        admin = await make.admin()
        body = (await admin.get(f"{USAGE}/{mira.id}", params={"limit": 2})).json()
        assert (body["user"]["username"], body["user"]["tokens_used"]) == ("mira", 45)
        assert (body["totals"]["calls"], [row["model"] for row in body["by_model"]]) == (3, ["llama3.2"])
        assert sum(point["total_tokens"] for point in body["series"]) == 45
        assert [row["id"] for row in body["items"]] == ids[:2]
        rest = (await admin.get(f"{USAGE}/{mira.id}", params={"limit": 2, "before": ids[1]})).json()
        assert [row["id"] for row in rest["items"]] == ids[2:]

    async def test_is_not_found_where_there_is_none(self, make: Factory) -> None:
        answer = await (await make.admin()).get(f"{USAGE}/nobody")
        assert answer.status_code == 404
        assert answer.json()["error"]["type"] == "not_found_error"


class TestCsv:
    async def test_has_every_call_in_order_whatever_the_size_of_a_chunk(
        self, make: Factory, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(calls, "CHUNK", 3)
        mira = await make.user("mira")
        start = utc_now() - timedelta(hours=1)
        ids = [(await spend(services, mira, timestamp=start + timedelta(seconds=n))).id for n in range(7)]
        answer = await (await make.admin()).get(f"{USAGE}.csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"].startswith('attachment; filename="vanilla-usage-')
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert [row["id"] for row in rows] == ids
        assert tuple(rows[0]) == CSV_COLUMNS
        assert (rows[0]["username"], rows[0]["total_tokens"], rows[0]["estimated"]) == ("mira", "15", "0")

    async def test_keeps_to_its_range(self, make: Factory, services: Services) -> None:
        mira = await make.user("mira")
        now = utc_now()
        await spend(services, mira, timestamp=now - timedelta(days=3), model="old")
        await spend(services, mira, timestamp=now - timedelta(minutes=5), model="new")
        admin = await make.admin()

        async def models(**query: str) -> list[str]:
            answer = await admin.get(f"{USAGE}.csv", params=query)
            return [row["model"] for row in csv.DictReader(io.StringIO(answer.text))]

        border = utc_text(now - timedelta(days=1))
        assert await models() == ["old", "new"]
        assert await models(days="1") == ["new"]
        assert await models(since=border) == ["new"]
        assert await models(until=border) == ["old"]
        assert await models(until=border.removesuffix("Z")) == ["old"]
        for none in ("yesterday", "0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"):
            assert (await admin.get(f"{USAGE}.csv", params={"since": none})).status_code == 422

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n", "\uff1d"])
    async def test_no_cell_is_a_formula(self, make: Factory, services: Services, start: str) -> None:
        await spend(services, await make.user("mira"), model=f'{start}HYPERLINK("x")')
        answer = await (await make.admin()).get(f"{USAGE}.csv")
        (row,) = csv.DictReader(io.StringIO(answer.text))
        assert row["model"] == f'\'{start}HYPERLINK("x")'
