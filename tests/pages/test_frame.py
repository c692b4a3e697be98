"""What stands around every page."""

import logging
from typing import Annotated

import pytest
from fastapi import Depends
from nicegui import ui
from nicegui.testing import User as Browser

from pages.elements import button
from pages.frame import frame
from pages.visitor import Visitor, signed_in
from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory, sign_in
from vanilla.errors import Conflict
from vanilla.services import Services


async def test_the_header_leads_everywhere_and_tells_what_is_left(user: Browser, make: Factory) -> None:
    await make.user("mira", token_limit=61_870)
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/docs")
    assert _links(user) >= {"/", "/upload", "/docs", "/account"}
    assert "/admin" not in _links(user)
    await user.should_see("61,870")
    await user.should_see("Sign out")
    assert user.client is not None
    assert user.client.layout.default_slot.children[0].classes == ["skip"], "the first that the keyboard reaches"


async def test_admins_find_their_pages_and_no_limit_shows_no_bar(user: Browser, make: Factory) -> None:
    await sign_in(user.http_client, "admin", ADMIN_PASSWORD)
    await user.open("/upload")
    assert "/admin" in _links(user)
    await user.should_not_see("tokens left")


async def test_every_page_has_one_first_heading_and_marks_where_one_is(user: Browser, make: Factory) -> None:
    await sign_in(user.http_client, "admin", ADMIN_PASSWORD)
    for path in ("/", "/upload", "/docs", "/account", "/admin"):
        await user.open(path)
        assert user.client is not None
        assert [e.tag for e in user.client.elements.values()].count("h1") == 1, path
        here = [e for e in user.client.elements.values() if e.props.get("aria-current") == "page"]
        assert path == "/account" or path in [e.props["href"] for e in here], path


async def test_what_an_action_is_refused_is_said_and_what_broke_is_not(
    user: Browser, make: Factory, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    async def refuse() -> None:
        raise Conflict("The name Hexfall is taken.")

    def break_down() -> None:
        raise RuntimeError("the secret of the house")

    @ui.page("/acts")
    async def acts(visitor: Annotated[Visitor, Depends(signed_in(services))]) -> None:
        with frame(visitor, title="Acts"):
            button("Refuse", refuse)
            button("Break", break_down)

    await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/acts")
    user.find("Refuse").click()
    await user.should_see("The name Hexfall is taken.")
    assert [line for line in caplog.records if line.levelno >= logging.WARNING] == [], "a refusal is no fault"
    user.find("Break").click()
    await user.should_see("That did not work.")
    await user.should_not_see("secret")
    assert "the secret of the house" in caplog.text
    user.find("Close").click()
    await user.should_not_see("That did not work.")
    caplog.clear()


def _links(user: Browser) -> set[str]:
    assert user.client is not None
    return {e.props["href"] for e in user.client.elements.values() if e.tag == "a"}
