"""Signing in and out, registering, and who one is."""

from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, StrictStr
from starlette.responses import JSONResponse, RedirectResponse, Response

from vanilla.accounts.caller import Credential
from vanilla.accounts.landing import local_path
from vanilla.accounts.names import username_key
from vanilla.accounts.sessions import COOKIE_LIFETIME, cookie_name, hash_of
from vanilla.accounts.users import Tokens
from vanilla.api.bodies import content_type, parsed
from vanilla.api.callers import AnyCaller, ServicesDep, SignedIn
from vanilla.api.users import shown
from vanilla.errors import Invalid, TooManyRequests, VanillaError
from vanilla.models import User
from vanilla.services import Services

router = APIRouter(prefix="/auth", tags=["auth"])
FORMS = {"application/x-www-form-urlencoded", "multipart/form-data"}


class Credentials(BaseModel):
    """A name and a password."""

    username: StrictStr
    password: StrictStr


class PasswordChange(BaseModel):
    """The password there is and the one to be."""

    current_password: StrictStr
    new_password: StrictStr


class OwnLimit(BaseModel):
    """A limit of one's own, over the same period as the host's; the lower of the two holds. None for none."""

    model_config = ConfigDict(extra="forbid")

    own_token_limit: Tokens | None


@router.post("/login")
async def login(request: Request, services: ServicesDep) -> Response:
    """Sign in: with JSON, 200 and `{"user": User}`; with a form, 303 to its local `next`, or back to /login with
    `error` (`wrong`, `slow` with `seconds`) and `next`."""
    if content_type(request) not in FORMS:
        credentials = await parsed(request, Credentials)
        user = await _checked(request, services, credentials.username, credentials.password)
        return await signed_in(request, services, user, JSONResponse({"user": shown(user)}))
    async with request.form() as fields:
        texts = {name: value for name, value in fields.items() if isinstance(value, str)}
    target = local_path(texts.get("next", ""))
    try:
        user = await _checked(request, services, texts.get("username", ""), texts.get("password", ""))
        return await signed_in(request, services, user, see_other(target))
    except VanillaError as error:
        return see_other(f"/login?{urlencode({**_reason(error), 'next': target})}")


@router.post("/logout")
async def logout(request: Request, services: ServicesDep) -> Response:
    """Sign out: with a form, 303 to /login; else 200. Signing out twice is fine."""
    name = cookie_name(request.scope["origin"])
    if secret := request.cookies.get(name):
        await services.sessions.close(hash_of(secret))
    is_form = content_type(request) in FORMS
    response = see_other("/login") if is_form else JSONResponse({"user": None})
    response.delete_cookie(name, path="/", secure=name.startswith("__Host-"), httponly=True, samesite="lax")
    return response


@router.get("/me")
async def me(caller: AnyCaller, services: ServicesDep) -> dict[str, Any]:
    """Who is asking. A game learns the player's id and name, and nothing more."""
    if caller.credential is Credential.PLAY_TOKEN:
        return {"user": {"id": caller.user_id, "username": caller.username}}
    return {"user": shown(await services.users.get(caller.user_id))}


@router.patch("/me")
async def change_me(change: OwnLimit, caller: SignedIn, services: ServicesDep) -> dict[str, Any]:
    """Set a lower limit for oneself, or lift it."""
    return {"user": shown(await services.users.set_own_limit(caller.user_id, change.own_token_limit))}


@router.post("/password")
async def change_password(
    change: PasswordChange, request: Request, caller: SignedIn, services: ServicesDep
) -> dict[str, Any]:
    """Change one's own password: every other session and every token ends, this session stays."""
    attempt = await services.throttle.admit(username_key(caller.username), request.scope["client_address"])
    user = await services.users.get(caller.user_id)
    if not await services.passwords.matches(change.current_password, user.password_hash):
        raise Invalid("The current password is wrong.")
    attempt.succeeded()
    await services.users.set_password(user.id, change.new_password, by=user.id, except_sid=caller.session_id)
    return {"user": shown(await services.users.get(user.id))}


async def _checked(request: Request, services: Services, username: str, password: str) -> User:
    attempt = await services.throttle.admit(username_key(username.strip())[:80], request.scope["client_address"])
    user = await services.users.authenticate(username, password)
    attempt.succeeded()
    return user


async def signed_in(request: Request, services: Services, user: User, response: Response) -> Response:
    """Open a session of the user, in place of the one that this browser had, and put its cookie on the response."""
    name = cookie_name(request.scope["origin"])
    if before := request.cookies.get(name):
        await services.sessions.close(hash_of(before))
    secret, _ = await services.sessions.open(
        user, agent=request.headers.get("user-agent", ""), address=request.scope["client_address"]
    )
    response.set_cookie(
        name,
        secret,
        max_age=COOKIE_LIFETIME,
        path="/",
        secure=name.startswith("__Host-"),
        httponly=True,
        samesite="lax",
    )
    return response


def _reason(error: VanillaError) -> dict[str, str]:
    if isinstance(error, TooManyRequests):
        return {"error": "slow", "seconds": str(error.retry_after or 1)}
    return {"error": "wrong"}


def see_other(target: str) -> Response:
    """On to a page, after a form."""
    return RedirectResponse(target, 303, {"cache-control": "no-store"})
