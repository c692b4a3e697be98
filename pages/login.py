"""Sign in: a real form, so that password managers know it, posted to /auth/login, which sets the cookie."""

from typing import Annotated

from fastapi import Depends, Request
from nicegui import ui

from pages import clients, design, plain
from pages.elements import Words, box, button, drawing, notice
from pages.forms import Field
from pages.visitor import Instead, cookie_of, go_to, load
from vanilla.accounts.landing import local_path
from vanilla.errors import Unauthenticated
from vanilla.services import Services


def register(services: Services) -> None:
    """Add the page."""

    async def anonymous(request: Request, error: str = "", seconds: str = "") -> tuple[str, str]:
        next_path, problem = local_path(request.query_params.get("next")), problem_of(error, seconds)
        if cookie := cookie_of(request):
            try:
                await load(services, cookie)
            except Unauthenticated:
                pass  # an old cookie: sign in anew
            else:
                raise go_to(next_path)
        if clients.are_too_many_waiting(request):
            raise Instead(plain.login(next_path, problem))
        return next_path, problem

    @ui.page("/login", title="Sign in · Vanilla")
    async def login(about: Annotated[tuple[str, str], Depends(anonymous)]) -> None:
        build(*about)


def build(next_path: str, problem: str) -> None:
    """The form. `next_path` is where to go once signed in."""
    with box("div", "alone"), box("div", "card alone-card"):
        with box("div", "brand"):
            drawing(design.CONE)
            Words("span", "vanilla")
        Words("h1", "Sign in")
        if problem:
            notice(problem, "error")
        with box("sign-in-form"), box("form", method="post", action="/auth/login"):
            box("input", type="hidden", name="next", value=next_path)
            Field(
                "Username",
                "username",
                autocomplete="username",
                autocapitalize="none",
                spellcheck="false",
                required=True,
                autofocus=True,
            )
            Field("Password", "password", type="password", autocomplete="current-password", required=True)
            button("Sign in", kind="primary")
        Words("p", "Ask the host for an account.", "lead small")


def problem_of(error: str, seconds: str) -> str:
    """The sentence behind what /auth/login says in its redirect: `wrong`, or `slow` with the seconds to wait."""
    if error == "slow":
        return f"Too many wrong passwords. Try again in {wait_words(seconds)}."
    return "Wrong username or password." if error else ""


def wait_words(seconds: str) -> str:
    """How long to wait, as a redirect says it: `12 seconds`, or `a minute` where it says nothing of sense."""
    if not (seconds.isdecimal() and len(seconds) < 4):
        return "a minute"
    return f"{int(seconds)} second{'' if int(seconds) == 1 else 's'}"
