"""Addresses that say what a page shows, so that a reload, the back button and a friend see the same."""

from collections.abc import Mapping
from urllib.parse import urlencode


def address(path: str, fields: Mapping[str, str]) -> str:
    """The address of `path` with the fields that say something: an empty one is the usual, and left out."""
    given = {name: value for name, value in fields.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def page_number(text: str) -> int:
    """The page that an address asks for, from 1; 1 where that makes no sense."""
    return max(1, int(text)) if text.isascii() and text.isdecimal() and len(text) < 6 else 1
