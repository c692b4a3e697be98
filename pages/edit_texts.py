"""What a game is called, what it says of itself, and who can see it: one form of the edit page."""

from typing import get_args

from nicegui import ui

from pages.edit_subject import Subject
from pages.elements import Words, box, button, copy_button, notice
from pages.forms import Area, Field, form
from vanilla.errors import Invalid, VanillaError
from vanilla.games import about
from vanilla.games.access import Visibility
from vanilla.games.catalogue import GameChanges
from vanilla.games.views import GameView

VISIBILITIES: dict[Visibility, tuple[str, str]] = {
    "draft": ("Draft", "Only you and the admins see it. Whoever is playing it now is sent away."),
    "unlisted": ("Unlisted", "It stands in no list. Friends who are signed in can play it with the secret link."),
    "shared": ("Shared", "Everybody here finds it among the games."),
}


class Texts:
    """The form, and above it the way out of being a draft."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        game = subject.game
        with box("section", "card padded", aria_label="About the game"), form(self._save, marker="texts"):
            Field("Title", "title", value=game.title, maxlength=about.LONGEST_TITLE, required=True, autocomplete="off")
            Area("Description", "description", game.description, maxlength=about.LONGEST_DESCRIPTION, rows=4)
            Field(
                "Tags",
                "tags",
                hint=f"With commas, at most {about.MOST_TAGS}.",
                value=", ".join(game.tags),
                autocomplete="off",
                autocapitalize="none",
            )
            self._choices()
            self._link = box("div", "stack tight")
            self._problem = box("div", "answer")
            with box("div", "line-up"):
                button("Save", kind="primary")
        subject.follow(self._show)

    def _choices(self) -> None:
        self._radios: dict[str, ui.element] = {}
        with box("fieldset", "edit-visibility"):
            Words("legend", "Who can see it")
            for key, (words, sentence) in VISIBILITIES.items():
                with box("label", "choice"):
                    self._radios[key] = box("input", type="radio", name="visibility", value=key)
                    with box("span"):
                        Words("strong", words)
                        Words("span", sentence, "quiet small")

    def _show(self, game: GameView) -> None:
        for key, radio in self._radios.items():
            radio.props.set_bool("checked", key == game.visibility)
        self._link.clear()
        if game.visibility == "draft":
            return
        address = f"{self._subject.origin}{game.play_url}"
        with self._link:
            Words("div", "Secret link" if game.visibility == "unlisted" else "Link", "small strong")
            with box("div", "secret"):
                Words("code", address)
                copy_button("Copy the link", address)

    async def _save(self, fields: dict[str, str]) -> None:
        subject = self._subject
        await subject.authorise()
        self._problem.clear()
        try:
            changes = _changes(fields)
            game = await subject.services.catalogue.change(subject.game.id, changes, subject.viewer)
        except VanillaError as error:
            with self._problem:
                notice(error.message, "error")
            return
        subject.show(game)
        subject.say("Saved.", "ok")


def _changes(fields: dict[str, str]) -> GameChanges:
    visibility = next((each for each in get_args(Visibility) if each == fields.get("visibility")), None)
    if visibility is None:
        raise Invalid("Choose who can see the game.")
    return GameChanges(
        title=fields.get("title", ""),
        description=fields.get("description", ""),
        tags=[fields.get("tags", "")],
        visibility=visibility,
    )
