"""Keeps an open play page current: whether the game may use the player's tokens, and what it uses of them.

Everything is told by the server: the question and its answer by `Consents`, the tokens by the live feed. The database
is asked when calls have settled, not while they run.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from nicegui import Client, background_tasks, ui

from pages.elements import Words
from pages.play_question import Answer, Question
from pages.play_tokens import LimitNotice, SpentInBar, Standing, left_words, spent, used_words
from pages.visitor import Visitor
from vanilla.accounts.consents import ConsentNow
from vanilla.games.views import GameView
from vanilla.models import User, utc_now
from vanilla.services import Services
from vanilla.usage.plays import PlayNow, Watch

SYNC_SECONDS = 5.0  # between two looks at the database, while there is something new
SYNC_ANYWAY = 60.0  # its period may have begun anew, or the limit been changed from another process


class Live:
    """The living parts of one play page: drawn in four places, then kept current from `follow` on."""

    def __init__(
        self, services: Services, visitor: Visitor, game: GameView, talks: bool, standing: Standing, consent: ConsentNow
    ) -> None:
        self._services = services
        self._visitor = visitor
        self._game = game
        self._talks = talks
        self._standing = standing
        self._consent = consent
        self._now = PlayNow()
        self._watch: Watch | None = None
        self._is_refused = False  # a limit had no room for the last call
        self._synced_at = asyncio.get_running_loop().time()

    def draw_in_bar(self) -> None:
        self._bar = SpentInBar(self._stop)

    def draw_below_bar(self) -> None:
        self._notice = LimitNotice()

    def draw_over_game(self) -> None:
        self._question = Question(self._game.title, self._game.owner, self._decide)

    def draw_in_sheet(self) -> None:
        self._used = Words("p", "", "figures", data_play="used")
        self._left = Words("p", "", "figures")
        self._answer = Answer(self._decide)
        self._used.on("recount", self._sync)

    def follow(self, client: Client) -> None:
        """Begin once a browser is there, and only then: an address that is fetched and never shown costs nothing."""
        self._show()
        self._show_consent()
        ends: list[Callable[[], None]] = []

        async def connected() -> None:
            if ends:
                return
            services, user_id, game_id = self._services, self._visitor.user.id, self._game.id
            self._watch = services.feed.plays.watch(user_id, game_id, self._tell)
            asked = services.consents.subscribe(user_id, game_id, self._ask)
            ends.extend((self._watch.end, asked, services.users.subscribe(self._changed)))
            for end in ends:
                client.on_delete(end)
            self._ask(await services.consents.standing(user_id, game_id))
            await self._sync()

        client.on_connect(connected)
        ui.timer(1.0, self._sync_if_due)

    def _ask(self, consent: ConsentNow) -> None:
        self._consent = consent
        self._show_consent()

    def _tell(self, now: PlayNow) -> None:
        if now.refusals > self._now.refusals:
            self._is_refused = True
            background_tasks.create(self._sync(), name="play page")
        elif now.calls > self._now.calls:
            self._is_refused = False
        self._now = now
        self._show()

    def _changed(self, user: User) -> None:
        if user.id == self._visitor.user.id:  # another limit, perhaps
            background_tasks.create(self._sync(), name="play page")

    async def _decide(self, is_allowed: bool) -> None:
        await self._visitor.authorise()
        services, user_id, game_id = self._services, self._visitor.user.id, self._game.id
        await services.consents.decide(user_id, game_id, is_allowed)
        if not is_allowed:
            services.relay.stop_game(user_id, game_id)
        self._bar.say("" if is_allowed else "Change this in About.")

    async def _stop(self) -> None:
        await self._visitor.authorise()
        self._services.relay.stop_game(self._visitor.user.id, self._game.id)
        self._bar.say("Stopped.")

    async def _sync_if_due(self) -> None:
        waited = asyncio.get_running_loop().time() - self._synced_at
        at, now = self._standing.at, self._now
        is_news = at.in_all.settled != now.in_all.settled or at.refusals != now.refusals
        if waited >= SYNC_ANYWAY or (is_news and waited >= SYNC_SECONDS):
            await self._sync()

    async def _sync(self) -> None:
        """Look at the database again."""
        self._synced_at = asyncio.get_running_loop().time()
        at = PlayNow() if self._watch is None else self._watch.now()
        standing = await read(self._services, self._visitor.user.id, self._game.id, with_today=self._is_refused)
        if self._watch is not None and self._watch.now().in_all.settled != at.in_all.settled:
            return  # calls have settled meanwhile: which of them it counts is not known; it is due again
        self._standing = replace(standing, at=at)
        self._show()

    def _show(self) -> None:
        if self._used.is_deleted:  # the page has gone while the database was asked
            return
        is_refused = self._is_refused and self._standing.at.refusals == self._now.refusals  # and it is known why
        said = spent(self._standing, self._now, utc_now(), is_refused=is_refused)
        self._bar.show(said, calls=self._now.calls, talks=self._talks)
        if self._talks or said.in_game or is_refused:
            self._notice.show(said)
        self._used.set_text(used_words(said))
        self._left.set_text(left_words(said))

    def _show_consent(self) -> None:
        self._bar.show_denied(self._consent.is_allowed is False)
        left = left_words(spent(self._standing, self._now, utc_now()))
        self._question.show(self._consent.is_asking, left)
        self._answer.show(self._consent, talks=self._talks)


async def read(services: Services, user_id: str, game_id: str, *, with_today: bool = False) -> Standing:
    """What the database says. Raises NotFound where the player is gone."""
    user = await services.users.get(user_id)
    midnight = datetime.combine(utc_now().date(), datetime.min.time(), UTC)
    in_game = await _in_game(services, user_id, game_id)
    today = await _in_game(services, user_id, game_id, since=midnight) if with_today else 0
    return Standing(user, in_game, today, services.controls.now.game_tokens_per_day)


async def _in_game(services: Services, user_id: str, game_id: str, since: datetime | None = None) -> int:
    totals = await services.statistics.by_game(user_id=user_id, since=since)
    return next((row.total_tokens for row in totals if row.game_id == game_id), 0)
