"""A user's own API tokens."""

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, StrictStr

from vanilla.api.callers import ServicesDep, SignedIn
from vanilla.models import ApiToken, utc_text

router = APIRouter(prefix="/api/tokens", tags=["tokens"])


class NewToken(BaseModel):
    """What to call it."""

    name: StrictStr


@router.get("")
async def list_tokens(caller: SignedIn, services: ServicesDep) -> dict[str, Any]:
    """The caller's tokens, without their secrets."""
    return {"items": [_shown(token) for token in await services.api_tokens.list(caller.user_id)]}


@router.post("", status_code=201)
async def create_token(new: NewToken, caller: SignedIn, services: ServicesDep) -> dict[str, Any]:
    """A new token. `token` is shown here and never again."""
    secret, token = await services.api_tokens.create(caller.user_id, new.name)
    return {**_shown(token), "token": secret}


@router.delete("/{token_id}", status_code=204)
async def revoke_token(token_id: str, caller: SignedIn, services: ServicesDep) -> None:
    """End a token, at once."""
    await services.api_tokens.revoke(caller.user_id, token_id)


def _shown(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "created_at": utc_text(token.created_at),
        "last_used_at": None if token.last_used_at is None else utc_text(token.last_used_at),
    }
