"""Links that let somebody in: invitations, and links to a new password. Admins make them, whoever has one uses it."""

import re
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr
from starlette.responses import JSONResponse, Response

from vanilla.accounts.invitations import MOST_DAYS, USUAL_DAYS, Invited, State, state_of
from vanilla.accounts.names import checked_username
from vanilla.accounts.passwords import check_new
from vanilla.accounts.periods import LimitPeriod
from vanilla.accounts.users import Tokens
from vanilla.api.auth import FORMS, see_other, signed_in
from vanilla.api.bodies import content_type, parsed
from vanilla.api.callers import Admin, ServicesDep
from vanilla.api.users import shown, with_usual_limit
from vanilla.errors import Conflict, Invalid, NotFound, TooManyRequests, VanillaError
from vanilla.models import User, utc_now, utc_text
from vanilla.services import Services

router = APIRouter(tags=["invitations"])
_SECRET = re.compile(r"[\w-]{1,100}", re.ASCII)


class NewInvitation(BaseModel):
    """What the friend who comes by it gets. `note` says whom it is for."""

    model_config = ConfigDict(extra="forbid")

    note: StrictStr = ""
    days: Annotated[StrictInt, Field(ge=1, le=MOST_DAYS)] = USUAL_DAYS
    token_limit: Tokens | None = None
    limit_period: LimitPeriod = "total"


class Acceptance(BaseModel):
    """The secret of an invitation, and the name and password that the friend has chosen."""

    token: StrictStr
    username: StrictStr
    password: StrictStr


class NewPassword(BaseModel):
    """The secret of a link to a new password, and the password."""

    token: StrictStr
    password: StrictStr


@router.get("/admin/api/invitations", tags=["admin"])
async def list_invitations(
    _admin: Admin,
    services: ServicesDep,
    state: State | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
) -> dict[str, Any]:
    """A page of them, the newest first, and how many there are in each state."""
    found, counts = await services.invitations.list(state, limit, offset)
    total = sum(counts.values()) if state is None else counts[state]
    return {"items": [_shown(each) for each in found], "total": total, "counts": counts}


@router.post("/admin/api/invitations", status_code=201, tags=["admin"])
async def invite(new: NewInvitation, request: Request, admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """A new link. This is the only time that it is shown."""
    given = with_usual_limit(new, services.controls.now)
    secret, row = await services.invitations.create(by=admin.user_id, **given)
    made = Invited(row, state_of(row, utc_now()), admin.username, None)
    return {**_shown(made), "link": f"{request.scope['origin']}/invitation/{secret}"}


@router.delete("/admin/api/invitations/{invitation_id}", status_code=204, tags=["admin"])
async def revoke(invitation_id: str, admin: Admin, services: ServicesDep) -> None:
    """Make an open one void."""
    await services.invitations.revoke(invitation_id, by=admin.user_id)


@router.post("/admin/api/users/{user_id}/reset", status_code=201, tags=["admin"])
async def make_reset(user_id: str, request: Request, admin: Admin, services: ServicesDep) -> dict[str, Any]:
    """A link, good for a day and one use, by which this user chooses a new password."""
    secret = await services.password_resets.create(user_id, by=admin.user_id)
    return {"link": f"{request.scope['origin']}/reset/{secret}"}


@router.post("/auth/invitation")
async def accept(request: Request, services: ServicesDep) -> Response:
    """Come in by an invitation and be signed in: with JSON, 201 and `{"user": User}`; with a form, 303 to the games, or
    back to the invitation with `error` (`name`, `taken`, `password`, `slow` with `seconds`)."""
    if content_type(request) not in FORMS:
        chosen = await parsed(request, Acceptance)
        user = await _accepted(request, services, chosen.token, chosen.username, chosen.password)
        return await signed_in(request, services, user, JSONResponse({"user": shown(user)}, 201))
    fields = await _fields(request)
    token, username, password = (fields.get(name, "") for name in ("token", "username", "password"))
    try:
        user = await _accepted(request, services, token, username, password)
        return await signed_in(request, services, user, see_other("/"))
    except VanillaError as error:
        return see_other(_back("invitation", token, _reason(error, username)))


@router.post("/auth/reset")
async def choose_password(request: Request, services: ServicesDep) -> Response:
    """Choose a new password by a link and be signed in: with JSON, 200 and `{"user": User}`; with a form, 303 to the
    games, or back to the link with `error` (`password`, `slow` with `seconds`)."""
    if content_type(request) not in FORMS:
        chosen = await parsed(request, NewPassword)
        user = await _reset(request, services, chosen.token, chosen.password)
        return await signed_in(request, services, user, JSONResponse({"user": shown(user)}))
    fields = await _fields(request)
    token = fields.get("token", "")
    try:
        user = await _reset(request, services, token, fields.get("password", ""))
        return await signed_in(request, services, user, see_other("/"))
    except VanillaError as error:
        return see_other(_back("reset", token, _reason(error)))


async def _accepted(request: Request, services: Services, token: str, username: str, password: str) -> User:
    attempt = await services.throttle.admit_link(token, request.scope["client_address"])
    try:
        user = await services.invitations.accept(token, username, password)
    except (Invalid, Conflict):
        attempt.succeeded()  # the link was right
        raise
    attempt.succeeded()
    return user


async def _reset(request: Request, services: Services, token: str, password: str) -> User:
    check_new(password)
    attempt = await services.throttle.admit_link(token, request.scope["client_address"])
    user = await services.password_resets.use(token, password)
    attempt.succeeded()
    return user


async def _fields(request: Request) -> dict[str, str]:
    async with request.form() as fields:
        return {name: value for name, value in fields.items() if isinstance(value, str)}


def _back(page: str, token: str, reason: str) -> str:
    known = token if _SECRET.fullmatch(token) else "unknown"
    return f"/{page}/{quote(known, safe='')}{reason}"


def _reason(error: VanillaError, username: str | None = None) -> str:
    """Why it did not work, as the page takes it; a link that is none, or over, is told by the page itself."""
    if isinstance(error, TooManyRequests):
        return f"?error=slow&seconds={error.retry_after or 1}"
    if isinstance(error, Conflict):
        return "?error=taken"
    if isinstance(error, Invalid):
        return "?error=password" if username is None or _is_name(username) else "?error=name"
    return "" if isinstance(error, NotFound) else "?error=failed"


def _is_name(username: str) -> bool:
    try:
        checked_username(username)
    except Invalid:
        return False
    return True


def _shown(invited: Invited) -> dict[str, Any]:
    row = invited.invitation
    return {
        "id": row.id,
        "note": row.note,
        "state": invited.state,
        "token_limit": row.token_limit,
        "limit_period": row.limit_period,
        "created_by": invited.created_by,
        "created_at": utc_text(row.created_at),
        "expires_at": utc_text(row.expires_at),
        "accepted_at": None if row.accepted_at is None else utc_text(row.accepted_at),
        "user_id": row.user_id,
        "username": invited.username,
    }
