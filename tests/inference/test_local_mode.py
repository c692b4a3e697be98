"""Who answers calls to Ollama: the host's server, the embedded model beside it or in its place, or nobody."""

import pytest

from tests.fakes.model_servers import ModelServer
from vanilla.errors import Unavailable
from vanilla.inference.backends import ollama
from vanilla.inference.backends.ollama import LocalMode, Ollama
from vanilla.inference.local.process import Endpoint, LocalModel
from vanilla.inference.local.weights import MODEL

MODES: tuple[LocalMode, ...] = ("auto", "on", "off")
EMBEDDED = "http://127.0.0.1:1"


class Installed(LocalModel):
    """The embedded model without its process."""

    @staticmethod
    def is_installed() -> bool:
        return True

    async def endpoint(self) -> Endpoint:
        return Endpoint(EMBEDDED, {"authorization": "Bearer secret"})


class Missing(Installed):
    """A machine for which the packages do not exist."""

    @staticmethod
    def is_installed() -> bool:
        return False


async def answers(url: str, mode: LocalMode, model: str | None, local: LocalModel | None = None) -> str:
    """The address that a call goes to, "nobody" where it is refused."""
    try:
        return (await Ollama(url, mode, local or Installed()).target(model, {})).base_url
    except Unavailable:
        return "nobody"


@pytest.mark.parametrize("model", [MODEL, "llama3.2", None])
class TestWithoutAServer:
    async def test_the_embedded_model_answers_unless_it_is_off(self, model: str | None) -> None:
        assert [await answers("", mode, model) for mode in MODES] == [EMBEDDED, EMBEDDED, "nobody"]

    async def test_nobody_answers_where_it_is_not_installed(self, model: str | None) -> None:
        assert await answers("", "auto", model, Missing()) == "nobody"

    async def test_a_server_of_the_hosts_own_address_is_never_replaced(self, model: str | None) -> None:
        url = "http://127.0.0.1:9"  # nothing listens there: the call will say so
        assert await answers(url, "auto", model) == url
        assert await answers(url, "on", model) == (EMBEDDED if model == MODEL else url)

    async def test_at_the_default_address_the_embedded_model_stands_in(
        self, monkeypatch: pytest.MonkeyPatch, model: str | None
    ) -> None:
        monkeypatch.setattr(ollama, "DEFAULT_OLLAMA_URL", "http://127.0.0.1:9")
        told = [await answers("http://127.0.0.1:9", mode, model) for mode in MODES]
        assert told == [EMBEDDED, EMBEDDED, "http://127.0.0.1:9"]


class TestWithAServer:
    async def test_it_answers_all_but_what_is_asked_of_the_embedded_model(
        self, monkeypatch: pytest.MonkeyPatch, llama: ModelServer
    ) -> None:
        for is_default in (False, True):
            monkeypatch.setattr(ollama, "DEFAULT_OLLAMA_URL", llama.url if is_default else "http://127.0.0.1:9")
            for model in ("llama3.2", None):
                for mode in MODES:
                    assert await answers(llama.url, mode, model) == llama.url
            assert await answers(llama.url, "on", MODEL) == EMBEDDED
            assert await answers(llama.url, "auto", MODEL) == llama.url

    async def test_it_is_looked_for_again_after_a_while(
        self, monkeypatch: pytest.MonkeyPatch, llama: ModelServer
    ) -> None:
        monkeypatch.setattr(ollama, "DEFAULT_OLLAMA_URL", llama.url)
        monkeypatch.setattr(ollama, "ASK_AGAIN", 3600.0)
        backend = Ollama(llama.url, "auto", Installed())
        for _ in range(3):
            assert (await backend.target("llama3.2", {})).base_url == llama.url
        assert len(llama.seen) == 1, "once in a while is enough"
        backend.unreachable()  # a call found nobody there
        await backend.target("llama3.2", {})
        assert len(llama.seen) == 2
