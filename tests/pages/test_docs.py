"""The guide tells the truth."""

import re
from pathlib import Path

import pytest
from nicegui.testing import User as Browser

from pages.docs import examples
from tests.factories import PASSWORD, Factory, sign_in
from vanilla.services import Services


async def test_every_address_in_it_is_there(user: Browser, make: Factory) -> None:
    await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/docs")
    assert user.client is not None
    words = [str(getattr(element, "text", "")) for element in user.client.elements.values()]
    calls = {tuple(text.split()) for text in words if re.fullmatch(r"(GET|POST) /\S+", text)}
    assert len(calls) >= 6
    for method, path in calls:
        answer = await user.http_client.request(method, path, headers={"origin": "http://test"})
        # With no model server and an empty body: read and refused, or answered, but never unknown.
        assert answer.status_code in (200, 400, 502, 503), (method, path, answer.text)


async def test_base_addresses_are_this_platforms_own(user: Browser, make: Factory) -> None:
    await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/docs")
    await user.should_see('base_url="http://test/api/inference/anthropic"')
    await user.should_see('host="http://test/api/inference/ollama"')
    await user.should_not_see("ORIGIN")


async def test_the_game_to_copy_can_be_uploaded_and_talks(make: Factory, services: Services, tmp_path: Path) -> None:
    (tmp_path / "game").mkdir()
    (tmp_path / "game" / "index.html").write_text(examples.GAME)
    mira = await make.user("mira")
    game = await services.catalogue.publish_folder(mira.id, tmp_path / "game", title="", description="")
    assert game.title == "The gatekeeper"
    assert game.talks


async def test_what_it_calls_forbidden_is(make: Factory) -> None:
    program = await make.with_api_token()
    for path in ("/api/pull", "/api/delete", "/api/create"):
        assert (await program.post(f"/api/inference/ollama{path}", json={"model": "x"})).status_code == 403, path


@pytest.mark.parametrize("name", ["PYTHON_ANTHROPIC", "PYTHON_OLLAMA", "OPENAI"])
def test_the_python_in_it_is_python(name: str) -> None:
    compile(getattr(examples, name), name, "exec")
