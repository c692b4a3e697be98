"""The list of models there are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.fakes.model_servers import ModelServer
from vanilla.database import Database
from vanilla.inference.backends.anthropic import Anthropic
from vanilla.inference.backends.ollama import Ollama
from vanilla.inference.local.process import LocalModel
from vanilla.inference.local.weights import MODEL
from vanilla.inference.models import Models
from vanilla.operations.controls import ControlPanel


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:9"])
async def test_the_embedded_model_is_listed_when_no_server_answers(address: str) -> None:
    local = LocalModel()
    if not local.is_installed():
        pytest.skip("the embedded model's packages are not installed on this platform")
    models = Models(
        Anthropic("https://api.anthropic.com", ""), Ollama(address, "on", local), ControlPanel(Database("sqlite://"))
    )
    assert [(model.model, model.embedded) for model in await models.available()] == [(MODEL, True)]
    await local.close()


async def test_nothing_is_listed_where_nothing_is_set_up() -> None:
    local = LocalModel()
    models = Models(
        Anthropic("https://api.anthropic.com", ""), Ollama("", "off", local), ControlPanel(Database("sqlite://"))
    )
    assert await models.available() == []


class TestHealth:
    """What is wrong with a model server, and what to do, in a sentence."""

    @pytest.mark.parametrize(
        ("status", "body", "sentence"),
        [
            (401, {}, "Anthropic refuses the key in ANTHROPIC_API_KEY"),
            (403, {}, "Anthropic refuses the key in ANTHROPIC_API_KEY"),
            (404, {}, "set ANTHROPIC_BASE_URL to where Anthropic's API is"),
            (529, {}, "answers with status 529: test again in a few minutes"),
            (200, "<!doctype html>", "does not answer as Anthropic does"),
            (200, [], "does not answer as Anthropic does"),
        ],
    )
    async def test_of_anthropic(self, status: int, body: object, sentence: str) -> None:
        async with answering(status, body) as url:
            found, _ = await models_at(claude=url).health()
        assert sentence in str(found.problem)
        assert (found.is_set_up, found.took_ms is not None, found.models) == (True, True, ())

    @pytest.mark.parametrize(
        ("status", "body", "sentence"),
        [
            (500, {"error": "out of memory"}, "Ollama answers with status 500: its own log says why."),
            (200, "<!doctype html>", "Nothing answers as Ollama at"),
            (200, {"models": 3}, "Nothing answers as Ollama at"),
        ],
    )
    async def test_of_ollama(self, status: int, body: object, sentence: str) -> None:
        async with answering(status, body) as url:
            _, found = await models_at(llama=url).health()
        assert sentence in str(found.problem)

    async def test_of_what_nobody_set_up_is_not_asked(self) -> None:
        for found in await models_at().health():
            assert (found.is_set_up, found.took_ms) == (False, None)
            assert found.problem

    async def test_of_what_nothing_answers_at(self) -> None:
        for found in await models_at(claude="http://127.0.0.1:9", llama="http://127.0.0.1:9").health():
            assert found.is_set_up
            assert "http://127.0.0.1:9" in str(found.problem)

    async def test_of_servers_that_are_well_says_how_long_they_took(self) -> None:
        async with ModelServer().serving() as server:
            for found in await models_at(claude=server.url, llama=server.url).health():
                assert found.problem is None
                assert found.models
                assert 1 <= (found.took_ms or 0) < 5000


def models_at(claude: str = "", llama: str = "") -> Models:
    """The models of servers at these addresses, where they are given."""
    return Models(
        Anthropic(claude or "https://api.anthropic.com", "sk-ant-test" if claude else ""),
        Ollama(llama, "off", LocalModel()),
        ControlPanel(Database("sqlite://")),
    )


@asynccontextmanager
async def answering(status: int, body: object) -> AsyncIterator[str]:
    """A server that always answers this; gives its address."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(text=body, content_type="text/html", status=status)
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
