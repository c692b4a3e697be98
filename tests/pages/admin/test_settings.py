"""The settings page: the switch, the model servers, what may be called."""

from collections.abc import AsyncIterator

import pytest
from nicegui import Client, ui
from nicegui.testing import User as Browser
from sqlmodel import Session

from tests.factories import PASSWORD, Factory, sign_in
from tests.fakes.model_servers import ModelServer
from tests.pages.admin.conftest import eventually
from tests.pages.admin.test_users import the_admin, told
from vanilla.models import User
from vanilla.operations.controls import SWITCHED_OFF, ControlPanel, ControlsChange
from vanilla.services import Services
from vanilla.settings import Settings

PAGE = "/admin/settings"
BOUNDS = {"max_num_ctx": "8192", "max_keep_alive": "60"}
LIMITS = {
    "default_token_limit": "100,000",
    "default_limit_period": "month",
    "requests_per_minute": "1",
    "concurrent_calls": "",
    "game_tokens_per_day": "500 000",
}


@pytest.fixture
async def llama() -> AsyncIterator[ModelServer]:
    """A fake Ollama."""
    async with ModelServer().serving() as server:
        yield server


@pytest.fixture
def settings(settings: Settings, llama: ModelServer) -> Settings:
    """With an Ollama, and without a key for Anthropic."""
    return settings.model_copy(update={"ollama_url": llama.url})


async def switch(services: Services, **change: bool) -> None:
    await services.controls.change(ControlsChange.of(**change), by=(await the_admin(services)).id)


def is_on(services: Services) -> bool:
    return services.controls.now.inference_enabled


def shown(browser: Browser, marker: str) -> str:
    """What a switch shows: `true` or `false`."""
    (element,) = browser.find(marker=marker).elements
    return str(element.props["aria-checked"])


class TestSwitch:
    async def test_off_is_confirmed_and_stops_everything_on_is_not(self, admin: Browser, services: Services) -> None:
        await admin.open(PAGE)
        await admin.should_see("Models are on")
        admin.find(marker="switch Models").click()
        await admin.should_see("No call is running now.")
        assert is_on(services), "not before it is confirmed"
        admin.find(marker="ask").trigger("submit", {})
        await told(admin, "Models are off.")
        await admin.should_see("Every call is refused")
        await admin.should_see(SWITCHED_OFF)  # in the frame
        assert not is_on(services)
        assert shown(admin, "switch Models") == "false"
        admin.find(marker="switch Models").click()
        await admin.should_see("Models are on")
        await admin.should_not_see(SWITCHED_OFF)
        assert is_on(services)

    @pytest.mark.parametrize(("running", "words"), [(1, "1 call is running now."), (3, "3 calls are running now.")])
    async def test_off_says_how_many_calls_it_stops(
        self, admin: Browser, services: Services, monkeypatch: pytest.MonkeyPatch, running: int, words: str
    ) -> None:
        counted = services.relay.calls_in_flight()
        counted["ollama"] = running
        monkeypatch.setattr(services.relay, "calls_in_flight", lambda: counted)
        await admin.open(PAGE)
        admin.find(marker="switch Models").click()
        await admin.should_see(words)

    async def test_every_page_says_so_to_everybody_while_it_is_off(
        self, user: Browser, make: Factory, services: Services
    ) -> None:
        await switch(services, inference_enabled=False)
        await make.user("mira")
        await sign_in(user.http_client, "mira", PASSWORD)
        for path in ("/", "/upload", "/account", "/docs"):
            await user.open(path)
            await user.should_see(SWITCHED_OFF)
        await switch(services, inference_enabled=True)
        await user.open("/")
        await user.should_not_see(SWITCHED_OFF)

    async def test_open_pages_of_others_say_so_at_once_and_admins_see_who_it_was(
        self, admin: Browser, services: Services, make: Factory
    ) -> None:
        for path in ("/", "/admin/users"):
            await admin.open(path)
            await admin.should_not_see(SWITCHED_OFF)
            await switch(services, inference_enabled=False)
            await admin.should_see(SWITCHED_OFF)
            await admin.should_see("By admin, ")
            await switch(services, inference_enabled=True)
            await admin.should_not_see(SWITCHED_OFF)
        await switch(services, inference_enabled=False)
        await admin.open(PAGE)
        await admin.should_see("Switched off by admin, ")

    async def test_who_switched_it_off_is_known_after_a_restart(self, services: Services) -> None:
        await switch(services, inference_enabled=False)
        again = ControlPanel(services.database)
        await again.open()
        assert again.stop == services.controls.stop is not None

    async def test_server_tools_are_let_in_and_out(self, admin: Browser, services: Services) -> None:
        await admin.open(PAGE)
        assert shown(admin, "switch Server tools") == "false"
        admin.find(marker="switch Server tools").click()
        await eventually(lambda: services.controls.now.server_tools)
        await eventually(lambda: shown(admin, "switch Server tools") == "true")
        admin.find(marker="switch Server tools").click()
        await eventually(lambda: not services.controls.now.server_tools)


