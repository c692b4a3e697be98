"""Usernames: what is one, and what makes two of them the same."""

import unicodedata

from vanilla.errors import Invalid

LONGEST_USERNAME = 40  # characters
_BLANKS = set("\u115f\u1160\u2800")  # letters and symbols to Unicode, and nothing to see


def checked_username(username: str) -> str:
    """The name as it is kept: trimmed, in Unicode's composed form. Raises Invalid."""
    name = unicodedata.normalize("NFC", username.strip())
    if not 1 <= len(name) <= LONGEST_USERNAME:
        raise Invalid(f"The username must have 1 to {LONGEST_USERNAME} characters.")
    plain = unicodedata.normalize("NFKC", name)
    if not name.isprintable() or _BLANKS & set(plain):
        raise Invalid("The username contains a character that cannot be seen: leave it out.")
    if plain != name:  # full-width letters and the like, which pass for somebody else's name
        raise Invalid(f"The username contains a character in a special form: write {plain}.")
    return name


def username_key(username: str) -> str:
    """What makes names one: Mira, MIRA and mira."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", username).casefold())
