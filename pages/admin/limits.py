"""How much may be called, where nothing else is set for somebody: two cards of the settings page."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from pages import figures
from pages.admin.dialogs import PERIODS, choice
from pages.elements import Words, box, button
from pages.forms import Field, form, whole_number
from vanilla.errors import Invalid
from vanilla.operations.controls import Controls, ControlsChange
from vanilla.settings import Settings

Save = Callable[[Callable[[], ControlsChange], ui.element, str], Awaitable[bool]]


class LimitsCard:
    """The limits of whoever has no others."""

    def __init__(self, controls: Controls, settings: Settings, save: Save) -> None:
        self._save = save
        with box("section", "card padded stack close"):
            Words("h2", "Limits", "as-h3")
            with form(self._submitted, marker="limits"):
                with box("div", "field-pair"):
                    _number(
                        "Tokens of a new user",
                        "default_token_limit",
                        controls.default_token_limit,
                        "Empty for no limit. Filled in when you add somebody.",
                    )
                    choice("Counted", "default_limit_period", PERIODS, controls.default_limit_period)
                with box("div", "field-pair"):
                    _number(
                        "Calls a minute",
                        "requests_per_minute",
                        controls.requests_per_minute,
                        _else("REQUESTS_PER_MINUTE", settings.requests_per_minute),
                    )
                    _number(
                        "Calls at once",
                        "concurrent_calls",
                        controls.concurrent_calls,
                        _else("CONCURRENT_CALLS", settings.concurrent_calls),
                    )
                _number(
                    "Tokens that one game may take of a user in a day",
                    "game_tokens_per_day",
                    controls.game_tokens_per_day,
                    "Empty for no cap. A day begins at midnight UTC.",
                )
                self._problem = box("div")
                with box("div"):
                    button("Save limits")

    async def _submitted(self, fields: dict[str, str]) -> None:
        def change() -> ControlsChange:
            return ControlsChange.of(
                default_token_limit=_typed(fields, "default_token_limit", "the limit of new users"),
                default_limit_period=fields.get("default_limit_period") or "total",
                requests_per_minute=_typed(fields, "requests_per_minute", "the calls a minute"),
                concurrent_calls=_typed(fields, "concurrent_calls", "the calls at once"),
                game_tokens_per_day=_typed(fields, "game_tokens_per_day", "the tokens of a game"),
            )

        await self._save(change, self._problem, "The limits are")


class BoundsCard:
    """What a call may ask of a model server beside its tokens. `tools_switch` draws the switch for server tools."""

    def __init__(self, controls: Controls, save: Save, tools_switch: Callable[[], None]) -> None:
        self._save = save
        with box("section", "card padded stack close"):
            with box("div", "line-up spread"):
                Words("h2", "Server tools", "as-h3")
                tools_switch()
            Words(
                "p",
                "Web search, code execution, MCP servers and uploaded files run at Anthropic beside the model, and may"
                " cost more than tokens. Tools of a game's own always work.",
                "quiet",
            )
            box("hr", "hairline")
            Words("h2", "Ollama's memory", "as-h3")
            with form(self._submitted, marker="bounds"):
                with box("div", "field-pair"):
                    _number(
                        "Longest context (num_ctx)",
                        "max_num_ctx",
                        controls.max_num_ctx,
                        "Tokens. A long one takes much memory of its machine.",
                    )
                    _number(
                        "Longest time in memory (keep_alive)",
                        "max_keep_alive",
                        controls.max_keep_alive,
                        "Seconds that a call may keep a model loaded.",
                    )
                self._problem = box("div")
                with box("div"):
                    button("Save bounds")

    async def _submitted(self, fields: dict[str, str]) -> None:
        def change() -> ControlsChange:
            return ControlsChange.of(
                max_num_ctx=_needed(fields, "max_num_ctx", "the longest context"),
                max_keep_alive=_needed(fields, "max_keep_alive", "the time in memory"),
            )

        await self._save(change, self._problem, "The bounds are")


def _number(label: str, name: str, value: int | None, hint: str) -> None:
    text = "" if value is None else figures.count(value)
    Field(label, name, hint=hint, value=text, inputmode="numeric", autocomplete="off")


def _else(setting: str, value: int) -> str:
    return (
        f"Empty for {figures.count(value)}, as {setting} says; 0 for any number." if value else "Empty for any number."
    )


def _typed(fields: dict[str, str], name: str, what: str) -> int | None:
    return whole_number(fields.get(name, ""), what)


def _needed(fields: dict[str, str], name: str, what: str) -> int:
    number = _typed(fields, name, what)
    if number is None:
        raise Invalid(f"Write {what} as a whole number, such as 4096.")
    return number
