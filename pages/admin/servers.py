"""The model servers on the settings page: how they are, and which of their models may be called."""

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from pages import figures
from pages.admin.sections import Guard
from pages.design import BACKEND_COLOUR
from pages.elements import Words, box, button, dotted, tag
from pages.forms import Area, form
from vanilla.inference.models import Health
from vanilla.operations.controls import Controls, ControlsChange
from vanilla.services import Services

Save = Callable[[Callable[[], ControlsChange], ui.element, str], Awaitable[bool]]


class Servers:
    """One line for each, asked when the page has come and whenever somebody wants to know."""

    def __init__(self, services: Services, guard: Guard) -> None:
        self._services = services
        self._guard = guard
        self._watchers: list[Callable[[Health, Controls], None]] = []
        with box("section", "card padded stack close"):
            with box("div", "line-up spread"):
                Words("h2", "Model servers", "as-h3")
                self._test = button("Test now", self._test_now, classes="little")
            with box("div", "stack close", aria_live="polite") as self._list:
                Words("p", _ASKING, "quiet")

    def watch(self, callback: Callable[[Health, Controls], None]) -> None:
        """Tell how a server is whenever it has been asked, with the controls as they are then."""
        self._watchers.append(callback)

    async def ask(self, *, anew: bool = False) -> None:
        """Ask them all and show what they answer."""
        found = await self._services.models.health(anew=anew)
        if self._list.is_deleted:
            return  # the page was closed meanwhile
        self._show(found)
        for health in found:
            for watcher in self._watchers:
                watcher(health, self._services.controls.now)

    async def _test_now(self) -> None:
        if not await self._guard.lets():
            return
        self._test.props.set_bool("disabled", True)
        self._test.set_text(_ASKING)
        try:
            await self.ask(anew=True)
        finally:
            self._test.set_text("Test now")
            self._test.props.set_bool("disabled", False)

    def _show(self, found: Sequence[Health]) -> None:
        self._list.clear()
        with self._list:
            for health in found:
                with box("div", "server"):
                    with box("div", "line-up"):
                        dotted(health.backend, BACKEND_COLOUR[health.backend])
                        if health.problem is None:
                            tag("answers", "ok")
                            Words("span", figures.counted(len(health.models), "model"), "quiet small")
                        else:
                            tag("not ready", "danger")
                    if health.problem is not None:
                        Words("p", health.problem, "quiet")


class AllowedModels:
    """The patterns of one backend, and what they make of the models there are."""

    def __init__(self, backend: str, controls: Controls, save: Save) -> None:
        self._backend = backend
        self._save = save
        self._health: Health | None = None
        self._controls = controls
        with box("section", "card padded stack close"):
            with box("h2", "as-h3"):
                dotted(f"Models of {backend}", BACKEND_COLOUR.get(backend, "sky"))
            with form(self._submitted, marker=f"models {backend}"):
                Area(
                    "Allowed",
                    "patterns",
                    "\n".join(controls.patterns(backend)),
                    hint="A name or a pattern a line, such as claude-haiku-*. A star alone allows every model, an empty"
                    " field none.",
                    rows=3,
                    spellcheck="false",
                    autocapitalize="none",
                )
                self._problem = box("div")
                with box("div"):
                    button("Save models", aria_label=f"Save models of {backend}")
            with box("ul", "plain models", aria_label=f"Models that {backend} has", tabindex="0") as self._list:
                Words("li", _ASKING, "quiet")

    def show(self, health: Health, controls: Controls) -> None:
        """Show the models, if it is this backend's server that was asked."""
        if health.backend == self._backend:
            self._health, self._controls = health, controls
            self._draw()

    async def _submitted(self, fields: dict[str, str]) -> None:
        patterns = list(dict.fromkeys(line.strip() for line in fields.get("patterns", "").splitlines() if line.strip()))

        def change() -> ControlsChange:
            return ControlsChange.of(allowed_models={self._backend: patterns})

        if await self._save(change, self._problem, f"The models of {self._backend} are"):
            self._controls = Controls(allowed_models={self._backend: patterns})
            self._draw()

    def _draw(self) -> None:
        if self._health is None:
            return
        self._list.clear()
        with self._list:
            if not self._health.models:
                is_well = self._health.problem is None
                words = "It has no models yet." if is_well else "None is known while the server does not answer."
                Words("li", words, "quiet")
            for model in self._health.models:
                with box("li"):
                    Words("span", model.model)
                    is_allowed = self._controls.allows(self._backend, model.model)
                    tag("allowed" if is_allowed else "not allowed", "ok" if is_allowed else "")


_ASKING = "Asking the servers"
