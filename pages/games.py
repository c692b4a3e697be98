"""The games: the one played last on top, then all of them, with search as you type."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends
from nicegui import ui
from nicegui.events import GenericEventArguments

from pages import figures
from pages.covers import Featured, cover, hero
from pages.elements import Segments, Words, box, button, button_link, empty
from pages.frame import frame
from pages.visitor import Visitor, signed_in
from vanilla.games.search import LONGEST_SEARCH
from vanilla.games.views import GameView, Sort
from vanilla.services import Services

PAGE_SIZE = 24
FEWEST_TOPICS, MOST_TOPICS = 2, 12  # tags to choose from
_SORTS: dict[str, str] = {"recent": "Lately played", "new": "New", "popular": "Loved"}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which games are asked for. Pages count from 1."""

    search: str = ""
    tag: str = ""
    sort: Sort = "recent"
    page: int = 1

    @property
    def address(self) -> str:
        """The address that shows just this, for a reload and the back button."""
        fields = {
            "q": self.search,
            "tag": self.tag,
            "sort": "" if self.sort == "recent" else self.sort,
            "page": "" if self.page == 1 else str(self.page),
        }
        given = {name: value for name, value in fields.items() if value}
        return f"/?{urlencode(given)}" if given else "/"

    @property
    def is_narrow(self) -> bool:
        return bool(self.search or self.tag or self.page > 1)


@dataclass(frozen=True, slots=True)
class Found:
    """A page of games, and how many match in all."""

    games: Sequence[GameView]
    total: int


def register(services: Services) -> None:
    """Add the page."""

    @ui.page("/")
    async def games(
        visitor: Annotated[Visitor, Depends(signed_in(services))],
        q: str = "",
        tag: str = "",
        sort: str = "recent",
        page: str = "1",
    ) -> None:
        wish = wish_of(q, tag, sort, page)
        found, featured, tags = await asyncio.gather(
            find(services, visitor, wish), feature(services, visitor), services.catalogue.tags(MOST_TOPICS)
        )
        with frame(visitor, title="Games", active="games") as around:
            browser = Browser(wish, found, featured, lambda wish: find(services, visitor, wish))
            with around.controls:
                browser.controls()
            browser.topics([name for name, _ in tags])
            browser.results()


def wish_of(q: str, tag: str, sort: str, page: str) -> Wish:
    """What the address asks for; what makes no sense is passed over."""
    number = int(page) if page.isdecimal() and len(page) < 6 else 1
    known: Sort = "new" if sort == "new" else "popular" if sort == "popular" else "recent"
    return Wish(q[:LONGEST_SEARCH], tag[:LONGEST_SEARCH], known, max(1, number))


async def find(services: Services, visitor: Visitor, wish: Wish) -> Found:
    """The games of one page. Raises Unauthenticated when the visitor is out by now."""
    await visitor.authorise()
    games, total = await services.catalogue.list(
        search=wish.search,
        tag=wish.tag,
        sort=wish.sort,
        limit=PAGE_SIZE,
        offset=(wish.page - 1) * PAGE_SIZE,
        viewer=visitor.caller,
    )
    return Found(games, total)


async def feature(services: Services, visitor: Visitor) -> Featured | None:
    """The game played last, or for somebody new the most loved one that talks; None when there is no game."""
    games, _ = await services.catalogue.list(sort="recent", limit=1, viewer=visitor.caller)
    if games and games[0].my_last_played_at is None:
        loved, _ = await services.catalogue.list(sort="popular", limit=PAGE_SIZE, viewer=visitor.caller)
        games = sorted(loved, key=lambda game: not game.talks)[:1]
    if not games:
        return None
    game = games[0]
    used = await services.statistics.by_game(user_id=visitor.user.id)
    return Featured(game, next((each.total_tokens for each in used if each.game_id == game.id), 0))


