"""Games and their versions as the API shows them."""

from datetime import datetime
from typing import Any

from vanilla.games.versions import VersionView
from vanilla.games.views import GameView, HostView
from vanilla.models import utc_text


def shown(game: GameView) -> dict[str, Any]:
    """The `Game` of the HTTP contract, as it is for the viewer that it was read for."""
    return {
        "id": game.id,
        "slug": game.slug,
        "title": game.title,
        "description": game.description,
        "tags": game.tags,
        "owner": game.owner,
        "visibility": game.visibility,
        "cover_url": game.cover_url,
        "play_url": game.play_url,
        "created_at": utc_text(game.created_at),
        "updated_at": utc_text(game.updated_at),
        "plays": game.plays,
        "players": game.players,
        "tokens_used": game.tokens_used,
        "last_played_at": _moment(game.last_played_at),
        "my_last_played_at": _moment(game.my_last_played_at),
        "version": game.version,
        "talks": game.talks,
        "size_bytes": game.size_bytes,
        "hosts": [shown_host(each) for each in game.hosts],
        "is_favourite": game.is_favourite,
        "is_mine": game.is_mine,
        **({"removed_at": _moment(game.removed_at), "purged_at": _moment(game.purged_at)} if game.removed_at else {}),
    }


def shown_version(game_id: str, version: VersionView) -> dict[str, Any]:
    """A version for its game's owner: `preview_url` plays it, published or not."""
    return {
        "number": version.number,
        "notes": version.notes,
        "created_at": utc_text(version.created_at),
        "published_at": _moment(version.published_at),
        "size_bytes": version.size_bytes,
        "files": version.files,
        "talks": version.talks,
        "warnings": version.warnings,
        "is_current": version.is_current,
        "preview_url": f"/play/{game_id}?version={version.number}",
    }


def shown_host(host: HostView) -> dict[str, Any]:
    """Another host that a game asked for; neither approved nor refused, it waits for an admin."""
    return {"host": host.host, "approved": host.is_approved, "refused": host.is_refused}


def _moment(moment: datetime | None) -> str | None:
    return utc_text(moment) if moment else None
