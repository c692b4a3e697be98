"""Who is asking, and with which credential."""

from dataclasses import dataclass
from enum import StrEnum

from vanilla.models import NO_GAME


class Credential(StrEnum):
    """How a caller proved who they are; it decides what they may do."""

    SESSION = "session"  # the login cookie: everything its user may do
    API_TOKEN = "api_token"  # noqa: S105  the kind's name, no secret. vk_...: inference, usage, models and games
    PLAY_TOKEN = "play_token"  # noqa: S105  the same. vp_...: inference, usage, models and a little of /auth/me, for one game


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller."""

    user_id: str
    username: str
    is_admin: bool  # and proved it with a session: a token is never good for an admin's work
    credential: Credential
    session_id: str | None = None  # of the login session behind a cookie or a play token
    token_id: str | None = None  # of an API token
    game_id: str = NO_GAME  # of a play token
    requests_per_minute: int | None = None  # None: as many as they like
    concurrent_calls: int | None = None
