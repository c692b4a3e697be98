"""What is wrong with an upload: everything at once, as sentences for people and as data for pages and programs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vanilla.errors import Invalid

MOST_LISTED = 50  # the rest is counted
MOST_CANDIDATES = 30


@dataclass(frozen=True, slots=True)
class Problem:
    """`message` is a whole sentence. `file` is what it is about, as names.shown shows it, or "" for all of it."""

    message: str
    file: str = ""


class InvalidBundle(Invalid):
    """What was uploaded cannot be a game.

    The error's details: `problems`, a list of `{"file", "message"}` with at most MOST_LISTED entries; `more_problems`,
    how many more there are; and where the page to open cannot be told, `candidates`, paths of pages that it could be:
    the same upload with one of them in the field `entry` says which.
    """

    def __init__(self, problems: Sequence[Problem], candidates: Sequence[str] = ()) -> None:
        first, rest = problems[0].message, len(problems) - 1
        message = first if not rest else f"{first} There {'is 1 more problem' if rest == 1 else _more(rest)}."
        details: dict[str, Any] = {
            "problems": [{"file": each.file, "message": each.message} for each in problems[:MOST_LISTED]],
            "more_problems": max(0, len(problems) - MOST_LISTED),
        }
        if candidates:
            details["candidates"] = list(candidates[:MOST_CANDIDATES])
        super().__init__(message, details=details)
        self.problems = list(problems)
        self.candidates = list(candidates)


def _more(count: int) -> str:
    return f"are {count:,} more problems"
