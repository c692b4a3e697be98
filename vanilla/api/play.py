"""Playing: the address to share, the SDK, and the token of a play page. The files themselves are in game_files.py."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import FileResponse, RedirectResponse, Response

from vanilla.accounts.caller import Caller
from vanilla.accounts.tokens import PLAY_LASTS
from vanilla.api.callers import ServicesDep, SignedIn
from vanilla.api.game_files import ASK_AGAIN, DATABASES_FILE, FOR_EVER, OPEN_HEADERS, SDK_FILE, sdk_url
from vanilla.api.saves import with_contents
from vanilla.errors import Unauthenticated
from vanilla.games import entries, sandbox
from vanilla.games.files import on_thread
from vanilla.games.views import GameView

router = APIRouter(tags=["play"])


@router.get("/games/{game_id}", include_in_schema=False)
@router.head("/games/{game_id}", include_in_schema=False)
@router.get("/games/{game_id}/")
@router.head("/games/{game_id}/", include_in_schema=False)
async def play_game(game_id: str) -> Response:
    """The address to share: leads to the play page."""
    return RedirectResponse(f"/play/{game_id}", 303, {"cache-control": "no-store"})


@router.get(sandbox.SDK_PATH, include_in_schema=False)
@router.head(sandbox.SDK_PATH, include_in_schema=False)
@router.get(sandbox.DATABASES_PATH, include_in_schema=False)
@router.head(sandbox.DATABASES_PATH, include_in_schema=False)
async def sdk(request: Request) -> Response:
    """The SDK, and its part for IndexedDB, readable from the opaque origin of games."""
    file = SDK_FILE if request.url.path == sandbox.SDK_PATH else DATABASES_FILE
    is_current = request.url.query == sdk_url().partition("?")[2]
    headers = {**OPEN_HEADERS, "cache-control": FOR_EVER if is_current else ASK_AGAIN}
    return FileResponse(file, headers=headers, media_type="text/javascript; charset=utf-8")


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


def _boot(caller: Caller, game: GameView, token: str, saves: bytes) -> str:
    """The frame's name. Nothing of it stands in an address or in the game's HTML, which is the same for everybody."""
    user = {"id": caller.user_id, "username": caller.username}
    boot = {"vanilla": 1, "token": token, "user": user, "game": {"id": game.id, "title": game.title}}
    return (entries.write_json(boot)[:-1] + b',"saves":' + saves + b"}").decode()
