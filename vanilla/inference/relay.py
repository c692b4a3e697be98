"""What happens when a game calls a model: admission, hold, upstream, relay, settle, publish.

The answer's bytes pass as they come; a tap beside them reads usage. The event that closes an answer waits until the
ledger has its row: a call that its caller saw finish is in the ledger, whatever dies next.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from urllib.parse import quote

import aiohttp
import orjson
from starlette.types import Receive, Scope, Send

from vanilla.accounts.caller import Caller
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.errors import LimitReached, Unauthenticated, Unavailable, UpstreamFailed, VanillaError
from vanilla.inference import estimate
from vanilla.inference.backends.base import Backend, Route, Target, read_object
from vanilla.inference.call import Call, Standing
from vanilla.inference.meter import Meter, Wanted
from vanilla.inference.pace import Pace
from vanilla.inference.requests import Buffer, CallerLeft
from vanilla.inference.upstream import Unreached, Upstream, send_whole, start, whole
from vanilla.models import new_id, utc_now
from vanilla.usage.feed import Feed, LiveCall
from vanilla.usage.ledger import Status

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_CHECKPOINTS = 1.5
SECONDS_BETWEEN_RECOVERIES = 60.0
SETTLE_DELAYS = (0.1, 0.5, 1.0, 2.0, 5.0)  # seconds between tries; the last one again and again


class Relay:
    """Passes calls to model servers and meters them. Opened and closed with the app, on its event loop."""

    def __init__(
        self,
        backends: Mapping[str, Backend],
        meter: Meter,
        feed: Feed,
        revocations: Revocations,
        upstream: Upstream,
    ) -> None:
        self.backends = backends
        self._upstream = upstream
        self._meter = meter
        self._feed = feed
        self._buffer = Buffer()
        self._pace = Pace()
        self._standings: set[Standing] = set()
        self._calls: dict[str, Call] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._keeper: asyncio.Task[None] | None = None
        self._closing = False
        revocations.subscribe(self._cut_off)

    async def open(self) -> None:
        """Settle what an earlier process left, and start to look after calls in flight."""
        self._closing = False
        recovered = await self._meter.recover(everything=True)
        if recovered:
            logger.warning("Recovered %d calls that an earlier process left unsettled", len(recovered))
        self._keeper = asyncio.create_task(self._keep(), name="relay-keeper")

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Refuse new calls, let those in flight finish for a while, then end them; returns when all have settled."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace_seconds)
        for call in list(self._calls.values()):
            call.end(Unavailable("The server is stopping. Try again in a moment."))
        if self._tasks:
            _, pending = await asyncio.wait(self._tasks, timeout=grace_seconds)
            for (
                task
            ) in pending:  # only a database that cannot be written to keeps one: its hold stays for the next start
                task.cancel()
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None

    @property
    def calls_in_flight(self) -> int:
        return len(self._calls)

    @property
    def callers_admitted(self) -> int:
        """Callers who are being answered, their requests read or relayed."""
        return len(self._standings)

    async def relay(
        self, caller: Caller, backend: Backend, route: Route, tail: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Answer one call. `tail` stands for the `{model}` of a route that has one.

        Raises VanillaError as long as nothing has been sent.
        """
        if self._closing:
            raise Unavailable("The server is stopping. Try again in a moment.", headers={"retry-after": "2"})
        standing = Standing(caller)
        self._standings.add(standing)
        try:
            with self._pace.of(caller):
                await self._admitted(standing, backend, route, tail, scope, receive, send)
        except CallerLeft:
            return
        except VanillaError as error:
            self._feed.refused(caller.user_id, caller.username, backend.name, _reason(error))
            raise
        finally:
            self._standings.discard(standing)

    async def _admitted(
        self, standing: Standing, backend: Backend, route: Route, tail: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        raw = await self._buffer.read(scope, receive) if route.method == "POST" else b""
        try:
            if route.read is None:
                await self._pass_through(backend, route, tail, raw, scope, send)
            else:
                await self._metered(standing, backend, route, raw, scope, receive, send)
        finally:
            self._buffer.release(len(raw))

    async def _metered(
        self, standing: Standing, backend: Backend, route: Route, raw: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        caller = standing.caller
        assert route.read is not None
        assert route.tap is not None
        prompt = route.read(read_object(raw), raw)
        target = await backend.target(prompt.model, _headers(scope))
        live = LiveCall(
            id=new_id(),
            user_id=caller.user_id,
            username=caller.username,
            game_id=caller.game_id,
            backend=backend.name,
            model=prompt.model,
            started_at=time.monotonic(),
            wall_started=utc_now(),
            prompt_tokens=await estimate.prompt_tokens(prompt.text),
        )
        call = Call(
            standing=standing,
            backend=backend,
            route=route,
            prompt=prompt,
            tap=route.tap(prompt),
            live=live,
            request_id=scope.get("request_id"),
        )
        # A task of its own: whatever becomes of the request, what has been set aside is settled.
        call.task = asyncio.create_task(self._live(call, target, send), name=f"call {live.id}")
        self._tasks.add(call.task)
        call.task.add_done_callback(self._finished)
        watcher = asyncio.create_task(_until_gone(receive), name="caller")
        try:
            await asyncio.wait((call.task, watcher), return_when=asyncio.FIRST_COMPLETED)
            if call.task.done():
                call.task.result()
            elif prompt.stream:
                call.end()
            # An answer that is not streamed is billed whole: it is read to its end and settled without its caller.
        except asyncio.CancelledError:  # the server is stopping, and has stopped listening
            call.end()
            raise
        finally:
            watcher.cancel()

    async def _live(self, call: Call, target: Target, send: Send) -> None:
        """The life of a call, from its hold to its settlement."""
        self._calls[call.live.id] = call
        try:
            body = await self._hold(call)
            if call.was_ended or call.standing.revoked_by is not None:
                await self._settle(call, None)
                if (why := call.cut_by or call.standing.revoked_by) is not None:
                    raise why
                return
            self._feed.started(call.live)
            await self._exchange(call, target, body, send)
        except asyncio.CancelledError:
            if not call.was_ended or call.task is None:
                raise
            call.task.uncancel()
            await self._settle(call, "aborted")
            if call.cut_by is not None:
                await self._fail(call, call.cut_by, send)
        except VanillaError as error:
            await self._settle(call, "failed")
            await self._fail(call, error, send)
        finally:
            await self._settle(call, "failed")  # does nothing where it has been done
            self._calls.pop(call.live.id, None)

    async def _hold(self, call: Call) -> bytes:
        """Set the call's tokens aside, and give the body to send up: the caller's own, or with the cap that fits."""
        prompt = call.prompt
        granted = await self._meter.hold(
            Wanted(
                id=call.live.id,
                user_id=call.live.user_id,
                game_id=call.live.game_id,
                backend=call.live.backend,
                model=call.live.model,
                prompt_tokens=call.live.prompt_tokens,
                output_cap=prompt.output_cap,
                least_output=prompt.least_output,
                request_id=call.request_id,
            )
        )
        call.is_held = True
        changes = granted.output_cap < prompt.output_cap or (granted.is_limited and prompt.cap_is_default)
        if changes and call.route.with_cap is not None:
            return call.route.with_cap(prompt, granted.output_cap)
        return prompt.raw

    async def _exchange(self, call: Call, target: Target, body: bytes, send: Send) -> None:
        """Ask the upstream and pass its answer on. Settles when that is whole; raises VanillaError when it breaks."""
        try:
            async with self._upstream.ask(call.backend, "POST", target, call.route.upstream, body) as response:
                call.request_id = response.headers.get("request-id", call.request_id)
                if response.status != 200:
                    await self._refused(call, response, send)
                elif call.prompt.stream:
                    await self._stream(call, response, send)
                else:
                    call.note_first_byte()
                    answer = await whole(response)
                    call.tap.read(answer)
                    await self._settle(call, "ok")
                    await send_whole(send, response, answer)
        except Unreached as error:
            await self._settle(call, None)  # nobody has heard of the call
            raise error.because from None

    async def _stream(self, call: Call, response: aiohttp.ClientResponse, send: Send) -> None:
        tap = call.tap
        await send(start(response, streaming=True))
        call.answer_started = True
        async for chunk in response.content.iter_any():
            if call.live.first_byte_ms is None:
                call.note_first_byte()
            out = tap.feed(chunk)
            call.note_progress()
            if tap.is_complete and not call.settling:
                await self._settle(call, "ok")
            if out:
                await send({"type": "http.response.body", "body": out, "more_body": True})
        out = tap.finish()
        if not tap.is_complete:
            if not tap.has_failed:
                raise UpstreamFailed("The model server broke off in the middle of its answer.")
            await self._settle(call, "failed")  # its own error event has been passed on
        await self._settle(call, "ok")
        await send({"type": "http.response.body", "body": out, "more_body": False})

    async def _refused(self, call: Call, response: aiohttp.ClientResponse, send: Send) -> None:
        answer = await whole(response)
        await self._settle(call, None)  # nothing is billed for a call that the upstream refuses
        if (refusal := call.backend.refusal(response.status)) is not None:
            raise refusal
        await send_whole(send, response, answer)

    async def _pass_through(
        self, backend: Backend, route: Route, tail: str, raw: bytes, scope: Scope, send: Send
    ) -> None:
        """Calls that cost nothing: lists of models, counting of tokens."""
        target = await backend.target(_model_in(raw), _headers(scope))
        path = route.upstream.replace("{model}", quote(tail, safe=""))
        try:
            async with self._upstream.ask(backend, route.method, target, path, raw) as response:
                if (refusal := backend.refusal(response.status)) is not None:
                    raise refusal
                await send_whole(send, response, await whole(response))
        except Unreached as error:
            raise error.because from None

    async def _settle(self, call: Call, status: Status | None) -> None:
        """Write the call's row (none for status None) and give back its hold: once, and for as long as it takes."""
        if call.settling or not call.is_held:
            return
        call.settling = True
        entry = None if status is None else await call.entry(status)
        for attempt in range(1_000_000):
            try:
                await self._meter.settle(call.live.id, entry)
                break
            except Exception:
                # The hold is a row that stays until this succeeds, here or at the next start.
                logger.exception("Call %s could not be settled yet", call.live.id)
                await asyncio.sleep(SETTLE_DELAYS[min(attempt, len(SETTLE_DELAYS) - 1)])
        self._feed.ended(call.live, entry)

    async def _fail(self, call: Call, error: VanillaError, send: Send) -> None:
        """Tell the caller, in the stream if it has begun: a clean end would pass for a finished answer."""
        if not call.answer_started:
            raise error
        event = call.backend.failure_event(error, call.route)
        await send({"type": "http.response.body", "body": event, "more_body": False})

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # the caller who would have been told may have left: it counts as seen

    def _cut_off(self, revocation: Revocation) -> None:
        why = Unauthenticated("You have been signed out.")
        for standing in self._standings:
            if standing.concerns(revocation):
                standing.revoked_by = why
        for call in list(self._calls.values()):
            if call.standing.concerns(revocation):
                call.end(why)

    async def _keep(self) -> None:
        """Note how far calls have come, so that a crash loses at most two seconds of them; recover what others left."""
        recover_at = time.monotonic() + SECONDS_BETWEEN_RECOVERIES
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_CHECKPOINTS)
            points = [call.checkpoint() for call in self._calls.values() if call.is_held and not call.settling]
            try:
                if points:
                    await self._meter.checkpoint(points)
                if time.monotonic() > recover_at:
                    recover_at = time.monotonic() + SECONDS_BETWEEN_RECOVERIES
                    await self._meter.recover(everything=False)
            except Exception:
                logger.exception("Calls in flight could not be noted")


def _reason(error: VanillaError) -> str:
    """Why a call was not answered, in a word for the live page."""
    if isinstance(error, LimitReached):
        return "spent" if error.retry_after is None else "held"
    return _REASONS.get(error.status, "failed")


_REASONS = {
    400: "malformed",
    401: "signed out",
    403: "forbidden",
    413: "too large",
    429: "too fast",
    503: "unavailable",
}


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _model_in(raw: bytes) -> str | None:
    """The model that a call without cost names, if any: the embedded one is somewhere else."""
    try:
        body = orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        return None
    model = (body.get("model") or body.get("name")) if isinstance(body, dict) else None
    return model if isinstance(model, str) else None
