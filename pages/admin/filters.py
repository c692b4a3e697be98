"""The filters of the usage page: a plain form, so that what is chosen stands in the address and goes back and forth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nicegui import ui

from pages import markup
from pages.admin.addresses import OUTSIDE, REFUSED, USAGE, usage_address
from pages.admin.breakdown import reason_words
from pages.elements import Words, box, button, link, local_time, segment_links
from pages.markup import Markup, tag
from vanilla.models import NO_GAME
from vanilla.usage.reports import Report
from vanilla.usage.spans import NOT_OK_AT_ALL, RANGES, Filter, Span

STATUSES = {
    "ok": "ok",
    NOT_OK_AT_ALL: "not ok",
    "aborted": "left early",
    "failed": "failed",
    "recovered": "recovered",
    REFUSED: "refused",
}
BACKENDS = ("anthropic", "ollama")
SUGGESTED = 20


@dataclass(frozen=True)
class Asked:
    """What the address asks for: the calls, the span and its words in the address, and names of user and game."""

    chosen: Filter
    span: Span
    when: Mapping[str, str]
    username: str = ""
    title: str = ""
    problem: str = ""  # what was typed and is not there
    reason: str = ""  # why calls were refused, where only those are asked for

    @property
    def is_refused(self) -> bool:
        return self.chosen.status == REFUSED

    def address(self, **changes: str | None) -> str:
        """Of the same calls with another filter: `address(user_id=None)`."""
        return usage_address(replace(self.chosen, **changes), when=self.when)


def range_links(asked: Asked) -> None:
    """The ranges that end now, as addresses with the same filters."""
    options = {usage_address(asked.chosen, when={"range": key}): of.name for key, of in RANGES.items()}
    current = usage_address(asked.chosen, when=asked.when) if "range" in asked.when else ""
    segment_links(options, current, label="Range", classes="ranges")


class FilterForm:
    """The form, and below it what is chosen."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        chosen, when = asked.chosen, asked.when
        with box("form", "filters", method="get", action=USAGE, data_filters="", role="search", aria_label="Filters"):
            if "range" in when:
                box("input", type="hidden", name="range", value=when["range"])
            for name, value in (("user", chosen.user_id), ("game", _game(chosen))):
                if value is not None:
                    box("input", type="hidden", name=name, value=value)
            if chosen.user_id is None:
                self._users = _typed("User", "who", "Anybody")
            if chosen.game_id is None:
                self._games = _typed("Game", "title", "Any game")
            self._models = _choice("Model", "model", {}, chosen.model, "Any model")
            _choice("Backend", "backend", dict.fromkeys(BACKENDS), chosen.backend, "Any backend")
            _choice("Ended", "status", STATUSES, chosen.status, "Any way")
            _day("From", when.get("from", ""))
            _day("To", when.get("to", ""))
            with box("div", "filter-actions"):
                button("Apply", kind="primary", classes="little")
        self._chips()

    def suggest(self, report: Report) -> None:
        """Offer what there is in the span to choose from."""
        if self._asked.chosen.user_id is None:
            _fill(self._users, [row.username for row in report.by_user if row.username])
        if self._asked.chosen.game_id is None:
            _fill(self._games, [row.title for row in report.by_game if row.title])
        if self._asked.chosen.model is None:
            models = sorted({row.model for row in report.by_model})
            first = Markup(self._models.content)
            self._models.set_content(markup.join(first, *(tag("option", model, value=model) for model in models)))

    def _chips(self) -> None:
        asked, chosen = self._asked, self._asked.chosen
        if "range" in asked.when and chosen == Filter():
            return
        with box("div", "chips", role="group", aria_label="Chosen"):
            if "range" not in asked.when:
                with link("", usage_address(chosen), "chip", aria_label="Not only this span of time"):
                    local_time(asked.span.since, "minute")
                    Words("span", "to")
                    local_time(asked.span.until, "minute")
                    _cross()
            if chosen.user_id is not None:
                _chip(asked.username or "A deleted user", asked.address(user_id=None))
            if chosen.game_id is not None:
                _chip(asked.title, asked.address(game_id=None))
            if chosen.model is not None:
                _chip(chosen.model, asked.address(model=None))
            if chosen.backend is not None:
                _chip(chosen.backend, asked.address(backend=None))
            if chosen.status is not None:
                _chip(STATUSES.get(chosen.status, chosen.status), asked.address(status=None))
            if asked.reason:
                _chip(reason_words(asked.reason), asked.address())
            link("Clear all", USAGE, "small")


def _chip(words: str, without: str) -> None:
    with link("", without, "chip", aria_label=f"Not only {words}"):
        Words("span", words, "clip")
        _cross()


def _cross() -> None:
    Words("span", "\N{MULTIPLICATION SIGN}", "cross", aria_hidden="true")


def _typed(label: str, name: str, anything: str) -> ui.html:
    """A field for a name, with names to choose from; gives the place of those."""
    with box("div", "field"):
        caption = Words("label", label)
        typed = box("input", "input little", type="text", name=name, placeholder=anything, autocomplete="off")
        names = markup.placed(markup.NONE, "datalist")
    caption.props["for"] = typed.html_id
    typed.props["list"] = names.html_id
    return names


def _choice(label: str, name: str, options: Mapping[str, str | None], chosen: str | None, anything: str) -> ui.html:
    """A choice of one, or of anything."""
    shown = {chosen: chosen, **options} if chosen is not None and chosen not in options else options
    with box("div", "field"):
        caption = Words("label", label)
        choices = (tag("option", words or key, value=key, selected=key == chosen) for key, words in shown.items())
        select = markup.placed(markup.join(tag("option", anything, value=""), *choices), "select")
        select.classes("input little").props["name"] = name
    caption.props["for"] = select.html_id
    return select


def _day(label: str, value: str) -> None:
    """A field for a day (UTC)."""
    with box("div", "field"):
        caption = Words("label", label)
        day = value if len(value) == len("2026-11-23") else ""
        field = box("input", "input little", type="date", name=label.lower(), value=day)
    caption.props["for"] = field.html_id


def _game(chosen: Filter) -> str | None:
    return OUTSIDE if chosen.game_id == NO_GAME else chosen.game_id


def _fill(names: ui.html, words: Sequence[str]) -> None:
    names.set_content(markup.join(*(tag("option", value=name) for name in words[:SUGGESTED])))
