"""The users, for admins: find, create (also as /auth/register), change, sign out, delete."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, StrictBool, StrictStr

from vanilla.accounts.directory import Search, Show, Sort
from vanilla.accounts.periods import LimitPeriod
from vanilla.accounts.users import Tokens, UserChanges
from vanilla.api.callers import Admin, ServicesDep
from vanilla.api.users import shown, with_usual_limit
from vanilla.models import User, utc_text

router = APIRouter(tags=["admin"])


class NewUser(BaseModel):
    """Someone to let in. `token_limit` null means no limit; without it, what the settings say of new users holds."""

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
    show: Annotated[Show, Query(description="`near`: those who have used 80 % of their limit.")] = "all",
    sort: Annotated[Sort, Query(description="`used`: the part of the limit that is used.")] = "username",
    order: Literal["asc", "desc"] = "asc",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> dict[str, Any]:
    """A page of the users, with what they used in all and when they were here last."""
    wanted = Search(search, show, sort, is_descending=order == "desc")
    users, total = await services.directory.find(wanted, limit=limit, offset=offset)
    return {"items": [_row(user) for user in users], "total": total}


@router.post("/auth/register", status_code=201)
@router.post("/admin/api/users", status_code=201)
async def create_user(new: NewUser, admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """Let somebody in."""
    given = with_usual_limit(new, services.controls.now)
    return shown(await services.users.create(**given, by=admin.user_id))


@router.put("/admin/api/users/{user_id}")
async def change_user(user_id: str, changes: UserChanges, admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """Change what the body names; the rest stays."""
    return shown(await services.users.update(user_id, changes, by=admin.user_id))


@router.post("/admin/api/users/{user_id}/sign-out", status_code=204)
async def sign_out(user_id: str, admin: Admin, services: ServicesDep) -> None:
    """End every session of theirs; API tokens stay."""
    await services.users.get(user_id)
    await services.sessions.close_all(user_id, by=admin.user_id)


@router.delete("/admin/api/users/{user_id}", status_code=204)
async def delete_user(user_id: str, admin: Admin, services: ServicesDep) -> None:
    """Delete them, with their games, saves and tokens, for good. What they used stays counted, without a name."""
    await services.deletions.delete(user_id, by=admin.user_id)


def _row(user: User) -> dict[str, Any]:
    seen = user.last_active_at
    return {
        **shown(user),
        "total_tokens": user.total_tokens,
        "last_active_at": None if seen is None else utc_text(seen),
    }
