"""What happens when a game calls a model: admission here, then the life of the call in `vanilla.inference.call`."""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import orjson
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from vanilla.accounts.caller import Caller
from vanilla.accounts.consents import Consents
from vanilla.accounts.revocation import Revocation, Revocations
from vanilla.errors import Forbidden, LimitReached, Unauthenticated, Unavailable, VanillaError
from vanilla.inference import estimate
from vanilla.inference.agreement import agreed
from vanilla.inference.backends.base import Backend, Prompt, Route, read_object
from vanilla.inference.call import Asked, Call
from vanilla.inference.meter import Meter
from vanilla.inference.pace import Pace
from vanilla.inference.requests import Buffer, CallerLeft
from vanilla.inference.standing import Standing
from vanilla.inference.upstream import Unreached, Upstream, send_whole, whole
from vanilla.operations.controls import SWITCHED_OFF, ControlPanel, Controls
from vanilla.usage.feed import Feed
from vanilla.usage.metrics import Metrics

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_CHECKPOINTS = 1.5
SECONDS_BETWEEN_RECOVERIES = 60.0
READ_AT_ONCE = 256 * 1024  # bytes of a request that are read on the event loop


class Relay:
    """Passes calls to model servers and meters them. Opened and closed with the app, on its event loop."""

    def __init__(
        self,
        backends: Mapping[str, Backend],
        *,
        meter: Meter,
        feed: Feed,
        metrics: Metrics,
        revocations: Revocations,
        consents: Consents,
        upstream: Upstream,
        controls: ControlPanel,
        pace: Pace,
    ) -> None:
        self.backends = backends
        self._consents = consents
        self._controls = controls
        self._upstream = upstream
        self._meter = meter
        self._feed = feed
        self._metrics = metrics
        self._buffer = Buffer()
        self._pace = pace
        self._standings: set[Standing] = set()
        self._calls: dict[asyncio.Task[None], Call] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._is_closing = False
        revocations.subscribe(self._cut_off)
        controls.subscribe(self._obey)

    async def open(self) -> None:
        """Settle what an earlier process left, and start to look after calls in flight."""
        self._is_closing = False
        if recovered := await self._recover(everything=True):
            logger.warning("Recovered %d calls that an earlier process left unsettled", recovered)
        self._keeper = asyncio.create_task(self._keep(), name="relay-keeper")

    async def close(self, grace_seconds: float = 5.0) -> None:
        """Refuse new calls, let those in flight finish for a while, then end them; returns when all have settled."""
        self._is_closing = True
        if self._calls:
            await asyncio.wait(self._calls, timeout=grace_seconds)
        self.stop_all(Unavailable("The server is stopping. Try again in a moment."))
        if self._calls:
            _, pending = await asyncio.wait(self._calls, timeout=grace_seconds)
            for (
                task
            ) in pending:  # only a database that cannot be written to keeps one: its hold waits for the next start
                task.cancel()
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None

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
        if self._is_closing:
            raise Unavailable("The server is stopping. Try again in a moment.", headers={"retry-after": "2"})
        self._controls.now.check_open()
        standing = Standing(caller)
        self._standings.add(standing)
        try:
            if caller.game_id and route.read and not self._consents.has_allowed(caller.user_id, caller.game_id):
                receive = await agreed(self._consents, caller, receive)
            with self._pace.of(caller):
                raw = await self._buffer.read(scope, receive) if route.method == "POST" else b""
                try:
                    if route.read is None:
                        await self._pass_through(backend, route, tail, raw, scope, send)
                    else:
                        await self._metered(standing, backend, route, raw, scope, receive, send)
                finally:
                    self._buffer.release(len(raw))
        except CallerLeft:
            return
        except VanillaError as error:
            reason = _reason(error)
            self._feed.refused(caller.user_id, caller.username, backend.name, reason)
            self._metrics.refused(backend.name, reason)
            raise
        finally:
            self._standings.discard(standing)

    async def _metered(
        self, standing: Standing, backend: Backend, route: Route, raw: bytes, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """A call that costs tokens."""
        assert route.read is not None
        arrived_at = time.monotonic()
        prompt = await _read(route.read, raw)
        controls = self._controls.now
        controls.check_model(backend.name, prompt.model)
        controls.check_extras(prompt.extras)
        controls.check_memory(prompt.num_ctx, prompt.keep_alive)
        asked = Asked(
            backend=backend,
            route=route,
            prompt=prompt,
            target=await backend.target(prompt.model, Headers(scope=scope)),
            prompt_tokens=await estimate.prompt_tokens(prompt.text),
            game_cap=controls.game_tokens_per_day,
            request_id=scope.get("request_id"),
            arrived_at=arrived_at,
        )
        self._controls.now.check_open()  # it may have been switched off meanwhile
        call = Call(
            asked, standing, send, meter=self._meter, feed=self._feed, metrics=self._metrics, upstream=self._upstream
        )
        task = asyncio.current_task()
        assert task is not None
        self._calls[task] = call
        watcher = asyncio.create_task(_until_gone(receive, call)) if call.is_streamed else None
        try:
            await call.run()
        finally:
            del self._calls[task]
            if watcher is not None:
                watcher.cancel()

    async def _pass_through(
        self, backend: Backend, route: Route, tail: str, raw: bytes, scope: Scope, send: Send
    ) -> None:
        """A call that costs nothing: a list of models, a count of tokens."""
        target = await backend.target(_model_in(raw), Headers(scope=scope))
        path = route.upstream.replace("{model}", quote(tail, safe=""))
        try:
            async with self._upstream.ask(backend, route.method, target, path, raw) as response:
                if (refusal := backend.refusal(response.status)) is not None:
                    raise refusal
                await send_whole(send, response, await whole(response))
        except Unreached as error:
            raise error.because from None

    def calls_in_flight(self) -> Counter[str]:
        """How many calls are being answered, by backend."""
        return Counter(call.live.backend for call in self._calls.values())

    def stop_all(self, why: VanillaError) -> None:
        """End every call in flight."""
        for call in list(self._calls.values()):
            call.end(why)

    def stop_game(self, user_id: str, game_id: str) -> None:
        """End the calls in flight of one game, at its player's wish."""
        for call in list(self._calls.values()):
            if call.live.user_id == user_id and call.live.game_id == game_id:
                call.end(Forbidden("The player has stopped this answer."))

    def _obey(self, controls: Controls) -> None:
        if not controls.inference_enabled:
            self.stop_all(Unavailable(SWITCHED_OFF))

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
            points = [call.checkpoint() for call in self._calls.values() if call.is_in_flight]
            try:
                if points:
                    await self._meter.checkpoint(points)
                if time.monotonic() > recover_at:
                    recover_at = time.monotonic() + SECONDS_BETWEEN_RECOVERIES
                    await self._recover(everything=False)
            except Exception:
                logger.exception("Calls in flight could not be noted")

    async def _recover(self, *, everything: bool) -> int:
        entries = await self._meter.recover(everything=everything)
        for entry in entries:
            self._metrics.recorded(entry)
        return len(entries)


async def _until_gone(receive: Receive, call: Call) -> None:
    """End a streamed call when its caller leaves. One that is not streamed is billed whole: it is read to its end."""
    while (await receive())["type"] != "http.disconnect":
        pass
    call.end()


async def _read(read: Callable[[dict[str, Any], bytes], Prompt], raw: bytes) -> Prompt:
    """The request, read once. Raises BadRequest. A large one on a thread: each pass over 32 MB keeps all others from
    running for some 20 ms, and between them they may."""
    if len(raw) <= READ_AT_ONCE:
        return read(read_object(raw), raw)
    return await asyncio.to_thread(lambda: read(read_object(raw), raw))


def _model_in(raw: bytes) -> str | None:
    """The model that a call without cost names, if any: the embedded one is somewhere else."""
    try:
        body = orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        return None
    model = (body.get("model") or body.get("name")) if isinstance(body, dict) else None
    return model if isinstance(model, str) else None


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
