"""The life of one call that costs tokens: hold, upstream, relay, settle, publish.

The answer's bytes pass as they come; a tap beside them reads usage. The event that closes an answer waits until the
ledger has its row: a call that its caller saw finish is in the ledger, whatever dies next.
"""

import asyncio
import logging
import time
from typing import NamedTuple

from starlette.types import Send

from vanilla.errors import UpstreamFailed, VanillaError
from vanilla.inference import estimate
from vanilla.inference.backends.base import Backend, Prompt, Route, Target
from vanilla.inference.meter import Checkpoint, Meter, Wanted
from vanilla.inference.pool import Connection
from vanilla.inference.standing import Standing
from vanilla.inference.upstream import Unreached, Upstream, chunks, send_whole, start, whole
from vanilla.models import new_id, utc_now
from vanilla.usage.feed import Feed, LiveCall
from vanilla.usage.ledger import Entry, Status
from vanilla.usage.metrics import Metrics

logger = logging.getLogger(__name__)

LONGEST_REQUEST_ID = 200  # characters of an upstream's that the ledger keeps
SETTLE_DELAYS = (0.1, 0.5, 1.0, 2.0, 5.0)  # seconds between tries; the last one again and again


class Asked(NamedTuple):
    """A call as it was asked for: which one, and where it goes up."""

    backend: Backend
    route: Route
    prompt: Prompt
    target: Target
    prompt_tokens: int  # estimated
    game_cap: int | None  # tokens that one game may take of one user in a day
    request_id: str | None
    arrived_at: float  # time.monotonic() when all of it was here


