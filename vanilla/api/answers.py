"""What routes answer with, for the description of the API: names, types and meanings. The tests hold real answers
against them, so that no field is missing here and none is told of that is not there."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vanilla.accounts.periods import LimitPeriod
from vanilla.games.access import Visibility


class Answer(BaseModel):
    """Base of what is described."""

    model_config = ConfigDict(extra="forbid")


class ErrorDetails(BaseModel):
    """What went wrong. A limit that is reached adds `used`, `limit`, `remaining` and `resets_at`."""

    type: str = Field(description="Such as `invalid_request_error`, `permission_error`, `rate_limit_error`.")
    message: str = Field(description="A sentence to act on, which may be shown to whoever asked.")
    used: int | None = Field(None, description="Tokens used in the current period.")
    limit: int | None = Field(None, description="Tokens that may be used in it.")
    remaining: int | None = None
    resets_at: datetime | None = Field(None, description="When the period begins anew; null for never.")


class Error(BaseModel):
    """An error of the platform, and of the routes below `/api/inference/anthropic`."""

    type: Literal["error"] = "error"
    error: ErrorDetails
    request_id: str = Field(description="To find the request in the host's log.")


class OllamaError(BaseModel):
    """An error of the routes below `/api/inference/ollama`; limits as in `ErrorDetails` stand beside `error`."""

    error: str


class OpenAIError(BaseModel):
    """An error of the routes below `/api/inference/ollama/v1`."""

    error: ErrorDetails


class User(Answer):
    """Someone who may sign in."""

    id: str
    username: str
    is_admin: bool
    is_active: bool
    token_limit: int | None = Field(description="Tokens in each period, set by the host; null for no limit, 0 blocks.")
    own_token_limit: int | None = Field(description="The user's own limit; the lower of the two holds.")
    limit_period: LimitPeriod
    tokens_used: int = Field(description="In the current period.")
    requests_per_minute: int | None
    concurrent_calls: int | None
    created_at: datetime


class Player(Answer):
    """What a game learns of who plays it."""

    id: str
    username: str


class Me(Answer):
    """Who asks: to a game the id and the name alone."""

    user: User | Player


class SignedIn(Answer):
    """Who has signed in."""

    user: User


class Usage(Answer):
    """The tokens of the current period."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    token_limit: int | None = Field(description="Null for no limit.")
    limit_period: LimitPeriod
    remaining_tokens: int | None = Field(description="Null for no limit.")
    resets_at: datetime | None = Field(description="Null where the period is `total`.")


class Stats(Answer):
    """Totals, and rows with the same names for tokens beside their key: `backend`, `model` or `day`."""

    totals: dict[str, Any]
    by_backend: list[dict[str, Any]]
    by_model: list[dict[str, Any]]
    by_day: list[dict[str, Any]]


class Model(Answer):
    """A model that may be called."""

    backend: Literal["anthropic", "ollama"]
    model: str = Field(description="What a call names.")
    name: str = Field(description="What people read.")
    embedded: bool = Field(description="The tiny one that comes with Vanilla.")


class Models(Answer):
    """All that may be called now."""

    items: list[Model]


class GameHost(Answer):
    """Another host that a game asked for. Neither approved nor refused, it waits for an admin."""

    host: str
    approved: bool
    refused: bool


class GameHosts(Answer):
    """The hosts of one game."""

    items: list[GameHost]


class Game(Answer):
    """A game as it is for whoever asks."""

    id: str
    slug: str
    title: str
    description: str
    tags: list[str]
    owner: str
    visibility: Visibility
    cover_url: str
    play_url: str
    created_at: datetime
    updated_at: datetime
    plays: int
    players: int
    tokens_used: int = Field(description="By all of its players.")
    last_played_at: datetime | None
    my_last_played_at: datetime | None
    version: int = Field(description="The number of the version that is played.")
    talks: bool = Field(description="Its files call a model.")
    size_bytes: int
    hosts: list[GameHost]
    is_favourite: bool
    is_mine: bool
    removed_at: datetime | None = Field(None, description="Only of a game that was removed.")
    purged_at: datetime | None = Field(None, description="Until when it can be restored; only of a removed one.")


class Games(Answer):
    """A page of games, and how many match in all."""

    items: list[Game]
    total: int


class UploadedGame(Game):
    """A game that was just published, with what its author may want to mend."""

    warnings: list[str]


class Version(Answer):
    """An upload of a game, as its owner sees it."""

    number: int
    notes: str
    created_at: datetime
    published_at: datetime | None = Field(description="Null for one that was only tried.")
    size_bytes: int
    files: int
    talks: bool
    warnings: list[str]
    is_current: bool = Field(description="Everybody plays this one.")
    preview_url: str


class Versions(Answer):
    """Those that are kept, the newest first."""

    items: list[Version]
    total: int


class UploadedVersion(Version):
    """A version that was just uploaded."""

    unchanged: bool = Field(description="The newest version has the same files already, so none was made.")


class Token(Answer):
    """An API token without its secret."""

    id: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


class Tokens(Answer):
    """One's own tokens."""

    items: list[Token]


class MadeToken(Token):
    """A token that was just made."""

    token: str = Field(description="The secret, `vk_...`: shown here and never again.")


class Save(Answer):
    """Where a save stands."""

    revision: int
    size_bytes: int
    updated_at: datetime | None
    batches: list[str] = Field(description="The ids of the last changes.")


class SaveContents(Save):
    """A save and what is in it, by area: `local`, `cookies`, `storage`."""

    contents: dict[str, dict[str, str]]


class PlayBegun(Answer):
    """What the frame of a game needs."""

    url: str
    version: int
    token: str = Field(description="The play token.")
    expires_in: int = Field(description="Seconds.")
    name: str = Field(description="JSON for the frame's name, which the SDK reads.")


class PlayExtended(Answer):
    """A play token that lives on."""

    token: str
    expires_in: int


class Health(Answer):
    """That it is well."""

    status: Literal["ok", "ready"]


# What each route answers, by method and path. Routes that are not here answer what their own words say.
ANSWERS: dict[str, type[BaseModel]] = {
    "POST /auth/login": SignedIn,
    "GET /auth/me": Me,
    "PATCH /auth/me": SignedIn,
    "POST /auth/password": SignedIn,
    "POST /auth/register": User,
    "POST /admin/api/users": User,
    "PUT /admin/api/users/{user_id}": User,
    "GET /api/tokens": Tokens,
    "POST /api/tokens": MadeToken,
    "GET /api/inference/usage": Usage,
    "GET /api/inference/usage/stats": Stats,
    "GET /api/inference/models": Models,
    "GET /api/games": Games,
    "POST /api/games": UploadedGame,
    "GET /api/games/{game_id}": Game,
    "PATCH /api/games/{game_id}": Game,
    "POST /api/games/{game_id}/restore": Game,
    "PUT /api/games/{game_id}/cover": Game,
    "DELETE /api/games/{game_id}/cover": Game,
    "GET /api/games/{game_id}/versions": Versions,
    "POST /api/games/{game_id}/versions": UploadedVersion,
    "POST /api/games/{game_id}/versions/{number}/publish": Version,
    "PUT /api/games/{game_id}/hosts": GameHosts,
    "POST /api/games/{game_id}/play": PlayBegun,
    "POST /api/games/{game_id}/play/extend": PlayExtended,
    "GET /api/games/{game_id}/saves": SaveContents,
    "POST /api/games/{game_id}/saves": Save,
    "POST /api/games/{game_id}/saves/databases": Save,
    "GET /healthz": Health,
    "GET /readyz": Health,
}
