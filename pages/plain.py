"""Pages without NiceGUI: what costs the server nothing to keep. Errors, "one moment", and sign-in under a rush."""

from html import escape
from typing import Final

from starlette.responses import HTMLResponse

from pages import design

ROBOTS: Final = '<meta name="robots" content="noindex">'


def document(
    title: str, body: str, *, status: int, head: str = "", headers: dict[str, str] | None = None
) -> HTMLResponse:
    """A whole page. `body` and `head` are HTML of ours in which everything foreign is escaped."""
    page = (
        '<!doctype html><html lang="en-US"><head><meta charset="utf-8">'
        f"<title>{escape(title)} · Vanilla</title>"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"{ROBOTS}{head}{design.head()}</head>"
        f'<body><main class="alone"><div class="card alone-card">{_BRAND}{body}</div></main></body></html>'
    )
    return HTMLResponse(page, status, {"Cache-Control": "no-store", **(headers or {})})


def message(title: str, sentence: str, *, status: int, headers: dict[str, str] | None = None) -> HTMLResponse:
    """A page that says one thing and leads back to the games."""
    body = (
        f'<h1>{escape(title)}</h1><p class="lead">{escape(sentence)}</p>'
        '<a class="button primary" href="/">Go to the games</a>'
    )
    return document(title, body, status=status, headers=headers)


def busy(path: str) -> HTMLResponse:
    """Too many pages are being opened at once: asks again by itself in a few seconds."""
    body = (
        "<h1>One moment</h1>"
        '<p class="lead">The server is busy. This page tries again by itself in a few seconds.</p>'
        f'<a class="button primary" href="{escape(path)}">Try again now</a>'
    )
    again = "<script>setTimeout(() => location.reload(), 4000)</script>"
    return document("One moment", body, status=503, head=again, headers={"Retry-After": "4"})


def login(next_path: str, problem: str = "", username: str = "") -> HTMLResponse:
    """The sign-in form alone. It posts to the same address as the other one."""
    notice = f'<div class="notice error" role="alert"><span>{escape(problem)}</span></div>' if problem else ""
    body = (
        f'<h1>Sign in</h1>{notice}<sign-in-form><form method="post" action="/auth/login">'
        f'<input type="hidden" name="next" value="{escape(next_path)}">'
        '<div class="field"><label for="username">Username</label>'
        f'<input class="input" id="username" name="username" autocomplete="username" autocapitalize="none" '
        f'spellcheck="false" required autofocus value="{escape(username)}"></div>'
        '<div class="field"><label for="password">Password</label>'
        '<input class="input" id="password" name="password" type="password" autocomplete="current-password" required>'
        '</div><button class="button primary" type="submit">Sign in</button></form></sign-in-form>'
    )
    return document("Sign in", body, status=200)


_BRAND = f'<a class="brand" href="/" aria-label="Vanilla, games">{design.CONE}<span>vanilla</span></a>'
