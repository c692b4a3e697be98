"""Which games are asked for on the page of games, and the address that says so."""

from dataclasses import dataclass
from typing import Literal, get_args

from pages.addresses import address, page_number
from vanilla.games.search import LONGEST_SEARCH
from vanilla.games.views import Sort

Shelf = Literal["all", "favourites", "mine"]

SHELVES: dict[str, str] = {"all": "All games", "favourites": "Favourites", "mine": "Mine"}
SORTS: dict[str, str] = {"recent": "Lately played", "new": "New", "popular": "Popular", "title": "A to Z"}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which games are asked for. Pages count from 1."""

    search: str = ""
    tag: str = ""
    sort: Sort = "recent"
    page: int = 1
    shelf: Shelf = "all"

    @property
    def address(self) -> str:
        """The address that shows just this, for a reload, the back button and a friend."""
        fields = {
            "show": "" if self.shelf == "all" else self.shelf,
            "q": self.search,
            "tag": self.tag,
            "sort": "" if self.sort == "recent" else self.sort,
            "page": "" if self.page == 1 else str(self.page),
        }
        return address("/", fields)

    @property
    def is_searching(self) -> bool:
        """Whether words or a tag leave some games out."""
        return bool(self.search or self.tag)

    @property
    def is_front(self) -> bool:
        """Whether this is where one arrives: all games, the first page."""
        return self.shelf == "all" and self.page == 1 and not self.is_searching


def wish_of(q: str = "", tag: str = "", sort: str = "recent", page: str = "1", show: str = "all") -> Wish:
    """What the address asks for; what makes no sense is passed over."""
    return Wish(
        q[:LONGEST_SEARCH],
        tag[:LONGEST_SEARCH],
        next((known for known in get_args(Sort) if known == sort), "recent"),
        page_number(page),
        next((known for known in get_args(Shelf) if known == show), "all"),
    )
