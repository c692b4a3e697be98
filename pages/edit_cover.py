"""The cover of a game on its edit page. edit.js shows a chosen picture before it is sent, and sends it."""

from nicegui.events import GenericEventArguments

from pages.edit_subject import Subject
from pages.elements import Words, box, button
from vanilla.games import covers
from vanilla.games.files import MB
from vanilla.games.views import GameView


class Cover:
    """The picture as it is, and how to have another."""

    def __init__(self, subject: Subject) -> None:
        self._subject = subject
        with box(
            "section", "card edit-cover", aria_label="Cover", data_cover=f"/api/games/{subject.game.id}/cover"
        ) as part:
            self._picture = box("img", "cover", alt="", width=640, height=480, data_cover_now="")
            box("img", "cover", alt="The chosen picture", width=640, height=480, data_cover_next="", hidden=True)
            with box("div", "edit-cover-words"):
                Words("h2", "Cover", "as-h3")
                with box("div", "line-up", data_cover_choose=""):
                    with box("label", "button little edit-file"):
                        Words("span", "Choose a picture")
                        box("input", type="file", accept="image/png,image/jpeg,image/webp,image/gif,image/avif")
                    self._remove = button("Remove", self._take_away, classes="little", aria_label="Remove the cover")
                    self._remove.mark("remove-cover")
                with box("div", "line-up", data_cover_decide="", hidden=True):
                    Words("button", "Use this picture", "button primary little", type="button", data_cover_use="")
                    Words("button", "Cancel", "button little", type="button", data_cover_cancel="")
                Words(
                    "p",
                    f"Best 4:3, at most {covers.LARGEST_FILE // MB} MB. Without one, we draw it from the title.",
                    "quiet small",
                )
                Words("p", "", "notice error", role="alert", data_cover_problem="", hidden=True)
        part.on("changed", self._changed, js_handler="() => emit()")
        subject.follow(self._show)

    def _show(self, game: GameView) -> None:
        self._picture.props["src"] = f"{game.cover_url}&size=page"
        self._picture.update()
        self._remove.set_visibility(game.has_cover)

    async def _changed(self, _event: GenericEventArguments) -> None:
        await self._subject.authorise()
        await self._subject.read_again()
        self._subject.say("The cover is changed.", "ok")

    async def _take_away(self) -> None:
        subject = self._subject
        await subject.authorise()
        subject.show(await subject.services.catalogue.remove_cover(subject.game.id, subject.viewer))
        subject.say("The cover is drawn from the title again.", "ok")
