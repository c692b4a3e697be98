"""Entries of the audit as sentences: "ada raised mira's limit from 50,000 to 80,000 tokens a month"."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vanilla.models import AuditEntry

NOBODY = "The server"  # or its command line
_PERIODS = {"day": " a day", "month": " a month"}


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids in entries stand for, as far as that is known: usernames, titles of games, notes of invitations."""

    users: Mapping[str, str]
    games: Mapping[str, str]
    notes: Mapping[str, str]

    def actor(self, entry: AuditEntry) -> str:
        """Who did it."""
        return NOBODY if entry.actor_id is None else self.user(entry.actor_id)

    def user(self, user_id: object) -> str:
        """The name of a user, also of one whose row is gone."""
        return self.users.get(str(user_id), "somebody who is gone")

    def subject(self, entry: AuditEntry) -> str:
        """What it was done to, in a word or two: a user's name, a game's title, the name of a setting."""
        noun = entry.action.partition(".")[0]
        if noun in _OF_USERS:
            return self.user(entry.subject)
        if noun in _OF_GAMES:
            return self.games.get(entry.subject, "a game that is gone")
        if noun == "invitation":
            return self.notes.get(entry.subject) or "an invitation"
        return entry.subject


def sentence(entry: AuditEntry, names: Names) -> str:
    """What happened, in one sentence without a full stop. Entries of an action that is not known here are told by its
    own words."""
    tell = _TELL.get(entry.action, _unknown)
    return f"{names.actor(entry)} {tell(entry, names)}"


def _user_create(entry: AuditEntry, names: Names) -> str:
    role = " as an admin" if entry.details.get("is_admin") else ""
    return f"created {names.subject(entry)}{role}, with {_limit(entry.details)}"


def _user_update(entry: AuditEntry, names: Names) -> str:
    name, details = _whose(entry, names), entry.details
    parts = []
    period = details.get("limit_period")
    if isinstance(period, list):
        parts.append(f"had {name} limit count {_span(period[1])} instead of {_span(period[0])}")
        period = period[1]
    for field, value in details.items():
        if field == "token_limit":
            parts.append(_limit_change(name, value, _PERIODS.get(str(details.get("period", period)), "")))
        elif field in _SWITCHES:
            parts.append(_SWITCHES[field][value[1]].format(_whom(entry, names)))
        elif field in _PACES:
            before, after = ("the usual" if each is None else f"{each:,}" for each in value)
            parts.append(f"changed {name} {_PACES[field]} from {before} to {after}")
    if revoked := details.get("invitations_revoked"):
        parts.append(f"with that took back {_count(revoked, 'open invitation')}")
    return ", and ".join(parts) or f"changed {_whom(entry, names)}"


def _limit_change(name: str, change: Any, period: str) -> str:
    before, after = change
    if before is None:
        return f"gave {name} account a limit of {after:,} tokens{period}"
    if after is None:
        return f"lifted {name} limit of {before:,} tokens{period}"
    verb = "raised" if after > before else "lowered"
    return f"{verb} {name} limit from {before:,} to {after:,} tokens{period}"


def _user_delete(entry: AuditEntry, names: Names) -> str:
    games = entry.details.get("games", 0)
    return f"deleted a user, now {names.subject(entry)}" + (f", with {_count(games, 'game')}" if games else "")


def _user_password(entry: AuditEntry, names: Names) -> str:
    if entry.actor_id != entry.subject:
        return f"set a new password for {names.subject(entry)}"
    return "chose a new password" + (" by a link" if entry.details.get("by_link") else "")


def _reset_create(entry: AuditEntry, names: Names) -> str:
    return f"made a link for {_whom(entry, names)} to choose a new password"


def _session_close_all(entry: AuditEntry, names: Names) -> str:
    if entry.actor_id == entry.subject:
        return "signed out all their other browsers"
    return f"signed {names.subject(entry)} out everywhere"


def _invitation_create(entry: AuditEntry, names: Names) -> str:
    note, days = names.notes.get(entry.subject), entry.details.get("days")
    whom = f"somebody ({note})" if note else "somebody"
    lasts = f", good for {_count(days, 'day')}" if days else ""
    return f"invited {whom}, with {_limit(entry.details)}{lasts}"


