"""What a game says about itself, and how such texts may look."""

import codecs
import html
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vanilla.errors import Invalid

LONGEST_TITLE = 80
LONGEST_DESCRIPTION = 2000
MOST_TAGS = 10
LONGEST_TAG = 30
LONGEST_NOTES = 2000
META = "meta.json"
_READ = 64 * 1024  # bytes of a page, or of meta.json, that are looked at
# The repetitions are bounded: a hostile page must not make the search take quadratic time.
_TITLE = re.compile(r"<title[^>]{0,200}>(.{0,1000}?)</title", re.IGNORECASE | re.DOTALL)
_MARKS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"  # they turn the text around them


@dataclass(frozen=True, slots=True)
class About:
    """Texts about a game, each already clean and short enough; empty where nothing is said."""

    title: str = ""
    description: str = ""
    tags: list[str] = field(default_factory=list)
    notes: str = ""  # what is new in this version
    cover: str = ""  # a path in the game; whether there is such a picture is not known
    warnings: list[str] = field(default_factory=list)  # what could not be taken from meta.json


def read(folder: Path, entry: str) -> About:
    """What `meta.json` at the root says, else the title of the page that opens. Never raises for what is in them.

    `{"title", "description", "tags": [...] or "a, b", "notes", "cover": "art/cover.png"}`, all optional.
    """
    meta = _Meta(folder / META)
    tags = [tag for tag in tag_list(meta.tags()) if len(tag) <= LONGEST_TAG]
    return About(
        title=meta.line("title", LONGEST_TITLE) or _page_title(folder / entry),
        description=meta.text("description", LONGEST_DESCRIPTION),
        tags=tags[:MOST_TAGS],
        notes=meta.text("notes", LONGEST_NOTES),
        cover=meta.cover(),
        warnings=meta.warnings,
    )


def cover_named(meta: Path) -> str:
    """The path of the cover that a meta.json names, or ""."""
    return _Meta(meta).cover()


def line(value: str) -> str:
    """A text on one line: composed, white space collapsed, nothing invisible that disturbs what stands beside it."""
    return " ".join(_visible(value).split())


def text(value: str) -> str:
    """A text of several lines: the same, line by line."""
    lines = [" ".join(each.split()) for each in _visible(value).replace("\r\n", "\n").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def tag_list(values: Iterable[object]) -> list[str]:
    """Tags in lower case, each once, in order. A value may hold several, separated by commas."""
    parts = (part for value in values if isinstance(value, str) for part in value.split(","))
    return list(dict.fromkeys(tag for part in parts if (tag := line(part).lower().removeprefix("#").strip())))


def checked_title(value: str) -> str:
    """A title as a person typed it, cleaned; may be empty. Raises Invalid when it is too long."""
    title = line(value)
    if len(title) > LONGEST_TITLE:
        raise Invalid(f"The title has {len(title)} characters; at most {LONGEST_TITLE} are possible.")
    return title


def checked_description(value: str) -> str:
    """The same for a description."""
    description = text(value)
    if len(description) > LONGEST_DESCRIPTION:
        raise Invalid(
            f"The description has {len(description):,} characters; at most {LONGEST_DESCRIPTION:,} are possible."
        )
    return description


def checked_tags(values: Sequence[str]) -> list[str]:
    """The same for tags."""
    tags = tag_list(values)
    if len(tags) > MOST_TAGS:
        raise Invalid(f"There are {len(tags)} tags; at most {MOST_TAGS} are possible.")
    for tag in tags:
        if len(tag) > LONGEST_TAG:
            raise Invalid(f"A tag has {len(tag)} characters; at most {LONGEST_TAG} are possible.")
    return tags


def slug(title: str) -> str:
    """A title as it can stand in an address: ASCII letters, digits and dashes, at least one."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60].strip("-") or "game"


def _visible(value: str) -> str:
    composed = unicodedata.normalize("NFC", value)
    return "".join(
        c for c in composed if c in "\n\r\t" or (c not in _MARKS and unicodedata.category(c) not in ("Cc", "Cs"))
    )


class _Meta:
    """The fields of a meta.json, none where there is none; what is wrong with it is a warning."""

    def __init__(self, path: Path) -> None:
        self.warnings: list[str] = []
        self._fields: dict[str, object] = {}
        try:
            with path.open("rb") as file:
                data = file.read(_READ + 1)
        except (FileNotFoundError, IsADirectoryError):
            return
        if len(data) > _READ:
            self._passed_over(f"it is larger than {_READ // 1024} kB")
            return
        try:
            fields = json.loads(data.decode("utf-8-sig"))
        except json.JSONDecodeError as error:
            self._passed_over(f"line {error.lineno} is not valid JSON ({error.msg})")
        except UnicodeDecodeError:
            self._passed_over("it is not valid UTF-8")
        except (ValueError, RecursionError):
            self._passed_over("it is not JSON that can be read")
        else:
            if isinstance(fields, dict):
                self._fields = fields
            else:
                self._passed_over("it is not an object, { ... }")

    def line(self, name: str, longest: int) -> str:
        return self._cut(name, line(self._string(name)), longest)

    def text(self, name: str, longest: int) -> str:
        return self._cut(name, text(self._string(name)), longest)

    def cover(self) -> str:
        return self.line("cover", 1000).removeprefix("./")

    def tags(self) -> list[object]:
        tags = self._fields.get("tags")
        if isinstance(tags, str):
            return [tags]
        if isinstance(tags, list):
            return tags
        if tags is not None:
            self.warnings.append('In meta.json, "tags" is not a list of texts, so it is passed over.')
        return []

    def _string(self, name: str) -> str:
        value = self._fields.get(name)
        if isinstance(value, str):
            return value
        if value is not None:
            self.warnings.append(f'In meta.json, "{name}" is not a text, so it is passed over.')
        return ""

    def _cut(self, name: str, value: str, longest: int) -> str:
        if len(value) > longest:
            self.warnings.append(f'In meta.json, "{name}" is cut after {longest:,} characters.')
        return value[:longest].strip()

    def _passed_over(self, reason: str) -> None:
        self.warnings.append(f"Nothing was taken from meta.json: {reason}.")


def _page_title(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_READ)
    utf16 = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    found = _TITLE.search(head.decode("utf-16" if utf16 else "utf-8-sig", errors="replace"))
    return line(html.unescape(found[1]))[:LONGEST_TITLE].strip() if found else ""
