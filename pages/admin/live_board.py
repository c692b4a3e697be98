"""What is sent to those who watch: made once for all who watch the same range, however many they are."""

from dataclasses import dataclass, field

from orjson import dumps

from pages.admin.addresses import in_range, usage_address
from pages.admin.live_rows import Page, difference, page_of
from pages.charts import Plot, backends_plot
from vanilla.usage.snapshot import LiveSnapshot, RangeSnapshot
from vanilla.usage.spans import Filter, moment_of

OTHERS = "others"
_USER_COLOURS = ("caramel", "mint", "sky", "plum")


@dataclass
class Moment:
    """One snapshot as it is shown. What is asked of it is made at the first time."""

    snapshot: LiveSnapshot
    before: "Moment | None" = field(default=None, repr=False)
    _page: Page | None = None
    _plots: dict[str, Plot] = field(default_factory=dict)
    _told: dict[bool, str] = field(default_factory=dict)

    @property
    def page(self) -> Page:
        """Everything but the chart."""
        if self._page is None:
            self._page = page_of(self.snapshot)
        return self._page

    def plot(self, split: str) -> Plot:
        """The chart, by `backend` or by `user`."""
        if split not in self._plots:
            self._plots[split] = users_plot(self.snapshot.range) if split == "user" else plot_of(self.snapshot.range)
        return self._plots[split]

    def told(self, *, is_whole: bool) -> str:
        """What admin.js is told, as JSON: all of the page, or what differs from the moment before."""
        if is_whole not in self._told:
            before = None if is_whole or self.before is None else self.before.page
            self._told[is_whole] = dumps(difference(before, self.page)).decode()
        return self._told[is_whole]


class Board:
    """The last moment of each range that is watched."""

    def __init__(self) -> None:
        self._moments: dict[str, Moment] = {}

    def moment(self, snapshot: LiveSnapshot) -> Moment:
        """The moment of a snapshot, the same for all who were given the same one."""
        key = snapshot.range.range.key
        known = self._moments.get(key)
        if known is None or known.snapshot is not snapshot:
            if known is not None:
                known.before = None  # the one before the last is of no use, and would keep all others alive
            known = self._moments[key] = Moment(snapshot, known)
        return known


def plot_of(shown: RangeSnapshot) -> Plot:
    """Tokens by backend."""
    starts = [moment_of(start) for start in shown.span.starts()]
    plot = backends_plot(starts, shown.by_backend)
    return Plot(plot.starts, plot.series, links={name: in_range(shown.range, backend=name) for name in plot.series})


def users_plot(shown: RangeSnapshot) -> Plot:
    """Tokens of those who used most, and of all others."""
    starts = tuple(moment_of(start) for start in shown.span.starts())
    users = shown.by_user[: len(_USER_COLOURS)]
    everybody = [sum(values) for values in zip(*shown.by_backend.values(), strict=True)] or [0] * len(starts)
    charted = [sum(values) for values in zip(*(values for _, values in users), strict=True)] or [0] * len(starts)
    others = tuple(max(0, all_of - part) for all_of, part in zip(everybody, charted, strict=True))
    return Plot(
        starts,
        {**{used.id: values for used, values in users}, OTHERS: others},
        names={used.id: used.name or "A deleted user" for used, _ in users},
        colours={**{used.id: colour for (used, _), colour in zip(users, _USER_COLOURS, strict=False)}, OTHERS: "soft"},
        links={used.id: usage_address(Filter(user_id=used.id), when={"range": shown.range.key}) for used, _ in users},
    )
