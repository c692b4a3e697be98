"""Saves: what a game keeps for its player. For the play page and the account page of the player's own session alone:
a game itself, with its token, reads and writes them only through the page around it.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from vanilla.api.callers import ServicesDep, SignedIn
from vanilla.errors import BadRequest, Invalid, TooLarge
from vanilla.games import entries
from vanilla.games.files import MB, on_thread
from vanilla.games.saves import State
from vanilla.models import utc_text
from vanilla.services import Services

router = APIRouter(prefix="/api/games/{game_id}/saves", tags=["saves"])

LARGEST_CHANGE = 36 * MB  # a 5 MB save whose every character is an escape, such as "\u0000"
KEPT_IN_MEMORY = 256_000  # bytes of a body; beyond that it is on disk
PIECE = 256_000  # bytes read or written on a thread in one go
NOT_KEPT = {"cache-control": "no-store"}

BatchId = Annotated[str, Query(min_length=1, max_length=64)]


@router.get("")
async def read(services: ServicesDep, caller: SignedIn, game_id: str) -> Response:
    """What the game keeps in localStorage, cookies and vanilla.storage: `revision`, `contents`, ..."""
    state, contents = await services.saves.local(caller, game_id)
    text = with_contents(state, contents)
    return Response(text, media_type="application/json", headers=NOT_KEPT)


@router.post("")
async def change(request: Request, services: ServicesDep, caller: SignedIn, game_id: str) -> dict[str, Any]:
    """Merge changes: `{"batch": id, "changes": {"local": {"clear", "remove", "set"}, "cookies": ..., "storage": ...}}`.

    A batch that arrives a second time changes nothing. `revision` in the answer counts every change; where it is not
    the one after the last known, somebody else has changed the save too.
    """
    async with _body(request, services, LARGEST_CHANGE) as (body, _):
        batch, changes = await on_thread(_read_change, body)
    state = await services.saves.change(caller, game_id, batch, changes)
    return state_json(state)


@router.get("/databases")
async def read_databases(services: ServicesDep, caller: SignedIn, game_id: str) -> Response:
    """What the game keeps in IndexedDB, as segments (vanilla/games/records.py) one after the other."""
    state, pieces, size = await services.saves.databases(caller, game_id)
    saved = str(int(state.updated_at.timestamp() * 1000)) if state.updated_at else "0"
    told = {"x-save-revision": str(state.revision), "x-save-updated": saved}
    headers = {**NOT_KEPT, "content-length": str(size), **told}
    return StreamingResponse(pieces, media_type="application/octet-stream", headers=headers)


@router.post("/databases")
async def change_databases(
    request: Request, services: ServicesDep, caller: SignedIn, game_id: str, batch: BatchId
) -> dict[str, Any]:
    """Add one segment, the body, to what the game keeps in IndexedDB."""
    most = services.settings.max_databases_mb * MB + MB
    async with _body(request, services, most) as (body, size):
        state = await services.saves.change_databases(caller, game_id, batch, body, size)
    return state_json(state)


@router.get("/export")
async def export(services: ServicesDep, caller: SignedIn, game_id: str) -> Response:
    """Everything that the game keeps, as a file to keep oneself."""
    title, pieces = await services.saves.export(caller, game_id)
    name = re.sub(r"[^A-Za-z0-9]+", "-", title).strip("-").lower() or game_id
    headers = {**NOT_KEPT, "content-disposition": f'attachment; filename="{name}-saves.json"'}
    return StreamingResponse(pieces, media_type="application/json", headers=headers)


@router.post("/import", status_code=204)
async def replace(request: Request, services: ServicesDep, caller: SignedIn, game_id: str) -> None:
    """Put an exported file, the body, in the place of everything that the game keeps."""
    most = services.settings.max_databases_mb * MB * 4 // 3 + LARGEST_CHANGE
    async with _body(request, services, most) as (body, _):
        await services.saves.replace(caller, game_id, body)


@router.delete("", status_code=204)
async def reset(services: ServicesDep, caller: SignedIn, game_id: str) -> None:
    """Forget everything that the game keeps."""
    await services.saves.reset(caller.user_id, game_id)


def state_json(state: State) -> dict[str, Any]:
    """Where a save stands, as it is told to pages."""
    return {
        "revision": state.revision,
        "size_bytes": state.size_bytes,
        "updated_at": utc_text(state.updated_at) if state.updated_at else None,
        "batches": state.batches,
    }


def with_contents(state: State, contents: bytes) -> bytes:
    """The same, as JSON, with `contents`, which are JSON already: megabytes that nobody has to read here."""
    return entries.write_json(state_json(state))[:-1] + b',"contents":' + contents + b"}"


def _read_change(body: IO[bytes]) -> tuple[str, entries.Changes]:
    data = entries.read_json(body.read())
    batch = data.get("batch") if isinstance(data, dict) else None
    if not isinstance(batch, str) or not re.fullmatch(r"[\x21-\x7e]{1,64}", batch):
        raise Invalid("A change of a save has a batch: an id of its own, 1 to 64 characters.")
    return batch, entries.checked_changes(data.get("changes"))


@asynccontextmanager
async def _body(request: Request, services: Services, most: int) -> AsyncIterator[tuple[IO[bytes], int]]:
    """The request's body and its size in bytes; a large one is on disk, so that slow senders cost no memory.

    Raises TooLarge, BadRequest for one that ends early.
    """
    if int(request.headers.get("content-length", "0")) > most:
        raise _too_large(most)
    size = 0
    with SpooledTemporaryFile(max_size=KEPT_IN_MEMORY, dir=str(services.settings.data_dir)) as file:
        try:
            async for chunk in request.stream():
                size += len(chunk)
                if size > most:
                    raise _too_large(most)
                if size <= KEPT_IN_MEMORY:
                    file.write(chunk)
                else:
                    await on_thread(file.write, chunk)
        except ClientDisconnect:
            raise BadRequest("The save ended before it was complete.") from None
        file.seek(0)
        yield file, size


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"This is more than a game may keep: at most {most // MB} MB are read here.")
