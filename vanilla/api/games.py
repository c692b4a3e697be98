"""The games API: list, upload, change, remove and have back, covers, favourites. For a session or an API token."""

from typing import Annotated, Any, Literal, get_args

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from vanilla.api import game_forms
from vanilla.api.callers import Account, ServicesDep
from vanilla.api.game_json import shown
from vanilla.api.uploads import receive
from vanilla.errors import Invalid, NotFound
from vanilla.games import covers
from vanilla.games.access import Visibility
from vanilla.games.catalogue import GameChanges
from vanilla.games.views import Sort

router = APIRouter(prefix="/api/games", tags=["games"])

# A cover is shown by an <img> of ours. Opened as a page of its own it must not be able to do anything.
COVER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@router.get("")
async def list_games(
    services: ServicesDep,
    caller: Account,
    search: Annotated[str, Query(max_length=200)] = "",
    tag: Annotated[str, Query(max_length=60)] = "",
    talks: bool | None = None,
    mine: bool = False,
    favourites: bool = False,
    removed: bool = False,
    sort: Sort = "recent",
    limit: Annotated[int, Query(ge=1, le=100)] = 24,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> dict[str, Any]:
    """Games that match, a page at a time, and how many match in all. `mine` are the caller's own, `removed` those of
    them that can still be restored."""
    games, total = await services.catalogue.list(
        viewer=caller,
        search=search,
        tag=tag,
        talks=talks,
        mine=mine,
        favourites=favourites,
        removed=removed,
        sort=sort,
        limit=limit,
        offset=offset,
    )
    return {"items": [shown(game) for game in games], "total": total}


@router.post("", status_code=201)
async def upload_game(request: Request, services: ServicesDep, caller: Account) -> dict[str, Any]:
    """Publish a game: multipart with `file` (a .zip or one .html), and `title`, `description`, `tags`, `cover`,
    `visibility` (`draft`, `unlisted`, `shared`), `notes` of its first version."""
    await services.catalogue.check_storage(caller.user_id)
    async with services.files.staging() as staging:
        upload, bundle = await game_forms.read_game(request, services, staging)
        cover = upload.files.get("cover")
        game = await services.catalogue.create(
            caller.user_id,
            bundle,
            title=upload.text("title"),
            description=upload.text("description"),
            tags=upload.fields.get("tags", []),
            cover=cover.path if cover else None,
            visibility=_visibility(upload.text("visibility")),
            notes=upload.text("notes"),
        )
    return {**shown(game), "warnings": bundle.warnings}


@router.get("/{game_id}")
async def get_game(game_id: str, services: ServicesDep, caller: Account) -> dict[str, Any]:
    """One game."""
    return shown(await services.catalogue.get(game_id, caller))


@router.patch("/{game_id}")
async def change_game(game_id: str, changes: GameChanges, services: ServicesDep, caller: Account) -> dict[str, Any]:
    """Change what the body names, of a game of one's own; an admin may change any."""
    return shown(await services.catalogue.change(game_id, changes, caller))


@router.delete("/{game_id}", status_code=204)
async def remove_game(game_id: str, services: ServicesDep, caller: Account) -> None:
    """Remove a game of one's own; an admin may remove any. For a week it can be restored."""
    await services.removals.remove(game_id, caller)


@router.post("/{game_id}/restore")
async def restore_game(game_id: str, services: ServicesDep, caller: Account) -> dict[str, Any]:
    """Have a removed game back."""
    return shown(await services.removals.restore(game_id, caller))


@router.put("/{game_id}/favourite", status_code=204)
async def add_favourite(game_id: str, services: ServicesDep, caller: Account) -> None:
    """Keep a game at hand."""
    await services.favourites.add(game_id, caller)


@router.delete("/{game_id}/favourite", status_code=204)
async def remove_favourite(game_id: str, services: ServicesDep, caller: Account) -> None:
    """Keep it no longer."""
    await services.favourites.remove(game_id, caller)


@router.get("/{game_id}/cover")
async def get_cover(
    request: Request,
    game_id: str,
    services: ServicesDep,
    caller: Account,
    size: Literal["card", "page"] = "card",
    v: str = "",
) -> Response:
    """The picture of a game, 4:3. With the version that `cover_url` carries it may be kept for ever. Of a removed one
    it is there for whoever may have that back."""
    try:
        game = await services.catalogue.get(game_id, caller)
    except NotFound:
        game = await services.removals.find(game_id, caller)
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


@router.put("/{game_id}/cover")
async def set_cover(request: Request, game_id: str, services: ServicesDep, caller: Account) -> dict[str, Any]:
    """Give a game another cover: multipart with `cover`, a picture."""
    await services.catalogue.check_owned(game_id, caller)
    async with services.files.staging() as staging:
        upload = await receive(request, staging, {"cover": covers.LARGEST_FILE}, services.files.check_room)
        if (cover := upload.files.get("cover")) is None or not cover.size:
            raise Invalid("There is no picture in the form: put it into the field named cover.")
        return shown(await services.catalogue.set_cover(game_id, cover.path, caller))


@router.delete("/{game_id}/cover")
async def remove_cover(game_id: str, services: ServicesDep, caller: Account) -> dict[str, Any]:
    """Have the cover drawn from the game's name."""
    return shown(await services.catalogue.remove_cover(game_id, caller))


def _visibility(given: str) -> Visibility:
    for known in get_args(Visibility):
        if given == known:
            return known  # type: ignore[no-any-return]
    if given:
        raise Invalid(f"A game is {', '.join(get_args(Visibility)[:-1])} or {get_args(Visibility)[-1]}.")
    return "shared"
