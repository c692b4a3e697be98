"""The pages behind links that let somebody in: forms that need no script, and kind words where a link is over."""

import logging
from datetime import timedelta
from html.parser import HTMLParser

import httpx
import pytest
from nicegui import Client
from sqlmodel import update

from pages.invitation import problem_of
from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory
from vanilla.models import Invitation, User, utc_now
from vanilla.services import Services


class Form(HTMLParser):
    """The form of a page: where it goes, and its fields by name."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.method = ""
        self.fields: dict[str, dict[str, str | None]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action, self.method = given.get("action") or "", given.get("method") or ""
        elif tag == "input":
            self.fields[given.get("name") or ""] = given


@pytest.fixture
async def host(services: Services) -> User:
    """The first admin."""
    return await services.users.authenticate("admin", ADMIN_PASSWORD)


class TestInvitation:
    async def test_a_friend_joins_by_the_form_alone(
        self, make: Factory, services: Services, host: User, client: httpx.AsyncClient
    ) -> None:
        secret, _ = await services.invitations.create(by=host.id, token_limit=50_000, limit_period="month")
        friend = await make.browser(headers={"origin": "http://test"})
        page = await friend.get(f"/invitation/{secret}")
        assert page.status_code == 200
        assert "admin invites you" in page.text
        assert "Games may use 50,000 tokens a month for you." in page.text
        assert page.headers["cache-control"] == "no-store"
        form = Form(page.text)
        assert (form.method, form.action) == ("post", "/auth/invitation")
        username, password = form.fields["username"], form.fields["password"]
        assert (username["autocomplete"], password["autocomplete"]) == ("username", "new-password")
        assert (password["type"], password["minlength"]) == ("password", "8")
        filled = {name: field.get("value") or "" for name, field in form.fields.items()}
        joined = await friend.post(form.action, data={**filled, "username": "Noor", "password": PASSWORD})
        assert joined.headers["location"] == "/"
        assert "Noor" in (await friend.get("/")).text

    async def test_costs_the_server_nothing_to_keep(self, make: Factory, services: Services, host: User) -> None:
        secret, _ = await services.invitations.create(by=host.id)
        friend = await make.browser()
        for path in (f"/invitation/{secret}", "/invitation/nothing", "/reset/nothing"):
            await friend.get(path)
        assert not Client.instances

    async def test_a_link_that_is_over_says_so_kindly(self, make: Factory, services: Services, host: User) -> None:
        friend = await make.browser()
        secrets = [await services.invitations.create(by=host.id) for _ in range(3)]
        await services.invitations.accept(secrets[0][0], "mira", PASSWORD)
        await services.invitations.revoke(secrets[1][1].id, by=host.id)
        past = utc_now() - timedelta(seconds=1)
        late = update(Invitation).where(Invitation.id == secrets[2][1].id).values(expires_at=past)  # type: ignore[arg-type]
        await services.database.write(lambda session: session.exec(late))
        for (secret, _), words in zip(secrets, ("Already used", "Taken back", "Too late"), strict=True):
            page = await friend.get(f"/invitation/{secret}")
            assert (page.status_code, words in page.text, "<form" in page.text) == (410, True, False)
        wrong = await friend.get("/invitation/nothing")
        assert (wrong.status_code, "This link does not work" in wrong.text) == (404, True)

    async def test_says_whom_it_signs_out(self, make: Factory, services: Services, host: User) -> None:
        secret, _ = await services.invitations.create(by=host.id)
        mira = await make.signed_in(await make.user("<mira>"))
        assert "You are signed in as &lt;mira&gt;." in (await mira.get(f"/invitation/{secret}")).text
        await services.sessions.close_all((await services.users.authenticate("<mira>", PASSWORD)).id)
        assert "You are signed in" not in (await mira.get(f"/invitation/{secret}")).text

    async def test_names_are_text_and_a_host_who_is_gone_is_nobody(self, make: Factory, services: Services) -> None:
        other = await make.user("<b>host</b>", is_admin=True)
        secret, _ = await services.invitations.create(by=other.id)
        friend = await make.browser()
        assert "&lt;b&gt;host&lt;/b&gt; invites you" in (await friend.get(f"/invitation/{secret}")).text

    @pytest.mark.parametrize(
        ("error", "seconds", "words"),
        [
            ("", "", ""),
            ("taken", "", "Somebody has that name: choose another."),
            ("slow", "12", "Too many tries. Try again in 12 seconds."),
            ("slow", "<script>", "Too many tries. Try again in a minute."),
            ("<script>", "", "That did not work. Try again."),
        ],
    )
    def test_says_what_is_wrong(self, error: str, seconds: str, words: str) -> None:
        assert problem_of(error, seconds) == words


class TestReset:
    async def test_the_user_chooses_by_the_form_alone(self, make: Factory, services: Services) -> None:
        mira = await make.user('mi"ra')
        secret = await services.password_resets.create(mira.id, by=None)
        friend = await make.browser(headers={"origin": "http://test"})
        form = Form((await friend.get(f"/reset/{secret}")).text)
        assert form.action == "/auth/reset"
        assert (form.fields["username"]["value"], form.fields["username"]["autocomplete"]) == ('mi"ra', "username")
        filled = {name: field.get("value") or "" for name, field in form.fields.items()}
        answer = await friend.post(form.action, data={**filled, "password": "a brand new one"})
        assert answer.headers["location"] == "/"
        assert (await friend.get("/auth/me")).json()["user"]["id"] == mira.id
        used = await friend.get(f"/reset/{secret}")
        assert (used.status_code, "This link does not work" in used.text) == (404, True)


class TestGuessing:
    async def test_is_slowed_by_address_whatever_is_guessed(
        self, make: Factory, services: Services, host: User
    ) -> None:
        guesser = await make.browser(client=("203.0.113.9", 1))
        paths = [("/invitation/guess{}", "/reset/guess{}")[number % 2].format(number) for number in range(30)]
        answers = [(await guesser.get(path)).status_code for path in paths]
        assert (answers[:20], set(answers[22:])) == ([404] * 20, {429})
        secret, _ = await services.invitations.create(by=host.id)
        slowed = await guesser.get(f"/invitation/{secret}")
        assert (slowed.status_code, int(slowed.headers["retry-after"]) > 0) == (429, True)
        friend = await make.browser(client=("198.51.100.7", 1))
        assert (await friend.get(f"/invitation/{secret}")).status_code == 200

    async def test_looking_at_ones_own_link_often_is_none(self, make: Factory, services: Services, host: User) -> None:
        secret, _ = await services.invitations.create(by=host.id)
        friend = await make.browser(client=("203.0.113.10", 1))
        assert {(await friend.get(f"/invitation/{secret}")).status_code for _ in range(40)} == {200}


async def test_no_link_is_ever_logged(
    make: Factory, services: Services, host: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret, _ = await services.invitations.create(by=host.id)
    reset = await services.password_resets.create(host.id, by=host.id)
    friend = await make.browser()
    for path in (f"/invitation/{secret}", f"/reset/{reset}"):
        await friend.get(path)
    form = {"token": secret, "username": "", "password": PASSWORD}
    await friend.get((await friend.post("/auth/invitation", data=form)).headers["location"])
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("vanilla")]
    assert len([line for line in ours if "/invitation/[hidden]" in line]) == 2
    assert "/reset/[hidden]" in str(ours)
    assert secret not in str(ours)
    assert reset not in str(ours)