def _invitation_revoke(entry: AuditEntry, names: Names) -> str:
    note = names.notes.get(entry.subject)
    return f"took back the invitation for {note}" if note else "took back an invitation"


def _invitation_accept(entry: AuditEntry, names: Names) -> str:
    host = entry.details.get("created_by")
    return f"came in by {names.user(host)}'s invitation" if host else "came in by an invitation"


def _settings_update(entry: AuditEntry, _names: Names) -> str:
    return f"changed {_changes(entry) or _in_words(entry.subject) or 'the settings'}"


def _game_update(entry: AuditEntry, names: Names) -> str:
    title, changes = names.games.get(entry.subject), _changes(entry)
    game = f"the game {title}" if title else "a game that is gone"
    return f"changed {game}" + (f": {changes}" if changes else "")


def _changes(entry: AuditEntry) -> str:
    return ", and ".join(
        f"{_in_words(name)} from {_value(change[0])} to {_value(change[1])}"
        for name, change in entry.details.items()
        if isinstance(change, list) and len(change) == 2
    )


def _host(verb: str) -> "Callable[[AuditEntry, Names], str]":
    return lambda entry, names: f"{verb} {entry.details.get('host', 'a host')} for {names.subject(entry)}"


def _backup(verb: str) -> "Callable[[AuditEntry, Names], str]":
    return lambda entry, _names: f"{verb} the backup {entry.subject}" if entry.subject else f"{verb} a backup"


def _game(verb: str) -> "Callable[[AuditEntry, Names], str]":
    def tell(entry: AuditEntry, names: Names) -> str:
        title = names.games.get(entry.subject)
        return f"{verb} the game {title}" if title else f"{verb} a game that is gone"

    return tell


def _unknown(entry: AuditEntry, names: Names) -> str:
    noun, _, verb = entry.action.partition(".")
    words = f"{_in_words(noun)} {_in_words(verb)}".strip()
    about = names.subject(entry)
    return f"did {words}: {about}" if about else f"did {words}"


def _whom(entry: AuditEntry, names: Names) -> str:
    return "themselves" if entry.actor_id == entry.subject else names.subject(entry)


def _whose(entry: AuditEntry, names: Names) -> str:
    return "their own" if entry.actor_id == entry.subject else f"{names.subject(entry)}'s"


def _limit(details: Mapping[str, Any]) -> str:
    limit = details.get("token_limit")
    if limit is None:
        return "no limit"
    return f"{limit:,} tokens{_PERIODS.get(details.get('limit_period', ''), '')}"


def _span(period: object) -> str:
    return {"day": "by the day", "month": "by the month"}.get(str(period), "in all")


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def _in_words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


_OF_USERS = {"user", "session", "reset"}
_OF_GAMES = {"game", "host"}
_SWITCHES = {
    "is_active": {False: "switched {} off", True: "switched {} on"},
    "is_admin": {False: "made {} a plain user", True: "made {} an admin"},
}
_PACES = {"requests_per_minute": "calls a minute", "concurrent_calls": "calls at once"}
_TELL: dict[str, Callable[[AuditEntry, Names], str]] = {
    "user.create": _user_create,
    "user.update": _user_update,
    "user.delete": _user_delete,
    "user.password": _user_password,
    "reset.create": _reset_create,
    "session.close_all": _session_close_all,
    "invitation.create": _invitation_create,
    "invitation.revoke": _invitation_revoke,
    "invitation.accept": _invitation_accept,
    "settings.update": _settings_update,
    "inference.stop": lambda _entry, _names: "stopped all inference",
    "inference.start": lambda _entry, _names: "let inference go on",
    "backup.create": _backup("made"),
    "backup.download": _backup("downloaded"),
    "backup.delete": _backup("deleted"),
    "host.approve": _host("allowed"),
    "host.refuse": _host("refused"),
    "game.update": _game_update,
    "game.remove": _game("removed"),
    "game.restore": _game("brought back"),
}
ACTIONS: tuple[str, ...] = tuple(_TELL)
