"""What an admin may change while the server runs: which calls are let through at all."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from sqlmodel import Session, select

from vanilla import audit
from vanilla.database import Database
from vanilla.errors import BadRequest, Forbidden, Invalid, Unavailable
from vanilla.models import RuntimeSetting, User, utc_now
from vanilla.settings import Settings

EVERY_MODEL = ("*",)
SWITCHED_OFF = "The host has switched models off for now."


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls as they stand. Patterns are shell-like (`claude-haiku-*`); all of a backend's must be named."""

    inference_enabled: bool = True
    allowed_models: Mapping[str, Sequence[str]] = field(
        default_factory=dict
    )  # by backend; a missing one allows every model
    server_tools: bool = False  # tools that run at the upstream and cost extra, MCP servers, files
    game_tokens_per_day: int | None = 1_000_000  # of one user, in one game; None for no cap
    max_num_ctx: int = 32_768  # tokens of context that a call may make Ollama keep in memory
    max_keep_alive: int = 3_600  # seconds that a call may keep a model loaded
    default_token_limit: int | None = None  # of a new user, where nothing else is said; None for none
    default_limit_period: Literal["total", "day", "month"] = "total"
    requests_per_minute: int | None = None  # of users without a bound of their own; None as REQUESTS_PER_MINUTE says,
    concurrent_calls: int | None = None  # and CONCURRENT_CALLS; 0 for no bound
    backups_kept: int = 7  # when one is made, older ones go

    def patterns(self, backend: str) -> tuple[str, ...]:
        """Which models of a backend are allowed."""
        return tuple(self.allowed_models.get(backend, EVERY_MODEL))

    def allows(self, backend: str, model: str) -> bool:
        """Whether a model may be called. `llama3.2` and `llama3.2:latest` are the same to Ollama, and so to this."""
        patterns = self.patterns(backend)
        if "*" in patterns:
            return True
        names = {model, model.removesuffix(":latest"), model if ":" in model else f"{model}:latest"}
        return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)

    def usual_pace(self, settings: Settings) -> tuple[int | None, int | None]:
        """The calls a minute and at once of users who have no bounds of their own; None for no bound."""
        a_minute, at_once = self.requests_per_minute, self.concurrent_calls
        return (
            (settings.requests_per_minute if a_minute is None else a_minute) or None,
            (settings.concurrent_calls if at_once is None else at_once) or None,
        )

    def check_open(self) -> None:
        """Raises Unavailable while inference is switched off."""
        if not self.inference_enabled:
            raise Unavailable(SWITCHED_OFF, headers={"retry-after": "60"})

    def check_model(self, backend: str, model: str) -> None:
        """Raises Forbidden for a model that is not allowed."""
        if not self.allows(backend, model):
            listed = ", ".join(self.patterns(backend)) or "none"
            raise Forbidden(f"The model {model[:100]} is not allowed here. Allowed: {listed}.")

    def check_extras(self, extras: frozenset[str]) -> None:
        """Raises Forbidden for what runs at the upstream beside the model, unless an admin allows it."""
        if extras and not self.server_tools:
            raise Forbidden(f"{', '.join(sorted(extras))}: the host has not allowed what runs at the model's server.")

    def check_memory(self, num_ctx: int | None, keep_alive: float | None) -> None:
        """Raises BadRequest for a context or a time in memory (seconds, negative for ever) beyond the host's."""
        if num_ctx is not None and num_ctx > self.max_num_ctx:
            raise BadRequest(f"num_ctx: at most {self.max_num_ctx:,} here.")
        if keep_alive is not None and not 0 <= keep_alive <= self.max_keep_alive:
            raise BadRequest(f"keep_alive: between 0 and {self.max_keep_alive:,} seconds here.")