class Browser:
    """Searches, sorts and turns pages. `find` reads the games of a wish."""

    def __init__(
        self, wish: Wish, found: Found, featured: Featured | None, find: Callable[[Wish], Awaitable[Found]]
    ) -> None:
        self._wish = wish
        self._found = found
        self._featured = featured
        self._find = find
        self._topics: dict[str, Words] = {}
        self._results: ui.element | None = None

    def controls(self) -> None:
        """The search field and the order."""
        count = figures.counted(self._found.total, "game")
        with box("div", "search", role="search"):
            field = box(
                "input",
                "input",
                type="search",
                placeholder="Search games" if self._wish.is_narrow else f"Search {count}",
                aria_label="Search games by title, description, tag or maker",
                value=self._wish.search,
                maxlength=LONGEST_SEARCH,
                autocomplete="off",
                spellcheck="false",
                enterkeyhint="search",
            ).mark("search")
            field.on("input", self._searched, js_handler=_AFTER_A_PAUSE)
        Segments(_SORTS, self._wish.sort, self._sorted, label="Order", classes="stretch")

    def topics(self, tags: Sequence[str]) -> None:
        """The tags, to choose one or none."""
        names = [*tags] if not self._wish.tag or self._wish.tag in tags else [self._wish.tag, *tags]
        if len(names) < FEWEST_TOPICS and not self._wish.tag:
            return
        with box("div", "topics", role="group", aria_label="Tags"):
            for name in names:
                pressed = str(name == self._wish.tag).lower()
                part = self._topics[name] = Words("button", name, "topic", type="button", aria_pressed=pressed)
                part.on("click", lambda _, name=name: self._tagged(name))

    def results(self) -> None:
        """The game on top, the covers, the pages."""
        self._results = box("div")
        self._draw()

    async def _searched(self, event: GenericEventArguments) -> None:
        search = str(event.args or "")[:LONGEST_SEARCH].strip()
        if search != self._wish.search:
            await self._show(replace(self._wish, search=search, page=1))

    async def _sorted(self, sort: str) -> None:
        await self._show(replace(self._wish, sort=wish_of("", "", sort, "1").sort, page=1))

    async def _tagged(self, name: str) -> None:
        await self._show(replace(self._wish, tag="" if name == self._wish.tag else name, page=1))
        for each, part in self._topics.items():
            part.props["aria-pressed"] = str(each == self._wish.tag).lower()
            part.update()

    async def _turn(self, by: int) -> None:
        await self._show(replace(self._wish, page=max(1, self._wish.page + by)))
        ui.run_javascript("scrollTo(0, 0)")

    async def _show(self, wish: Wish) -> None:
        self._wish = wish
        found = await self._find(wish)
        if wish is not self._wish:
            return  # something else was asked for meanwhile, and its answer stands
        self._found = found
        ui.navigate.history.replace(wish.address)
        self._draw()

    def _draw(self) -> None:
        assert self._results is not None
        self._results.clear()
        wish, found = self._wish, self._found
        with self._results:
            Words("p", figures.counted(found.total, "game"), "for-readers", role="status")
            if self._featured is not None and not wish.is_narrow:
                hero(self._featured)
            if found.games:
                with box("ul", "covers plain", aria_label="Games"):
                    for game in found.games:
                        cover(game)
                self._pager()
            else:
                _nothing(wish)

    def _pager(self) -> None:
        pages = max(1, -(-self._found.total // PAGE_SIZE))
        if pages == 1:
            return
        with box("nav", "pager", aria_label="Pages"):
            if self._wish.page > 1:
                button("Back", lambda: self._turn(-1))
            Words("span", f"Page {figures.count(self._wish.page)} of {figures.count(pages)}", "quiet figures")
            if self._wish.page < pages:
                button("More games", lambda: self._turn(1))


def _nothing(wish: Wish) -> None:
    if wish.page > 1:
        with empty("No games on this page", "There are fewer pages than that."):
            button_link("To the first page", replace(wish, page=1).address, kind="primary")
    elif wish.search or wish.tag:
        with empty("No game found", "Try fewer or other words: titles, descriptions, tags and makers are searched."):
            button_link("Show all games", "/", kind="primary")
    else:
        with empty("No games yet", "Be the first: upload a page of HTML or a zip, and it is here for everybody."):
            button_link("Upload a game", "/upload", kind="primary")


# Emits what is typed once typing pauses, so that not every letter is a search.
_AFTER_A_PAUSE = (
    "(event) => { const field = event.target; clearTimeout(field.pause);"
    " field.pause = setTimeout(() => emit(field.value), 200); }"
)
