"""The live page: what it shows at first, and that it follows the feed."""

import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape, unescape
from json import loads
from typing import Any

import pytest
from nicegui import ui
from nicegui.testing import User as Browser

from pages.admin.live import LiveView
from pages.admin.live_board import Board, Moment
from pages.admin.live_rows import CALLS, compared, difference, page_of, running
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


@pytest.fixture
def heard(admin: Browser, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that the browser is told of, once it follows."""
    found: list[str] = []

    def show(_view: LiveView, code: str) -> None:
        lists = loads(code.removeprefix("vanillaLive.show(").removesuffix(")"))
        for rows in lists.values():
            for row in rows["rows"].values():
                found.extend(unescape(part) for part in re.split(r"<[^>]*>", row) if part)

    monkeypatch.setattr("pages.admin.live.LiveView._tell", show)
    return found


def has(heard: list[str], words: str) -> Callable[[], bool]:
    return lambda: words in heard


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

    async def test_follows_a_call_from_start_to_end(
        self, admin: Browser, make: Factory, services: Services, heard: list[str]
    ) -> None:
        mira = await make.user("mira", token_limit=1000)
        now = utc_now()
        game = Game(id="dragon", slug="d", title="Dragon <1>", owner_id=mira.id, created_at=now, updated_at=now)
        await services.database.write(lambda session: session.add(game))
        await admin.open("/admin")
        call = live_call(mira.id)
        services.feed.started(call)
        await eventually(has(heard, "Dragon <1>"))
        call.completion_tokens = 333
        await eventually(has(heard, "433"))
        await eventually(has(heard, "ollama 433"))
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
        await eventually(has(heard, "left early"))
        assert {"490", "0.41 s", "at most 1 at once today", "400", "90", "1 failed · 0 refused"} <= set(heard)
        services.feed.refused(mira.id, "mira", "ollama", "spent")
        await eventually(has(heard, "1 failed · 1 refused"))
        await eventually(has(heard, "limit spent"))

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
        self, admin: Browser, make: Factory, services: Services, spend: Spend, heard: list[str]
    ) -> None:
        mira = await make.user("mira")
        await admin.open("/admin")
        await eventually(lambda: services.feed.watchers == 1)
        admin.find("7 d").click()
        await eventually(has(heard, "Tokens, 7 d"))
        await eventually(lambda: "Tokens an hour" in texts(admin))
        await eventually(lambda: services.feed.watchers == 1)
        services.feed.recorded(await spend(mira), "mira")
        await eventually(has(heard, "in 1 call"))
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
        found = set(re.findall(r'href="([^"]*)"', " ".join(contents(admin))))
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
            assert escape(href) in found
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


def contents(browser: Browser) -> list[str]:
    """What is drawn as HTML."""
    return [str(element.content) for element in browser.find(kind=ui.html).elements]


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


def replace_entry(**values: object) -> Entry:
    usual = Entry(
        id="row", timestamp=NOON, user_id="mira", backend="ollama", model="m", prompt_tokens=1, completion_tokens=2
    )
    return usual._replace(**values)  # type: ignore[arg-type]


def snapshot(**values: object) -> LiveSnapshot:
    usual = LiveSnapshot(
        at=NOON,
        calls=(CallNow("c", "mira", "mira", "dragon", "ollama", "m", 6, 10, 20),),
        peak_calls_today=1,
        minute={"ollama": 59},
        tokens_today=100,
        tokens_yesterday=50,
        recent=(RecentCall(replace_entry(), "mira"),),
        near_limit=(NearLimit("mira", "mira", 95, 100, "month"),),
        titles={"dragon": "Dragon"},
        range=in_range(),
    )
    return replace(usual, **values)  # type: ignore[arg-type]


class TestPageOf:
    def text(self, name: str, **values: object) -> str:
        return " ".join(unescape(re.sub(r"<[^>]*>", " ", row)) for row in page_of(snapshot(**values))[name].values())

    def test_says_everything(self) -> None:
        for name, sentences in {
            "tiles": ("today 100, ▲ 100 % on yesterday", "ollama 59", "0.41 s", "Tokens, 1 h", "1 failed · 3 refused"),
            "calls": ("mira", "Dragon", "6 s", "30"),
            "users": ("mira", "95", "in 2 calls", "A deleted user"),
            "games": ("Dragon", "Outside games", "in 1 call"),
            "troubles": ("left early", "limit spent", "model server said 529"),
            "near": ("95", "of 100 / month"),
            "first-bytes": ("all of ollama", "0.90 s"),
            "recent": ("ok", "Outside games"),
        }.items():
            for words in sentences:
                assert words in self.text(name), name

    def test_names_of_people_games_and_models_are_text(self) -> None:
        bad = "<img src=x onerror=y>\"'>"
        call = CallNow("c", "u", bad, "dragon", "ollama", bad, 6, 10, 20)
        entry = replace_entry(model=bad)
        shown = in_range(
            users=(Used("u", bad, 1, 1),),
            games=(Used("g", bad, 1, 1),),
            refusals={bad: 1},
            first_bytes=(FirstBytes("ollama", bad, 1, 1, 1),),
        )
        near = NearLimit(bad, bad, 1, 2, "day")
        page = page_of(
            snapshot(
                calls=(call,), recent=(RecentCall(entry, bad),), titles={"dragon": bad}, range=shown, near_limit=(near,)
            )
        )
        assert not [row for rows in page.values() for row in rows.values() if "<img" in row or 'x onerror=y>"' in row]
        assert sum(escape(bad) in row for rows in page.values() for row in rows.values()) >= 7

    def test_lists_the_longest_running_of_many_calls_and_counts_all(self) -> None:
        crowd = tuple(CallNow(f"c{n}", "mira", "mira", "dragon", "ollama", "m", 1000 - n, 1, 2) for n in range(900))
        page = page_of(snapshot(calls=crowd))
        assert [*page["calls"]] == [f"c{n}" for n in range(CALLS)]
        assert "900" in page["tiles"]["calls"]

    def test_a_bar_turns_when_somebody_nears_the_limit(self) -> None:
        (near,) = page_of(snapshot())["near"].values()
        (far,) = page_of(snapshot(near_limit=(NearLimit("mira", "mira", 10, 100, "month"),)))["near"].values()
        assert ('class="meter near"' in near, 'class="meter near"' in far) == (True, False)
        assert 'aria-valuenow="10"' in far

    def test_links_follow_the_range(self) -> None:
        day = RANGES["24h"]
        page = page_of(snapshot(range=in_range(range=day, span=day.span(minute_of(NOON)))))
        assert "/admin/usage?range=24h&amp;user=mira" in page["users"]["id mira"]
        assert not [row for rows in page.values() for row in rows.values() if "range=1h" in row]


class TestDifference:
    def test_is_nothing_where_nothing_changed(self) -> None:
        assert difference(page_of(snapshot()), page_of(snapshot())) == {}

    def test_is_the_one_row_that_went_on(self) -> None:
        went_on = snapshot(calls=(CallNow("c", "mira", "mira", "dragon", "ollama", "m", 7, 10, 25),))
        told = difference(page_of(snapshot()), page_of(went_on))
        assert [*told] == ["calls"]
        assert told["calls"] == {"rows": {"c": page_of(went_on)["calls"]["c"]}}

    def test_tells_the_order_where_rows_come_and_go(self) -> None:
        other = CallNow("a", "jon", "jon", "", "anthropic", "claude-haiku-4-5", 90, 1, 2)
        before, both, other_alone, none = (
            page_of(snapshot(calls=calls)) for calls in (snapshot().calls, (other, *snapshot().calls), (other,), ())
        )
        assert difference(before, both)["calls"] == {"rows": {"a": both["calls"]["a"]}, "order": ["a", "c"]}
        assert difference(both, other_alone)["calls"] == {"rows": {}, "order": ["a"]}
        assert difference(other_alone, none)["calls"] == {"rows": {"": none["calls"][""]}, "order": [""]}

    def test_of_nothing_is_everything(self) -> None:
        page = page_of(snapshot())
        assert difference(None, page) == {name: {"rows": rows, "order": [*rows]} for name, rows in page.items()}


class TestBoard:
    def test_what_is_told_is_written_once_for_all(self) -> None:
        board, first, second = Board(), snapshot(), snapshot(peak_calls_today=9)
        assert board.moment(first).told(is_whole=True) == board.moment(first).told(is_whole=False)
        moments = [board.moment(second) for _ in range(20)]
        assert all(moment is moments[0] for moment in moments)
        told = moments[0].told(is_whole=False)
        assert moments[1].told(is_whole=False) is told
        assert [*loads(told)] == ["tiles"]
        assert [*loads(told)["tiles"]["rows"]] == ["calls"]

    def test_ranges_do_not_mix_and_the_past_is_let_go(self) -> None:
        board, day = Board(), RANGES["24h"]
        other = snapshot(range=in_range(range=day, span=day.span(minute_of(NOON))))
        first = board.moment(snapshot())
        assert board.moment(other).before is None
        second, third = board.moment(snapshot()), board.moment(snapshot())
        assert (third.before, second.before, first.before) == (second, None, None)


class TestView:
    @pytest.fixture
    async def view(self, admin: Browser) -> LiveView:
        """A view of `snapshot()` on an open page that nothing else changes."""
        shown: list[LiveView] = []

        @ui.page("/view")
        def page() -> None:
            shown.append(LiveView(Moment(snapshot())))

        await admin.open("/view")
        return shown[0]

    @pytest.fixture
    def told(self, view: LiveView, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
        """What the browser is told of its rows."""
        found: list[Any] = []
        monkeypatch.setattr(
            view, "_tell", lambda code: found.append(loads(code.removeprefix("vanillaLive.show(").removesuffix(")")))
        )
        return found

    async def test_is_told_everything_first_and_then_what_differs(
        self, admin: Browser, view: LiveView, told: list[Any]
    ) -> None:
        board = Board()
        with admin:
            for values in ({}, {"peak_calls_today": 2}, {"peak_calls_today": 2}, {"calls": ()}):
                view.show(board.moment(snapshot(**values)))
        assert [[*each] for each in told] == [[*page_of(snapshot())], ["tiles"], ["tiles", "calls"]]

    async def test_a_moment_of_another_range_is_told_whole_and_so_is_what_comes_then(
        self, admin: Browser, view: LiveView, told: list[Any]
    ) -> None:
        day, board = RANGES["24h"], Board()
        other = snapshot(range=in_range(range=day, span=day.span(minute_of(NOON)), by_backend={"ollama": (1,) * 96}))
        with admin:
            board.moment(other)
            view.show(board.moment(snapshot()))
            view.show(Moment(other), is_other=True)
            view.show(board.moment(other))
            view.show(board.moment(replace(other, peak_calls_today=7)))
        assert [len(each) for each in told] == [8, 8, 8, 1]
        await admin.should_see("Tokens in 15 minutes")

    async def test_sends_one_point_where_a_figure_grew(
        self, admin: Browser, view: LiveView, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        points: list[str] = []
        monkeypatch.setattr(view._chart, "_tell", points.append)
        admin.find(ui.echart).trigger("chart:finished")
        more = in_range(by_backend={"ollama": (*range(59), 77)})
        with admin:
            view.show(Moment(snapshot(range=more)))
        assert points == ['{"points":{"ollama":[[59,77]]}}']

    async def test_keeps_its_chart_while_the_lines_are_the_same(self, admin: Browser, view: LiveView) -> None:
        before = view._chart
        with admin:
            view.show(Moment(snapshot(range=in_range(by_backend={"ollama": (9,) * 60}))))
            assert view._chart is before
            view.show(Moment(snapshot(range=in_range(by_backend={"ollama": (9,) * 60, "other": (1,) * 60}))))
        assert view._chart is not before


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
