"""One call that costs tokens, from its hold to its row in the ledger."""

import asyncio
import time
from dataclasses import dataclass

from vanilla.accounts.caller import Caller
from vanilla.accounts.revocation import Revocation
from vanilla.errors import VanillaError
from vanilla.inference import estimate
from vanilla.inference.backends.base import Backend, Prompt, Route, Tap
from vanilla.inference.meter import Checkpoint
from vanilla.models import utc_now
from vanilla.usage.feed import LiveCall
from vanilla.usage.ledger import Entry, Status


@dataclass(slots=True, eq=False)
class Standing:
    """A caller who has been admitted and not yet answered. Revoked while the request is still being read, or while its
    tokens are set aside, it stops there."""

    caller: Caller
    revoked_by: VanillaError | None = None

    def concerns(self, revocation: Revocation) -> bool:
        """Whether the caller came by what is revoked."""
        caller = self.caller
        if caller.user_id != revocation.user_id:
            return False
        if revocation.session_id is not None:
            return caller.session_id == revocation.session_id
        if revocation.token_id is not None:
            return caller.token_id == revocation.token_id
        return True


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """What is known of a call in flight."""

    standing: Standing
    backend: Backend
    route: Route
    prompt: Prompt
    tap: Tap
    live: LiveCall
    request_id: str | None
    task: "asyncio.Task[None] | None" = None
    is_held: bool = False  # its tokens are set aside
    answer_started: bool = False  # the caller has a status line: from now on errors go into the stream
    settling: bool = False  # nothing may interrupt it any more
    cut_by: VanillaError | None = None  # why we ended it
    left: bool = False  # the caller is gone

    def end(self, why: VanillaError | None = None) -> None:
        """Stop relaying: the caller left (no reason), or may not go on. What was used is settled."""
        if self.settling or self.left or self.cut_by is not None:
            return
        if why is None:
            self.left = True
        self.cut_by = why
        if self.is_held and self.task is not None:  # before that, the answer of the hold must not be missed
            self.task.cancel()

    @property
    def was_ended(self) -> bool:
        """Whether we stopped it, for whatever reason."""
        return self.left or self.cut_by is not None

    def note_first_byte(self) -> None:
        self.live.first_byte_ms = round((time.monotonic() - self.live.started_at) * 1000)

    def note_progress(self) -> None:
        """Bring the live figures up to what the tap has seen."""
        self.live.completion_tokens = self.tap.tokens_so_far
        if self.tap.usage.prompt_tokens is not None:
            self.live.prompt_tokens = self.tap.usage.prompt_tokens

    def checkpoint(self) -> Checkpoint:
        return Checkpoint(self.live.id, self.live.prompt_tokens, self.live.completion_tokens)

    async def entry(self, status: Status) -> Entry:
        """The call's ledger row as of now: exact where the upstream has said its last word, else the best estimate."""
        usage = self.tap.usage
        prompt_tokens = usage.prompt_tokens
        completion_tokens = usage.completion_tokens
        if completion_tokens is None or not self.tap.is_complete:
            seen = await estimate.output_tokens(self.tap.text)
            estimated_completion = max(completion_tokens or 0, seen)
        else:
            estimated_completion = completion_tokens
        return Entry(
            id=self.live.id,
            timestamp=utc_now(),
            user_id=self.live.user_id,
            game_id=self.live.game_id,
            backend=self.live.backend,
            model=self.live.model,
            prompt_tokens=self.live.prompt_tokens if prompt_tokens is None else prompt_tokens,
            completion_tokens=estimated_completion,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            estimated=prompt_tokens is None or completion_tokens is None or not self.tap.is_complete,
            status=status,
            duration_ms=round((time.monotonic() - self.live.started_at) * 1000),
            first_byte_ms=self.live.first_byte_ms,
            request_id=self.request_id,
        )
