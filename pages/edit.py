"""`/games/{id}/edit`: all that the owner of a game, or an admin, does with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from nicegui import ui

from pages import design, figures
from pages.edit_cover import Cover
from pages.edit_hosts import Hosts
from pages.edit_subject import Subject
from pages.edit_texts import Texts
from pages.edit_versions import Versions
from pages.elements import Words, ago, box, button, button_link, local_time, meter, sure_button
from pages.frame import Frame, frame
from pages.upload_form import Room, room_of
from pages.visitor import Visitor, signed_in
from vanilla.errors import NotFound
from vanilla.games.catalogue import GameChanges
from vanilla.games.versions import VersionView
from vanilla.games.views import KEPT, GameView
from vanilla.services import Services


@dataclass(frozen=True, slots=True)
class Editing:
    """A game about to be edited; a removed one has nothing but its way back."""

    game: GameView
    versions: Sequence[VersionView]
    room: Room
    origin: str


def register(services: Services) -> None:
    """Add the page."""
    visitor_of = signed_in(services)

    async def editing(
        request: Request, game_id: str, visitor: Annotated[Visitor, Depends(visitor_of)]
    ) -> tuple[Visitor, Editing]:
        return visitor, await load(services, visitor, game_id, request.scope["origin"])

    # A game's files have a path of the same form with one more slash: /games/{id}/{capability}/...
    @ui.page("/games/{game_id}/edit")
    async def edit(all_of_it: Annotated[tuple[Visitor, Editing], Depends(editing)]) -> None:
        visitor, now = all_of_it
        with frame(visitor, title=f"Edit {now.game.title}", active="games") as around:
            build(services, visitor, now, around)


async def load(services: Services, visitor: Visitor, game_id: str, origin: str) -> Editing:
    """Raises NotFound, Forbidden (neither its owner nor an admin)."""
    viewer = visitor.caller
    try:
        versions = await services.versions.list(game_id, viewer)
        game = await services.catalogue.get(game_id, viewer)
    except NotFound:
        versions, game = [], await services.removals.find(game_id, viewer)
    return Editing(game, versions, await room_of(services, game.owner_id), origin)


def build(services: Services, visitor: Visitor, now: Editing, around: Frame) -> None:
    """The page."""
    ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("edit.css")}">')
    ui.add_head_html(f'<script defer src="{design.asset("edit.js")}"></script>')
    subject = Subject(services, visitor, now.game, around, now.origin)
    content = box("div", "edit")
    with content:
        if now.game.removed_at is not None:
            _removed(subject, content)
            return
        _draft_notice(subject)
        with box("div", "two-thirds"):
            with box("div", "stack"):
                Texts(subject)
                Versions(subject, now.versions, now.room)
                Hosts(subject)
            with box("div", "stack"):
                Cover(subject)
                _figures(subject, now)
                _removal(subject, content)
    with around.controls:
        button_link("Play", now.game.play_url)

    def name(game: GameView) -> None:
        around.heading.set_text(f"Edit {game.title}")

    subject.follow(name)


def _draft_notice(subject: Subject) -> None:
    async def share() -> None:
        await subject.authorise()
        changes = GameChanges(visibility="shared")
        subject.show(await subject.services.catalogue.change(subject.game.id, changes, subject.viewer))
        subject.say("Everybody finds it among the games now.", "ok")

    def show(game: GameView) -> None:
        part.set_visibility(game.visibility == "draft")

    seen_by = "you and the" if subject.game.is_mine else f"{subject.game.owner} and"
    with box("div", "notice edit-draft") as part:
        Words("span", f"This game is a draft. Only {seen_by} admins see it.")
        button("Share it with everybody", share, kind="primary", classes="little")
    subject.follow(show)


def _figures(subject: Subject, now: Editing) -> None:
    game = subject.game
    size = sum(version.size_bytes for version in now.versions)
    with box("section", "card padded stack close", aria_labelledby="figures"):
        Words("h2", "In figures", "as-h3", id="figures")
        with box("dl", "edit-figures figures"):
            for words, number in (("Players", game.players), ("Plays", game.plays), ("Tokens used", game.tokens_used)):
                with box("div"):
                    Words("dt", words)
                    Words("dd", figures.count(number))
            with box("div"):
                Words("dt", "Last played")
                with box("dd"):
                    if game.last_played_at is None:
                        Words("span", "never")
                    else:
                        ago(game.last_played_at)
        room = now.room
        with box("div", "stack tight"):
            meter(figures.fraction(round(room.stored_mb), round(room.storage_mb)), label="Storage used")
            Words(
                "p",
                f"This one takes {figures.size(size)} in {figures.counted(len(now.versions), 'version')}."
                f" {subject.name} take {room.stored_mb:,.0f} of {room.storage_mb:,.0f} MB.",
                "small quiet figures",
            )


def _removal(subject: Subject, content: ui.element) -> None:
    async def remove() -> None:
        await subject.authorise()
        await subject.services.removals.remove(subject.game.id, subject.viewer)
        removed = await subject.services.removals.find(subject.game.id, subject.viewer)
        subject.game = removed
        content.clear()
        with content:
            _removed(subject, content)
        subject.run("document.querySelector('[data-removed]')?.focus()")

    with box("section", "card padded stack close", aria_labelledby="remove"):
        Words("h2", "Delete", "as-h3", id="remove")
        Words(
            "p",
            f"Nobody can play it from then on. For {KEPT.days} days you can have it back, with its saves and versions;"
            " then it goes for ever.",
            "quiet small",
        )
        with box("div"):
            sure_button("Delete the game", "Delete it now", remove, of=subject.game.title).mark("remove")


def _removed(subject: Subject, content: ui.element) -> None:
    """What stands in the place of all when the game is removed."""
    game = subject.game

    async def undo() -> None:
        await subject.authorise()
        await subject.services.removals.restore(game.id, subject.viewer)
        ui.navigate.to(f"/games/{game.id}/edit")

    with content, box("section", "card padded edit-removed", tabindex="-1", data_removed="", role="status"):
        box("img", "cover", src=game.cover_url, alt="", width=640, height=480)
        with box("div", "stack close"):
            Words("h2", f"{game.title} is deleted")
            with box("p"):
                Words("span", "Nobody can play it now. You can have it back until ")
                local_time(game.purged_at or game.updated_at, "minute")
                Words("span", "; then it goes for ever.")
            with box("div", "line-up"):
                button("Undo", undo, kind="primary").mark("undo")
                button_link("All games", "/")