class TestServers:
    async def test_say_how_they_are_and_what_to_do(self, admin: Browser, llama: ModelServer) -> None:
        await admin.open(PAGE)
        await admin.should_see("1 model")
        await admin.should_see("answers")
        await admin.should_see("ANTHROPIC_API_KEY is not set: put a key there and restart.")
        await admin.should_see("None is known while the server does not answer.")

    async def test_are_asked_again_at_once(self, admin: Browser, llama: ModelServer) -> None:
        await admin.open(PAGE)
        await admin.should_see("1 model")
        asked = len(llama.seen)
        admin.find("Test now").click()
        await eventually(lambda: len(llama.seen) > asked)
        await admin.should_see("Test now")


class TestModels:
    async def test_are_chosen_from_what_the_server_has_and_by_patterns(
        self, admin: Browser, services: Services
    ) -> None:
        await admin.open(PAGE)
        await admin.should_see("llama3.2")
        fields = {"scope": "some", "model:llama3.2": "yes", "patterns": " mistral* \n\nqwen3\nmistral*\n"}
        admin.find(marker="models ollama").trigger("submit", fields)
        await told_quietly(admin, "The models of ollama are saved.")
        assert services.controls.now.patterns("ollama") == ("llama3.2", "mistral*", "qwen3")
        assert services.controls.now.patterns("anthropic") == ("*",)
        admin.find(marker="models ollama").trigger("submit", {"scope": "some", "patterns": "llama*"})
        await admin.should_see("by a pattern")
        admin.find(marker="models ollama").trigger("submit", {"scope": "all", "patterns": "llama*"})
        await admin.should_not_see("by a pattern")
        assert services.controls.now.patterns("ollama") == ("*",)

    async def test_none_is_allowed_where_none_is_chosen(self, admin: Browser, services: Services) -> None:
        await admin.open(PAGE)
        await admin.should_see("llama3.2")
        admin.find(marker="models ollama").trigger("submit", {"scope": "some", "patterns": ""})
        await told_quietly(admin, "The models of ollama are saved.")
        assert not services.controls.now.allows("ollama", "llama3.2")

    async def test_a_pattern_without_end_is_refused(self, admin: Browser, services: Services) -> None:
        await admin.open(PAGE)
        await admin.should_see("llama3.2")
        admin.find(marker="models ollama").trigger("submit", {"scope": "some", "patterns": "x" * 300})
        await admin.should_see("Each pattern should have at most 200 characters.")
        assert services.controls.now.patterns("ollama") == ("*",)


class TestLimits:
    async def test_are_saved_and_hold_at_once(self, admin: Browser, services: Services, make: Factory) -> None:
        await admin.open(PAGE)
        admin.find(marker="limits").trigger("submit", LIMITS)
        await told_quietly(admin, "The limits are saved.")
        now = services.controls.now
        assert (now.default_token_limit, now.default_limit_period) == (100_000, "month")
        assert (now.requests_per_minute, now.concurrent_calls, now.game_tokens_per_day) == (1, None, 500_000)
        caller = await make.with_api_token()
        ask = {"model": "llama3.2", "messages": [{"role": "user", "content": "hello"}], "stream": False}
        answers = [await caller.post("/api/inference/ollama/chat", json=ask) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 429]
        admin.find(marker="limits").trigger("submit", dict.fromkeys(LIMITS, "") | {"default_limit_period": "total"})
        await eventually(lambda: services.controls.now.game_tokens_per_day is None)
        assert services.controls.now.requests_per_minute is None
        assert (await caller.post("/api/inference/ollama/chat", json=ask)).status_code == 200

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"default_token_limit": "many"}, "Write the limit of new users as a whole number"),
            ({"requests_per_minute": "-5"}, "Write the calls a minute as a whole number"),
            ({"concurrent_calls": "9,999,999"}, "The calls at once should be less than or equal to 1000000."),
            ({"game_tokens_per_day": "-5"}, "Write the tokens of a game as a whole number"),
            ({"default_limit_period": "week"}, "The time over which it counts should be 'total', 'day' or 'month'."),
        ],
    )
    async def test_that_make_no_sense_are_refused_with_a_sentence(
        self, admin: Browser, services: Services, wrong: dict[str, str], sentence: str
    ) -> None:
        before = services.controls.now
        await admin.open(PAGE)
        admin.find(marker="limits").trigger("submit", {**LIMITS, **wrong})
        await admin.should_see(sentence)
        assert services.controls.now == before


