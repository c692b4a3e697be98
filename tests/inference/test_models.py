"""The list of models there are."""

import pytest

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
