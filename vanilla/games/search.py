"""How games are found by words: beside each game its texts are kept without case and accents, and words sought there.

snail rally
the slowest race.
#race#quick#
mira
"""

import unicodedata
from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, func, select, true
from sqlmodel import col

from vanilla.games import about
from vanilla.models import Game

LONGEST_SEARCH = 100  # characters
MOST_WORDS = 8


def folded(text: str) -> str:
    """A text without case, accents and compatibility forms: `Ångström ﬁne` is `angstrom fine`."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(each for each in decomposed if unicodedata.category(each) != "Mn")


def text_of(title: str, description: str, tags: Iterable[str], owner: str) -> str:
    """What is kept in `Game.search_text`. It begins with the title, so games sort by it as by their titles."""
    return "\n".join(folded(part) for part in (title, description, "".join(f"#{tag}" for tag in tags) + "#", owner))


def matching(search: str) -> ColumnElement[bool]:
    """Games with every word of `search` in the title, the description, a tag or the owner's name."""
    words = folded(about.line(search)[:LONGEST_SEARCH]).split()[:MOST_WORDS]
    return and_(true(), *(col(Game.search_text).contains(word, autoescape=True) for word in words))


def tagged(tag: str) -> ColumnElement[bool]:
    """Games with exactly this tag, however it is written."""
    wanted = about.line(tag).lower().removeprefix("#").strip()
    each = func.json_each(col(Game.tags)).table_valued("value")
    has_it = select(1).select_from(each).where(each.c.value == wanted).correlate(Game).exists()
    # The first is cheap and leaves few; the second tells apart what folding makes equal.
    return and_(col(Game.search_text).contains(f"#{folded(wanted)}#", autoescape=True), has_it)
