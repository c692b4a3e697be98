"""Playing: the files of games by capability, the SDK, and the token of a play page."""

import hashlib
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.datastructures import MutableHeaders
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from vanilla.accounts.caller import Caller
from vanilla.accounts.tokens import PLAY_LASTS
from vanilla.api.callers import ServicesDep, SignedIn
from vanilla.api.saves import with_contents
from vanilla.errors import NotFound, Unauthenticated
from vanilla.games import entries, sandbox
from vanilla.games.content_types import content_type
from vanilla.games.files import StoredFile, on_thread
from vanilla.games.views import GameView
from vanilla.services import Services

router = APIRouter(tags=["play"])

SDK_FILE = Path(__file__).parents[1] / "static" / "vanilla.js"
FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"
EVERY_METHOD = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]

# What the opaque origin of a game makes necessary (facts of CORS), and what keeps a file from being taken for another.
OPEN_HEADERS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "*",
    "cross-origin-resource-policy": "cross-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

# Engines such as Unity store files compressed under a second suffix and rely on the server to say so. A plain .gz is
# left alone: the game unpacks it itself.
PACKED = {".gz": "gzip", ".br": "br"}
PACKED_KINDS = (".js", ".wasm", ".data", ".json", ".symbols")


@cache
def sdk_url() -> str:
    """The SDK's address with its contents' digest."""
    return f"{sandbox.SDK_PATH}?v={hashlib.sha256(SDK_FILE.read_bytes()).hexdigest()[:12]}"


@router.get("/games/{game_id}", include_in_schema=False)
@router.head("/games/{game_id}", include_in_schema=False)
@router.get("/games/{game_id}/")
@router.head("/games/{game_id}/", include_in_schema=False)
async def play_game(game_id: str) -> Response:
    """The address to share: leads to the play page."""
    return _to_play_page(game_id)


@router.api_route("/games/{game_id}/{capability}/{path:path}", methods=EVERY_METHOD, include_in_schema=False)
async def game_file(request: Request, services: ServicesDep, game_id: str, capability: str, path: str = "") -> Response:
    """A file of a game. The address is the permission; cookies and tokens count for nothing here.

    Whatever the answer is, it carries the sandbox: nothing below this path is ever a page of ours.
    """
    headers = {**OPEN_HEADERS, "cache-control": "no-store", "content-security-policy": sandbox.locked_policy()}
    if request.method == "OPTIONS":
        asked = request.headers.get("access-control-request-headers", "*")
        allowed = {"access-control-allow-methods": "GET, HEAD", "access-control-allow-headers": asked}
        return Response(status_code=204, headers={**headers, **allowed, "access-control-max-age": "600"})
    if request.method not in ("GET", "HEAD"):
        return PlainTextResponse("Files of a game can only be read.", 405, {**headers, "allow": "GET, HEAD, OPTIONS"})
    if request.headers.get("sec-fetch-dest") == "document":
        return _to_play_page(game_id, headers)  # opened as a tab, without our frame around it
    try:
        version, hosts = await services.addresses.granted(game_id, capability)
        headers["content-security-policy"] = sandbox.policy(request.scope["origin"], game_id, capability, hosts)
        file = await _found(services, game_id, version, path)
        return await _answer(request, file, version, headers)
    except (NotFound, FileNotFoundError):
        return PlainTextResponse("The game has no such file.", 404, headers)


@router.get(sandbox.SDK_PATH, include_in_schema=False)
@router.head(sandbox.SDK_PATH, include_in_schema=False)
async def sdk(request: Request) -> Response:
    """The SDK, readable from the opaque origin of games."""
    is_current = request.url.query == sdk_url().partition("?")[2]
    headers = {**OPEN_HEADERS, "cache-control": FOR_EVER if is_current else ASK_AGAIN}
    return FileResponse(SDK_FILE, headers=headers, media_type="text/javascript; charset=utf-8")


BEGINNING = 1024 * 1024  # bytes of a page, an even number: what the SDK is put into
PIECE = 256 * 1024  # bytes


Version = Annotated[int | None, Query(ge=1, le=999_999_999)]


class Extension(BaseModel):
    """The token that a play page wants to go on using."""

    token: str = Field(max_length=100)


