"""`/admin/users/{id}`: one user's usage and calls, and what can be done about them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from nicegui import ui

from pages import figures, markup
from pages.admin.breakdown import USUAL_RANGE, by_model, calls_table, range_segments
from pages.admin.dialogs import Dialogs
from pages.admin.people import People
from pages.admin.sections import Guard, section
from pages.admin.user_rows import state_tags
from pages.charts import Plot, TokensChart, plot_by_backend
from pages.elements import Stat, Words, ago, box, button, button_link, local_time, meter, notice
from pages.visitor import Visitor, admin
from vanilla.accounts.users import Users
from vanilla.models import User, utc_now
from vanilla.services import Services
from vanilla.usage.statistics import (
    Bucket,
    LedgerRow,
    ModelTotals,
    Statistics,
    Totals,
    bucket_of,
    range_start,
)

A_PAGE = 25  # calls listed at a time


@dataclass(frozen=True)
class History:
    """What one user used in a range."""

    days: int
    bucket: Bucket
    plot: Plot
    totals: Totals
    by_model: list[ModelTotals]


async def load(statistics: Statistics, user_id: str, days: int) -> History:
    """The history of the last `days` times 24 hours."""
    now = utc_now()
    since, bucket = range_start(days, now), bucket_of(days)
    points = await statistics.series(bucket, user_id=user_id, since=since)
    return History(
        days=days,
        bucket=bucket,
        plot=plot_by_backend(points, since, now, bucket),
        totals=await statistics.totals(user_id=user_id, since=since),
        by_model=await statistics.by_model(user_id=user_id, since=since),
    )


def register(services: Services) -> None:
    """Define the page."""

    @ui.page("/admin/users/{user_id}")
    async def user(user_id: str, visitor: Annotated[Visitor, Depends(admin(services))]) -> None:
        person = await services.users.get(user_id)
        history = await load(services.statistics, user_id, int(USUAL_RANGE))
        calls = await services.statistics.recent(A_PAGE, user_id=user_id)
        with section(visitor, person.username, "/admin/users"):
            UserView(services, visitor, person, history, calls)


class UserView:
    """Who it is, what they used, their calls."""

    def __init__(
        self, services: Services, visitor: Visitor, user: User, history: History, calls: Sequence[LedgerRow]
    ) -> None:
        self._services = services
        self._guard = Guard(services, visitor)
        self._people = People(services, visitor, Dialogs(self._guard), self._show_user)
        self._user = user
        with box("div", "bar-of-controls"):
            button_link("All users", "/admin/users", classes="little")
            with box("div", "line-up") as self._actions:
                button("Edit", lambda: self._open(self._people.edit), classes="little")
                button("Reset link", lambda: self._open(self._people.reset), classes="little")
                button("Set password", lambda: self._open(self._people.password), classes="little")
                button("Sign out everywhere", lambda: self._open(self._people.sign_out), classes="little")
                self._switch = button("", lambda: self._open(self._people.switch), classes="little")
                button("Delete", lambda: self._open(self._people.delete), kind="danger", classes="little")
        self._gone = notice(_GONE)
        with box("div", "stats four"):
            self._total = Stat("Tokens of all time", "")
            with box("div", "card stat"):
                Words("div", "Limit", "label")
                self._limit = LimitMeter()
                self._pace = Words("div", "", "note")
            with box("div", "card stat"):
                Words("div", "State", "label")
                self._state = markup.placed(markup.NONE, "div")
            with box("div", "card stat"):
                Words("div", "Last active", "label")
                if user.last_active_at is None:
                    Words("div", "never")
                else:
                    ago(user.last_active_at)
                with box("div", "note"):
                    Words("span", "created ")
                    local_time(user.created_at, "date")
        self._show_user(user)
        with box("div"):
            range_segments(str(history.days), self._choose)
        self._place = box("div", "admin")
        self._show(history)
        with box("section", "card padded"):
            self._add_calls = calls_table("Calls", calls, with_user=False, nothing="No calls yet.")
            with box("div", "pager"):
                self._older = button("Show older", self._show_older, classes="little")
        self._note_calls(calls)

    async def _open(self, dialog: Callable[[User], None]) -> None:
        if await self._guard.lets() and self._user.deleted_at is None:
            dialog(self._user)

    def _show_user(self, user: User) -> None:
        self._user = user
        self._total.update(figures.count(user.total_tokens))
        self._limit.show(user)
        self._pace.set_text(_pace_words(user))
        is_there = user.deleted_at is None
        self._state.set_content(state_tags(user) if is_there else markup.tag("span", "deleted", class_="tag danger"))
        self._switch.set_text("Deactivate" if user.is_active else "Activate")
        self._actions.set_visibility(is_there)
        self._gone.set_visibility(not is_there)

    async def _choose(self, days: str) -> None:
        if await self._guard.lets():
            self._show(await load(self._services.statistics, self._user.id, int(days)))

    def _show(self, history: History) -> None:
        self._place.clear()
        with self._place, box("div", "two-thirds"):
            with box("section", "card padded"):
                title = "Tokens an hour" if history.bucket == "hour" else "Tokens a day"
                TokensChart(title, history.plot, step=history.bucket)
                words = figures.counted(history.totals.calls, "call")
                Words("p", f"{figures.count(history.totals.total_tokens)} tokens in {words}", "quiet small")
            by_model(history.by_model)

    async def _show_older(self) -> None:
        if not await self._guard.lets():
            return
        more = await self._services.statistics.recent(A_PAGE, user_id=self._user.id, before=self._last)
        self._add_calls(more)
        self._note_calls(more)

    def _note_calls(self, calls: Sequence[LedgerRow]) -> None:
        self._last = calls[-1].entry.id if calls else None
        self._older.set_visibility(len(calls) == A_PAGE)


class LimitMeter:
    """How much of their limit a user has used."""

    def __init__(self) -> None:
        self._words = Words("div", "", "figures")
        self._bar = meter(0.0, label="Used of the limit")

    def show(self, user: User) -> None:
        """Show it as it is now."""
        used = Users.current_usage(user)
        if user.token_limit is None:
            self._words.set_text("no limit")
            self._bar.set_visibility(False)
            return
        period = "" if user.limit_period == "total" else f" / {user.limit_period}"
        self._words.set_text(f"{figures.count(used)} of {figures.count(user.token_limit)}{period}")
        self._bar.set_visibility(True)
        part = figures.fraction(used, user.token_limit)
        percent = f"{part * 100:.4g}"
        self._bar.props["aria-valuenow"] = percent
        self._bar.classes(add="near" if part >= 0.9 else "", remove="" if part >= 0.9 else "near")
        (bar,) = self._bar.default_slot.children
        bar.style(f"width: {percent}%")


def _pace_words(user: User) -> str:
    pace = ((user.requests_per_minute, "a minute"), (user.concurrent_calls, "at once"))
    given = [f"{figures.counted(most, 'call')} {span}" for most, span in pace if most is not None]
    return ", ".join(given)


_GONE = "This user was deleted. What they used stays in the figures, without their name."
