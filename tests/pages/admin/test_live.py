"""The live page: what it shows at first, and that it follows the feed."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from nicegui import ui
from nicegui.testing import User as Browser

from pages.admin.live import CALLS, LiveView, compared
from pages.admin.live_rows import running
from pages.elements import Words
from tests.factories import Factory
from tests.pages.admin.conftest import Spend, eventually, texts
from vanilla.accounts.users import UserChanges
from vanilla.models import Game, utc_now
from vanilla.services import Services
from vanilla.usage.feed import LiveCall
from vanilla.usage.ledger import Entry
from vanilla.usage.rows import NearLimit
from vanilla.usage.snapshot import CallNow, FirstBytes, LiveSnapshot, RangeSnapshot, RecentCall, Used
from vanilla.usage.spans import RANGES, minute_of

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick_pushes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vanilla.usage.feed.SECONDS_BETWEEN_PUSHES", 0.01)


def has(browser: Browser, words: str) -> Callable[[], bool]:
    return lambda: words in texts(browser)


def live_call(user_id: str) -> LiveCall:
    return LiveCall(
        id="call",
        user_id=user_id,
        username="mira",
        game_id="dragon",
        backend="ollama",
        model="smollm2:135m",
        started_at=time.monotonic(),
        wall_started=utc_now(),
        prompt_tokens=100,
    )


class TestPage:
    async def test_says_what_to_do_where_nothing_has_happened(self, admin: Browser) -> None:
        await admin.open("/admin")
        for words in (
            "Live",
            "connected",
            "at most 0 at once today",
            "none yet",
            "No call is running.",
            "Nobody has used tokens in this range.",
            "Nobody has used tokens of a limit yet.",
            "Every call in this range was answered.",
            "No call yet. Play a game that talks, and it shows up here.",
        ):
            await admin.should_see(words)

    async def test_follows_a_call_from_start_to_end(self, admin: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira", token_limit=1000)
        now = utc_now()
        game = Game(id="dragon", slug="d", title="Dragon <1>", owner_id=mira.id, created_at=now, updated_at=now)
        await services.database.write(lambda session: session.add(game))
        await admin.open("/admin")
        call = live_call(mira.id)
        services.feed.started(call)
        await eventually(has(admin, "Dragon <1>"))
        call.completion_tokens = 333
        await eventually(has(admin, "433"))
        await eventually(has(admin, "ollama 433"))
        entry = Entry(
            id="call",
            timestamp=utc_now(),
            user_id=mira.id,
            backend="ollama",
            model="smollm2:135m",
            prompt_tokens=90,
            completion_tokens=400,
            game_id="dragon",
            status="aborted",
            first_byte_ms=412,
        )
        services.feed.ended(call, entry)
        await eventually(has(admin, "left early"))
        assert {"490", "0.41 s", "at most 1 at once today", "400", "90", "1 failed · 0 refused"} <= set(texts(admin))
        services.feed.refused(mira.id, "mira", "ollama", "spent")
        await eventually(has(admin, "1 failed · 1 refused"))
        await eventually(has(admin, "limit spent"))

    async def test_shows_what_was_before_it_was_opened(
        self, admin: Browser, make: Factory, services: Services, spend: Spend
    ) -> None:
        mira = await make.user("mira", token_limit=2000)
        entry = await spend(mira)
        services.feed.recorded(entry, "mira")
        await admin.open("/admin")
        for words in ("1,234", "llama3.2", "Outside games", "mira"):
            await admin.should_see(words)

    async def test_changes_its_range_in_place_and_keeps_it_in_the_address(
        self, admin: Browser, make: Factory, services: Services, spend: Spend
    ) -> None:
        mira = await make.user("mira")
        await spend(mira, timestamp=utc_now() - timedelta(days=3))
        await admin.open("/admin")
        await eventually(lambda: services.feed.watchers == 1)
        assert "in 1 call" not in texts(admin)
        admin.find("7 d").click()
        await eventually(has(admin, "in 1 call"))
        await eventually(has(admin, "Tokens an hour"))
        assert services.feed.watchers == 1
        entry = await spend(mira)
        services.feed.recorded(entry, "mira")
        await eventually(has(admin, "in 2 calls"))
        await admin.open("/admin?range=30d")
        await admin.should_see("Tokens a day")
        await admin.open("/admin?range=nonsense&by=nobody")
        await admin.should_see("Tokens a minute")

    async def test_charts_users_when_asked(self, admin: Browser, make: Factory, spend: Spend) -> None:
        for number, name in enumerate(("mira", "jon", "ada", "bo", "li")):
            await spend(await make.user(name), timestamp=utc_now() - timedelta(minutes=5), prompt_tokens=90 - number)
        await admin.open("/admin?by=user")
        (chart,) = admin.find(ui.echart).elements
        assert [series["name"] for series in chart.options["series"]] == ["mira", "jon", "ada", "bo", "others"]
        admin.find("By backend").click()
        await eventually(lambda: series_names(admin) == ["anthropic", "ollama"])

    async def test_every_figure_leads_to_the_calls_behind_it(
        self, admin: Browser, make: Factory, services: Services, spend: Spend
    ) -> None:
        mira = await make.user("mira")
        services.feed.recorded(await spend(mira, status="failed", first_byte_ms=300), "mira")
        services.feed.refused(mira.id, "mira", "ollama", "spent")
        await admin.open("/admin?range=6h")
        found = {str(element.props["href"]) for element in admin.find(kind=Words).elements if "href" in element.props}
        found |= {
            str(element.props["href"]) for element in admin.find(kind=ui.element).elements if "href" in element.props
        }
        for href in (
            f"/admin/usage?range=6h&user={mira.id}",
            "/admin/usage?range=6h&game=none",
            "/admin/usage?range=6h&status=failed",
            "/admin/usage?range=6h&status=refused&reason=spent",
            "/admin/usage?range=6h&status=not-ok",
            "/admin/usage?range=6h&backend=ollama&model=llama3.2",
            "/admin/usage?range=15m",
            "/admin/usage?range=6h",
        ):
            assert href in found
            answer = await admin.http_client.get(href)
            assert answer.status_code == 200

    async def test_is_let_go_when_it_closes(self, admin: Browser, services: Services) -> None:
        await admin.open("/admin")
        await eventually(lambda: services.feed.watchers == 1)
        assert admin.client is not None
        admin.client.delete()
        assert services.feed.watchers == 0

    async def test_whoever_is_no_admin_any_more_changes_nothing(
        self, admin: Browser, make: Factory, services: Services
    ) -> None:
        await make.user("second", is_admin=True)
        await admin.open("/admin")
        await eventually(lambda: services.feed.watchers == 1)
        (host, *_), _ = await services.users.list("admin")
        await services.users.update(host.id, UserChanges(is_admin=False))
        admin.find("1 year").click()
        await eventually(lambda: services.feed.watchers == 0)


def series_names(browser: Browser) -> list[str]:
    (chart,) = browser.find(ui.echart).elements
    return [series["name"] for series in chart.options["series"]]


HOUR = RANGES["1h"]
SPAN = HOUR.span(minute_of(NOON))


def in_range(**values: object) -> RangeSnapshot:
    usual = RangeSnapshot(
        range=HOUR,
        span=SPAN,
        calls=3,
        tokens=100,
        by_backend={"ollama": tuple(range(60))},
        by_user=(),
        users=(Used("mira", "mira", 2, 95), Used("gone", None, 1, 5)),
        games=(Used("dragon", "Dragon", 2, 70), Used("", None, 1, 30)),
        failures={"aborted": 1},
        refusals={"spent": 2, "upstream 529": 1},
        first_bytes=(FirstBytes("ollama", "", 3, 410, 900), FirstBytes("ollama", "m", 3, 410, 900)),
    )
    return replace(usual, **values)  # type: ignore[arg-type]


def snapshot(**values: object) -> LiveSnapshot:
    entry = Entry(
        id="row", timestamp=NOON, user_id="mira", backend="ollama", model="m", prompt_tokens=1, completion_tokens=2
    )
    usual = LiveSnapshot(
        at=NOON,
        calls=(CallNow("c", "mira", "mira", "dragon", "ollama", "m", 6, 10, 20),),
        peak_calls_today=1,
        minute={"ollama": 59},
        tokens_today=100,
        tokens_yesterday=50,
        recent=(RecentCall(entry, "mira"),),
        near_limit=(NearLimit("mira", "mira", 95, 100, "month"),),
        titles={"dragon": "Dragon"},
        range=in_range(),
    )
    return replace(usual, **values)  # type: ignore[arg-type]


class TestView:
    @pytest.fixture
    async def view(self, admin: Browser) -> LiveView:
        """A view of `snapshot()` on an open page that nothing else changes."""
        shown: list[LiveView] = []

        @ui.page("/view")
        def page() -> None:
            shown.append(LiveView(snapshot()))

        await admin.open("/view")
        return shown[0]

    def sent(self, browser: Browser, show: Callable[[], None]) -> int:
        """How many elements are sent to the browser by `show`."""
        assert browser.client is not None
        browser.client.outbox.updates.clear()
        with browser.client:
            show()
        return len(browser.client.outbox.updates)

    async def test_draws_every_part(self, admin: Browser, view: LiveView) -> None:
        for words in (
            "today 100, ▲ 100 % on yesterday",
            "ollama 59",
            "0.41 s",
            "6 s",
            "Dragon",
            "95",
            "of 100 / month",
            "ok",
            "A deleted user",
            "Outside games",
            "left early",
            "limit spent",
            "model server said 529",
            "1 failed · 3 refused",
            "all of ollama",
        ):
            await admin.should_see(words)

    async def test_sends_nothing_where_nothing_changed(self, admin: Browser, view: LiveView) -> None:
        assert self.sent(admin, lambda: view.show(snapshot())) == 0

    async def test_sends_a_few_texts_where_a_call_went_on(self, admin: Browser, view: LiveView) -> None:
        went_on = snapshot(calls=(CallNow("c", "mira", "mira", "dragon", "ollama", "m", 7, 10, 25),))
        assert self.sent(admin, lambda: view.show(went_on)) == 2
        assert {"7 s", "35"} <= set(texts(admin))

    async def test_keeps_the_rows_that_stay_and_their_order(self, admin: Browser, view: LiveView) -> None:
        before = view._calls_now._rows["c"].element
        other = CallNow("a", "jon", "jon", "", "anthropic", "claude-haiku-4-5", 90, 1, 2)
        with admin:
            view.show(snapshot(calls=(other, *snapshot().calls)))
        rows = view._calls_now._rows
        assert rows["c"].element is before
        body = view._calls_now._container.default_slot.children
        assert body.index(rows["a"].element) < body.index(rows["c"].element)
        assert "1 min 30 s" in texts(admin)
        with admin:
            view.show(snapshot(calls=(other,)))
        assert before.is_deleted

    async def test_counts_all_calls_and_lists_the_longest_running(self, admin: Browser, view: LiveView) -> None:
        crowd = tuple(CallNow(f"c{n}", "mira", "mira", "dragon", "ollama", "m", 1000 - n, 1, 2) for n in range(900))
        with admin:
            view.show(snapshot(calls=crowd))
        assert list(view._calls_now._rows) == [f"c{n}" for n in range(CALLS)]
        assert "900" in texts(admin)

    async def test_sends_one_point_where_a_figure_grew(
        self, admin: Browser, view: LiveView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[object] = []
        monkeypatch.setattr(view._chart, "_tell", told.append)
        admin.find(ui.echart).trigger("chart:finished")
        more = in_range(by_backend={"ollama": (*range(59), 77)})
        self.sent(admin, lambda: view.show(snapshot(range=more)))
        assert told == [{"points": {"ollama": [[59, 77]]}}]

    async def test_keeps_its_chart_while_the_lines_are_the_same(self, admin: Browser, view: LiveView) -> None:
        before = view._chart
        with admin:
            view.show(snapshot(range=in_range(by_backend={"ollama": (9,) * 60})))
            assert view._chart is before
            view.show(snapshot(range=in_range(by_backend={"ollama": (9,) * 60, "other": (1,) * 60})))
        assert view._chart is not before

    async def test_links_follow_the_range(self, admin: Browser, view: LiveView) -> None:
        day = RANGES["24h"]
        shown = in_range(range=day, span=day.span(minute_of(NOON)), by_backend={"ollama": (1,) * 96})
        with admin:
            view.show(snapshot(range=shown))
        hrefs = {str(each.props["href"]) for each in admin.find(kind=Words).elements if "href" in each.props}
        assert "/admin/usage?range=24h&user=mira" in hrefs
        assert not any("range=1h" in href for href in hrefs)

    async def test_a_bar_turns_when_somebody_nears_the_limit(self, admin: Browser, view: LiveView) -> None:
        def bar() -> ui.element:
            (row,) = view._near._rows.values()
            return next(child for child in row.element.descendants() if "meter" in child.classes)

        assert "near" in bar().classes
        with admin:
            view.show(snapshot(near_limit=(NearLimit("mira", "mira", 10, 100, "month"),)))
        assert "near" not in bar().classes
        assert bar().props["aria-valuenow"] == "10"


@pytest.mark.parametrize(
    ("today", "yesterday", "words"),
    [
        (112, 100, "▲ 12 % on yesterday"),
        (50, 100, "▼ 50 % on yesterday"),
        (100, 100, "as much as yesterday by now"),
        (5, 0, "none yesterday by now"),
    ],
)
def test_today_is_compared_with_yesterday(today: int, yesterday: int, words: str) -> None:
    assert compared(today, yesterday) == words


def test_how_long_a_call_runs_reads_well() -> None:
    assert [running(6), running(60), running(125)] == ["6 s", "1 min 0 s", "2 min 5 s"]
