"""The users, for admins: list, create (also as /auth/register), change."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StrictBool, StrictStr

from vanilla.accounts.periods import LimitPeriod
from vanilla.accounts.users import Tokens, UserChanges
from vanilla.api.callers import Admin, ServicesDep
from vanilla.api.users import shown
from vanilla.models import User, utc_text

router = APIRouter(tags=["admin"])


class NewUser(BaseModel):
    """Someone to let in. `token_limit` null means no limit."""

    model_config = ConfigDict(extra="forbid")

    username: StrictStr
    password: StrictStr
    is_admin: StrictBool = False
    token_limit: Tokens | None = None
    limit_period: LimitPeriod = "total"


@router.get("/admin/api/users")
async def list_users(
    _admin: Admin,
    services: ServicesDep,
    search: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> dict[str, Any]:
    """A page of the users by name, with what they used in all and when they were here last."""
    users, total = await services.users.list(search, limit, offset)
    return {"items": [_row(user) for user in users], "total": total}


@router.post("/auth/register", status_code=201)
@router.post("/admin/api/users", status_code=201)
async def create_user(new: NewUser, _admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """Let somebody in."""
    return shown(await services.users.create(**new.model_dump()))


@router.put("/admin/api/users/{user_id}")
async def change_user(user_id: str, changes: UserChanges, _admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """Change what the body names; the rest stays."""
    return shown(await services.users.update(user_id, changes))


def _row(user: User) -> dict[str, Any]:
    seen = user.last_active_at
    return {
        **shown(user),
        "total_tokens": user.total_tokens,
        "last_active_at": None if seen is None else utc_text(seen),
    }
