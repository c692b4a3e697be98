"""The games API: list, upload, look at, remove, and covers. For a session or an API token."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vanilla.accounts.caller import Caller
from vanilla.api.callers import Account, ServicesDep
from vanilla.api.uploads import Upload, UploadedFile, receive
from vanilla.errors import Forbidden, Invalid
from vanilla.games import covers
from vanilla.games.bundles import kind_of
from vanilla.games.catalogue import Sort
from vanilla.games.files import MB, on_thread
from vanilla.games.views import GameView
from vanilla.models import utc_text

router = APIRouter(prefix="/api/games", tags=["games"])

# A cover is shown by an <img> of ours. Opened as a page of its own it must not be able to do anything.
COVER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@router.get("")
async def list_games(
    services: ServicesDep,
    caller: Account,
    search: Annotated[str, Query(max_length=200)] = "",
    tag: Annotated[str, Query(max_length=60)] = "",
    sort: Sort = "recent",
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """Games that match, a page at a time, and how many match in all."""
    games, total = await services.catalogue.list(
        search=search, tag=tag, sort=sort, limit=limit, offset=offset, viewer_id=caller.user_id
    )
    return {"items": [_json(game) for game in games], "total": total}


@router.post("", status_code=201)
async def upload_game(request: Request, services: ServicesDep, caller: Account) -> dict[str, Any]:
    """Publish a game: multipart with `file` (a .zip or one .html), and `title`, `description`, `tags`, `cover`."""
    await services.catalogue.check_storage(caller.user_id)
    async with services.files.staging() as staging:
        largest = {"file": services.settings.max_upload_mb * MB, "cover": covers.LARGEST_FILE}
        upload = await receive(request, staging, largest, services.files.check_room)
        file, cover = _file_of(upload), upload.files.get("cover")
        kind = kind_of(file.filename, await on_thread(_head, file))
        bundle = await services.catalogue.unpack(file.path, kind, staging / "unpacked")
        game = await services.catalogue.create(
            caller.user_id,
            bundle,
            title=upload.text("title"),
            description=upload.text("description"),
            tags=upload.fields.get("tags", []),
            cover=cover.path if cover else None,
        )
    return {**_json(game), "warnings": bundle.warnings}


@router.get("/{game_id}")
async def get_game(game_id: str, services: ServicesDep, caller: Account) -> dict[str, Any]:
    """One game."""
    return _json(await services.catalogue.get(game_id, caller.user_id))


@router.delete("/{game_id}", status_code=204)
async def remove_game(game_id: str, services: ServicesDep, caller: Account) -> None:
    """Remove a game of one's own; an admin may remove any."""
    game = await services.catalogue.get(game_id)
    if not _may_change(game, caller):
        raise Forbidden("Only the owner of a game or an admin may remove it.")
    await services.catalogue.remove(game_id)
    await services.play_tokens.end_game(game_id)


@router.get("/{game_id}/cover")
async def get_cover(
    request: Request,
    game_id: str,
    services: ServicesDep,
    _caller: Account,
    size: Literal["card", "page"] = "card",
    v: str = "",
) -> Response:
    """The picture of a game, 4:3. With the version that `cover_url` carries it may be kept for ever."""
    game = await services.catalogue.get(game_id)
    etag = f'"{game.cover_version}-{size}"'
    is_current = v == game.cover_version
    headers = {
        "etag": etag,
        "cache-control": f"private, {'max-age=31536000, immutable' if is_current else 'no-cache'}",
        "content-security-policy": COVER_POLICY,
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    media_type, data = await services.catalogue.cover(game, size)
    return Response(data, media_type=media_type, headers=headers)


def _json(game: GameView) -> dict[str, Any]:
    return {
        "id": game.id,
        "slug": game.slug,
        "title": game.title,
        "description": game.description,
        "tags": game.tags,
        "owner": game.owner,
        "cover_url": game.cover_url,
        "play_url": game.play_url,
        "created_at": utc_text(game.created_at),
        "updated_at": utc_text(game.updated_at),
        "plays": game.plays,
        "version": game.version,
        "talks": game.talks,
        "last_played_at": utc_text(game.last_played_at) if game.last_played_at else None,
    }


def _file_of(upload: Upload) -> UploadedFile:
    if (file := upload.files.get("file")) is None or not file.size:
        raise Invalid("There is no game in the upload: put a .zip or a single .html into the field named file.")
    return file


def _head(file: UploadedFile) -> bytes:
    with file.path.open("rb") as stream:
        return stream.read(8)


def _may_change(game: GameView, caller: Caller) -> bool:
    return caller.is_admin or game.owner_id == caller.user_id
