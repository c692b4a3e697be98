"""One's own account: what was used and what is left, tokens for programs, password, signed-in browsers."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Annotated

from fastapi import Depends
from nicegui import ui

from pages import daily, figures
from pages.account_access import Browsers, Tokens, password_card
from pages.account_limit import LimitCard
from pages.account_saves import SavedGames
from pages.design import BACKEND_COLOUR
from pages.elements import Words, box, dotted, drawing, empty, link
from pages.frame import frame
from pages.tables import row, table
from pages.visitor import Visitor, signed_in
from vanilla.models import utc_now
from vanilla.services import Services
from vanilla.usage.statistics import GameTotals, ModelTotals, Point

DAYS = 30
LONGEST_LIST = 8  # games or models


@dataclass(frozen=True, slots=True)
class Usage:
    """What one user has used in the last DAYS days, oldest point first, most tokens first."""

    points: Sequence[Point]
    by_model: Sequence[ModelTotals]
    by_game: Sequence[GameTotals]


def register(services: Services) -> None:
    """Add the page."""

    @ui.page("/account")
    async def account(visitor: Annotated[Visitor, Depends(signed_in(services))]) -> None:
        user_id = visitor.user.id
        usage, tokens, sessions, saves = await asyncio.gather(
            load(services, user_id),
            services.api_tokens.list(user_id),
            services.sessions.list(user_id),
            services.saves.games_of(user_id),
        )
        with frame(visitor, title="Account", active="account") as page:
            with page.controls, box("form", method="post", action="/auth/logout"):
                Words("button", "Sign out", "button", type="submit")
            with box("div", "stack"):
                LimitCard(services, visitor)
                usage_card(usage, utc_now().date())
                SavedGames(services, visitor, saves)
                with box("div", "side-by-side pairs"):
                    by_game_card(usage)
                    with box("div", "stack"):
                        by_model_card(usage)
                        shown_browsers = Browsers(services, visitor, sessions)
                    shown_tokens = Tokens(services, visitor, tokens)

                    async def changed() -> None:
                        await shown_tokens.refresh()
                        await shown_browsers.refresh()

                    password_card(visitor.user.username, changed)


async def load(services: Services, user_id: str) -> Usage:
    """Read what the page shows of usage."""
    midnight = datetime.combine(daily.days_until(utc_now().date(), DAYS)[0], datetime.min.time(), UTC)
    points, by_model, by_game = await asyncio.gather(
        services.statistics.series("day", user_id=user_id, since=midnight),
        services.statistics.by_model(user_id=user_id, since=midnight),
        services.statistics.by_game(user_id=user_id, since=midnight),
    )
    return Usage(points, by_model, by_game)


def usage_card(usage: Usage, today: date) -> None:
    """The last days as bars."""
    with box("section", "card padded"):
        with box("div", "card-head"):
            Words("h2", f"Tokens by day, last {DAYS} days", "as-h3")
            if usage.points:
                with box("div", "legend"):
                    for backend, colour in BACKEND_COLOUR.items():
                        dotted(backend, colour)
        if usage.points:
            tokens = {(point.start.date(), point.backend): point.total_tokens for point in usage.points}
            drawing(daily.bars(daily.days_until(today, DAYS), tokens), "wide-drawing")
        else:
            with empty("No tokens used yet", "Play a game that talks, and what it uses shows here.", heading="h3"):
                link("Find a game", "/", "button primary")


def by_game_card(usage: Usage) -> None:
    """The games that used most; nothing where none was played."""
    if not usage.by_game:
        return
    with box("section", "card padded stack tight"):
        Words("h2", "By game", "as-h3")
        with table(["Game", "Calls", "Tokens"], label="Tokens by game", numbers=(1, 2)):
            for game in usage.by_game[:LONGEST_LIST]:
                row([_title(game), figures.count(game.calls), figures.count(game.total_tokens)], numbers=(1, 2))


def by_model_card(usage: Usage) -> None:
    """The models that were used most; nothing where none was."""
    if not usage.by_model:
        return
    with box("section", "card padded stack tight"):
        Words("h2", "By model", "as-h3")
        with table(["Model", "In", "Out", "Tokens"], label="Tokens by model", numbers=(1, 2, 3)):
            for model in usage.by_model[:LONGEST_LIST]:
                row(
                    [
                        partial(dotted, model.model, BACKEND_COLOUR.get(model.backend, "sky")),
                        figures.count(model.prompt_tokens),
                        figures.count(model.completion_tokens),
                        figures.count(model.total_tokens),
                    ],
                    numbers=(1, 2, 3),
                )


def _title(game: GameTotals) -> str:
    if not game.game_id:
        return "Outside a game"
    return game.title or "A game that is gone"
