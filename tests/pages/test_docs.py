"""The guide tells the truth, and so does the reference. What its examples do is tried in tests/e2e/test_docs.py."""

import json
import re
from html import unescape
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from pages.docs import CHAPTERS, snippets, source, writing, written
from pages.docs.facts import Facts
from tests.factories import Factory
from vanilla.games import examples
from vanilla.services import Services
from vanilla.settings import Settings


async def page_of(client: httpx.AsyncClient, path: str) -> str:
    answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    # NiceGUI sends a page's elements as JSON within its HTML.
    return unescape(answer.text.replace('\\"', '"').replace("\\n", "\n").replace("&quot;", '"')).replace("\\u003c", "<")


@pytest.fixture
def facts(services: Services) -> Facts:
    return Facts.of("https://games.example.org", services.settings)


class TestThePages:
    @pytest.mark.parametrize("path", ["/docs", "/docs/examples/dragon", "/api/docs"])
    async def test_are_for_those_who_are_signed_in(self, make: Factory, path: str) -> None:
        answer = await (await make.browser()).get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/login")
        assert (await (await make.with_api_token()).get(path)).status_code == 303
        assert (await (await make.signed_in()).get(path)).status_code == 200

    async def test_have_the_platforms_own_address_in_them(self, make: Factory) -> None:
        page = await page_of(await make.signed_in(), "/docs")
        assert "http://test/api/inference/anthropic" in page
        assert "ORIGIN" not in page

    @pytest.mark.parametrize("name", ["", "nothing", "../upkeep", "__init__.py", "fonts"])
    async def test_show_no_source_but_that_of_examples(self, make: Factory, name: str) -> None:
        assert (await (await make.signed_in()).get(f"/docs/examples/{name}")).status_code == 404

    @pytest.mark.parametrize("name", examples.NAMES)
    async def test_show_every_file_of_an_example(self, make: Factory, name: str) -> None:
        page = await page_of(await make.signed_in(), f"/docs/examples/{name}")
        for path in examples.files(name):
            assert f'aria-label="{path}"' in page


class TestTheGuide:
    def test_leads_to_chapters_that_are_there(self, facts: Facts) -> None:
        anchors = re.findall(r'<h2 id="([^"]+)"', written(facts))
        assert anchors == [anchor for anchor, _, _ in CHAPTERS]
        listed = source.contents({anchor: title for anchor, title, _ in CHAPTERS})
        assert re.findall(r'href="#([^"]+)"', listed) == anchors

    def test_shows_every_example_there_is(self, facts: Facts) -> None:
        shown = unescape(re.sub(r"<[^>]+>", "", written(facts)))
        for name in snippets.names():
            assert facts.source(name) in shown, name

    async def test_names_only_addresses_that_are_there(self, facts: Facts, make: Factory) -> None:
        client = await make.signed_in()
        page = unescape(re.sub(r"<[^>]+>", " ", written(facts)))
        calls = set(re.findall(r"\b(GET|POST) (/(?:api|auth)/[\w/]+)", page))
        assert len(calls) >= 6
        for method, path in calls:
            answer = await client.request(method, path, headers={"origin": "http://test"})
            # With no model server and an empty body: read and refused, or answered, but never unknown.
            assert answer.status_code in (200, 400, 502, 503), (method, path, answer.text)
        for href in set(re.findall(r'href="(/[^"#]*)"', written(facts))):
            assert (await client.get(href)).status_code == 200, href

    async def test_calls_forbidden_what_is(self, make: Factory) -> None:
        program = await make.with_api_token()
        for path in ("/api/pull", "/api/delete", "/api/create"):
            assert (await program.post(f"/api/inference/ollama{path}", json={"model": "x"})).status_code == 403, path

    def test_tells_the_limits_of_this_host(self, facts: Facts) -> None:
        prompt = facts.source("prompt.md")
        assert f"At most {facts.files:,} files, {facts.unpacked_mb:,} MB unpacked" in prompt
        assert not re.search(r"FILES files|UNPACKED|UPLOAD|PATH|DATABASES", prompt)
        assert f"At most {facts.upload_mb:,} MB as an upload" in written(facts)

    def test_tells_an_assistant_of_everything_in_the_sdk(self, facts: Facts) -> None:
        sdk = (Path("vanilla") / "static" / "vanilla.js").read_text()
        offered = re.search(r"window\.vanilla = Object\.freeze\({ (.*) }\)", sdk)
        assert offered is not None
        names = {re.split(r"[: ]", each)[0] for each in offered[1].split(", ") if not each.startswith("...")}
        names |= {"VanillaError", "LimitError"}
        assert names >= {"chat", "stream", "models", "usage", "user", "storage", "onLimit"}
        for told in (facts.source("prompt.md"), unescape(re.sub(r"<[^>]+>", "", written(facts)))):
            assert {name for name in names if name not in told} == set()


