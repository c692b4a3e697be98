"""The games: the one played last on top, then all of them, one's favourites or one's own; with search as you type."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends
from nicegui import ui
from nicegui.events import GenericEventArguments

from pages import choosing, design, figures, markup
from pages.covers import Featured, covers, hero
from pages.elements import Segments, Words, box, button, button_link, empty
from pages.frame import frame
from pages.removed import Removed
from pages.visitor import Visitor, signed_in
from pages.wishes import SHELVES, SORTS, Wish, wish_of
from vanilla.games.search import LONGEST_SEARCH
from vanilla.games.views import GameView
from vanilla.services import Services

PAGE_SIZE = 24
FEWEST_TOPICS, MOST_TOPICS = 2, 12  # tags to choose from
MOST_REMOVED = 24


@dataclass(frozen=True, slots=True)
class Found:
    """A page of games, and how many match in all; beside one's own, those that were removed lately."""

    games: Sequence[GameView]
    total: int
    removed: Sequence[GameView] = ()


def register(services: Services) -> None:
    """Add the page."""

    @ui.page("/")
    async def games(
        visitor: Annotated[Visitor, Depends(signed_in(services))],
        q: str = "",
        tag: str = "",
        sort: str = "recent",
        page: str = "1",
        show: str = "all",
    ) -> None:
        wish = wish_of(q, tag, sort, page, show)
        found, featured, tags = await asyncio.gather(
            find(services, visitor, wish), feature(services, visitor), services.catalogue.tags(MOST_TOPICS)
        )
        ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("games.css")}">')
        with frame(visitor, title="Games", active="games") as around:
            browser = Browser(wish, found, featured, Deeds(services, visitor, around.say))
            with around.controls:
                browser.controls()
            browser.narrowing([name for name, _ in tags])
            browser.results()


async def find(services: Services, visitor: Visitor, wish: Wish) -> Found:
    """The games of one page. Raises Unauthenticated when the visitor is out by now."""
    await visitor.authorise()
    games, total = await services.catalogue.list(
        search=wish.search,
        tag=wish.tag,
        favourites=wish.shelf == "favourites",
        mine=wish.shelf == "mine",
        sort=wish.sort,
        limit=PAGE_SIZE,
        offset=(wish.page - 1) * PAGE_SIZE,
        viewer=visitor.caller,
    )
    if wish.shelf != "mine" or wish.is_searching or wish.page > 1:
        return Found(games, total)
    removed, _ = await services.catalogue.list(removed=True, limit=MOST_REMOVED, viewer=visitor.caller)
    return Found(games, total, removed)


async def feature(services: Services, visitor: Visitor) -> Featured | None:
    """The game played last, or for somebody new the most played one that talks; None when there is no game."""
    games, _ = await services.catalogue.list(sort="recent", limit=1, viewer=visitor.caller)
    if games and games[0].my_last_played_at is None:
        popular, _ = await services.catalogue.list(sort="popular", limit=PAGE_SIZE, viewer=visitor.caller)
        games = sorted(popular, key=lambda game: not game.talks)[:1]
    if not games:
        return None
    game = games[0]
    used = await services.statistics.by_game(user_id=visitor.user.id)
    return Featured(game, next((each.total_tokens for each in used if each.game_id == game.id), 0))


class Deeds:
    """What a visitor does on the page. Each raises Unauthenticated when they are out by now."""

    def __init__(self, services: Services, visitor: Visitor, say: Callable[[str], None]) -> None:
        self._services = services
        self._visitor = visitor
        self.say = say

    async def find(self, wish: Wish) -> Found:
        """Read the games of a wish."""
        return await find(self._services, self._visitor, wish)

    async def keep(self, game_id: str, is_kept: bool) -> None:
        """Make a game a favourite, or none. Raises NotFound."""
        await self._visitor.authorise()
        favourites = self._services.favourites
        await (favourites.add if is_kept else favourites.remove)(game_id, self._visitor.caller)

    async def restore(self, game: GameView) -> None:
        """Have a removed game back. Raises NotFound."""
        await self._visitor.authorise()
        await self._services.removals.restore(game.id, self._visitor.caller)
        self.say(f"{game.title} is back.")


