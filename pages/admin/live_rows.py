"""The rows of the live page's cards, each about one thing and a way to the calls behind it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pages import figures
from pages.admin.addresses import REFUSED, in_range, usage_address
from pages.admin.breakdown import ENDED, game_name, seconds
from pages.admin.rows import MeterRow
from pages.admin.tiles import aim
from pages.charts import colour_of
from pages.elements import Words, box, dotted, link, local_time
from vanilla.usage.rows import NearLimit
from vanilla.usage.snapshot import CallNow, FirstBytes, RangeSnapshot, RecentCall
from vanilla.usage.spans import Filter, Range

NEAR = 0.9  # of a limit: the bar turns cherry
REASONS = {
    "spent": "limit spent",
    "held": "limit held by other calls",
    "too fast": "too many at once or a minute",
    "malformed": "malformed request",
    "signed out": "signed out",
    "forbidden": "not allowed",
    "too large": "too large",
    "unavailable": "model server not there",
    "failed": "model server failed",
}


@dataclass(frozen=True)
class Bar:
    """A name with a count, and how much of the most that is. `key` is the id of what it stands for."""

    key: str
    name: str
    count: int
    part: float
    href: str
    note: str = ""


def user_bars(shown: RangeSnapshot) -> dict[str, Bar]:
    """Who used most."""
    most = max((used.tokens for used in shown.users), default=0) or 1
    return {
        used.id: Bar(
            used.id,
            used.name or "A deleted user",
            used.tokens,
            used.tokens / most,
            in_range(shown.range, user_id=used.id),
            _calls(used.calls),
        )
        for used in shown.users
    }


def game_bars(shown: RangeSnapshot) -> dict[str, Bar]:
    """Which games used most."""
    most = max((used.tokens for used in shown.games), default=0) or 1
    return {
        used.id: Bar(
            used.id,
            game_name(used.id, used.name),
            used.tokens,
            used.tokens / most,
            in_range(shown.range, game_id=used.id),
            _calls(used.calls),
        )
        for used in shown.games
    }


def trouble_bars(shown: RangeSnapshot) -> dict[str, Bar]:
    """How calls failed, and why others were refused."""
    most = max((*shown.failures.values(), *shown.refusals.values()), default=0) or 1
    failed = {
        status: Bar(
            status, ENDED.get(status, status), count, count / most, in_range(shown.range, status=status), "calls"
        )
        for status, count in shown.failures.items()
    }
    refused = {
        f"refused {reason}": Bar(
            reason, reason_words(reason), count, count / most, in_range(shown.range, status=REFUSED), "refused"
        )
        for reason, count in shown.refusals.items()
    }
    return {**failed, **refused}


def reason_words(reason: str) -> str:
    """Why a call was refused, as people say it."""
    if reason.startswith("upstream "):
        return f"model server said {reason.removeprefix('upstream ')}"
    return REASONS.get(reason, reason)


class BarRow:
    """A bar that leads to what it counts."""

    def __init__(self, bar: Bar) -> None:
        self._row = MeterRow(bar.name, href=bar.href)
        self.element = self._row.element
        self.show(bar)

    def show(self, bar: Bar) -> None:
        self._row.update(bar.name, bar.count, bar.part, bar.note, href=bar.href)


class NearRow:
    """Somebody near a limit."""

    def __init__(self, near: NearLimit) -> None:
        self._row = MeterRow(near.username, href=f"/admin/users/{near.user_id}")
        self.element = self._row.element
        self.show(near)

    def show(self, near: NearLimit) -> None:
        period = "" if near.limit_period == "total" else f" / {near.limit_period}"
        note = f"of {figures.count(near.token_limit)}{period}"
        self._row.update(near.username, near.tokens_used, near.share, note, is_near=near.share >= NEAR)


class FirstByteRow:
    """How soon the answers of a backend or a model began."""

    def __init__(self, first: FirstBytes, of: Range) -> None:
        with box("tr") as self.element:
            with box("td", "whole"):
                self._name = link("", _behind(first, of), "" if first.model else "strong")
                with self._name:
                    dotted(first.model or f"all of {first.backend}", colour_of(first.backend))
            self._half = Words("td", "", "number strong", data_label="Half")
            self._most = Words("td", "", "number", data_label="19 of 20")
            self._calls = Words("td", "", "number", data_label="Answers")
        self.update(first, of)

    def update(self, first: FirstBytes, of: Range) -> None:
        self._half.set_text(seconds(first.p50_ms))
        self._most.set_text(seconds(first.p95_ms))
        self._calls.set_text(figures.count(first.calls))
        aim(self._name, _behind(first, of))


class CallRow:
    """A call in flight."""

    def __init__(self, call: CallNow, title: str) -> None:
        with box("tr") as self.element:
            with box("td"), box("span", "with-dot"):
                box("span", "dot live", aria_hidden="true")
                link(call.username, usage_address(Filter(user_id=call.user_id), when={"range": "24h"}), "clip")
            Words("td", title, "clip", title=title)
            with box("td"):
                dotted(call.model, colour_of(call.backend))
            self._running = Words("td", "", "number", data_label="Running")
            self._tokens = Words("td", "", "number", data_label="Tokens")
        self.show(call)

    def show(self, call: CallNow) -> None:
        self._running.set_text(running(call.running_seconds))
        self._tokens.set_text(figures.count(call.total_tokens))


class RecentRow:
    """A call that has ended."""

    def __init__(self, call: RecentCall, title: str) -> None:
        entry = call.entry
        with box("tr") as self.element:
            with box("td", "quiet figures"):
                local_time(entry.timestamp, "clock")
            with box("td"):
                behind = usage_address(Filter(user_id=entry.user_id), when={"range": "24h"})
                link(call.username or "A deleted user", behind, "clip")
            Words("td", title, "clip", title=title)
            with box("td"):
                dotted(entry.model, colour_of(entry.backend))
            Words("td", figures.count(entry.prompt_tokens), "number", data_label="In")
            Words("td", figures.count(entry.completion_tokens), "number", data_label="Out")
            Words("td", seconds(entry.first_byte_ms), "number", data_label="First byte")
            estimated = {"title": "The counts are our estimate"} if entry.estimated else {}
            classes = "number" if entry.status == "ok" else "number strong"
            Words("td", ENDED.get(entry.status, entry.status), classes, **estimated)

    def show(self, call: RecentCall) -> None:
        """A row of the ledger never changes."""


def running(so_far: int) -> str:
    """`6 s`, `2 min 5 s`."""
    return f"{so_far} s" if so_far < 60 else f"{so_far // 60} min {so_far % 60} s"


def title_of(game_id: str, titles: Mapping[str, str]) -> str:
    """What to call a game, from titles by id."""
    return game_name(game_id, titles.get(game_id))


def _behind(first: FirstBytes, of: Range) -> str:
    return in_range(of, backend=first.backend, **({"model": first.model} if first.model else {}))


def _calls(number: int) -> str:
    return f"in {figures.counted(number, 'call')}"
