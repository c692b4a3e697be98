"""The description of the API is whole, and true of what routes answer."""

import io
import re
import zipfile
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.factories import PASSWORD, Factory
from vanilla.api import answers
from vanilla.api.answers import ANSWERS
from vanilla.services import Services

Json = dict[str, Any]


@pytest.fixture
async def described(make: Factory) -> Json:
    answer = await (await make.signed_in()).get("/api/openapi.json")
    assert answer.status_code == 200
    found: Json = answer.json()
    return found


def operations(described: Json) -> list[tuple[str, Json]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, by_method in described["paths"].items()
        for method, operation in by_method.items()
    ]


class TestReading:
    async def test_is_for_those_who_may_sign_in(self, make: Factory) -> None:
        for client, status in (
            (await make.browser(), 401),
            (await make.playing(origin=False), 403),
            (await make.with_api_token(), 200),
        ):
            assert (await client.get("/api/openapi.json")).status_code == status

    async def test_shows_no_page_of_fastapis(self, make: Factory) -> None:
        client = await make.admin()
        for path in ("/openapi.json", "/redoc"):
            assert (await client.get(path)).status_code == 404


class TestEveryOperation:
    async def test_says_what_it_does_and_how_it_fails(self, described: Json) -> None:
        tags = {tag["name"] for tag in described["tags"]}
        for name, operation in operations(described):
            assert re.fullmatch(r"[A-Z].*[^.]", operation["summary"]), name
            assert operation["description"], name
            assert operation["tags"], name
            assert set(operation["tags"]) <= tags, name
            for status, response in operation["responses"].items():
                assert response["description"] not in ("", "Successful Response"), (name, status)
                if not status.startswith(("2", "3")):
                    error = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                    expected = (
                        "OpenAIError" if "/ollama/v1/" in name else "OllamaError" if "/ollama" in name else "Error"
                    )
                    assert error == expected, (name, status)
            if "{" in name:
                named = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
                assert named == set(re.findall(r"{(\w+)}", name)), name

    async def test_is_there(self, app: FastAPI, described: Json, make: Factory) -> None:
        """And none is told of that the platform has only to say that it has none."""
        client = await make.browser()
        for name, operation in operations(described):
            method, path = name.split()
            assert ":path" not in path
            answer = await client.request(method, re.sub(r"{\w+}", "x", path))
            if "security" in operation:
                assert answer.status_code == 401, name
            assert answer.status_code not in (404, 405), name

    async def test_refers_only_to_what_is_described(self, described: Json) -> None:
        known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
        found = set(re.findall(r"'\$ref': '([^']+)'", str(described)))
        assert found <= known
        assert {f"#/components/schemas/{model.__name__}" for model in ANSWERS.values()} <= found
        schemes = set(described["components"]["securitySchemes"])
        assert {
            scheme for _, each in operations(described) for one in each.get("security", []) for scheme in one
        } == schemes

    async def test_of_models_leads_to_where_it_is_described_in_full(self, described: Json, services: Services) -> None:
        calls = {name: operation for name, operation in operations(described) if "externalDocs" in operation}
        routes = {
            f"{route.method} /api/inference/{backend.name}{route.path}"
            for backend in services.relay.backends.values()
            for route in backend.routes
        }
        assert set(calls) == routes
        assert all(each["externalDocs"]["url"].startswith("https://") for each in calls.values())