class Browser:
    """Searches, sorts and turns pages."""

    def __init__(self, wish: Wish, found: Found, featured: Featured | None, deeds: Deeds) -> None:
        self._wish = wish
        self._found = found
        self._featured = featured
        self._deeds = deeds
        self._client = ui.context.client
        self._topics: dict[str, Words] = {}
        games = (*found.games, *([featured.game] if featured else []))
        self._kept = {game.id: game.is_favourite for game in games}

    def controls(self) -> None:
        """The search field and the order."""
        count = figures.counted(self._found.total, "game")
        choosing.search_field(
            self._searched,
            placeholder=f"Search {count}" if self._wish.is_front and self._found.total else "Search games",
            label="Search games by title, description, tag or maker",
            value=self._wish.search,
            longest=LONGEST_SEARCH,
            enterkeyhint="search",
        )
        Segments(SORTS, self._wish.sort, self._sorted, label="Order", classes="stretch orders")

    def narrowing(self, tags: Sequence[str]) -> None:
        """Which shelf, and the tags, to choose one or none."""
        with box("div", "narrowing"):
            Segments(SHELVES, self._wish.shelf, self._shelved, label="Which games", classes="stretch")
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
        self._said = Words("p", "", "for-readers", role="status")
        self._covers = markup.placed(markup.NONE, "div").mark("covers")
        self._covers.on("click", self._loved, js_handler=_EMIT_HEART)
        self._rest = box("div")
        self._draw()

    async def _searched(self, event: GenericEventArguments) -> None:
        search = str(event.args or "")[:LONGEST_SEARCH].strip()
        if search != self._wish.search:
            await self._show(replace(self._wish, search=search, page=1))

    async def _sorted(self, sort: str) -> None:
        await self._show(replace(self._wish, sort=wish_of(sort=sort).sort, page=1))

    async def _shelved(self, shelf: str) -> None:
        await self._show(replace(self._wish, shelf=wish_of(show=shelf).shelf, page=1))

    async def _tagged(self, name: str) -> None:
        await self._show(replace(self._wish, tag="" if name == self._wish.tag else name, page=1))
        for each, part in self._topics.items():
            part.props["aria-pressed"] = str(each == self._wish.tag).lower()
            part.update()

    async def _turn(self, by: int) -> None:
        await self._show(replace(self._wish, page=max(1, self._wish.page + by)))
        ui.run_javascript("scrollTo(0, 0)")

    async def _loved(self, event: GenericEventArguments) -> None:
        game_id = str(event.args)
        if game_id not in self._kept:
            return
        is_kept = not self._kept[game_id]
        await self._deeds.keep(game_id, is_kept)
        self._kept[game_id] = is_kept
        # What was drawn stays, so that the focus does.
        shown = f"document.querySelectorAll('[data-heart=\"{game_id}\"]')"
        pressed = str(is_kept).lower()
        self._client.run_javascript(f"{shown}.forEach(heart => heart.setAttribute('aria-pressed', '{pressed}'))")

    async def _restore(self, game: GameView) -> None:
        await self._deeds.restore(game)
        await self._show(replace(self._wish))

    async def _show(self, wish: Wish) -> None:
        self._wish = wish
        found = await self._deeds.find(wish)
        if wish is not self._wish:
            return  # something else was asked for meanwhile, and its answer stands
        self._found = found
        self._kept.update({game.id: game.is_favourite for game in found.games})
        ui.navigate.history.replace(wish.address)
        self._draw()

    def _draw(self) -> None:
        wish, found = self._wish, self._found
        self._said.set_text(figures.counted(found.total, "game"))
        on_top = markup.NONE
        if self._featured is not None and wish.is_front:
            game = self._featured.game
            on_top = hero(replace(self._featured, game=replace(game, is_favourite=self._kept[game.id])))
        games = covers(found.games, is_for_owner=wish.shelf == "mine") if found.games else markup.NONE
        self._covers.set_content(markup.join(on_top, games))
        self._rest.clear()
        with self._rest:
            if found.games:
                self._pager()
            else:
                _nothing(wish)
            if found.removed:
                Removed(found.removed, self._restore)

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
    everything = Wish(shelf=wish.shelf)
    if wish.page > 1:
        with empty("No games on this page", "There are fewer pages than that."):
            button_link("To the first page", replace(wish, page=1).address, kind="primary")
    elif wish.is_searching:
        where = {"all": "", "favourites": " Only your favourites are searched here.", "mine": " Only your own are."}
        sentence = "Try fewer or other words: titles, descriptions, tags and makers are searched."
        with empty("No game found", sentence + where[wish.shelf]):
            words = {"all": "Show all games", "favourites": "Show my favourites", "mine": "Show my games"}
            button_link(words[wish.shelf], everything.address, kind="primary")
    elif wish.shelf == "favourites":
        with empty("No favourites yet", "Press the heart of a game, and you find it here from then on."):
            button_link("Show all games", "/", kind="primary")
    elif wish.shelf == "mine":
        with empty("You have no game here yet", "A single page of HTML is one already; the docs show how to begin."):
            button_link("Upload a game", "/upload", kind="primary")
            button_link("Read the docs", "/docs")
    else:
        with empty("No games yet", "Be the first: upload a page of HTML or a zip, and it is here for everybody."):
            button_link("Upload a game", "/upload", kind="primary")


_EMIT_HEART = "(event) => { const heart = event.target.closest('[data-heart]'); if (heart) emit(heart.dataset.heart); }"
