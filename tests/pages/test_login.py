"""Signing in through the page's own form."""

from nicegui.testing import User as Browser

from pages.login import problem_of
from tests.factories import PASSWORD, Factory


async def test_the_form_leads_to_where_one_wanted_to_go(user: Browser, make: Factory) -> None:
    await make.user("mira")
    await user.open("/login?next=/account")
    await user.should_see("Sign in")
    fields = {name: _value_of(user, name) for name in ("next", "username", "password")}
    assert fields == {"next": "/account", "username": None, "password": None}
    posted = {**fields, "username": "mira", "password": PASSWORD}
    answer = await user.http_client.post("/auth/login", data=posted)
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert (await user.http_client.get("/account")).status_code == 200


async def test_a_wrong_password_is_said_and_the_way_kept(user: Browser, make: Factory) -> None:
    await make.user("mira")
    wrong = {"username": "mira", "password": "nope", "next": "/account"}
    answer = await user.http_client.post("/auth/login", data=wrong)
    assert answer.status_code == 303
    await user.open(answer.headers["location"])
    await user.should_see("Wrong username or password.")
    assert _value_of(user, "next") == "/account"


async def test_someone_signed_in_goes_on_at_once(make: Factory) -> None:
    friend = await make.signed_in()
    answer = await friend.get("/login?next=/docs")
    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")
    assert (await friend.get("/login?next=//evil.example")).headers["location"] == "/"


def test_the_reasons_are_sentences() -> None:
    assert problem_of("", "") == ""
    assert problem_of("wrong", "") == "Wrong username or password."
    assert problem_of("<b>", "") == "Wrong username or password."
    assert problem_of("slow", "12") == "Too many wrong passwords. Try again in 12 seconds."
    assert problem_of("slow", "<script>") == "Too many wrong passwords. Try again in a minute."


def _value_of(user: Browser, name: str) -> str | None:
    assert user.client is not None
    (field,) = [e for e in user.client.elements.values() if e.props.get("name") == name]
    value: str | None = field.props.get("^value")
    return value
