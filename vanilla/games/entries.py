"""What a game keeps in localStorage, in cookies and with `vanilla.storage`: texts by key, and changes to them.

Texts are JavaScript's: any UTF-16 code units, lone surrogates and NUL among them. They come and go as JSON.
"""

import json
from dataclasses import dataclass, field
from typing import Any

import orjson

from vanilla.errors import Invalid, TooLarge

AREAS = ("local", "cookies", "storage")
MOST_UNITS = 5 * 1024 * 1024  # UTF-16 code units of keys and values, all areas together: what browsers allow
MOST_KEYS = 100_000
FULL = "The 5 MB that a game may keep for you are used up. What it stored last is not saved."

Contents = dict[str, dict[str, str]]  # by area


@dataclass(frozen=True, slots=True)
class Change:
    """To one area: first it is emptied, if `clear`; then keys are removed; then they are set."""

    clear: bool = False
    remove: list[str] = field(default_factory=list)
    set: dict[str, str] = field(default_factory=dict)


Changes = dict[str, Change]  # by area


def read_json(text: bytes) -> Any:
    """Raises Invalid."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        pass  # not JSON, or JSON with a lone surrogate, which Python's own reader takes
    try:
        return json.loads(text.decode())
    except (ValueError, RecursionError):
        raise Invalid("The save cannot be read: it is not valid JSON in UTF-8.") from None


def write_json(value: Any) -> bytes:
    """In UTF-8, with lone surrogates written as escapes."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def empty() -> Contents:
    """What a game has before it stored anything."""
    return {area: {} for area in AREAS}


def read(text: bytes) -> Contents:
    """Contents as `write_json` wrote them."""
    return {**empty(), **read_json(text)}


def checked_changes(value: Any) -> Changes:
    """Changes as they come in: `{"local": {"clear": false, "remove": ["a"], "set": {"b": "c"}}}`. Raises Invalid."""
    if not isinstance(value, dict) or not value.keys() <= set(AREAS):
        raise _not_changes()
    return {area: _checked_change(change) for area, change in value.items()}


def checked_contents(value: Any) -> Contents:
    """Contents from a file that a person kept. Raises Invalid, TooLarge."""
    if not isinstance(value, dict) or not all(_is_texts(value.get(area, {})) for area in AREAS):
        raise Invalid("This is not a file of saves that was exported here.")
    contents = {area: value.get(area, {}) for area in AREAS}
    check_size(contents)
    return contents


def apply(contents: Contents, changes: Changes) -> None:
    """Change contents in place."""
    for area, change in changes.items():
        texts = contents[area]
        if change.clear:
            texts.clear()
        for key in change.remove:
            texts.pop(key, None)
        texts.update(change.set)


def check_size(contents: Contents) -> None:
    """Raises TooLarge."""
    keys = sum(len(texts) for texts in contents.values())
    if keys > MOST_KEYS:
        raise TooLarge(f"A game may keep {MOST_KEYS:,} keys for you. What it stored last is not saved.")
    if sum(units(key) + units(text) for texts in contents.values() for key, text in texts.items()) > MOST_UNITS:
        raise TooLarge(FULL)


def units(text: str) -> int:
    """Length in UTF-16 code units, as JavaScript counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def _checked_change(value: Any) -> Change:
    if not isinstance(value, dict) or not value.keys() <= {"clear", "remove", "set"}:
        raise _not_changes()
    clear, remove, texts = value.get("clear", False), value.get("remove", []), value.get("set", {})
    if not isinstance(clear, bool) or not isinstance(remove, list) or not _is_texts(texts):
        raise _not_changes()
    if not all(isinstance(key, str) for key in remove):
        raise _not_changes()
    return Change(clear, remove, texts)


def _is_texts(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(text, str) for text in value.values())


def _not_changes() -> Invalid:
    areas = ", ".join(AREAS)
    return Invalid(f"Changes are an object with any of {areas}, each with any of clear, remove (keys) and set (texts).")
