"""What the database does for pages and routes: each statement that they run is explained, and none walks the ledger.

How many rows there are changes nothing about a plan but through SQLite's statistics, so both are looked at: a database
that was never analysed, as it is served, and one that was.
"""

import re
from collections.abc import Iterator

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import event

from tests.api.test_authorisation import every_route
from tests.bench import seeds
from tests.factories import ADMIN_PASSWORD, run_sql, sign_in
from vanilla.database import Database
from vanilla.models import utc_now
from vanilla.services import Services
from vanilla.settings import Settings
from vanilla.usage.spans import RANGES

pytestmark = pytest.mark.slow

LEDGER = ("token_usage", "usage_hours", "usage_minutes", "usage_refusals", "usage_first_bytes")
USER, GAME = f"{3:08x}-bench", f"game{7:06}"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """With a year of calls behind it."""
    seeds.prepare(settings.data_dir, users=60, rows=4000, games=40)
    return settings


class Recorder:
    """Every SELECT of a database, once, with what it was asked with."""

    def __init__(self, database: Database) -> None:
        self.seen: dict[str, object] = {}
        self._database = database
        event.listen(database.engine, "before_cursor_execute", self._note)

    def _note(self, _connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            self.seen.setdefault(statement, parameters)

    def plans(self) -> Iterator[tuple[str, list[str]]]:
        """Each statement with the steps of its plan."""
        event.remove(self._database.engine, "before_cursor_execute", self._note)
        with self._database.engine.connect() as connection:
            for statement, parameters in self.seen.items():
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[arg-type]
                yield statement, [str(row[-1]) for row in rows]


def addresses(app: FastAPI) -> Iterator[str]:
    """Everything that can be got, and the usage with every filter and range."""
    for route in every_route(app):
        method, _, path = route.partition(" ")
        if method == "GET" and "_nicegui" not in path and not path.startswith("/games/"):
            path = path.replace("{user_id}", USER).replace("{game_id}", GAME)
            yield re.sub(r"\{[^}]*\}", "nothing", path)
    today = utc_now().date().isoformat()
    filters = [f"user={USER}", f"game={GAME}", "game=none", "model=llama3.2", "backend=ollama"]
    filters += [f"status={status}" for status in ("ok", "failed", "not-ok", "refused", "refused&reason=spent")]
    for chosen in (*filters, f"user={USER}&game={GAME}&model=llama3.2&status=ok"):
        for when in ("range=1h", "range=7d", "range=1y", "from=2026-03-01&to=2026-03-02", f"from={today}"):
            yield f"/admin/usage?{when}&{chosen}"
    for key in RANGES:
        yield f"/admin?range={key}"
        yield f"/admin/usage?range={key}"
    for chosen in ("", f"user_id={USER}", f"game_id={GAME}", "model=llama3.2", "backend=ollama", "status=failed"):
        for when in ("", "days=1", "days=30", "since=2026-03-01&until=2026-03-02"):
            for name in ("usage", "usage.csv"):
                yield f"/admin/api/{name}?{when}&{chosen}"


@pytest.mark.parametrize("is_analysed", [False, True])
async def test_no_statement_of_a_page_or_a_route_walks_the_ledger(
    app: FastAPI, client: httpx.AsyncClient, services: Services, is_analysed: bool
) -> None:
    await run_sql(services.database, "ANALYZE" if is_analysed else "DELETE FROM sqlite_stat1")
    services.database.engine.dispose()  # connections remember the statistics
    await sign_in(client, "admin", ADMIN_PASSWORD)
    recorder = Recorder(services.database)
    asked = list(addresses(app))
    for address in asked:
        answer = await client.get(address)
        assert answer.status_code < 500 or answer.status_code in (502, 503), f"{address}: {answer.status_code}"
    rows = await services.statistics.recent(1)
    for chosen in ("", f"&model={rows[0].entry.model}", "&status=ok"):  # the next page of each
        await client.get(f"/admin/api/usage?before={rows[0].entry.id}{chosen}")
    plans = list(recorder.plans())
    of_usage = [(statement, plan) for statement, plan in plans if any(table in statement for table in LEDGER)]
    assert len(of_usage) > 60, "the recorder has missed them"
    walks = {
        statement: plan
        for statement, plan in of_usage
        if any(re.search(rf"SCAN {table}\b", step) for step in plan for table in LEDGER)
    }
    assert walks == {}
    # Who used most in a long range: added up once, then kept up by the hour (vanilla.usage.standings).
    walking_days = [statement for statement, plan in plans if any("SCAN usage_days" in step for step in plan)]
    assert all("GROUP BY usage_days.user_id" in statement for statement in walking_days), walking_days
