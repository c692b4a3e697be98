"""A user as the API shows them."""

from typing import Any

from pydantic import BaseModel

from vanilla.accounts.users import Users
from vanilla.models import User, utc_text
from vanilla.operations.controls import Controls


def with_usual_limit(new: BaseModel, controls: Controls) -> dict[str, Any]:
    """What a new user or invitation is made of: with the limit of new users, where the body names none."""
    given = new.model_dump()
    if "token_limit" not in new.model_fields_set:
        given["token_limit"] = controls.default_token_limit
        if "limit_period" not in new.model_fields_set:
            given["limit_period"] = controls.default_limit_period
    return given


def shown(user: User) -> dict[str, Any]:
    """The `User` of the HTTP contract: `tokens_used` counts the current period, null means no limit."""
    return {
        "id": user.id,
        "username": user.username,
        "is_admin": user.is_admin,
        "is_active": user.is_active,
        "token_limit": user.token_limit,
        "own_token_limit": user.own_token_limit,
        "limit_period": user.limit_period,
        "tokens_used": Users.current_usage(user),
        "requests_per_minute": user.requests_per_minute,
        "concurrent_calls": user.concurrent_calls,
        "created_at": utc_text(user.created_at),
    }
