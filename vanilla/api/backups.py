"""Backups, for admins: making one, the list, fetching and deleting them; what takes room on the disk."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from starlette.responses import FileResponse

from vanilla.api.callers import Admin, ServicesDep
from vanilla.models import utc_text
from vanilla.operations.backups import Kept

router = APIRouter(prefix="/admin/api/backups", tags=["admin"])


@router.get("")
async def list_backups(_admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """Those there are, the newest first; the one that is being made, what became of the last, and what takes room."""
    making, last = services.backups.making, services.backups.last
    return {
        "items": [_shown(kept) for kept in await services.backups.list()],
        "making": None if making is None else asdict(making),
        "last": None if last is None else asdict(last),
        "storage": asdict(await services.backups.storage()),
    }


@router.post("", status_code=202)
async def make_backup(admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """Begin to make one; the list says how far it is."""
    return {"name": await services.backups.start(by=admin.user_id)}


@router.get("/{name}")
async def fetch_backup(name: str, admin: Admin, services: ServicesDep) -> FileResponse:
    """The file. Who fetches it is noted: everything is in it."""
    path = await services.backups.open(name, by=admin.user_id)
    return FileResponse(path, media_type="application/gzip", filename=name, headers={"cache-control": "no-store"})


@router.delete("/{name}", status_code=204)
async def delete_backup(name: str, admin: Admin, services: ServicesDep) -> None:
    """Delete it."""
    await services.backups.delete(name, by=admin.user_id)


def _shown(kept: Kept) -> dict[str, Any]:
    return {"name": kept.name, "size_bytes": kept.size_bytes, "made_at": utc_text(kept.made_at)}
