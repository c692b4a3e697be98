"""Who is looking at a page: decided before NiceGUI makes anything for it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from fastapi import Request
from nicegui import Client
from starlette.responses import RedirectResponse, Response

from pages import clients, plain
from vanilla.accounts.caller import Caller
from vanilla.accounts.landing import local_path
from vanilla.accounts.sessions import cookie_name
from vanilla.errors import Forbidden, Unauthenticated
from vanilla.models import User, utc_now
from vanilla.operations.controls import ControlPanel
from vanilla.services import Services


class Instead(Exception):
    """Raised by a page's dependency: the browser gets `response`, and NiceGUI makes nothing."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status_code)
        self.response = response


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone signed in, and what they have left. `token_limit` None is no limit, and so is `remaining_tokens` None."""

    caller: Caller
    user: User
    tokens_used: int  # in the current period
    remaining_tokens: int | None
    is_still_in: Callable[[], Awaitable[bool]] = field(repr=False, compare=False)
    controls: ControlPanel = field(repr=False, compare=False)

    @property
    def is_admin(self) -> bool:
        return self.caller.is_admin

    @property
    def token_limit(self) -> int | None:
        return self.user.effective_limit

    async def authorise(self) -> None:
        """To be called first in what a page does later on: the visitor may be out by then. Raises Unauthenticated."""
        if not await self.is_still_in():
            raise Unauthenticated("You are signed out: sign in again.")

    def stays_with(self, client: Client) -> None:
        """Tie an open page to this visitor: it closes within a second of their sign-out, deactivation or new password.

        Asked again at each connection, since they may have gone while the page was being built.
        """
        clients.belongs_to(client, self.caller)

        async def check() -> None:
            if not await self.is_still_in():
                clients.close(client)

        client.on_connect(check)


def signed_in(services: Services) -> Callable[[Request], Awaitable[Visitor]]:
    """The dependency of a page for anybody who is signed in: `visitor: Visitor = Depends(signed_in(services))`."""

    async def visitor(request: Request) -> Visitor:
        try:
            found = await load(services, cookie_of(request))
        except Unauthenticated:
            raise go_to(login_address(request)) from None
        clients.note_user(request, found.user.id)
        if clients.are_too_many_waiting(request):
            raise Instead(plain.busy(request.url.path))
        return found

    return visitor


def admin(services: Services) -> Callable[[Request], Awaitable[Visitor]]:
    """The dependency of a page for admins alone. Everybody else sees a page that says so."""
    anybody = signed_in(services)

    async def visitor(request: Request) -> Visitor:
        found = await anybody(request)
        if not found.is_admin:
            raise Forbidden("This page is for admins. Ask the host if you need it.")
        return found

    return visitor


async def load(services: Services, cookie: str | None) -> Visitor:
    """The visitor behind a session cookie. Raises Unauthenticated."""
    caller = await services.callers.identify(bearer=None, cookie=cookie)
    user = await services.users.get(caller.user_id)
    now = utc_now()
    used = services.users.current_usage(user, now)

    async def is_still_in() -> bool:
        try:
            again = await services.callers.identify(bearer=None, cookie=cookie)
        except Unauthenticated:
            return False
        return again.is_admin or not caller.is_admin

    return Visitor(
        caller=caller,
        user=user,
        tokens_used=used,
        remaining_tokens=None if user.effective_limit is None else max(0, user.effective_limit - used),
        is_still_in=is_still_in,
        controls=services.controls,
    )


def cookie_of(request: Request) -> str | None:
    """The session cookie that came with a request."""
    return request.cookies.get(cookie_name(request.scope["origin"]))


def go_to(location: str) -> Instead:
    """To be raised: a redirect to a local path."""
    return Instead(RedirectResponse(location, 303, {"Cache-Control": "no-store"}))


def login_address(request: Request) -> str:
    """The sign-in page that leads back here."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    here = local_path(here)
    return "/login" if here == "/" else f"/login?next={quote(here, safe='/')}"
