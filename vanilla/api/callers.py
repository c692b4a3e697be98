"""Who is asking: what routes declare they need, and where a request carries its credential."""

from typing import Annotated

from fastapi import Depends, Request
from starlette.requests import HTTPConnection
from starlette.types import Scope
from structlog.contextvars import bind_contextvars

from vanilla.accounts.caller import Caller, Credential
from vanilla.accounts.sessions import cookie_name
from vanilla.api.origin import is_ours
from vanilla.errors import Forbidden, Unauthenticated
from vanilla.services import Services


async def identify(scope: Scope, services: Services) -> Caller:
    """The caller of an HTTP request, for code that speaks ASGI itself. Raises Unauthenticated.

    A bearer that is presented counts alone. The cookie counts only where the request comes from our own pages or from
    a program: several routes answer other origins, and those must never act as whoever is signed in here.
    """
    connection = HTTPConnection(scope)
    bearer = bearer_of(connection)
    cookie = None
    if bearer is None and is_ours(connection.headers, scope["origin"]):
        cookie = connection.cookies.get(cookie_name(scope["origin"]))
    caller = await services.callers.identify(bearer=bearer, cookie=cookie)
    scope["user_id"] = caller.user_id
    bind_contextvars(user_id=caller.user_id)
    return caller


def bearer_of(connection: HTTPConnection) -> str | None:
    """The token in `Authorization: Bearer` or `x-api-key`, as current and older SDKs send it; None where there is none.

    A wrong kind of Authorization is a wrong token ("", so that it is refused), but for Basic: a reverse proxy that
    guards the whole site with a password makes browsers send that everywhere. Raises Unauthenticated for two tokens
    that differ: nobody could say which was meant.
    """
    presented = []
    authorization = connection.headers.get("authorization")
    if authorization is not None:
        scheme, _, value = authorization.strip().partition(" ")
        if scheme.lower() == "bearer":
            presented.append(value.strip())
        elif scheme.lower() != "basic":
            presented.append("")
    if (key := connection.headers.get("x-api-key")) is not None:
        presented.append(key.strip())
    if len(set(presented)) > 1:
        raise Unauthenticated("Authorization and x-api-key carry two different tokens: send one.")
    return presented[0] if presented else None


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]


async def _any_caller(request: Request, services: ServicesDep) -> Caller:
    return await identify(request.scope, services)


AnyCaller = Annotated[Caller, Depends(_any_caller)]
"""A session, an API token or a play token: inference, usage, models and `/auth/me`."""


async def _account(caller: AnyCaller) -> Caller:
    if caller.credential is Credential.PLAY_TOKEN:
        raise Forbidden("A game may not do this: its token is good for models and usage only.")
    return caller


Account = Annotated[Caller, Depends(_account)]
"""A session or an API token: the games API."""


async def _signed_in(caller: AnyCaller) -> Caller:
    if caller.credential is not Credential.SESSION:
        raise Forbidden("A token may not do this: sign in with a browser.")
    return caller


SignedIn = Annotated[Caller, Depends(_signed_in)]
"""A session only: tokens, password, sessions."""


async def _admin(caller: SignedIn) -> Caller:
    if not caller.is_admin:
        raise Forbidden("Only an admin may do this.")
    return caller


Admin = Annotated[Caller, Depends(_admin)]
"""The session of an admin."""
