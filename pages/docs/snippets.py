"""The examples of the guide, as an author of games copies them: one file each in the folder `snippets`.

`ORIGIN` stands for the platform's own address, and a few words in capitals for its limits. Every one of them is run by
the tests.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "snippets"

_LANGUAGES = {
    ".html": "html",
    ".js": "javascript",
    ".json": "json",
    ".md": "text",
    ".sh": "bash",
    ".txt": "python",  # not .py: they are no modules of ours
}


@dataclass(frozen=True, slots=True)
class Snippet:
    """One example. `language` is a name that Pygments knows."""

    name: str
    language: str
    source: str


@cache
def snippet(name: str) -> Snippet:
    """The example in the file of that name, such as `claude.js`."""
    path = FOLDER / name
    return Snippet(name, _LANGUAGES[path.suffix], path.read_text().rstrip("\n"))


def names() -> list[str]:
    """All there are."""
    return sorted(path.name for path in FOLDER.iterdir())