class TestExamplesOfData:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"anthropic_api_key": SecretStr("sk-ant-test")})

    async def test_a_limit_that_is_reached_looks_as_it_is_told(self, make: Factory) -> None:
        client = await make.signed_in(await make.user(token_limit=100, limit_period="month"))
        body = {"model": "claude-haiku-4-5", "max_tokens": 10, "messages": [{"role": "user", "content": "word " * 200}]}
        answer = (await client.post("/api/inference/anthropic/messages", json=body)).json()
        told = json.loads(snippets.snippet("limit-error.json").source)
        assert set(answer) == set(told)
        assert set(answer["error"]) == set(told["error"])
        pattern = re.sub(r"[\d,]+", "N", told["error"]["message"])
        assert re.sub(r"[\d,]+", "N", answer["error"]["message"]) == pattern

    async def test_a_meta_file_is_read_as_it_is_told(self, services: Services, make: Factory, tmp_path: Path) -> None:
        meta = snippets.snippet("meta.json").source
        (tmp_path / "game").mkdir()
        (tmp_path / "game" / "index.html").write_text("<p>A gate")
        (tmp_path / "game" / "meta.json").write_text(meta)
        owner = await make.user()
        game = await services.catalogue.publish_folder(owner.id, tmp_path / "game", title="", description="")
        told = json.loads(meta)
        assert (game.title, game.description, game.tags) == (told["title"], told["description"], told["tags"])
        (version,) = await services.versions.list(game.id, await make.caller(owner))
        assert version.notes == told["notes"]
        assert any("art/cover.png" in warning for warning in version.warnings)


class TestWriting:
    def test_shows_everything_that_is_not_marked_as_text(self) -> None:
        assert writing.inline("a < b & `<c>`") == "a &lt; b &amp; <code>&lt;c&gt;</code>"
        assert writing.inline("**so** [there](/docs#x)") == '<strong>so</strong> <a href="/docs#x">there</a>'
        assert 'rel="noreferrer"' in writing.inline("[out](https://example.org)")
        assert "<script" not in writing.code('<script>"</script>', "html", "a <b>")


class TestTheReference:
    async def test_shows_every_route_and_leads_nowhere_else(self, make: Factory) -> None:
        client = await make.signed_in()
        page = await page_of(client, "/api/docs")
        described = (await client.get("/api/openapi.json")).json()
        for path in described["paths"]:
            assert f"<code>{path}</code>" in page, path
        ids = set(re.findall(r' id="([^"]+)"', page))
        assert {anchor for anchor in re.findall(r'href="#([^"]+)"', page) if not anchor.startswith("c")} <= ids
        assert not re.search(r'<(?:script|link)[^>]+(?:src|href)="https?://', page)

    async def test_is_no_way_around_what_is_not_there(self, make: Factory) -> None:
        client = await make.signed_in()
        for path in ("/api/docs/", "/api/doc", "/api/docs/x"):
            answer = await client.get(path)
            assert (path, answer.status_code) in (("/api/docs/", 200), ("/api/doc", 404), ("/api/docs/x", 404))
        headers = {"origin": "http://test"}
        assert (await client.post("/api/docs", headers=headers)).status_code == 404
