"""The live page: what it shows at first, and that it follows the feed."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from nicegui import ui
from nicegui.testing import User as Browser

from pages.admin.live import CALLS, LiveView, compared, running
from tests.factories import Factory
from tests.pages.admin.conftest import Spend, eventually
from vanilla.models import Game, utc_now
from vanilla.services import Services
from vanilla.usage.feed import LiveCall
from vanilla.usage.ledger import Entry
from vanilla.usage.snapshot import CallNow, LiveSnapshot, Minute, RecentCall
from vanilla.usage.statistics import NearLimit

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _quick_pushes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vanilla.usage.feed.SECONDS_BETWEEN_PUSHES", 0.01)


def texts(browser: Browser) -> list[str]:
    assert browser.client is not None
    return [text for element in browser.client.elements.values() if (text := getattr(element, "text", ""))]


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
            "peak today 0",
            "none yet",
            "No call is running.",
            "Nobody has used tokens of a limit yet.",
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
        await eventually(has(admin, "333"))
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
        assert {"490", "0.41 s", "peak today 1", "400", "90"} <= set(texts(admin))
        services.feed.refused(mira.id, "mira", "ollama", "spent")
        await eventually(has(admin, "peak today 1 · 1 refused"))

    async def test_shows_what_was_before_it_was_opened(
        self, admin: Browser, make: Factory, services: Services, spend: Spend
    ) -> None:
        mira = await make.user("mira", token_limit=2000)
        entry = await spend(mira)
        services.feed.recorded(entry, "mira")
        await admin.open("/admin")
        for words in ("1,234", "llama3.2", "Outside games"):
            await admin.should_see(words)

    async def test_is_let_go_when_it_closes(self, admin: Browser, services: Services) -> None:
        await admin.open("/admin")
        await eventually(lambda: len(services.feed._subscribers) == 1)
        assert admin.client is not None
        admin.client.delete()
        assert not services.feed._subscribers


def snapshot(**values: object) -> LiveSnapshot:
    minutes = tuple(Minute(NOON + timedelta(minutes=n - 59), {"ollama": n} if n else {}) for n in range(60))
    entry = Entry(
        id="row", timestamp=NOON, user_id="mira", backend="ollama", model="m", prompt_tokens=1, completion_tokens=2
    )
    usual = LiveSnapshot(
        at=NOON,
        calls=(CallNow("c", "mira", "mira", "dragon", "ollama", "m", 6, 10, 20),),
        peak_calls_today=1,
        minutes=minutes,
        tokens_today=100,
        tokens_yesterday=50,
        games_today={"dragon": 70, "": 30},
        first_byte_ms=410,
        refusals_today={},
        recent=(RecentCall(entry, "mira"),),
        near_limit=(NearLimit("mira", "mira", 95, 100, "month"),),
        titles={"dragon": "Dragon"},
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
        for words in ("▲ 100 % on yesterday", "ollama 59", "0.41 s", "6 s", "Dragon", "95", "of 100 / month", "ok"):
            await admin.should_see(words)

    async def test_sends_nothing_where_nothing_changed(self, admin: Browser, view: LiveView) -> None:
        assert self.sent(admin, lambda: view.show(snapshot())) == 0

    async def test_sends_a_few_texts_where_a_call_went_on(self, admin: Browser, view: LiveView) -> None:
        went_on = snapshot(calls=(CallNow("c", "mira", "mira", "dragon", "ollama", "m", 7, 10, 25),))
        assert self.sent(admin, lambda: view.show(went_on)) == 2
        assert {"7 s", "25"} <= set(texts(admin))

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
