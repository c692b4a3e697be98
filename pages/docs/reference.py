"""The reference of the HTTP API at /api/docs, drawn from its OpenAPI description: no script of others, one page."""

from collections.abc import Iterable
from html import escape
from typing import Annotated, Any

import nicegui
from fastapi import Depends, FastAPI
from nicegui import ui
from starlette.routing import Route

from pages import design
from pages.docs import source
from pages.docs.writing import heading, inline, link, paragraph
from pages.elements import box, button_link
from pages.frame import frame
from pages.visitor import Visitor, signed_in
from vanilla.services import Services

Json = dict[str, Any]
PATH = "/api/docs"

_CREDENTIALS = {"session": "session", "apiToken": "API token", "playToken": "play token"}


def register(app: FastAPI, services: Services) -> None:
    """Add the page. It goes before the API's answer to whatever is none of its own paths, and to NiceGUI from there."""
    app.router.routes.insert(0, Route(PATH, _ToPages(), methods=["GET", "HEAD"], include_in_schema=False))
    drawn: list[tuple[str, str]] = []

    @ui.page(PATH)
    async def docs(visitor: Annotated[Visitor, Depends(signed_in(services))]) -> None:
        if not drawn:
            described = app.openapi()
            drawn.append((source.contents(_contents(described)), written(described)))
        ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("docs.css")}">')
        ui.add_head_html(f'<script defer src="{design.asset("docs.js")}"></script>')
        with frame(visitor, title="API reference", active="docs") as page:
            with page.controls:
                button_link("OpenAPI as JSON", "/api/openapi.json")
                button_link("The guide", "/docs")
            with box("div", "with-contents"):
                ui.html(drawn[0][0], sanitize=False, tag="div")
                ui.html(drawn[0][1], sanitize=False, tag="div").classes("prose reference")


