"""Whether a game may spend its player's tokens: asked once, by its first call of a model, and answered by the player in
our frame, never in the game's.

The answers lie in the table `consents` and are remembered here, so that a call of a game that was allowed costs one
look-up. A call without an answer waits for it, and with it every other call of that game and player.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlmodel import Session

from vanilla.accounts.caller import Caller
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.database import Database
from vanilla.errors import Forbidden, TooManyRequests, Unauthenticated, Unavailable, VanillaError
from vanilla.models import Consent, utc_now

logger = logging.getLogger(__name__)

REMEMBERED = 10_000  # answers
PATIENCE = 60.0  # seconds that a call waits for the player
LINGERS = 3.0  # seconds that a question stays once no call waits: a game that hangs up and calls again does not flicker
MOST_WAITING = 32  # calls of one user
RETRY_AFTER = 5  # seconds

REFUSED = "You have not allowed this game to use your tokens. You can change that under About, above the game."
UNANSWERED = (
    "The question whether this game may use your tokens was not answered. "
    "Answer it above the game, on its page, and try again."
)

_Key: TypeAlias = tuple[str, str]  # user, game


@dataclass(frozen=True, slots=True)
class ConsentNow:
    """How things stand between a player and a game: `is_allowed` is None as long as the player has not decided."""

    is_allowed: bool | None
    is_asking: bool  # a call waits for the answer, or did a moment ago


@dataclass(slots=True, eq=False)
class _Question:
    """Calls that wait for one answer."""

    waiting: dict["asyncio.Future[bool]", Caller] = field(default_factory=dict)
    is_asked: bool = False  # the player is: there is no answer in the database
    withdrawal: asyncio.TimerHandle | None = None

    def stay(self) -> None:
        """Undo a withdrawal that is under way."""
        if self.withdrawal is not None:
            self.withdrawal.cancel()
            self.withdrawal = None


class Consents:
    """Keeps the answers, and the calls that wait for one. All methods are called on the event loop."""

    def __init__(
        self,
        database: Database,
        revocations: Revocations,
        *,
        patience: float = PATIENCE,
        lingers: float = LINGERS,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._database = database
        self._patience = patience
        self._lingers = lingers
        self._most_waiting = most_waiting
        self._answers: dict[_Key, bool | None] = {}
        self._reading: dict[_Key, asyncio.Task[None]] = {}
        self._questions: dict[_Key, _Question] = {}
        self._waiting: Counter[str] = Counter()  # calls, by user
        self._watchers: dict[_Key, list[Callable[[ConsentNow], None]]] = {}
        self._is_closing = False
        revocations.subscribe(self._cut_off)

    def open(self) -> None:
        """Let calls wait."""
        self._is_closing = False

    def close(self) -> None:
        """End every wait, and let none begin: the server is stopping."""
        self._is_closing = True
        for question in self._questions.values():
            _end(question, _stopping, lambda _caller: True)

    def has_allowed(self, user_id: str, game_id: str) -> bool:
        """Whether the player's yes is known here: the one question that every call of a game asks."""
        return self._answers.get((user_id, game_id)) is True

    async def settled(self, caller: Caller) -> None:
        """Return once the player has allowed the game that calls with `caller`'s play token; wait for it if need be.

        Raises Forbidden (a no, or no answer in time), TooManyRequests (too many of the player's calls wait already),
        Unauthenticated (the player is out), Unavailable (the server stops).
        """
        if not await self._answer(caller):
            raise Forbidden(REFUSED)

    async def standing(self, user_id: str, game_id: str) -> ConsentNow:
        """How things stand, read from the database where that is not known here yet."""
        await self._known((user_id, game_id))
        return self._now((user_id, game_id))

    async def decide(self, user_id: str, game_id: str, is_allowed: bool) -> None:
        """Keep the player's answer, which holds for every call that waits and all to come until they change it."""
        moment = utc_now()

        def work(session: Session) -> None:
            session.merge(Consent(user_id=user_id, game_id=game_id, is_allowed=is_allowed, decided_at=moment))

        await self._database.write(work)
        key = (user_id, game_id)
        self._remember(key, is_allowed)
        self._apply(key)
        self._tell(key)

    def subscribe(self, user_id: str, game_id: str, callback: Callable[[ConsentNow], None]) -> Callable[[], None]:
        """Call `callback` whenever that changes, until the returned function is called, or it raises."""
        key = (user_id, game_id)
        self._watchers.setdefault(key, []).append(callback)

        def unsubscribe() -> None:
            watchers = self._watchers.get(key, [])
            if callback in watchers:
                watchers.remove(callback)
            if not watchers:
                self._watchers.pop(key, None)

        return unsubscribe

    @property
    def calls_waiting(self) -> int:
        """Calls that wait for an answer."""
        return self._waiting.total()

    async def _answer(self, caller: Caller) -> bool:
        user_id, key = caller.user_id, (caller.user_id, caller.game_id)
        known = self._answers.get(key)
        if known is not None:
            return known
        if self._is_closing:
            raise _stopping()
        if self._waiting[user_id] >= self._most_waiting:
            raise TooManyRequests(
                "Too many calls wait for the player's answer already. Try again when it is there.",
                retry_after=RETRY_AFTER,
            )
        call: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        question = self._questions.setdefault(key, _Question())
        question.stay()
        question.waiting[call] = caller
        self._waiting[user_id] += 1
        try:
            if key in self._answers:
                self._apply(key)
            else:
                self._read(key)
            async with asyncio.timeout(self._patience):
                return await call
        except TimeoutError:
            raise Forbidden(UNANSWERED) from None
        finally:
            self._leave(call, key, question)

    def _leave(self, call: "asyncio.Future[bool]", key: _Key, question: _Question) -> None:
        user_id, _ = key
        self._waiting[user_id] -= 1
        if not self._waiting[user_id]:
            del self._waiting[user_id]
        del question.waiting[call]
        if not question.waiting and self._questions.get(key) is question:
            loop = asyncio.get_running_loop()
            question.withdrawal = loop.call_later(self._lingers, self._withdraw, key, question)

    def _withdraw(self, key: _Key, question: _Question) -> None:
        if self._questions.get(key) is question:
            del self._questions[key]
            self._tell(key)

    def _cut_off(self, revocation: Revocation) -> None:
        for (user_id, _), question in self._questions.items():
            if user_id == revocation.user_id:
                _end(question, lambda: Unauthenticated("You have been signed out."), revocation.concerns)

    async def _known(self, key: _Key) -> bool | None:
        """The answer, None where there is none: from memory, or by one query that all who ask share."""
        if key not in self._answers:
            await asyncio.shield(self._read(key))
        return self._answers.get(key)

    def _read(self, key: _Key) -> "asyncio.Task[None]":
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(self._learn(key))
            reading.add_done_callback(lambda done: done.cancelled() or done.exception())  # the calls have it
        return reading

    async def _learn(self, key: _Key) -> None:
        try:
            row = await self._database.read(lambda session: session.get(Consent, key))
        except Exception as error:
            for call in self._questions.get(key, _Question()).waiting:
                if not call.done():
                    call.set_exception(error)
            raise
        finally:
            del self._reading[key]
        if key not in self._answers:  # else it was decided meanwhile
            self._remember(key, None if row is None else row.is_allowed)
        self._apply(key)

    def _apply(self, key: _Key) -> None:
        """Let the calls that wait go on, or ask the player."""
        answer, question = self._answers[key], self._questions.get(key)
        if question is None:
            return
        if answer is None:
            if not question.is_asked:
                question.is_asked = True
                self._tell(key)
            return
        del self._questions[key]
        question.stay()
        for call in question.waiting:
            if not call.done():
                call.set_result(answer)

    def _remember(self, key: _Key, answer: bool | None) -> None:
        self._answers.pop(key, None)
        self._answers[key] = answer
        while len(self._answers) > REMEMBERED:
            del self._answers[next(iter(self._answers))]

    def _now(self, key: _Key) -> ConsentNow:
        question = self._questions.get(key)
        return ConsentNow(self._answers.get(key), question is not None and question.is_asked)

    def _tell(self, key: _Key) -> None:
        now = self._now(key)
        for watcher in list(self._watchers.get(key, ())):
            try:
                watcher(now)
            except Exception:  # of a page: the call that asks has nothing to do with it
                logger.exception("A page that shows a question failed and is dropped")
                self._watchers[key].remove(watcher)


def _end(question: _Question, why: Callable[[], VanillaError], concerns: Callable[[Caller], bool]) -> None:
    for call, caller in question.waiting.items():
        if not call.done() and concerns(caller):
            call.set_exception(why())


def _stopping() -> Unavailable:
    return Unavailable("The server is stopping. Try again in a moment.", headers={"retry-after": "2"})
