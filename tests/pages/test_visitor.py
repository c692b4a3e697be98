"""Who sees a page, where they go on to, and how fast an open page closes on them."""

import asyncio

from nicegui import Client
from nicegui.testing import User as Browser

from tests.factories import PASSWORD, Factory, sign_in
from vanilla.accounts.users import UserChanges
from vanilla.services import Services


class TestAnOpenPage:
    async def test_closes_within_a_second_of_deactivation(
        self, user: Browser, make: Factory, services: Services
    ) -> None:
        mira, other = await make.user("mira"), await make.signed_in()
        await sign_in(user.http_client, "mira", PASSWORD)
        await user.open("/docs")
        assert (await other.get("/docs")).status_code == 200
        mine = _client_of(mira.id)
        await services.users.update(mira.id, UserChanges(is_active=False))
        await _gone(mine)
        assert len(Client.instances) == 1, "the other's page stays"

    async def test_closes_at_sign_out_of_its_own_session_alone(
        self, user: Browser, make: Factory, services: Services
    ) -> None:
        mira = await make.user("mira")
        await sign_in(user.http_client, "mira", PASSWORD)
        await user.open("/docs")
        mine = _client_of(mira.id)
        elsewhere = await make.signed_in(mira)
        await elsewhere.post("/auth/logout")
        await asyncio.sleep(0)
        assert mine.id in Client.instances
        await user.http_client.post("/auth/logout")
        await _gone(mine)

    async def test_that_was_built_while_its_visitor_left_closes_when_it_connects(
        self, user: Browser, make: Factory, services: Services
    ) -> None:
        mira = await make.user("mira")
        browser = await make.signed_in(mira)
        await browser.get("/docs")
        mine = _client_of(mira.id)
        mine.storage.clear()  # as if the revocation came before the page was tied to its visitor
        await services.users.update(mira.id, UserChanges(is_active=False))
        assert mine.id in Client.instances
        await mine.handle_handshake("test-socket", "tab", None, "document", None)
        await _gone(mine)

    async def test_of_somebody_who_is_no_admin_any_more_closes(self, make: Factory, services: Services) -> None:
        ada = await make.user("ada", is_admin=True)
        await (await make.signed_in(ada)).get("/docs")
        mine = _client_of(ada.id)
        await services.users.update(ada.id, UserChanges(is_admin=False))
        await _gone(mine)


def _client_of(user_id: str) -> Client:
    (found,) = [c for c in Client.instances.values() if c.storage["vanilla_caller"].user_id == user_id]
    return found


async def _gone(client: Client) -> None:
    async with asyncio.timeout(1):
        await client._deleted_event.wait()
    assert client.id not in Client.instances
