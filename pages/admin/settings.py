"""`/admin/settings`: the switch that stops everything, what may be called and how much, the servers, backups."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from nicegui import ui

from pages import design, figures
from pages.admin.backups import BackupsCard, StorageCard
from pages.admin.dialogs import Dialogs
from pages.admin.limits import BoundsCard, LimitsCard
from pages.admin.sections import Guard, section
from pages.admin.servers import AllowedModels, Servers
from pages.elements import Action, Words, ago, box, notice
from pages.visitor import Visitor, admin
from vanilla.errors import VanillaError
from vanilla.operations.controls import Controls, ControlsChange
from vanilla.services import Services


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin/settings")
    async def settings(visitor: Annotated[Visitor, Depends(admin(services))]) -> None:
        ui.add_head_html(f'<link rel="stylesheet" href="{design.asset("settings.css")}">')
        with section(visitor, "Settings", "/admin/settings"):
            SettingsView(services, visitor)


class SettingsView:
    """The cards of the page. Each saves for itself; who it is that saves is asked again each time."""

    def __init__(self, services: Services, visitor: Visitor) -> None:
        self._services = services
        self._visitor = visitor
        self._guard = Guard(services, visitor)
        self._dialogs = Dialogs(self._guard)
        controls = services.controls.now
        self._switch_card()
        servers = Servers(services, self._guard)
        with box("div", "side-by-side pairs"):
            for backend in services.relay.backends:
                servers.watch(AllowedModels(backend, services.controls, self._save).show)
        with box("div", "side-by-side pairs"):
            LimitsCard(controls, services.settings, self._save)
            BoundsCard(controls, self._save, self._tools_switch)
        with box("div", "side-by-side pairs"):
            backups = BackupsCard(services, self._guard, self._dialogs, self._save, visitor.user.id)
            storage = StorageCard(services)
        backups.watch(storage.show)
        self._show(controls)
        ui.context.client.on_delete(services.controls.subscribe(self._show))
        ui.timer(0, servers.ask, once=True)  # they may take seconds to answer: the page comes first
        ui.timer(0, backups.show, once=True)

    def _switch_card(self) -> None:
        with box("section", "card padded switch-card"):
            with box("div", "stack tight"):
                self._state = Words("h2", "")
                self._meaning = Words("p", "", "quiet", role="status")
                self._stopped = box("p", "quiet")
            self._switch = Switch("Models", self._turn)

    async def _turn(self) -> None:
        if not await self._guard.lets():
            return
        if not self._services.controls.now.inference_enabled:
            await self._change(ControlsChange(inference_enabled=True))
            say("Models are on.")
            return
        running = self._services.relay.calls_in_flight().total()
        stops = {0: "No call is running now.", 1: "1 call is running now. It stops in the middle."}.get(
            running, f"{figures.count(running)} calls are running now. They stop in the middle."
        )

        def draw() -> None:
            Words("p", stops)
            Words("p", "Nobody can call a model until you switch them on again. Games that do not talk go on.", "quiet")

        async def act(_fields: dict[str, str]) -> str:
            await self._change(ControlsChange(inference_enabled=False))
            return "Models are off."

        self._dialogs.ask("Switch models off", draw, "Switch off", act, kind="danger")

    def _tools_switch(self) -> None:
        self._tools = Switch("Server tools", self._turn_tools)

    async def _turn_tools(self) -> None:
        if await self._guard.lets():
            is_on = not self._services.controls.now.server_tools
            await self._change(ControlsChange(server_tools=is_on))
            say("Server tools are allowed." if is_on else "Server tools are refused.")

    async def _save(self, change: Callable[[], ControlsChange], problem: ui.element, what: str) -> bool:
        """Save a form; what is wrong with it is said in `problem`."""
        if not await self._guard.lets():
            return False
        problem.clear()
        try:
            await self._change(change())
        except VanillaError as error:
            with problem:
                notice(error.message, "error")
            return False
        say(f"{what} saved.")
        return True

    async def _change(self, change: ControlsChange) -> None:
        await self._services.controls.change(change, by=self._visitor.user.id)

    def _show(self, controls: Controls) -> None:
        is_on, stop = controls.inference_enabled, self._services.controls.stop
        self._state.set_text("Models are on" if is_on else "Models are off")
        self._meaning.set_text(
            "Games and tokens may call what is allowed below."
            if is_on
            else "Every call is refused with a sentence that says so. Games that do not talk go on."
        )
        self._stopped.clear()
        self._stopped.set_visibility(stop is not None)
        if stop is not None:
            with self._stopped:
                Words("span", f"Switched off by {stop.by or 'somebody who is gone'}, ")
                ago(stop.at)
        self._switch.show(is_on)
        self._tools.show(controls.server_tools)


class Switch:
    """On or off. It shows what is so, not what was asked for: `show` follows once that is done."""

    def __init__(self, label: str, on_click: Action) -> None:
        self._button = box("button", "switch", type="button", role="switch", aria_label=label, aria_checked="false")
        self._button.mark(f"switch {label}").on("click", lambda _: on_click())
        with self._button:
            box("span", "switch-track", aria_hidden="true")
            self._words = Words("span", "", aria_hidden="true")  # aria-checked says it

    def show(self, is_on: bool) -> None:
        """Show it on or off."""
        self._button.props["aria-checked"] = str(is_on).lower()
        self._words.set_text("On" if is_on else "Off")


def say(words: str) -> None:
    """Tell what was done."""
    ui.notify(words, position="bottom", timeout=5000)