class _ToPages:
    """Plain ASGI: hands a request over to the app that has the pages."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await nicegui.app(scope, receive, send)


def written(described: Json) -> str:
    """The whole reference, as HTML."""
    parts = [f"<p>{inline(described['info']['description'])}</p>", _SEARCH, _meanings(described)]
    for tag in described["tags"]:
        listed = [
            (method, path, operation)
            for path, operations in described["paths"].items()
            for method, operation in operations.items()
            if operation["tags"][0] == tag["name"]
        ]
        if listed:
            parts.append('<section class="stack close" data-part>')
            parts.append(heading(2, tag["name"].title(), tag["name"]) + paragraph(tag["description"]))
            parts += [_operation(described, *each) for each in listed]
            parts.append("</section>")
    schemas = described["components"]["schemas"]
    parts.append('<section class="stack close" data-part><h2 id="shapes">Shapes</h2>')
    parts += [_shape(name, schema) for name, schema in sorted(schemas.items())]
    return "".join([*parts, "</section>"])


def _meanings(described: Json) -> str:
    """What each status of an error means, once."""
    told: dict[str, str] = {}
    for operations in described["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status.startswith(("4", "5")):
                    told[status] = response["description"]
    rows = "".join(_row(status, "", words) for status, words in sorted(told.items()))
    return f'<details class="operation"><summary>What errors mean</summary><dl class="fields">{rows}</dl></details>'


def _contents(described: Json) -> dict[str, str]:
    first = {operation["tags"][0] for each in described["paths"].values() for operation in each.values()}
    names = [tag["name"] for tag in described["tags"] if tag["name"] in first]
    return {name: name.title() for name in [*names, "shapes"]}


def _operation(described: Json, method: str, path: str, operation: Json) -> str:
    words = escape(f"{method} {path} {operation['summary']}".lower())
    who = [_CREDENTIALS[scheme] for each in operation.get("security", []) for scheme in each]
    body = [f"<p>{inline(' '.join(operation.get('description', '').split()))}</p>"]
    if "externalDocs" in operation:
        body.append(f"<p>{link('Described in full by its makers', operation['externalDocs']['url'])}.</p>")
    body.append(f"<p class='small quiet'>For: {escape(', '.join(who) or 'anybody')}.</p>")
    body.append(_fields("Parameters", map(_parameter, operation.get("parameters", []))))
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = _resolved(described, content.get("schema", {}))
        body.append(_fields(f"Body, {media}", _properties(schema)) or f"<h3>Body, {escape(media)}</h3>")
    answers = {status: each for status, each in operation["responses"].items() if status.startswith(("2", "3"))}
    body.append(_fields("Answers", (_answer(status, each) for status, each in answers.items())))
    body.append(_errors(operation["responses"].keys() - answers.keys(), operation["responses"]))
    return (
        f'<details class="operation" data-words="{words}"><summary>'
        f'<span class="method {method}">{method.upper()}</span><code>{escape(path)}</code>'
        f'<span class="operation-words">{inline(operation["summary"])}</span></summary>'
        f'<div class="stack tight">{"".join(body)}</div></details>'
    )


def _shape(name: str, schema: Json) -> str:
    rows = "".join(_row(*each) for each in _properties(schema))
    about = " ".join(schema.get("description", "").split())
    return (
        f'<details class="operation" id="{escape(name)}" data-words="{escape(name.lower())}"><summary>'
        f'<code>{escape(name)}</code><span class="operation-words">{inline(about.partition(".")[0])}</span></summary>'
        f'<dl class="fields">{rows}</dl></details>'
    )


def _parameter(parameter: Json) -> tuple[str, str, str]:
    where = {"path": "in the path", "query": "in the query", "header": "a header"}[parameter["in"]]
    return parameter["name"], f"{_kind(parameter.get('schema', {}))}, {where}", parameter.get("description", "")


def _properties(schema: Json) -> Iterable[tuple[str, str, str]]:
    required = schema.get("required", [])
    for name, each in schema.get("properties", {}).items():
        yield name, _kind(each) + ("" if name in required else ", optional"), each.get("description", "")


def _answer(status: str, response: Json) -> tuple[str, str, str]:
    kinds = []
    for media, content in response.get("content", {}).items():
        kind = _kind(content.get("schema", {}))
        kinds.append(kind if media == "application/json" else media)
    return status, " or ".join(kinds), response["description"]


def _errors(statuses: Iterable[str], responses: Json) -> str:
    """The statuses alone: what they mean stands at the top of the page."""
    listed = sorted(status for status in statuses if status != "default")
    if "default" not in responses:
        return ""
    shape = _kind(responses["default"]["content"]["application/json"]["schema"])
    words = f"Errors: {', '.join([*listed, 'others'])}, as {shape}."
    return f'<p class="small quiet">{inline(words)}</p>'


def _kind(schema: Json) -> str:
    """A type in a few words: `text`, `list of Game`, `number or null`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(each) for each in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " or ".join(f"`{each}`" for each in schema.get("enum", [schema.get("const")]))
    kind = schema.get("type", "anything")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    if kind == "string":
        return {"date-time": "time", "binary": "file"}.get(schema.get("format", ""), "text")
    return {"integer": "whole number", "boolean": "true or false"}.get(str(kind), str(kind))


def _resolved(described: Json, schema: Json) -> Json:
    if "$ref" not in schema:
        return schema
    found: Json = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _fields(title: str, fields: Iterable[tuple[str, str, str]]) -> str:
    rows = "".join(_row(*each) for each in fields)
    return f'<h3>{escape(title)}</h3><dl class="fields">{rows}</dl>' if rows else ""


def _row(name: str, kind: str, words: str) -> str:
    told = f" {inline(words)}" if words else ""
    return f'<dt><code>{escape(name)}</code></dt><dd><span class="quiet">{inline(kind)}</span>{told}</dd>'


_SEARCH = (
    '<api-search><div class="search"><label class="for-readers" for="api-search">Find a route</label>'
    '<input class="input" id="api-search" type="search" placeholder="Find a route or a shape" autocomplete="off"></div>'
    '<p class="quiet" role="status" id="api-none" hidden>Nothing here is called that.</p></api-search>'
)
