"""Values of a JSON body, each read with its type checked: a body is the caller's and may hold anything."""

import json
import math
import re
from typing import Any

from vanilla.errors import BadRequest
from vanilla.inference.local.weights import CONTEXT_TOKENS

MAX_STOPS = 64
MAX_SCHEMA_CHARS = 8192  # llama.cpp takes 1.5 s to turn an enumeration of this length into a grammar
# Longer prompts cannot fit: a token stands for about four characters of prose, and a message costs four of its own.
MAX_PROMPT_CHARS = CONTEXT_TOKENS * 64
MAX_MESSAGES = CONTEXT_TOKENS // 4
_INT32 = 2**31 - 1
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")  # two of them in the right order are a whole one
_LISTED_ROLES = ("system", "user", "assistant")


class Fields:
    """A JSON object. Readers give None for a field that is missing or null, and raise BadRequest for a wrong type."""

    def __init__(self, values: dict[str, Any], path: str = "") -> None:
        self._values = values
        self._path = path

    @classmethod
    def parse(cls, body: bytes) -> "Fields":
        """The fields of a request's body. Raises BadRequest when it is no JSON object."""
        try:
            values = json.loads(body, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise BadRequest("The body is not valid JSON.") from error
        if not isinstance(values, dict):
            raise BadRequest("The body must be a JSON object.")
        if _HALF_CHARACTER.search(body) and not _is_unicode(values):
            raise BadRequest("The body has half of a character in it (a lone surrogate).")
        return cls(values)

    def text(self, name: str) -> str | None:
        """A string."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            raise self._wrong(name, "a string")
        return value

    def flag(self, name: str) -> bool | None:
        """true or false."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise self._wrong(name, "true or false")
        return value

    def integer(self, name: str) -> int | None:
        """A whole number of 32 bits; 5.0 is one too, as JavaScript knows no other."""
        value = self.number(name)
        if value is None:
            return None
        if value != int(value) or abs(value) > _INT32:
            raise self._wrong(name, "a whole number")
        return int(value)

    def number(self, name: str) -> float | None:
        """A finite number."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._wrong(name, "a number")
        if abs(value) > 2**63 or not math.isfinite(value):
            raise self._wrong(name, "a number of a sensible size")
        return value

    def object(self, name: str) -> "Fields | None":
        """A JSON object."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(name, "an object")
        return Fields(value, f"{self._path}{name}.")

    def objects(self, name: str) -> "list[Fields]":
        """A list of JSON objects; empty when missing."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._wrong(name, "a list of objects")
        return [Fields(item, f"{self._path}{name}[{index}].") for index, item in enumerate(value)]

    def has(self, name: str) -> bool:
        """Whether the field says anything: not missing, null, false or empty."""
        return bool(self._values.get(name))

    def stops(self, name: str = "stop") -> list[str]:
        """Stop sequences: a string or a list of them; empty ones, which would stop at once, are left out."""
        value = self._values.get(name)
        stops = [value] if isinstance(value, str) else ([] if value is None else value)
        if not isinstance(stops, list) or len(stops) > MAX_STOPS or not all(isinstance(stop, str) for stop in stops):
            raise self._wrong(name, f"a string or a list of at most {MAX_STOPS} strings")
        return [stop for stop in stops if stop]

    def schema(self, name: str) -> dict[str, Any] | None:
        """A JSON schema, small and flat enough to be turned into a grammar."""
        value = self._values.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise self._wrong(name, "a JSON schema")
        if len(json.dumps(value)) > MAX_SCHEMA_CHARS:
            raise BadRequest(f"{self._path}{name} is longer than {MAX_SCHEMA_CHARS} characters; use a smaller schema.")
        return value

    def either(self, name: str) -> Any:
        """The value as it came, for a field that may have several types."""
        return self._values.get(name)

    def _wrong(self, name: str, expected: str) -> BadRequest:
        return BadRequest(f"{self._path}{name} must be {expected}.")


def check_role(role: str | None) -> str:
    """A role that the model knows. Raises BadRequest for any other."""
    if role not in _LISTED_ROLES:
        raise BadRequest(f"A message's role must be one of {', '.join(_LISTED_ROLES)}.")
    return role


def check_length(texts: list[str]) -> None:
    """Raises BadRequest for what cannot fit, so that megabytes are not tokenised only to be refused."""
    if len(texts) > MAX_MESSAGES or sum(map(len, texts)) > MAX_PROMPT_CHARS:
        raise BadRequest(
            f"The prompt is far longer than the {CONTEXT_TOKENS} tokens that the embedded model can read. Shorten it."
        )


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _is_unicode(values: dict[str, Any]) -> bool:
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True
