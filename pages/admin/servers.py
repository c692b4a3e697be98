"""The model servers on the settings page: how they are, and which of their models may be called."""

from collections.abc import Callable, Sequence

from pages import figures
from pages.admin.limits import Save
from pages.admin.sections import Guard
from pages.design import BACKEND_COLOUR
from pages.elements import Words, ago, box, button, dotted, tag
from pages.forms import Area, form
from vanilla.inference.models import Health
from vanilla.operations.controls import EVERY_MODEL, ControlPanel, Controls, ControlsChange
from vanilla.services import Services

MODEL = "model:"  # beginning of a field's name, before the model's


class Servers:
    """One line for each, asked when the page has come and whenever somebody wants to know."""

    def __init__(self, services: Services, guard: Guard) -> None:
        self._services = services
        self._guard = guard
        self._watchers: list[Callable[[Health], None]] = []
        with box("section", "card padded stack close"):
            with box("div", "line-up spread"):
                Words("h2", "Model servers", "as-h3")
                self._test = button("Test now", self._test_now, classes="little")
            with box("div", "stack close", aria_live="polite") as self._list:
                Words("p", _ASKING, "quiet")

    def watch(self, callback: Callable[[Health], None]) -> None:
        """Tell how a server is whenever it has been asked."""
        self._watchers.append(callback)

    async def ask(self, *, anew: bool = False) -> None:
        """Ask them all and show what they answer."""
        found = await self._services.models.health(anew=anew)
        if self._list.is_deleted:
            return  # the page was closed meanwhile
        self._show(found)
        for health in found:
            for watcher in self._watchers:
                watcher(health)

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
                        elif health.is_set_up:
                            tag("not ready", "danger")
                        else:
                            tag("not set up")
                        with box("span", "quiet small facts"):
                            if health.problem is None:
                                Words("span", figures.counted(len(health.models), "model"))
                            if health.took_ms is not None:
                                Words("span", f"{figures.count(health.took_ms)} ms")
                            ago(health.asked_at)
                    if health.problem is not None:
                        Words("p", health.problem, "quiet")
                    elif any(model.embedded for model in health.models):
                        Words("p", "The embedded model answers here. It is small, and often wrong.", "quiet")
                    elif not health.models:
                        Words("p", _NO_MODELS[health.backend], "quiet")


class AllowedModels:
    """Which models of one backend may be called: every one, or those that are chosen from what the server has."""

    def __init__(self, backend: str, panel: ControlPanel, save: Save) -> None:
        self._backend = backend
        self._panel = panel
        self._save = save
        self._health: Health | None = None
        self._is_touched = False
        with box("section", "card padded stack close"):
            with box("h2", "as-h3"):
                dotted(f"Models of {backend}", BACKEND_COLOUR.get(backend, "sky"))
            with form(self._submitted, "form allowed", marker=f"models {backend}") as asked:
                with box("div", "stack close") as self._choice:
                    Words("p", _ASKING, "quiet")
                self._problem = box("div")
                with box("div"):
                    button("Save models", aria_label=f"Save models of {backend}")
            asked.on("input", self._touch, js_handler="() => emit()")

    def show(self, health: Health) -> None:
        """Show the models, if it is this backend's server that was asked. What is being typed is left alone."""
        if health.backend != self._backend:
            return
        is_new = self._health is None or [each.model for each in self._health.models] != [
            each.model for each in health.models
        ]
        self._health = health
        if is_new and not self._is_touched:
            self._draw()

    def _touch(self) -> None:
        self._is_touched = True

    async def _submitted(self, fields: dict[str, str]) -> None:
        if self._health is None:
            return
        chosen = [name.removeprefix(MODEL) for name in fields if name.startswith(MODEL)]
        lines = [line.strip() for line in fields.get("patterns", "").splitlines()]
        some = [each for each in dict.fromkeys([*chosen, *lines]) if each]

        def change() -> ControlsChange:
            patterns = list(EVERY_MODEL) if fields.get("scope") == "all" else some
            return ControlsChange.of(allowed_models={self._backend: patterns})

        if await self._save(change, self._problem, f"The models of {self._backend} are"):
            self._is_touched = False
            self._draw()

    def _draw(self) -> None:
        assert self._health is not None
        patterns = self._panel.now.patterns(self._backend)
        models = [each.model for each in self._health.models]
        is_all = patterns == EVERY_MODEL
        self._choice.clear()
        with self._choice:
            with box("fieldset", "plain-fieldset"):
                Words("legend", "May be called", "for-readers")
                _radio("Every model", "all", is_on=is_all)
                _radio("Only these", "some", is_on=not is_all)
            with box("div", "stack close only-these"):
                if models:
                    with box("ul", "plain models", aria_label=f"Models that {self._backend} has", tabindex="0"):
                        for model in models:
                            self._row(model, patterns)
                else:
                    Words("p", "None is known while the server does not answer.", "quiet")
                others = [] if is_all else [each for each in patterns if each not in models]
                Area(
                    "Further names and patterns",
                    "patterns",
                    "\n".join(others),
                    hint="One a line, such as claude-haiku-* for all whose names begin so.",
                    rows=2,
                    spellcheck="false",
                    autocapitalize="none",
                )

    def _row(self, model: str, patterns: Sequence[str]) -> None:
        is_chosen = model in patterns
        with box("li"):
            with box("label", "choice"):
                box("input", type="checkbox", name=f"{MODEL}{model}", value="yes").props.set_bool("checked", is_chosen)
                Words("span", model)
            controls = Controls(allowed_models={self._backend: patterns})
            if patterns != EVERY_MODEL and not is_chosen and controls.allows(self._backend, model):
                tag("by a pattern", "ok")


def _radio(label: str, value: str, *, is_on: bool) -> None:
    with box("label", "choice"):
        box("input", type="radio", name="scope", value=value).props.set_bool("checked", is_on)
        Words("span", label)


_ASKING = "Asking the servers"
_NO_MODELS = {
    "anthropic": "It answers, and lists no models for this key.",
    "ollama": "It answers, and has no models yet: fetch one there, with ollama pull llama3.2.",
}
