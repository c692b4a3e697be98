"""The versions of a game on its edit page: upload the next one, try it, publish it, go back to an earlier one."""

from collections.abc import Sequence
from functools import partial

from nicegui.events import GenericEventArguments

from pages import figures
from pages.edit_subject import Subject
from pages.elements import Words, ago, box, button, button_link, sure_button, tag
from pages.forms import Area
from pages.upload_form import Room, Way, upload_form
from vanilla.games.versions import KEPT, LONGEST_NOTES, VersionView

WAYS = (Way("Publish", "publish", "true", "primary"), Way("Save as a preview", "publish", "false"))


class Versions:
    """The form for the next one, and the list of those that are kept, the newest first."""

    def __init__(self, subject: Subject, versions: Sequence[VersionView], room: Room) -> None:
        self._subject = subject
        with box("section", "card padded stack close", aria_labelledby="versions"):
            with box("div", "stack tight"):
                Words("h2", "Versions", "as-h3", id="versions")
                Words(
                    "p",
                    f"Each upload is a version. A preview is seen by you alone until you publish it. The last {KEPT}"
                    " are kept, and you can go back to each of them.",
                    "quiet small",
                )
            to = f"/api/games/{subject.game.id}/versions"
            form = upload_form(room, WAYS, _notes, to=to, classes="form edit-upload")
            form.on("uploaded", self._uploaded, js_handler="(event) => emit(event.detail)")
            self._list = box("ol", "plain edit-versions", aria_label="Versions")
        self._show(versions)

    def _show(self, versions: Sequence[VersionView], opened: int = 0) -> None:
        self._list.clear()
        with self._list:
            for version in versions:
                self._draw(version, is_opened=version.number == opened)

    def _draw(self, version: VersionView, *, is_opened: bool) -> None:
        name = f"Version {figures.count(version.number)}"
        with box("li", "edit-version", tabindex="-1", data_version=version.number):
            with box("div", "edit-version-head"):
                Words("h3", name)
                if version.is_current:
                    tag("played now", "ok")
                elif version.published_at is None:
                    tag("preview")
                with box("span", "quiet small"):
                    ago(version.created_at)
                    Words("span", f" · {figures.size(version.size_bytes)} in {figures.counted(version.files, 'file')}")
            if version.notes:
                Words("p", version.notes, "edit-notes")
            if version.warnings:
                with box("details", "edit-warnings") as details:
                    details.props.set_bool("open", is_opened)
                    Words("summary", f"{figures.counted(len(version.warnings), 'thing')} worth a look")
                    with box("ul"):
                        for warning in version.warnings:
                            Words("li", warning)
            with box("div", "line-up"):
                self._actions(version, name)

    def _actions(self, version: VersionView, name: str) -> None:
        game, number = self._subject.game, version.number
        if version.is_current:
            button_link("Play", game.play_url, classes="little", aria_label=f"Play {name}")
            return
        button_link("Preview", f"{game.play_url}?version={number}", classes="little", aria_label=f"Preview: {name}")
        words = "Publish" if version.published_at is None else "Go back to this"
        publish = button(words, partial(self._publish, number), classes="little", aria_label=f"{words}: {name}")
        publish.mark(f"publish-{number}")
        sure_button("Remove", "Remove for good", partial(self._remove, number), of=name).mark(f"remove-{number}")

    async def _uploaded(self, event: GenericEventArguments) -> None:
        await self._subject.authorise()
        answer = event.args if isinstance(event.args, dict) else {}
        number = answer.get("number")
        shown = number if isinstance(number, int) else 0
        await self._read_again(shown)
        if answer.get("unchanged"):
            said = f"It is the same as version {shown}: no new one was made."
        elif answer.get("is_current"):
            said = f"Version {shown} is published."
        else:
            said = f"Version {shown} waits as a preview: try it, then publish it."
        self._subject.say(said, "ok")

    async def _publish(self, number: int) -> None:
        subject = self._subject
        await subject.authorise()
        await subject.services.versions.publish(subject.game.id, number, subject.viewer)
        await self._read_again(number)
        subject.say(f"Everybody plays version {number} now.", "ok")

    async def _remove(self, number: int) -> None:
        subject = self._subject
        await subject.authorise()
        await subject.services.versions.remove(subject.game.id, number, subject.viewer)
        await self._read_again()
        subject.say(f"Version {number} is removed.", "ok")

    async def _read_again(self, number: int = 0) -> None:
        """Show what there is now, and put the focus on a version, or on the first: what was pressed may be gone."""
        subject = self._subject
        await subject.read_again()
        self._show(await subject.services.versions.list(subject.game.id, subject.viewer), number)
        shown, first = f"[data-version='{number}']", "[data-version]"
        subject.run(f'(document.querySelector("{shown}") ?? document.querySelector("{first}"))?.focus()')


def _notes() -> None:
    hint = "Left empty, they are taken from notes in meta.json."
    Area("What is new", "notes", "", hint=hint, maxlength=LONGEST_NOTES, rows=2)
