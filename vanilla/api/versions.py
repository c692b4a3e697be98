"""The versions of a game, for its owner and admins: upload the next one, publish it, go back to an earlier one."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from starlette.responses import Response

from vanilla.api import game_forms
from vanilla.api.callers import Account, ServicesDep
from vanilla.api.game_json import shown_version
from vanilla.errors import Invalid

router = APIRouter(prefix="/api/games/{game_id}/versions", tags=["games"])

Number = Annotated[int, Path(ge=0, le=999_999_999)]


@router.get("")
async def list_versions(game_id: str, services: ServicesDep, caller: Account) -> dict[str, Any]:
    """Those that are kept, the newest first."""
    versions = await services.versions.list(game_id, caller)
    return {"items": [shown_version(game_id, each) for each in versions], "total": len(versions)}


@router.post("", status_code=201)
async def upload_version(
    request: Request, response: Response, game_id: str, services: ServicesDep, caller: Account
) -> dict[str, Any]:
    """Add a version: multipart with `file`, `notes`, and `publish` (`true`, the default, or `false` to try it first).

    200 and `unchanged` true where the newest version is the same already.
    """
    await services.versions.check(game_id, caller)
    async with services.files.staging() as staging:
        upload, bundle = await game_forms.read_game(request, services, staging)
        version = await services.versions.add(
            game_id, bundle, caller, notes=upload.text("notes"), publish=_is_yes(upload.text("publish"))
        )
    response.status_code = 200 if version.is_unchanged else 201
    return {**shown_version(game_id, version), "unchanged": version.is_unchanged}


@router.post("/{number}/publish")
async def publish_version(game_id: str, number: Number, services: ServicesDep, caller: Account) -> dict[str, Any]:
    """Have everybody play this version: a preview, or an earlier one again."""
    return shown_version(game_id, await services.versions.publish(game_id, number, caller))


@router.delete("/{number}", status_code=204)
async def remove_version(game_id: str, number: Number, services: ServicesDep, caller: Account) -> None:
    """Remove a version that is not played."""
    await services.versions.remove(game_id, number, caller)


def _is_yes(given: str) -> bool:
    if given.lower() not in ("", "true", "false"):
        raise Invalid("publish is true or false.")
    return given.lower() != "false"