class ControlsChange(BaseModel):
    """Any of the controls; what is absent stays."""

    model_config = ConfigDict(extra="forbid")

    inference_enabled: bool | None = None
    allowed_models: (
        dict[
            Annotated[str, StringConstraints(pattern=re.compile("^(anthropic|ollama)$"))],
            Annotated[list[Annotated[str, StringConstraints(min_length=1, max_length=200)]], Field(max_length=200)],
        ]
        | None
    ) = None
    server_tools: bool | None = None
    game_tokens_per_day: Annotated[int, Field(ge=0, le=1_000_000_000)] | None = None
    max_num_ctx: Annotated[int, Field(ge=512, le=10_000_000)] | None = None
    max_keep_alive: Annotated[int, Field(ge=0, le=86_400)] | None = None
    default_token_limit: Annotated[int, Field(ge=0, le=10**15)] | None = None
    default_limit_period: Literal["total", "day", "month"] | None = None
    requests_per_minute: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    concurrent_calls: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    backups_kept: Annotated[int, Field(ge=1, le=1000)] | None = None

    @classmethod
    def of(cls, **given: Any) -> "ControlsChange":
        """A change from what somebody typed. Raises Invalid with a sentence."""
        try:
            return cls(**given)
        except ValidationError as error:
            problem = error.errors()[0]
            name = str(problem["loc"][0])
            what = problem["msg"].removeprefix("Input ").removeprefix("String ")
            raise Invalid(f"{_IN_WORDS.get(name, name)} {what}.") from None


_IN_WORDS = {
    "allowed_models": "Each pattern",
    "game_tokens_per_day": "The tokens of one game in a day",
    "max_num_ctx": "The context (num_ctx)",
    "max_keep_alive": "The time in memory (keep_alive)",
    "default_token_limit": "The limit of new users",
    "default_limit_period": "The time over which it counts",
    "requests_per_minute": "The calls a minute",
    "concurrent_calls": "The calls at once",
    "backups_kept": "The number of backups",
}
# Those of which null says something; of the others it says that they stay.
_MAY_BE_NONE = {"game_tokens_per_day", "default_token_limit", "requests_per_minute", "concurrent_calls"}


@dataclass(frozen=True, slots=True)
class Stop:
    """Who has switched inference off, by name ("" if they are gone), and when."""

    by: str
    at: datetime


class ControlPanel:
    """The controls of this server: kept in the database, read from memory."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._subscribers: list[Callable[[Controls], None]] = []
        self.now = Controls()
        self.stop: Stop | None = None  # while inference is off

    def subscribe(self, callback: Callable[[Controls], None]) -> Callable[[], None]:
        """Call `callback` with the controls after each change; the returned function ends that."""
        self._subscribers.append(callback)
        return lambda: self._subscribers.remove(callback)

    async def open(self) -> None:
        """Read what admins have set."""

        def work(session: Session) -> tuple[Sequence[RuntimeSetting], Stop | None]:
            rows = session.exec(select(RuntimeSetting)).all()
            stops = [row for row in rows if row.name == "inference_enabled" and not row.value]
            return rows, next((Stop(_name_of(session, row.updated_by), row.updated_at) for row in stops), None)

        rows, self.stop = await self._database.read(work)
        known = asdict(Controls())
        self.now = replace(Controls(), **{row.name: row.value for row in rows if row.name in known})
        self._tell()

    async def change(self, change: ControlsChange, by: str) -> Controls:
        """Change some, in the name of the user `by`; in force once this returns."""
        given: dict[str, Any] = change.model_dump(exclude_unset=True)
        given = {name: value for name, value in given.items() if value is not None or name in _MAY_BE_NONE}
        if "allowed_models" in given:
            given["allowed_models"] = {**self.now.allowed_models, **given["allowed_models"]}
        before = asdict(self.now)
        changed = {name: value for name, value in given.items() if value != before[name]}
        now = utc_now()

        def work(session: Session) -> str:
            for name, value in changed.items():
                session.merge(RuntimeSetting(name=name, value=value, updated_by=by, updated_at=now))
                if name == "inference_enabled":
                    audit.record(session, by=by, action="inference.start" if value else "inference.stop")
                else:
                    details = {name: [before[name], value]}
                    audit.record(session, by=by, action="settings.update", subject=name, details=details)
            return _name_of(session, by)

        who = await self._database.write(work)
        self.now = replace(self.now, **changed)
        if "inference_enabled" in changed:
            self.stop = None if changed["inference_enabled"] else Stop(who, now)
        self._tell()
        return self.now

    def _tell(self) -> None:
        for callback in list(self._subscribers):
            callback(self.now)


def _name_of(session: Session, user_id: str | None) -> str:
    user = None if user_id is None else session.get(User, user_id)
    return "" if user is None or user.deleted_at is not None else user.username
