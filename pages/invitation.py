"""Links that let somebody in: `/invitation/{token}` and `/reset/{token}`. Plain pages with a real form, so that they
work without JavaScript, password managers know them, and a stranger costs the server nothing to keep."""

from html import escape

import nicegui
from fastapi import Request
from starlette.responses import Response

from pages import figures, plain
from pages.login import wait_words
from pages.visitor import cookie_of, load
from vanilla.accounts.invitations import InvitationOver
from vanilla.accounts.names import LONGEST_USERNAME
from vanilla.accounts.passwords import LONGEST, SHORTEST
from vanilla.errors import NotFound, TooManyRequests, Unauthenticated, VanillaError
from vanilla.models import Invitation
from vanilla.services import Services


def register(services: Services) -> None:
    """Add the pages."""

    @nicegui.app.get("/invitation/{token}", include_in_schema=False)
    async def invitation(request: Request, token: str, error: str = "", seconds: str = "") -> Response:
        try:
            attempt = await services.throttle.admit_link(token, request.scope["client_address"])
            found = await services.invitations.find(token)
            attempt.succeeded()
            host = await _name_of(services, found.created_by)
        except VanillaError as problem:
            return over(problem)
        return welcome(found, token, host, await _signed_in_as(services, request), problem_of(error, seconds))

    @nicegui.app.get("/reset/{token}", include_in_schema=False)
    async def reset(request: Request, token: str, error: str = "", seconds: str = "") -> Response:
        try:
            attempt = await services.throttle.admit_link(token, request.scope["client_address"])
            user = await services.password_resets.find(token)
            attempt.succeeded()
        except VanillaError as problem:
            return over(problem)
        return new_password(user.username, token, problem_of(error, seconds))


def welcome(invitation: Invitation, token: str, host: str, signed_in_as: str, problem: str) -> Response:
    """The form by which a friend comes in. `host` invited them; "" where that is nobody any more."""
    who = f"{host} invites you" if host else "You are invited"
    gift = _gift(invitation)
    other = (
        f'<div class="notice plain" role="status"><span>You are signed in as {escape(signed_in_as)}. This makes another'
        " account, and signs you in as that.</span></div>"
        if signed_in_as
        else ""
    )
    fields = (
        '<div class="field"><label for="username">Choose a name</label>'
        f'<input class="input" id="username" name="username" autocomplete="username" autocapitalize="none" '
        f'spellcheck="false" required autofocus maxlength="{LONGEST_USERNAME}" aria-describedby="name-hint">'
        '<span class="hint" id="name-hint">Your friends see it beside your games.</span></div>'
        + _password_field("Choose a password")
    )
    body = (
        f'<h1>{escape(who)}</h1><p class="lead">to play, share and make small games that talk. {escape(gift)}</p>'
        f"{other}{_notice(problem)}{_form('/auth/invitation', token, fields, 'Join')}"
    )
    return plain.document("You are invited", body, status=200)


def new_password(username: str, token: str, problem: str) -> Response:
    """The form by which somebody chooses a new password. Their name stands in it for password managers."""
    fields = (
        f'<input type="hidden" name="username" autocomplete="username" value="{escape(username)}">'
        + _password_field("New password")
    )
    body = (
        f'<h1>New password</h1><p class="lead">for {escape(username)}. You are signed out everywhere else.</p>'
        f"{_notice(problem)}{_form('/auth/reset', token, fields, 'Save and sign in')}"
    )
    return plain.document("New password", body, status=200)


def over(problem: VanillaError) -> Response:
    """What somebody sees whose link lets nobody in."""
    if isinstance(problem, TooManyRequests):
        return _message("Too fast", problem.message, status=429, headers=dict(problem.headers))
    if isinstance(problem, InvitationOver):
        return _message(_TITLES[problem.state], problem.message, status=410)
    if isinstance(problem, NotFound):
        return _message("This link does not work", problem.message, status=404)
    raise problem


def problem_of(error: str, seconds: str) -> str:
    """The sentence behind what /auth/invitation and /auth/reset say in their redirects."""
    if error == "slow":
        return f"Too many tries. Try again in {wait_words(seconds)}."
    return _PROBLEMS.get(error, "That did not work. Try again." if error else "")


async def _name_of(services: Services, user_id: str | None) -> str:
    if user_id is None:
        return ""
    user = await services.users.get(user_id)
    return "" if user.deleted_at is not None else user.username


async def _signed_in_as(services: Services, request: Request) -> str:
    cookie = cookie_of(request)
    if cookie is None:
        return ""
    try:
        return (await load(services, cookie)).user.username
    except Unauthenticated:
        return ""


def _gift(invitation: Invitation) -> str:
    if invitation.token_limit is None:
        return ""
    span = {"day": " a day", "month": " a month"}.get(invitation.limit_period, "")
    return f"Games may use {figures.counted(invitation.token_limit, 'token')}{span} for you."


def _form(action: str, token: str, fields: str, words: str) -> str:
    return (
        f'<sign-in-form><form method="post" action="{action}">'
        f'<input type="hidden" name="token" value="{escape(token)}">{fields}'
        f'<button class="button primary" type="submit">{escape(words)}</button></form></sign-in-form>'
    )


def _password_field(label: str) -> str:
    return (
        f'<div class="field"><label for="password">{label}</label>'
        '<input class="input" id="password" name="password" type="password" autocomplete="new-password" required '
        f'minlength="{SHORTEST}" aria-describedby="password-hint">'
        f'<span class="hint" id="password-hint">At least {SHORTEST} characters.</span></div>'
    )


def _notice(problem: str) -> str:
    return f'<div class="notice error" role="alert"><span>{escape(problem)}</span></div>' if problem else ""


def _message(title: str, sentence: str, *, status: int, headers: dict[str, str] | None = None) -> Response:
    body = (
        f'<h1>{escape(title)}</h1><p class="lead">{escape(sentence)}</p>'
        '<a class="button primary" href="/login">Sign in</a>'
    )
    return plain.document(title, body, status=status, headers=headers)


_TITLES = {
    "open": "You are invited",
    "accepted": "Already used",
    "expired": "Too late",
    "revoked": "Taken back",
}
_PROBLEMS = {
    "name": f"That name cannot be used: 1 to {LONGEST_USERNAME} letters, digits and signs that can be seen.",
    "taken": "Somebody has that name: choose another.",
    "password": f"That password cannot be used: {SHORTEST} characters at least, {LONGEST} bytes at most.",
}
