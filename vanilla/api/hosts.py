"""Other hosts that games may use: their owners ask, admins decide."""

from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field, StrictStr

from vanilla.api.callers import Account, Admin, ServicesDep
from vanilla.api.game_json import shown_host
from vanilla.models import utc_text

router = APIRouter(tags=["games"])


@router.put("/api/games/{game_id}/hosts")
async def ask_for_hosts(
    request: Request,
    game_id: str,
    hosts: Annotated[list[StrictStr], Field(max_length=100)],
    services: ServicesDep,
    caller: Account,
) -> dict[str, Any]:
    """Make these the hosts of a game of one's own, such as `["fonts.example.org"]`. New ones wait for an admin."""
    asked = await services.hosts.ask(game_id, hosts, caller, origin=request.scope["origin"])
    return {"items": [shown_host(each) for each in asked]}


@router.get("/admin/api/hosts")
async def list_hosts(services: ServicesDep, admin: Admin) -> dict[str, Any]:
    """The hosts of all games; those that wait for a decision first."""
    return {
        "items": [
            {
                "game_id": each.game_id,
                "title": each.title,
                "owner": each.owner,
                "host": each.host,
                "requested_at": utc_text(each.requested_at),
                "approved_at": utc_text(each.approved_at) if each.approved_at else None,
                "refused_at": utc_text(each.refused_at) if each.refused_at else None,
            }
            for each in await services.hosts.asked(admin)
        ]
    }


@router.post("/admin/api/games/{game_id}/hosts/{host}", status_code=204)
async def approve_host(game_id: str, host: str, services: ServicesDep, admin: Admin) -> None:
    """Let a game use a host that its owner asked for."""
    await services.hosts.approve(game_id, host, admin)


@router.delete("/admin/api/games/{game_id}/hosts/{host}", status_code=204)
async def refuse_host(game_id: str, host: str, services: ServicesDep, admin: Admin) -> None:
    """Keep a game from using a host, approved or not; its owner sees that."""
    await services.hosts.refuse(game_id, host, admin)
