"""Backups and room on the disk: two cards of the settings page."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from pages import figures
from pages.admin.dialogs import Dialogs
from pages.admin.limits import Save
from pages.admin.sections import Guard
from pages.elements import Words, ago, box, button, button_link, notice
from pages.forms import Field, form, whole_number
from pages.tables import row, table
from vanilla.errors import Invalid, VanillaError
from vanilla.operations.backups import Kept, Outcome
from vanilla.operations.controls import ControlsChange
from vanilla.operations.storage import Taken
from vanilla.services import Services

HEADINGS = ("Made", "Size", "")
SHOWN = 20  # of the newest; the rest is counted
MB = 1_000_000
DOWNLOADS = "/admin/api/backups/"


class BackupsCard:
    """Make one, see how far it is, fetch and delete those there are."""

    def __init__(self, services: Services, guard: Guard, dialogs: Dialogs, save: Save, user_id: str) -> None:
        self._services = services
        self._guard = guard
        self._dialogs = dialogs
        self._save = save
        self._user_id = user_id
        self._watchers: list[Callable[[], Awaitable[None]]] = []
        self._was_making = False
        with box("section", "card padded stack close"):
            with box("div", "line-up spread"):
                Words("h2", "Backups", "as-h3")
                self._button = button("Back up now", self._begin, classes="little")
            Words(
                "p",
                "Database, games, saves and the games' secret, in one file. Whoever has it has every password's hash:"
                " keep it where you keep the server.",
                "quiet",
            )
            self._progress = box("div", "stack tight", role="status")
            self._list = box("div", "stack close")
            with form(self._submitted, "line-up", marker="backups kept"):
                Field(
                    "Keep the newest",
                    "backups_kept",
                    classes="few",
                    value=str(services.controls.now.backups_kept),
                    inputmode="numeric",
                    autocomplete="off",
                )
                button("Save", classes="at-foot", aria_label="Save how many backups are kept")
            self._problem = box("div", "answer")
        self._client = ui.context.client
        self._client.on_delete(services.backups.subscribe(self._follow))

    def watch(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Tell when the backups have changed."""
        self._watchers.append(callback)

    async def show(self) -> None:
        """Show what there is now."""
        kept = await self._services.backups.list()
        if self._list.is_deleted:
            return  # the page was closed meanwhile
        self._list.clear()
        with self._list:
            if not kept:
                Words("p", "There is none yet. python main.py backup makes one too, by night and by a timer.", "quiet")
            else:
                self._table(list(kept))
        self._show_progress()
        for watcher in self._watchers:
            await watcher()

    def _table(self, kept: list[Kept]) -> None:
        with table(HEADINGS, label="Backups", numbers=[1], is_stacked=True):
            for each in kept[:SHOWN]:

                def actions(each: Kept = each) -> None:
                    with box("div", "line-up"):
                        button_link(
                            "Download",
                            f"{DOWNLOADS}{each.name}",
                            classes="little",
                            download="",
                            aria_label=f"Download {each.name}",
                        )
                        button(
                            "Delete",
                            lambda: self._ask_to_delete(each),
                            kind="danger",
                            classes="little",
                            aria_label=f"Delete {each.name}",
                        )

                row(
                    [lambda each=each: ago(each.made_at), figures.size(each.size_bytes), actions],  # type: ignore[misc]
                    numbers=[1],
                    actions=[2],
                    labels=HEADINGS,
                )
        if len(kept) > SHOWN:
            Words("p", f"And {figures.count(len(kept) - SHOWN)} older ones in DATA_DIR/backups.", "quiet")

    async def _begin(self) -> None:
        if await self._guard.lets():
            try:
                await self._services.backups.start(by=self._user_id)
            except VanillaError as error:
                self._tell(Outcome("", problem=error.message))

    def _ask_to_delete(self, kept: Kept) -> None:
        def draw() -> None:
            Words("p", f"{kept.name} goes for good. What it was made of stays as it is.")

        async def act(_fields: dict[str, str]) -> str:
            await self._services.backups.delete(kept.name, by=self._user_id)
            return "The backup is deleted."

        self._dialogs.ask("Delete this backup", draw, "Delete", act, kind="danger")

    def _follow(self) -> None:
        making = self._services.backups.making
        if making is not None:
            self._was_making = True
            self._show_progress()
        else:
            with self._client:
                ui.timer(0, self.show, once=True)

    def _show_progress(self) -> None:
        making, last = self._services.backups.making, self._services.backups.last
        self._button.props.set_bool("disabled", making is not None)
        self._progress.clear()
        with self._progress:
            if making is not None:
                part = making.read_bytes / max(making.total_bytes, making.read_bytes, 1)
                Words("p", f"Backing up: {figures.size(making.read_bytes)} of about {figures.size(making.total_bytes)}")
                _bar(part, "Read so far")
            elif last is not None and self._was_making:
                self._tell(last)

    def _tell(self, outcome: Outcome) -> None:
        self._progress.clear()
        with self._progress:
            if outcome.problem is not None:
                notice(outcome.problem, "error")
            elif outcome.missing:
                count = figures.counted(len(outcome.missing), "folder")
                notice(f"It is made, but {count} that the database names were not on the disk.", "error")
            else:
                notice("The backup is made.", "ok")

    async def _submitted(self, fields: dict[str, str]) -> None:
        def change() -> ControlsChange:
            number = whole_number(fields.get("backups_kept", ""), "the number of backups")
            if number is None:
                raise Invalid("Write the number of backups as a whole number, such as 7.")
            return ControlsChange.of(backups_kept=number)

        await self._save(change, self._problem, "How many are kept is")


class StorageCard:
    """What takes room on the disk."""

    def __init__(self, services: Services) -> None:
        self._services = services
        with box("section", "card padded stack close"):
            Words("h2", "Storage", "as-h3")
            with box("div", "meter-rows") as self._rows:
                Words("p", "Adding up", "quiet")
            self._free = Words("p", "", "quiet")

    async def show(self) -> None:
        """Show how it is now."""
        taken = await self._services.backups.storage()
        if self._rows.is_deleted:
            return
        self._rows.clear()
        with self._rows:
            most = max(taken.database, taken.games, taken.saves, taken.backups, 1)
            for name, size in _parts(taken):
                with box("div", "meter-row"):
                    with box("div", "words"):
                        Words("span", name)
                        Words("span", figures.size(size), "figures")
                    _bar(size / most, f"{name}, beside the largest")
        least = self._services.settings.min_free_disk_mb * MB
        stops = f" Uploads and backups stop below {figures.size(least)}; models go on." if least else ""
        self._free.set_text(f"{figures.size(taken.free)} are free.{stops}")


def _bar(part: float, label: str) -> None:
    """`part` (0 to 1) of a whole that nobody need fear to see full."""
    percent = f"{max(0.0, min(1.0, part)) * 100:.4g}"
    with box("span", "meter mint", role="meter", aria_label=label) as element:
        element.props.update({"aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": percent})
        box("span").style(f"width: {percent}%")


def _parts(taken: Taken) -> list[tuple[str, int]]:
    return [
        ("Database", taken.database),
        ("Games", taken.games),
        ("Saves", taken.saves),
        ("Backups", taken.backups),
    ]
