"""The OpenAPI description of the HTTP API: what FastAPI reads off the routes, and what it cannot see there: who may
call, errors in their shapes, forms, answers, and the calls of models, which are passed on without being read by it.

OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.0
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from vanilla import __version__
from vanilla.accounts.sessions import cookie_name
from vanilla.api import answers, callers, failures
from vanilla.api.answers import ANSWERS
from vanilla.api.inference import PREFIX
from vanilla.inference.backends.base import Backend, Route
from vanilla.services import Services

Json = dict[str, Any]

INTRODUCTION = (
    "Sign in with a browser, or send an API token from the account page as `Authorization: Bearer vk_...`. "
    "Models are called in the native shapes of Anthropic's and Ollama's APIs; the guide for authors of games is at "
    "[/docs](/docs)."
)
TAGS = {
    "auth": "Signing in and out, and who one is.",
    "usage": "Tokens used, and what is left.",
    "inference": "Which models there are.",
    "anthropic": "Anthropic's own API, with the caller's token in place of a key.",
    "ollama": "Ollama's own API, and its OpenAI-compatible one below /v1.",
    "games": "Listing, uploading and looking after games.",
    "play": "What the page around a game does.",
    "saves": "What games keep for their players.",
    "tokens": "One's own API tokens.",
    "invitations": "Links that let somebody in.",
    "admin": "For admins.",
    "health": "For supervisors and reverse proxies.",
    "operations": "For whoever runs the server.",
}
_UPSTREAM_DOCS = {
    "anthropic": "https://docs.claude.com/en/api/messages",
    "ollama": "https://github.com/ollama/ollama/blob/main/docs/api.md",
    "openai": "https://github.com/ollama/ollama/blob/main/docs/openai.md",
}

# Who is let in, by the dependency that a route declares; the weakest credential that is enough comes last.
_CREDENTIALS: dict[Callable[..., Any], tuple[str, ...]] = {
    callers._admin: ("session",),
    callers._signed_in: ("session",),
    callers._account: ("session", "apiToken"),
    callers._any_caller: ("session", "apiToken", "playToken"),
}

_SUMMARIES = {
    "POST /auth/login": "Sign in",
    "POST /auth/logout": "Sign out",
    "GET /auth/me": "Who am I",
    "PATCH /auth/me": "Set a limit of one's own",
    "POST /auth/invitation": "Accept an invitation",
    "POST /auth/reset": "Choose a new password by a link",
    "POST /admin/api/invitations": "Invite somebody",
    "DELETE /admin/api/invitations/{invitation_id}": "Revoke an invitation",
    "POST /admin/api/users/{user_id}/reset": "Make a link to a new password",
    "POST /admin/api/users/{user_id}/sign-out": "Sign a user out everywhere",
    "GET /admin/api/audit": "Who changed what",
    "GET /admin/api/audit.csv": "Who changed what, as CSV",
    "GET /admin/api/usage": "Usage of everybody",
    "GET /admin/api/usage.csv": "The ledger as CSV",
    "GET /admin/api/usage/{user_id}": "Usage of one user",
    "GET /admin/api/settings": "Read the host's controls",
    "PATCH /admin/api/settings": "Change the host's controls",
    "GET /api/inference/usage": "Tokens used and left",
    "GET /api/inference/usage/stats": "Tokens by backend, model and day",
    "GET /healthz": "Is it alive",
    "GET /readyz": "Can it do its work",
    "GET /games/{game_id}/": "Open a game",
    "POST /api/games/{game_id}/play": "Begin to play",
    "POST /api/games/{game_id}/play/extend": "Go on playing",
    "GET /api/games/{game_id}/saves": "Read a save",
    "POST /api/games/{game_id}/saves": "Change a save",
    "DELETE /api/games/{game_id}/saves": "Reset a save",
    "GET /api/games/{game_id}/saves/databases": "Read a save's databases",
    "POST /api/games/{game_id}/saves/databases": "Change a save's databases",
    "GET /api/games/{game_id}/saves/export": "Export a save",
    "POST /api/games/{game_id}/saves/import": "Import a save",
    "GET /api/openapi.json": "This description",
}

_TEXT: Json = {"type": "string"}
_FILE: Json = {"type": "string", "format": "binary"}
_CREDENTIAL_FIELDS: Json = {"username": _TEXT, "password": {"type": "string", "format": "password"}}
_GAME_FIELDS: Json = {
    "file": {**_FILE, "description": "A .zip, or a single .html."},
    "entry": {**_TEXT, "description": "The page to open, where the game has several."},
    "notes": {**_TEXT, "description": "What is new in this version."},
}
# Bodies that are read as they stream in, so that FastAPI knows nothing of them: media type and fields.
_BODIES: dict[str, tuple[str, Json]] = {
    "POST /auth/login": ("application/json", _CREDENTIAL_FIELDS),
    "POST /api/games": (
        "multipart/form-data",
        {
            **_GAME_FIELDS,
            "title": _TEXT,
            "description": _TEXT,
            "tags": {**_TEXT, "description": "Several, separated by commas."},
            "cover": {**_FILE, "description": "A PNG, JPEG, WebP, GIF or AVIF."},
            "visibility": {**_TEXT, "enum": ["draft", "unlisted", "shared"]},
        },
    ),
    "POST /api/games/{game_id}/versions": (
        "multipart/form-data",
        {**_GAME_FIELDS, "publish": {**_TEXT, "enum": ["true", "false"]}},
    ),
    "PUT /api/games/{game_id}/cover": ("multipart/form-data", {"cover": _FILE}),
    "POST /api/games/{game_id}/saves": ("application/json", {"batch": _TEXT, "changes": {"type": "object"}}),
    "POST /api/games/{game_id}/saves/databases": ("application/octet-stream", {}),
    "POST /api/games/{game_id}/saves/import": ("application/json", {}),
}
_REQUIRED = {"username", "password", "file", "batch", "changes"}
# Answers that are not JSON.
_MEDIA = {
    "GET /admin/api/usage.csv": "text/csv",
    "GET /admin/api/audit.csv": "text/csv",
    "GET /metrics": "text/plain",
    "GET /api/games/{game_id}/cover": "image/*",
    "GET /api/games/{game_id}/saves/databases": "application/octet-stream",
}
_REDIRECTS = {"GET /games/{game_id}/": "To the play page."}
_ERRORS = {
    "400": "The request cannot be read.",
    "401": "Nobody is signed in, or the token is wrong, expired or revoked.",
    "403": "The caller may not do this.",
    "404": "There is no such thing.",
    "413": "The body is too large.",
    "422": "A value is not acceptable.",
    "429": "Too much or too fast. With `retry-after` it may be tried again; without, the tokens are used up.",
    "502": "The model's server does not answer.",
    "default": "Any other error.",
    "503": "The host has not set this up, or has switched it off for now.",
}


def describe(app: FastAPI, services: Services, routers: Sequence[APIRouter]) -> Json:
    """The whole description, as JSON. `routers` are all those of the application."""
    whole = get_openapi(title="Vanilla", version=__version__, description=INTRODUCTION, routes=app.routes)
    schemas = _schemas(whole.setdefault("components", {}).get("schemas", {}))
    whole["components"] = {"schemas": schemas, "securitySchemes": _schemes()}
    dependants = {
        (method, route.path_format): route.dependant
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    for path, operations in whole["paths"].items():
        for method, operation in operations.items():
            _complete(f"{method.upper()} {path}", operation, dependants.get((method.upper(), path)))
    for backend in services.relay.backends.values():
        for route in backend.routes:
            whole["paths"].setdefault(f"{PREFIX}/{backend.name}{route.path}", {})[route.method.lower()] = _call(
                backend, route
            )
    used = {tag for operations in whole["paths"].values() for each in operations.values() for tag in each["tags"]}
    whole["tags"] = [{"name": name, "description": words} for name, words in TAGS.items() if name in used]
    whole["externalDocs"] = {"description": "The guide for authors of games", "url": "/docs"}
    return whole


def _schemas(known: Json) -> Json:
    """Those of FastAPI but for its own errors, and those of answers."""
    models: set[type[BaseModel]] = {*ANSWERS.values(), answers.Error, answers.OllamaError, answers.OpenAIError}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, described = models_json_schema(
        [(model, "serialization") for model in ordered], ref_template="#/components/schemas/{model}"
    )
    added: Json = {name: _open(schema) for name, schema in described["$defs"].items()}
    kept = {name: schema for name, schema in known.items() if name not in ("HTTPValidationError", "ValidationError")}
    return {**kept, **added}


def _open(schema: Json) -> Json:
    """Fields may be added at any time."""
    return {name: value for name, value in schema.items() if name != "additionalProperties"}


def _schemes() -> Json:
    token = {"type": "http", "scheme": "bearer"}
    return {
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": cookie_name("http://"),
            "description": f"The cookie of a signed-in browser; on https it is called {cookie_name('https://')}.",
        },
        "apiToken": {**token, "description": "`vk_...`, made on the account page; as x-api-key too."},
        "playToken": {**token, "description": "A game's own, which the SDK puts on its calls."},
    }


def _complete(name: str, operation: Json, dependant: Dependant | None) -> None:
    operation["summary"] = _SUMMARIES.get(name) or operation["summary"].capitalize()
    operation["tags"] = operation.get("tags") or ["operations"]
    if name in _BODIES:
        media, fields = _BODIES[name]
        required = [field for field in fields if field in _REQUIRED]
        schema: Json = {"type": "object", "properties": fields, "required": required} if fields else {}
        operation["requestBody"] = {"required": True, "content": {media: {"schema": schema}}}
    responses: Json = operation["responses"]
    has_values = responses.pop("422", None) is not None or "requestBody" in operation
    success, response = responses.popitem()
    responses["303" if name in _REDIRECTS else success] = _success(name, success, response)
    let_in = _let_in(dependant)
    if let_in:
        operation["security"] = [{scheme: []} for scheme in let_in]
    if dependant is not None and callers._admin in _calls(dependant):
        operation["description"] = f"{operation.get('description', '')}\n\nFor admins.".strip()
    expected = ["401"] * (bool(let_in) or name == "POST /auth/login") + ["403"] * (0 < len(let_in) < 3)
    expected += ["404"] * ("{" in name) + ["413"] * ("requestBody" in operation) + ["422"] * has_values
    if name in ("POST /auth/login", "POST /auth/password", "POST /api/games", "POST /api/games/{game_id}/versions"):
        expected.append("429")
    if name in _REDIRECTS:
        return  # whatever the path names: the page that it leads to says that there is none
    responses |= _errors([*expected, "default"], "Error")


def _success(name: str, status: str, response: Json) -> Json:
    if status == "204":
        return {"description": "Done."}
    if name in _REDIRECTS:
        return {"description": _REDIRECTS[name]}
    if media := _MEDIA.get(name):
        return {"description": "As asked.", "content": {media: {"schema": _TEXT if "text" in media else _FILE}}}
    if model := ANSWERS.get(name):
        return {"description": (model.__doc__ or "").strip(), "content": _json(model.__name__)}
    return {**response, "description": "As asked."}


def _let_in(dependant: Dependant | None) -> tuple[str, ...]:
    """The credentials that are good for a route; none where everybody is let in."""
    calls = set(_calls(dependant)) if dependant is not None else set()
    return next((schemes for call, schemes in _CREDENTIALS.items() if call in calls), ())


def _calls(dependant: Dependant) -> Iterator[Callable[..., Any]]:
    for each in dependant.dependencies:
        if each.call is not None:
            yield each.call
        yield from _calls(each)


def _call(backend: Backend, route: Route) -> Json:
    """A call of a model's API, described by where it is described in full."""
    shape = failures.shape_of(f"{PREFIX}/{backend.name}{route.path}")
    api = "openai" if shape == "openai" else backend.name
    costs = "Metered: its tokens count for the caller." if route.read else "Costs no tokens."
    streams = route.read is not None and route.with_cap is not None
    media = {"application/json": {"schema": {"type": "object"}}}
    if streams:
        media["application/x-ndjson" if shape == "ollama" else "text/event-stream"] = {"schema": _TEXT}
    operation: Json = {
        "tags": [backend.name],
        "summary": f"{_NAMES[api]}: {route.upstream.removeprefix('/')}",
        "description": f"{costs} Request, answer and stream are those of {_NAMES[api]}'s own `{route.upstream}`.",
        "externalDocs": {"url": _UPSTREAM_DOCS[api]},
        "security": [{scheme: []} for scheme in ("session", "apiToken", "playToken")],
        "responses": {"200": {"description": "As the model's server answers.", "content": media}},
        "parameters": [
            {"name": "model", "in": "path", "required": True, "schema": _TEXT}
            for _ in range(route.path.count("{model}"))
        ],
    }
    if route.method == "POST":
        schema: Json = {"type": "object", "properties": {"model": _TEXT}, "required": ["model"]}
        if streams:
            schema["properties"] |= {"stream": {"type": "boolean"}}
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    error = {"platform": "Error", "ollama": "OllamaError", "openai": "OpenAIError"}[shape]
    expected = ["401", "502", "503", "default"] + (["400", "403", "413", "429"] if route.read else [])
    operation["responses"] |= _errors(sorted(expected), error)
    return operation


_NAMES = {"anthropic": "Anthropic", "ollama": "Ollama", "openai": "OpenAI-compatible"}


def _errors(statuses: list[str], shape: str) -> Mapping[str, Json]:
    return {status: {"description": _ERRORS[status], "content": _json(shape)} for status in statuses}


def _json(name: str) -> Json:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
