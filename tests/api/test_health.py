"""Health: for anyone, without a login, and honest."""

import httpx
import pytest
from sqlalchemy.exc import OperationalError

from vanilla.services import Services


async def test_is_for_anyone(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}
    assert (await client.get("/readyz")).json() == {"status": "ready"}


async def test_is_not_ready_without_its_database(
    client: httpx.AsyncClient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("SELECT 1", {}, OSError("gone"))

    monkeypatch.setattr(services.database, "_read", broken)
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["error"]["type"]) == (503, "api_error")
    assert (await client.get("/healthz")).status_code == 200
