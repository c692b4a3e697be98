"""The controls, for admins: what may be called, the switch that stops all inference, how the model servers are."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from vanilla.api.callers import Admin, ServicesDep
from vanilla.models import utc_text
from vanilla.operations.controls import ControlsChange

router = APIRouter(prefix="/admin/api", tags=["admin"])


@router.get("/settings")
async def read_controls(_admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """The controls as they stand."""
    return asdict(services.controls.now)


@router.patch("/settings")
async def change_controls(change: ControlsChange, admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """Change what the body names. Switching inference off also ends the calls in flight."""
    return asdict(await services.controls.change(change, by=admin.user_id))


@router.get("/upstreams")
async def check_upstreams(_admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """Ask both model servers now."""
    return {
        "items": [
            {
                "backend": each.backend,
                "healthy": each.problem is None,
                "problem": each.problem,
                "models": len(each.models),
                "is_set_up": each.is_set_up,
                "took_ms": each.took_ms,
                "asked_at": utc_text(each.asked_at),
            }
            for each in await services.models.health(anew=True)
        ]
    }
