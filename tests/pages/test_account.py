"""The account page: usage and limit, API tokens, browsers."""

from datetime import UTC, date, datetime

import httpx
import pytest
from nicegui.testing import User as Browser
from nicegui.testing.user_interaction import UserInteraction

from pages.account_access import browser_of
from pages.daily import bars, days_until
from tests import factories
from tests.factories import PASSWORD, Factory, sign_in
from vanilla.models import new_id
from vanilla.services import Services
from vanilla.usage.ledger import Entry


async def test_shows_what_is_used_left_and_by_what(user: Browser, make: Factory, services: Services) -> None:
    mira = await make.user("mira", token_limit=100_000)
    now = datetime.now(UTC)
    entries = [
        Entry(
            id=new_id(),
            timestamp=now,
            user_id=mira.id,
            backend=backend,
            model=model,
            prompt_tokens=1000,
            completion_tokens=234,
        )
        for backend, model in (("anthropic", "claude-haiku-4-5"), ("ollama", "llama3.2"))
    ]
    await factories.record(services.database, *entries)
    await factories.run_sql(services.database, "update users set tokens_used = 2468")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    for words in ("97,532 tokens left", "of 100,000 in all", "2,468 used", "claude-haiku-4-5", "llama3.2", "1,234"):
        await user.should_see(words)
    await user.should_see("Outside a game")


async def test_says_so_where_there_is_no_limit_and_no_usage(user: Browser, make: Factory) -> None:
    await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    await user.should_see("You have no limit.")
    await user.should_see("No tokens used in 30 days")


async def test_a_token_is_shown_once_listed_and_revoked(user: Browser, make: Factory, services: Services) -> None:
    mira = await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    await user.should_see("You have no tokens.")
    user.find(marker="make-token").trigger("submit", {"name": "<b>my bot</b>"})
    await user.should_see("<b>my bot</b>")
    await user.should_see("It is shown this once")
    assert user.client is not None
    secrets = [e for e in user.client.elements.values() if str(getattr(e, "text", "")).startswith("vk_")]
    (secret,) = [str(getattr(e, "text", "")) for e in secrets]
    caller = await services.callers.identify(bearer=secret, cookie=None)
    assert caller.user_id == mira.id
    async with httpx.AsyncClient(transport=user.http_client._transport, base_url="http://test") as program:
        answer = await program.get("/api/inference/usage", headers={"authorization": f"Bearer {secret}"})
    assert answer.status_code == 200, "as the line in the shell does it"
    lines = [
        str(getattr(e, "text", "")) for e in user.client.elements.values() if secret in str(getattr(e, "text", ""))
    ]
    assert f'curl -H "Authorization: Bearer {secret}" http://test/api/inference/usage' in lines
    assert f'client = Anthropic(base_url="http://test/api/inference/anthropic", api_key="{secret}")' in lines
    user.find("Revoke").click()
    await user.should_see("Revoke for good")
    assert await services.api_tokens.list(mira.id), "one press is not enough"
    user.find("Revoke for good").click()
    await user.should_see("You have no tokens.")
    assert not await services.api_tokens.list(mira.id)


async def test_a_token_without_a_name_is_refused_with_a_sentence(user: Browser, make: Factory) -> None:
    await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    user.find(marker="make-token").trigger("submit", {"name": "  "})
    await user.should_see("Give the token a name")


async def test_somebody_who_is_out_makes_no_token(user: Browser, make: Factory, services: Services) -> None:
    mira = await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    assert user.client is not None
    user.client.storage.clear()  # as if the page had not been closed yet
    await services.sessions.close_all(mira.id)
    user.find(marker="make-token").trigger("submit", {"name": "bot"})
    await user.should_see("You are signed out: sign in again.")
    assert not await services.api_tokens.list(mira.id)


async def test_other_browsers_are_listed_and_signed_out(user: Browser, make: Factory, services: Services) -> None:
    mira = await make.user("mira")
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
    elsewhere = await make.signed_in(mira, headers={"user-agent": agent})
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    await user.should_see("Firefox on Linux")
    await user.should_see("this one")
    user.find("Sign out everywhere else").click()
    user.find("Sign out all the others").click()
    await user.should_not_see("Firefox on Linux")
    assert (await elsewhere.get("/auth/me")).status_code == 401
    assert (await user.http_client.get("/auth/me")).status_code == 200


