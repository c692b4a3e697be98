"""`/admin/settings`: what may be called at all, how the model servers are, and the switch that stops everything."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from nicegui import ui

from pages import figures
from pages.admin.dialogs import Dialogs
from pages.admin.sections import Guard, section
from pages.admin.servers import AllowedModels, Servers
from pages.elements import Action, Words, box, button, notice
from pages.forms import Field, form, whole_number
from pages.frame import Frame
from pages.visitor import Visitor, admin
from vanilla.errors import Invalid, VanillaError
from vanilla.operations.controls import Controls, ControlsChange
from vanilla.services import Services


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin/settings")
    async def settings(visitor: Annotated[Visitor, Depends(admin(services))]) -> None:
        with section(visitor, "Settings", "/admin/settings") as page:
            SettingsView(services, visitor, page)


class SettingsView:
    """The cards of the page. Each saves for itself; who it is that saves is asked again each time."""

    def __init__(self, services: Services, visitor: Visitor, page: Frame) -> None:
        self._services = services
        self._visitor = visitor
        self._page = page
        self._guard = Guard(services, visitor)
        self._dialogs = Dialogs(self._guard)
        controls = services.controls.now
        self._switch_card()
        servers = Servers(services, self._guard)
        with box("div", "side-by-side"):
            for backend in services.relay.backends:
                servers.watch(AllowedModels(backend, controls, self._save).show)
        with box("div", "side-by-side"):
            self._tools_card()
            self._bounds_card(controls)
        self._show(controls)
        ui.timer(0, servers.ask, once=True)  # they may take seconds to answer: the page comes first

    def _switch_card(self) -> None:
        with box("section", "card padded switch-card"):
            with box("div", "stack tight"):
                self._state = Words("h2", "")
                self._meaning = Words("p", "", "quiet", role="status")
            self._switch = Switch("Models", self._turn)

    async def _turn(self) -> None:
        if not await self._guard.lets():
            return
        if not self._services.controls.now.inference_enabled:
            await self._change(ControlsChange(inference_enabled=True))
            _say("Models are on.")
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

    def _tools_card(self) -> None:
        with box("section", "card padded stack close"):
            with box("div", "line-up spread"):
                Words("h2", "Server tools", "as-h3")
                self._tools = Switch("Server tools", self._turn_tools)
            Words(
                "p",
                "Web search, code execution, MCP servers and uploaded files run at Anthropic beside the model, and may"
                " cost more than tokens. Tools of a game's own always work.",
                "quiet",
            )

    async def _turn_tools(self) -> None:
        if await self._guard.lets():
            is_on = not self._services.controls.now.server_tools
            await self._change(ControlsChange(server_tools=is_on))
            _say("Server tools are allowed." if is_on else "Server tools are refused.")

    def _bounds_card(self, controls: Controls) -> None:
        cap = controls.game_tokens_per_day

        def change(fields: dict[str, str]) -> ControlsChange:
            return ControlsChange.of(
                game_tokens_per_day=whole_number(fields.get("game_tokens_per_day", ""), "the tokens of a game"),
                max_num_ctx=_needed(fields.get("max_num_ctx", ""), "the longest context"),
                max_keep_alive=_needed(fields.get("max_keep_alive", ""), "the time in memory"),
            )

        async def submitted(fields: dict[str, str]) -> None:
            await self._save(lambda: change(fields), problem, "The bounds are")

        with box("section", "card padded stack close"):
            Words("h2", "Bounds", "as-h3")
            with form(submitted, marker="bounds"):
                _number(
                    "Tokens that one game may take of a user in a day",
                    "game_tokens_per_day",
                    "" if cap is None else str(cap),
                    "Empty for no cap. A day begins at midnight UTC.",
                )
                with box("div", "field-pair"):
                    _number(
                        "Longest context (num_ctx)",
                        "max_num_ctx",
                        str(controls.max_num_ctx),
                        "Tokens. A long one takes much memory of Ollama's machine.",
                    )
                    _number(
                        "Longest time in memory (keep_alive)",
                        "max_keep_alive",
                        str(controls.max_keep_alive),
                        "Seconds that a call may keep a model loaded.",
                    )
                problem = box("div")
                with box("div"):
                    button("Save bounds")

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
        _say(f"{what} saved.")
        return True

    async def _change(self, change: ControlsChange) -> None:
        self._show(await self._services.controls.change(change, by=self._visitor.user.id))

    def _show(self, controls: Controls) -> None:
        is_on = controls.inference_enabled
        self._state.set_text("Models are on" if is_on else "Models are off")
        self._meaning.set_text(
            "Games and tokens may call what is allowed below."
            if is_on
            else "Every call is refused with a sentence that says so. Games that do not talk go on."
        )
        self._switch.show(is_on)
        self._tools.show(controls.server_tools)
        self._page.outage.set_visibility(not is_on)


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


def _number(label: str, name: str, value: str, hint: str) -> None:
    Field(label, name, hint=hint, value=value, inputmode="numeric", autocomplete="off")


def _needed(text: str, what: str) -> int:
    number = whole_number(text, what)
    if number is None:
        raise Invalid(f"Write {what} as a whole number, such as 4096.")
    return number


def _say(words: str) -> None:
    ui.notify(words, position="bottom", timeout=5000)
