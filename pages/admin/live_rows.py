"""The rows of the live page's cards, each about one thing and a way to the calls behind it."""

from collections.abc import Mapping
from dataclasses import dataclass

from pages import figures, markup
from pages.admin.addresses import in_range, refused_in, usage_address
from pages.admin.breakdown import ENDED, dot_class, game_name, reason_words, seconds
from pages.admin.rows import MeterRow
from pages.admin.tiles import aim
from pages.elements import Words, box, link
from pages.markup import tag
from vanilla.usage.rows import NearLimit
from vanilla.usage.snapshot import CallNow, FirstBytes, RangeSnapshot, RecentCall
from vanilla.usage.spans import Filter, Range

NEAR = 0.9  # of a limit: the bar turns cherry


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
            reason, reason_words(reason), count, count / most, refused_in(shown.range, reason), "refused"
        )
        for reason, count in shown.refusals.items()
    }
    return {**failed, **refused}


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
                words = first.model or f"all of {first.backend}"
                classes = dot_class(first.backend) + ("" if first.model else " strong")
                self._name = link(words, _behind(first, of), classes)
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
            with box("td", "running"):
                link(call.username, usage_address(Filter(user_id=call.user_id), when={"range": "24h"}), "clip")
            Words("td", title, "clip", title=title)
            Words("td", call.model, dot_class(call.backend))
            self._running = Words("td", "", "number", data_label="Running")
            self._tokens = Words("td", "", "number", data_label="Tokens")
        self.show(call)

    def show(self, call: CallNow) -> None:
        self._running.set_text(running(call.running_seconds))
        self._tokens.set_text(figures.count(call.total_tokens))


class RecentRow:
    """A call that has ended. It never changes, and is drawn as text."""

    def __init__(self, call: RecentCall, title: str) -> None:
        entry = call.entry
        behind = usage_address(Filter(user_id=entry.user_id), when={"range": "24h"})
        cells = markup.join(
            tag("td", markup.local_time(entry.timestamp, "clock"), class_="quiet figures"),
            tag("td", tag("a", call.username or "A deleted user", class_="clip", href=behind)),
            tag("td", title, class_="clip", title=title),
            tag("td", entry.model, class_=dot_class(entry.backend)),
            tag("td", figures.count(entry.prompt_tokens), class_="number", data_label="In"),
            tag("td", figures.count(entry.completion_tokens), class_="number", data_label="Out"),
            tag("td", seconds(entry.first_byte_ms), class_="number", data_label="First byte"),
            tag(
                "td",
                ENDED.get(entry.status, entry.status),
                class_="number" if entry.status == "ok" else "number strong",
                title="The counts are our estimate" if entry.estimated else None,
            ),
        )
        self.element = markup.placed(cells, "tr")

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