async def test_one_other_browser_is_signed_out_alone(user: Browser, make: Factory, services: Services) -> None:
    mira = await make.user("mira")
    agents = ("Firefox/153.0 Linux", "Version/19.0 Safari/604.1 iPhone")
    fox, phone = [await make.signed_in(mira, headers={"user-agent": agent}) for agent in agents]
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    assert user.client is not None
    ends = [e for e in user.client.elements.values() if str(e.props.get("aria-label", "")).startswith("Sign out: ")]
    assert len(ends) == 2, "this one has none"
    (end,) = [e for e in ends if "Safari on iPhone" in e.props["aria-label"]]
    for _ in range(2):  # asked once more
        UserInteraction(user, {end}, None).click()
    await user.should_see("Safari on iPhone is signed out.")
    assert (await phone.get("/auth/me")).status_code == 401
    assert (await fox.get("/auth/me")).status_code == 200
    assert (await user.http_client.get("/auth/me")).status_code == 200


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36", "Chrome on Windows"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/126.0 Safari/537.36 Edg/126.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        (
            "Mozilla/5.0 (Linux; Android 16) SamsungBrowser/30.0 Chrome/126.0 Safari/537.36",
            "Samsung Internet on Android",
        ),
        ("Mozilla/5.0 (X11; CrOS x86_64 1) Chrome/126.0 Safari/537.36 OPR/126.0", "Opera on ChromeOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) CriOS/126.0 Safari/604.1", "Chrome on iPhone"),
        ("curl/8.1", "A program"),
        ("", "A program"),
    ],
)
def test_a_browser_has_a_name(agent: str, name: str) -> None:
    assert browser_of(f'{{"agent": "{agent}", "address": "192.0.2.7"}}') == (name, "192.0.2.7")


def test_bars_are_as_high_as_their_tokens() -> None:
    today = date(2026, 11, 23)
    days = days_until(today, 3)
    assert days == [date(2026, 11, 21), date(2026, 11, 22), today]
    svg = bars(days, {(today, "anthropic"): 3000, (today, "ollama"): 1000, (days[0], "ollama"): 500})
    assert 'height="90.0"' in svg  # 3000 of 5000 in 150
    assert "23 Nov: anthropic 3,000, ollama 1,000" in svg
    assert "22 Nov: nothing" in svg
    assert "Tokens by day: 4,500 in 3 days" in svg


def test_bars_of_nothing_can_be_drawn() -> None:
    assert "<svg" in bars(days_until(date(2026, 11, 23), 30), {})


class TestOwnLimit:
    async def test_holds_where_it_is_the_lower_one(self, user: Browser, make: Factory, services: Services) -> None:
        mira = await make.user("mira", token_limit=100_000)
        await sign_in(user.http_client, "mira", PASSWORD)
        await user.open("/account")
        await user.should_see("The lower of this and the host's limit holds.")
        user.find(marker="own-limit").trigger("submit", {"own_token_limit": "5,000"})
        await user.should_see("From your next call on, 5,000 tokens is your limit.")
        await user.should_see("of 5,000 in all, a limit of your own; the host's is 100,000")
        assert (await services.users.get(mira.id)).effective_limit == 5000
        user.find(marker="own-limit").trigger("submit", {"own_token_limit": "200000"})
        await user.should_see("200,000 is kept. The host's limit is lower, and holds.")
        await user.should_see("of 100,000 in all")
        user.find(marker="own-limit").trigger("submit", {"own_token_limit": " "})
        await user.should_see("You have no limit of your own any more.")
        assert (await services.users.get(mira.id)).own_token_limit is None

    async def test_can_be_set_where_the_host_has_set_none(
        self, user: Browser, make: Factory, services: Services
    ) -> None:
        mira = await make.user("mira", limit_period="day")
        await sign_in(user.http_client, "mira", PASSWORD)
        await user.open("/account")
        await user.should_see("You have no limit.")
        user.find(marker="own-limit").trigger("submit", {"own_token_limit": "0"})
        await user.should_see("of 0 each day, a limit of your own")
        assert (await services.users.get(mira.id)).own_token_limit == 0

    @pytest.mark.parametrize("text", ["-1", "many", "9" * 30])
    async def test_that_is_no_number_is_refused_with_a_sentence(
        self, user: Browser, make: Factory, services: Services, text: str
    ) -> None:
        mira = await make.user("mira")
        await sign_in(user.http_client, "mira", PASSWORD)
        await user.open("/account")
        user.find(marker="own-limit").trigger("submit", {"own_token_limit": text})
        await user.should_see("Write your limit as a whole number")
        assert (await services.users.get(mira.id)).own_token_limit is None

    async def test_is_not_changed_by_somebody_who_is_out(
        self, user: Browser, make: Factory, services: Services
    ) -> None:
        mira = await make.user("mira")
        await sign_in(user.http_client, "mira", PASSWORD)
        await user.open("/account")
        assert user.client is not None
        user.client.storage.clear()  # as if the page had not been closed yet
        await services.sessions.close_all(mira.id)
        user.find(marker="own-limit").trigger("submit", {"own_token_limit": "5"})
        await user.should_see("You are signed out: sign in again.")
        assert (await services.users.get(mira.id)).own_token_limit is None
