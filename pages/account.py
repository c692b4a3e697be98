"""One's own account: what is left and what was used, saves, tokens for programs, signed-in browsers, password."""

import asyncio
from typing import Annotated

from fastapi import Depends, Request
from nicegui import ui

from pages import account_usage
from pages.account_access import Browsers, Tokens, password_card
from pages.account_limit import LimitCard
from pages.account_saves import SavedGames
from pages.account_usage import RANGES, USUAL_RANGE, UsageCards
from pages.elements import Words, box, link, tag
from pages.frame import frame
from pages.visitor import Visitor, signed_in
from vanilla.services import Services

_PARTS = {
    "limit": "Limit",
    "usage": "Usage",
    "saves": "Saves",
    "tokens": "API tokens",
    "browsers": "Browsers",
    "password": "Password",
}


def register(services: Services) -> None:
    """Add the page."""

    @ui.page("/account")
    async def account(
        request: Request, visitor: Annotated[Visitor, Depends(signed_in(services))], days: str = USUAL_RANGE
    ) -> None:
        user_id = visitor.user.id
        usage, tokens, sessions, saves = await asyncio.gather(
            account_usage.load(services, user_id, int(days if days in RANGES else USUAL_RANGE)),
            services.api_tokens.list(user_id),
            services.sessions.list(user_id),
            services.saves.games_of(user_id),
        )
        with frame(visitor, title="Account", active="account") as page:
            with page.controls:
                tag(visitor.user.username, "outlined")
                with box("form", method="post", action="/auth/logout"):
                    Words("button", "Sign out", "button", type="submit")
            with box("div", "with-contents"):
                with box("nav", "contents", aria_label="On this page"):
                    for anchor, words in _PARTS.items():
                        link(words, f"#{anchor}")
                with box("div", "stack"):
                    LimitCard(services, visitor)
                    UsageCards(services, visitor, usage)
                    SavedGames(services, visitor, saves)
                    shown_tokens = Tokens(services, visitor, tokens, origin=request.scope["origin"])
                    shown_browsers = Browsers(services, visitor, sessions)

                    async def changed() -> None:
                        await shown_tokens.refresh()
                        await shown_browsers.refresh()

                    password_card(visitor.user.username, changed)