@router.post("/api/games/{game_id}/play")
async def begin(services: ServicesDep, caller: SignedIn, game_id: str, version: Version = None) -> Response:
    """Count a play and give its page what the frame needs: `url`, and `name`, which is set before it.

    `name` is what the SDK reads: who plays, the play token, good for `expires_in` seconds, and what the game has saved.
    `version` is for the game's owner, who may play any that is kept; a preview counts as no play.
    """
    now = await services.addresses.playable(game_id, caller, version)
    if not now.is_preview:
        await services.catalogue.record_play(caller.user_id, game_id)
    token = await services.play_tokens.open(caller, game_id, now.version)
    state, contents = await services.saves.local(caller, game_id)
    begun = {"url": now.files, "version": now.version, "token": token, "expires_in": PLAY_LASTS}
    name = _boot(caller, now.game, token, with_contents(state, contents))
    text = await on_thread(entries.write_json, {**begun, "name": name})
    return Response(text, media_type="application/json", headers={"cache-control": "no-store"})


@router.post("/api/games/{game_id}/play/extend")
async def extend(
    response: Response,
    services: ServicesDep,
    caller: SignedIn,
    game_id: str,
    extension: Extension,
    version: Version = None,
) -> dict[str, Any]:
    """Keep a play token alive while its page is open. Where it is gone, as after a night's sleep, `token` is new."""
    response.headers["cache-control"] = "no-store"
    now = await services.addresses.playable(game_id, caller, version)  # a game that was shut to them is over
    token = extension.token
    try:
        await services.play_tokens.extend(caller.session_id or "", token)
    except Unauthenticated:
        token = await services.play_tokens.open(caller, game_id, now.version)
    return {"token": token, "expires_in": PLAY_LASTS}


def _to_play_page(game_id: str, headers: dict[str, str] | None = None) -> Response:
    return RedirectResponse(f"/play/{game_id}", 303, {"cache-control": "no-store", **(headers or {})})


async def _found(services: Services, game_id: str, version: int, path: str) -> StoredFile:
    """A file by its name; a folder's name with a slash means the index.html in it. Raises NotFound."""
    return await services.files.find(game_id, version, f"{path}index.html" if path.endswith("/") else path)


async def _answer(request: Request, file: StoredFile, version: int, headers: dict[str, str]) -> Response:
    """Raises FileNotFoundError when the game is removed at this moment."""
    is_page = file.content_type.startswith("text/html")
    # A version's files never change; a page does with the SDK whose address stands in it.
    etag = f'"{version}-{sdk_url()[-12:]}"' if is_page else f'"{version}"'
    headers = {**headers, "etag": etag, "cache-control": ASK_AGAIN if is_page else FOR_EVER}
    if _has(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    if is_page:
        beginning, headers["content-type"] = await on_thread(_beginning, file.path)
        headers["content-length"] = str(len(beginning) + max(0, file.size - BEGINNING))
        if request.method == "HEAD":
            return Response(headers=headers)
        if file.size <= BEGINNING:
            return Response(beginning, headers=headers)
        return StreamingResponse(_page(file.path, beginning), headers=headers)
    media_type = file.content_type
    inner, suffix = Path(file.name).with_suffix(""), Path(file.name).suffix
    if suffix in PACKED and inner.suffix in PACKED_KINDS:
        headers["content-encoding"] = PACKED[suffix]
        media_type = content_type(inner.name)
    stat = await on_thread(file.path.stat)
    return GameFile(file.path, headers=headers, media_type=media_type, stat_result=stat)


class GameFile(FileResponse):
    """A file whose refusals (400 and 416, for a range that cannot be) carry the sandbox too."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kept = {name: self.headers[name] for name in (*OPEN_HEADERS, "content-security-policy")}

        async def send_sandboxed(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(kept)
            await send(message)

        await super().__call__(scope, receive, send_sandboxed)


def _beginning(path: Path) -> tuple[bytes, str]:
    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    return sandbox.with_sdk(beginning, sdk_url(), is_whole=len(beginning) < BEGINNING)


async def _page(path: Path, beginning: bytes) -> AsyncIterator[bytes]:
    """A large page piece by piece: it is never whole in memory, however many ask for it and do not read."""
    yield beginning
    file = await on_thread(path.open, "rb")
    try:
        await on_thread(file.seek, BEGINNING)
        while piece := await on_thread(file.read, PIECE):
            yield piece
    finally:
        file.close()


def _has(if_none_match: str, etag: str) -> bool:
    """RFC 9110, 13.1.2: the weak comparison of a list of tags."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]


def _boot(caller: Caller, game: GameView, token: str, saves: bytes) -> str:
    """The frame's name. Nothing of it stands in an address or in the game's HTML, which is the same for everybody."""
    user = {"id": caller.user_id, "username": caller.username}
    boot = {"vanilla": 1, "token": token, "user": user, "game": {"id": game.id, "title": game.title}}
    return (entries.write_json(boot)[:-1] + b',"saves":' + saves + b"}").decode()