class Call:
    """One call in flight. `run` is its life, in the task of its request."""

    def __init__(
        self,
        asked: Asked,
        standing: Standing,
        send: Send,
        *,
        meter: Meter,
        feed: Feed,
        metrics: Metrics,
        upstream: Upstream,
    ) -> None:
        assert asked.route.tap is not None
        caller = standing.caller
        self.standing = standing
        self.live = LiveCall(
            id=new_id(),
            user_id=caller.user_id,
            username=caller.username,
            game_id=caller.game_id,
            backend=asked.backend.name,
            model=asked.prompt.model,
            started_at=time.monotonic(),
            wall_started=utc_now(),
            prompt_tokens=asked.prompt_tokens,
        )
        self._asked = asked
        self._tap = asked.route.tap(asked.prompt)
        self._request_id = asked.request_id
        self._send = send
        self._meter = meter
        self._feed = feed
        self._metrics = metrics
        self._upstream = upstream
        self._task: asyncio.Task[None] | None = None
        self._is_held = False  # its tokens are set aside
        self._has_answered = False  # the caller has a status line: from now on errors go into the stream
        self._is_mid_line = False  # what the caller has of the stream ends in the middle of a line
        self._is_settling = False  # nothing may interrupt it any more
        self._has_left = False  # the caller is gone
        self._cut_by: VanillaError | None = None  # why we ended it

    @property
    def is_streamed(self) -> bool:
        return self._asked.prompt.stream

    @property
    def is_in_flight(self) -> bool:
        """Whether its hold has to be kept alive."""
        return self._is_held and not self._is_settling

    def end(self, why: VanillaError | None = None) -> None:
        """Stop relaying: the caller left (no reason), or may not go on. What was used is settled."""
        if self._is_settling or self._was_ended:
            return
        self._has_left = why is None
        self._cut_by = why
        if self._is_held and self._task is not None:  # before that, the answer of the hold must not be missed
            self._task.cancel()

    def checkpoint(self) -> Checkpoint:
        """How far it has come."""
        return Checkpoint(self.live.id, self.live.prompt_tokens, self.live.completion_tokens)

    async def run(self) -> None:
        """From hold to settlement. Raises VanillaError where the caller has not been answered at all."""
        self._task = asyncio.current_task()
        try:
            body = await self._hold()
            if (why := self._cut_by or self.standing.revoked_by) is not None or self._has_left:
                await self._settle(None)
                if why is not None:
                    raise why
                return
            self._feed.started(self.live)
            self._metrics.admitted(time.monotonic() - self._asked.arrived_at)
            await self._exchange(body)
        except asyncio.CancelledError:
            if self._task is None or not self._was_ended:  # the server has stopped waiting for its requests
                await self._give_up()
                raise
            self._task.uncancel()
            await self._settle("aborted")
            if self._cut_by is not None:
                await self._fail(self._cut_by)
        except VanillaError as error:
            await self._settle("failed")
            await self._fail(error)
        finally:
            await self._settle("failed")  # does nothing where it has been done

    @property
    def _was_ended(self) -> bool:
        return self._has_left or self._cut_by is not None

    async def _hold(self) -> bytes:
        """Set its tokens aside, and give the body to send up: the caller's own, or with the cap that fits."""
        prompt, with_cap, live = self._asked.prompt, self._asked.route.with_cap, self.live
        granted = await self._meter.hold(
            Wanted(
                id=live.id,
                user_id=live.user_id,
                game_id=live.game_id,
                backend=live.backend,
                model=live.model,
                prompt_tokens=live.prompt_tokens,
                output_cap=prompt.output_cap,
                least_output=prompt.least_output,
                game_cap=self._asked.game_cap,
                request_id=self._request_id,
            )
        )
        self._is_held = True
        changes = granted.output_cap < prompt.output_cap or (granted.is_limited and prompt.cap_is_default)
        return with_cap(prompt, granted.output_cap) if changes and with_cap is not None else prompt.raw

    async def _exchange(self, body: bytes) -> None:
        """Ask the upstream and pass its answer on. Settles when that is whole; raises VanillaError when it breaks."""
        asked = self._asked
        try:
            async with self._upstream.ask(asked.backend, "POST", asked.target, asked.route.upstream, body) as response:
                self._request_id = response.header(b"request-id")[:LONGEST_REQUEST_ID] or self._request_id
                if response.status != 200:
                    await self._pass_refusal(response)
                elif asked.prompt.stream:
                    await self._stream(response)
                else:
                    self._note_first_byte()
                    answer = await whole(response)
                    self._tap.read(answer)
                    await self._settle("ok")
                    await send_whole(self._send, response, answer)
        except Unreached as error:
            await self._settle(None)  # nobody has heard of the call
            raise error.because from None

    async def _stream(self, response: Connection) -> None:
        tap, live, send = self._tap, self.live, self._send
        await send(start(response, streaming=True))
        self._has_answered = True
        async for chunk in chunks(response):
            if live.first_byte_ms is None:
                self._note_first_byte()
            out = tap.feed(chunk)
            live.completion_tokens = tap.tokens_so_far
            if tap.usage.prompt_tokens is not None:
                live.prompt_tokens = tap.usage.prompt_tokens
            if tap.is_complete and not self._is_settling:
                await self._settle("ok")
            if out:
                self._is_mid_line = not out.endswith(b"\n")
                await send({"type": "http.response.body", "body": out, "more_body": True})
        out = tap.finish()
        if not tap.is_complete and not tap.has_failed:
            raise UpstreamFailed("The model server broke off in the middle of its answer.")
        if tap.has_failed:  # it has said so in an event of its own, which has been passed on
            self._metrics.upstream_failed(live.backend, "error event")
        await self._settle("ok" if tap.is_complete else "failed")
        await send({"type": "http.response.body", "body": out, "more_body": False})

    async def _pass_refusal(self, response: Connection) -> None:
        answer = await whole(response)
        await self._settle(None)  # nothing is billed for a call that the upstream refuses
        if (refusal := self._asked.backend.refusal(response.status)) is not None:
            raise refusal
        await send_whole(self._send, response, answer)

    async def _settle(self, status: Status | None) -> None:
        """Write its row (none for status None) and give back its hold: once, and for as long as it takes."""
        if self._is_settling or not self._is_held:
            return
        self._is_settling = True
        began = time.monotonic()
        entry = None if status is None else await self._entry(status)
        attempt = 0
        while True:
            try:
                await asyncio.shield(self._meter.settle(self.live.id, entry))
                break
            except Exception:
                # The hold is a row that stays until this succeeds, here or at the next start.
                logger.exception("Call %s could not be settled yet", self.live.id)
                await asyncio.sleep(SETTLE_DELAYS[min(attempt, len(SETTLE_DELAYS) - 1)])
                attempt += 1
        self._feed.ended(self.live, entry)
        self._metrics.ended(self.live.backend, entry, time.monotonic() - began)

    async def _give_up(self) -> None:
        """Settle in a task that is being cancelled."""
        if self._is_held:
            await self._settle("aborted")
        else:  # whether its tokens were set aside is not known: if so, they are given back
            await asyncio.shield(self._meter.settle(self.live.id, None))

    async def _entry(self, status: Status) -> Entry:
        """Its ledger row as of now: exact where the upstream has said its last word, else the best estimate."""
        usage, live = self._tap.usage, self.live
        prompt_tokens, completion_tokens = usage.prompt_tokens, usage.completion_tokens
        is_exact = self._tap.is_complete and prompt_tokens is not None and completion_tokens is not None
        if completion_tokens is None or not self._tap.is_complete:
            completion_tokens = max(completion_tokens or 0, await estimate.output_tokens(self._tap.text))
        return Entry(
            id=live.id,
            timestamp=utc_now(),
            user_id=live.user_id,
            game_id=live.game_id,
            backend=live.backend,
            model=live.model,
            prompt_tokens=live.prompt_tokens if prompt_tokens is None else prompt_tokens,
            completion_tokens=completion_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            estimated=not is_exact,
            status=status,
            duration_ms=self._elapsed_ms(),
            first_byte_ms=live.first_byte_ms,
            request_id=self._request_id,
            server_tool_calls=usage.server_tool_calls,
        )

    async def _fail(self, error: VanillaError) -> None:
        """Tell the caller, in the stream if it has begun: a clean end would pass for a finished answer."""
        if not self._has_answered:
            raise error
        # An answer that is whole needs no more words, whatever became of its connection.
        event = b"" if self._tap.is_complete else self._asked.backend.failure_event(error, self._asked.route)
        if event and self._is_mid_line:
            event = b"\n" + event  # else it would be the rest of that line, and readers would pass over it
        await self._send({"type": "http.response.body", "body": event, "more_body": False})

    def _note_first_byte(self) -> None:
        self.live.first_byte_ms = self._elapsed_ms()

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self.live.started_at) * 1000)