class TestAnswers:
    async def test_are_as_described(self, make: Factory, services: Services) -> None:
        admin, mira = await make.admin(), await make.user("mira", token_limit=1000, limit_period="month")
        client = await make.browser()
        seen: dict[str, Any] = {}

        async def call(who: httpx.AsyncClient, name: str, at: str = "", **body: Any) -> Any:
            method, path = name.split()
            answer = await who.request(method, at or path, **body)
            assert answer.is_success, (name, answer.text)
            seen[name] = answer.json()
            return seen[name]

        await call(client, "POST /auth/login", json={"username": "mira", "password": PASSWORD})
        await call(client, "GET /auth/me")
        await call(client, "PATCH /auth/me", json={"own_token_limit": 500})
        await call(client, "GET /api/inference/usage")
        await call(client, "GET /api/inference/usage/stats")
        await call(client, "GET /api/inference/models")
        await call(client, "POST /api/tokens", json={"name": "bot"})
        await call(client, "GET /api/tokens")
        new = {"username": "sam", "password": PASSWORD}
        sam = await call(admin, "POST /auth/register", json=new)
        await call(admin, "POST /admin/api/users", json={**new, "username": "li"})
        await call(admin, "PUT /admin/api/users/{user_id}", f"/admin/api/users/{sam['id']}", json={"token_limit": 1})

        game = await call(client, "POST /api/games", files={"file": ("a.zip", zipped("<p>One"))})
        here = f"/api/games/{game['id']}"
        await call(client, "GET /api/games")
        await call(client, "GET /api/games/{game_id}", here)
        await call(client, "PATCH /api/games/{game_id}", here, json={"title": "Two"})
        files = {"file": ("a.zip", zipped("<p>Two"))}
        await call(client, "POST /api/games/{game_id}/versions", f"{here}/versions", files=files)
        await call(client, "GET /api/games/{game_id}/versions", f"{here}/versions")
        await call(client, "POST /api/games/{game_id}/versions/{number}/publish", f"{here}/versions/1/publish")
        await call(client, "PUT /api/games/{game_id}/hosts", f"{here}/hosts", json=["fonts.example.org"])
        begun = await call(client, "POST /api/games/{game_id}/play", f"{here}/play")
        extend = {"token": begun["token"]}
        await call(client, "POST /api/games/{game_id}/play/extend", f"{here}/play/extend", json=extend)
        changes = {"local": {"clear": False, "remove": [], "set": {"best": "3"}}}
        await call(client, "POST /api/games/{game_id}/saves", f"{here}/saves", json={"batch": "1", "changes": changes})
        await call(client, "GET /api/games/{game_id}/saves", f"{here}/saves")
        picture = {"cover": ("a.svg", PIXEL)}
        await call(client, "PUT /api/games/{game_id}/cover", f"{here}/cover", files=picture)
        await call(client, "DELETE /api/games/{game_id}/cover", f"{here}/cover")
        assert (await client.delete(here)).status_code == 204
        await call(client, "POST /api/games/{game_id}/restore", f"{here}/restore")
        await call(client, "GET /healthz")
        await call(client, "GET /readyz")

        for name, answer in seen.items():
            ANSWERS[name].model_validate(answer)
        assert set(ANSWERS) - set(seen) == {
            "POST /auth/password",  # the same as PATCH /auth/me
            "POST /api/games/{game_id}/saves/databases",  # the same as for the other half of a save
        }
        assert mira.username == seen["GET /auth/me"]["user"]["username"]

    async def test_to_a_game_name_the_player_alone(self, make: Factory) -> None:
        game = await make.playing()
        me = (await game.get("/auth/me")).json()
        assert set(answers.Me.model_validate(me).user.model_dump()) == set(answers.Player.model_fields)

    async def test_of_errors_are_as_described(self, make: Factory) -> None:
        client = await make.signed_in(await make.user(token_limit=0))
        missing = await client.get("/api/games/nothing")
        answers.Error.model_validate(missing.json())
        body = {"model": "llama3.2", "messages": [{"role": "user", "content": "Halt"}]}
        spent = await client.post("/api/inference/anthropic/v1/messages", json={**body, "max_tokens": 5})
        answers.Error.model_validate(spent.json())
        answers.OllamaError.model_validate((await client.post("/api/inference/ollama/api/chat", json=body)).json())
        openai = await client.post("/api/inference/ollama/v1/chat/completions", json=body)
        answers.OpenAIError.model_validate(openai.json())


def zipped(page: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("index.html", page)
    return file.getvalue()


# A GIF of one pixel.
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff2c00000000010001000002024401003b")
