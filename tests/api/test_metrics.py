"""What Prometheus reads, and who else may."""

import asyncio

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from main import assemble
from tests.factories import Factory
from vanilla.services import Services
from vanilla.settings import Settings
from vanilla.usage.metrics import Load

TOKEN = "scrape-me-0123456789"


@pytest.fixture
def settings(settings: Settings, request: pytest.FixtureRequest) -> Settings:
    """With METRICS_TOKEN, but for the tests marked with another."""
    token = getattr(request, "param", TOKEN)
    return settings.model_copy(update={"metrics_token": SecretStr(token)})


without_token = pytest.mark.parametrize("settings", [""], indirect=True)


def values(text: str) -> dict[str, float]:
    """Every sample by its name and labels, as Prometheus reads them."""
    return {
        ",".join([sample.name, *(value for _, value in sorted(sample.labels.items()))]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


class TestAccess:
    @without_token
    async def test_is_for_programs_on_this_machine_where_there_is_no_token(
        self, client: httpx.AsyncClient, make: Factory
    ) -> None:
        assert (await client.get("/metrics")).status_code == 200
        for address in ("127.0.0.9", "::1", "::ffff:127.0.0.1"):
            assert (await (await make.browser(client=(address, 1))).get("/metrics")).status_code == 200
        for address in ("192.0.2.7", "10.0.0.1", "2001:db8::1", ""):
            answer = await (await make.browser(client=(address, 1))).get("/metrics")
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert "once the host has set it" in answer.json()["error"]["message"]

    @without_token
    @pytest.mark.parametrize(
        "header",
        [
            {"x-forwarded-for": "192.0.2.7"},
            {"X-Forwarded-Proto": "https"},
            {"x-forwarded-host": "127.0.0.1"},
            {"forwarded": "for=127.0.0.1"},
            {"via": "1.1 proxy"},
            {"x-real-ip": "127.0.0.1"},
            {"origin": "null"},
            {"origin": "https://evil.example"},
            {"sec-fetch-site": "cross-site"},
            {"host": "evil.example"},
            {"host": "evil.example:3000"},
            {"host": "192.0.2.7"},
            {"host": "[::1"},
        ],
    )
    async def test_is_not_for_whom_this_machine_only_passes_on(
        self, client: httpx.AsyncClient, header: dict[str, str]
    ) -> None:
        assert (await client.get("/metrics", headers=header)).status_code == 401

    @without_token
    @pytest.mark.parametrize("host", ["localhost:3000", "127.0.0.1", "127.0.0.1:3000", "[::1]:3000"])
    async def test_this_machine_has_several_names(self, client: httpx.AsyncClient, host: str) -> None:
        assert (await client.get("/metrics", headers={"host": host})).status_code == 200

    async def test_the_token_opens_it_from_anywhere(self, client: httpx.AsyncClient, make: Factory) -> None:
        afar = await make.browser(client=("192.0.2.7", 1))
        proxied = {"authorization": f"Bearer {TOKEN}", "x-forwarded-for": "192.0.2.9"}
        assert (await afar.get("/metrics", headers=proxied)).status_code == 200
        answer = await afar.get("/metrics")
        assert answer.status_code == 401
        assert "METRICS_TOKEN" in answer.json()["error"]["message"]
        assert (await client.get("/metrics")).status_code == 200, "this machine needs none"

    @pytest.mark.parametrize("wrong", ["Bearer wrong", f"Bearer {TOKEN}x", "Bearer ", f"Token {TOKEN}", "Bearer \xe9"])
    async def test_a_wrong_token_is_wrong_on_this_machine_too(self, client: httpx.AsyncClient, wrong: str) -> None:
        answer = await client.get("/metrics", headers={b"authorization": wrong.encode("latin-1")})
        assert answer.status_code == 401
        assert TOKEN not in answer.text

    @without_token
    async def test_an_unset_token_is_not_the_empty_one(self, make: Factory, client: httpx.AsyncClient) -> None:
        afar = await make.browser(client=("192.0.2.7", 1))
        for wrong in ("Bearer ", "Bearer"):
            assert (await afar.get("/metrics", headers={"authorization": wrong})).status_code == 401

    async def test_tokens_of_the_platform_and_this_one_are_two_things(
        self, client: httpx.AsyncClient, make: Factory
    ) -> None:
        assert (await (await make.with_api_token()).get("/metrics")).status_code == 401
        bearer = {"authorization": f"Bearer {TOKEN}"}
        for path in ("/auth/me", "/api/inference/models", "/api/games"):
            assert (await client.get(path, headers=bearer)).status_code == 401


class TestFormat:
    async def test_is_the_text_of_prometheus_and_never_kept(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/metrics")
        assert answer.headers["content-type"].startswith("text/plain; version=")
        assert answer.headers["cache-control"] == "no-store"
        found = values(answer.text)
        assert found["vanilla_calls_total,anthropic,ok"] == 0
        assert found["vanilla_tokens_total,ollama,cache_read"] == 0
        assert (
            found["vanilla_calls_in_flight,ollama"] == found["vanilla_holds_open"] == found["vanilla_tokens_held"] == 0
        )
        assert found["process_resident_memory_bytes"] > 10_000_000
        assert found["process_cpu_seconds_total"] > 0
        assert found["process_open_fds"] > 3

    async def test_is_openmetrics_where_that_is_asked_for(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"})
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        families = read_openmetrics(answer.text)  # type: ignore[no-untyped-call]
        assert "vanilla_relay_overhead_seconds" in {family.name for family in families}

    async def test_each_application_counts_for_itself(self, client: httpx.AsyncClient, services: Services) -> None:
        services.metrics.refused("ollama", "spent")
        for _ in range(2):
            assert values((await client.get("/metrics")).text)["vanilla_refusals_total,ollama,spent"] == 1
        text, _ = assemble(services.settings).metrics.text(Load({}, 0, 0))
        assert "vanilla_refusals_total,ollama,spent" not in values(text.decode())

    async def test_many_may_ask_at_once(self, client: httpx.AsyncClient) -> None:
        answers = await asyncio.gather(*(client.get("/metrics") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {200}