class TestBounds:
    async def test_are_saved(self, admin: Browser, services: Services) -> None:
        await admin.open(PAGE)
        admin.find(marker="bounds").trigger("submit", BOUNDS)
        await told_quietly(admin, "The bounds are saved.")
        now = services.controls.now
        assert (now.max_num_ctx, now.max_keep_alive) == (8192, 60)

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"max_num_ctx": "1"}, "The context (num_ctx) should be greater than or equal to 512."),
            ({"max_num_ctx": ""}, "Write the longest context as a whole number"),
            ({"max_keep_alive": "an hour"}, "Write the time in memory as a whole number"),
        ],
    )
    async def test_that_make_no_sense_are_refused_with_a_sentence(
        self, admin: Browser, services: Services, wrong: dict[str, str], sentence: str
    ) -> None:
        before = services.controls.now
        await admin.open(PAGE)
        admin.find(marker="bounds").trigger("submit", {**BOUNDS, **wrong})
        await admin.should_see(sentence)
        assert services.controls.now == before


class TestBackups:
    async def test_one_is_made_shown_and_deleted(self, admin: Browser, services: Services) -> None:
        await admin.open(PAGE)
        await admin.should_see("There is none yet.")
        admin.find("Back up now").click()
        await admin.should_see("The backup is made.")
        await admin.should_see("Download")
        (kept,) = await services.backups.list()
        (link,) = admin.find("Download").elements
        assert link.props["href"] == f"/admin/api/backups/{kept.name}"
        admin.find("Delete").click()
        await admin.should_see("goes for good")
        admin.find(marker="ask").trigger("submit", {})
        await told(admin, "The backup is deleted.")
        await admin.should_see("There is none yet.")
        assert list(await services.backups.list()) == []

    async def test_one_that_fails_says_why(self, admin: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
        def fails(*_arguments: object, **_options: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("vanilla.operations.backup.make", fails)
        await admin.open(PAGE)
        admin.find("Back up now").click()
        await admin.should_see("The backup failed: No space left on device.")

    async def test_how_many_are_kept_is_saved(self, admin: Browser, services: Services) -> None:
        await admin.open(PAGE)
        admin.find(marker="backups kept").trigger("submit", {"backups_kept": "3"})
        await told_quietly(admin, "How many are kept is saved.")
        assert services.controls.now.backups_kept == 3
        admin.find(marker="backups kept").trigger("submit", {"backups_kept": "0"})
        await admin.should_see("The number of backups should be greater than or equal to 1.")

    async def test_what_takes_room_is_told(self, admin: Browser) -> None:
        await admin.open(PAGE)
        for words in ("Storage", "Database", "Games", "Saves", "are free"):
            await admin.should_see(words)


@pytest.mark.parametrize(
    "act",
    [
        lambda page: page.find(marker="switch Models").click(),
        lambda page: page.find(marker="switch Server tools").click(),
        lambda page: page.find("Test now").click(),
        lambda page: page.find(marker="bounds").trigger("submit", BOUNDS),
        lambda page: page.find(marker="limits").trigger("submit", LIMITS),
        lambda page: page.find(marker="models ollama").trigger("submit", {"scope": "some", "patterns": ""}),
        lambda page: page.find(marker="backups kept").trigger("submit", {"backups_kept": "3"}),
        lambda page: page.find("Back up now").click(),
    ],
)
async def test_a_page_left_open_changes_nothing_for_who_is_no_longer_an_admin(
    admin: Browser, make: Factory, services: Services, llama: ModelServer, act: object
) -> None:
    await admin.open(PAGE)
    await admin.should_see("1 model")
    me = (await the_admin(services)).id

    def demote(session: Session) -> None:  # behind the platform's back, as another process would
        row = session.get(User, me)
        assert row is not None
        row.is_admin = False

    await services.database.write(demote)
    before, asked, page = services.controls.now, len(llama.seen), admin.client
    assert page is not None
    act(admin)  # type: ignore[operator]
    await eventually(lambda: page.id not in Client.instances)
    assert services.controls.now == before
    assert len(llama.seen) == asked
    assert (list(await services.backups.list()), services.backups.making) == ([], None)


async def told_quietly(browser: Browser, sentence: str) -> None:
    """Wait for a notice where no dialog was open."""
    await eventually(lambda: browser.notify.contains(sentence))
    assert not [e for e in browser.client.elements.values() if isinstance(e, ui.dialog)]  # type: ignore[union-attr]
