"""Who may see the admin's pages, and act on one that was left open."""

import httpx
import pytest
from nicegui import Client
from nicegui.testing import User as Browser
from sqlmodel import Session

from tests.factories import Factory
from tests.pages.admin.conftest import eventually
from vanilla.models import User
from vanilla.services import Services

PAGES = ("/admin", "/admin/users", "/admin/usage", "/admin/settings", "/admin/users/somebody")


@pytest.mark.parametrize("path", PAGES)
async def test_somebody_not_signed_in_is_sent_to_sign_in(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")


@pytest.mark.parametrize("path", PAGES)
async def test_a_friend_is_told_that_it_is_for_admins_and_nothing_stays(make: Factory, path: str) -> None:
    answer = await (await make.signed_in()).get(path)
    assert answer.status_code == 403
    assert "for admins" in answer.text
    assert not Client.instances


async def test_a_user_who_is_not_there_is_a_page_that_says_so(make: Factory) -> None:
    answer = await (await make.admin()).get("/admin/users/nobody")
    assert answer.status_code == 404
    assert "There is no such user." in answer.text


async def test_a_page_left_open_does_nothing_for_who_is_no_longer_an_admin(
    admin: Browser, make: Factory, services: Services
) -> None:
    await make.user("mira")
    await admin.open("/admin/users")
    admin.find("New user").click()
    await admin.should_see("Create user")

    (me,), _ = await services.users.list("admin", 1, 0)

    def demote(session: Session) -> None:  # behind the platform's back, as another process would
        row = session.get(User, me.id)
        assert row is not None
        row.is_admin = False

    await services.database.write(demote)
    fields = {"username": "evil", "password": "long enough", "token_limit": "", "limit_period": "total"}
    page = admin.client
    assert page is not None
    admin.find(marker="ask").trigger("submit", fields)
    await eventually(lambda: page.id not in Client.instances)
    _, total = await services.users.list("evil", 10, 0)
    assert total == 0
