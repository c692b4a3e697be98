"""What every page keeps to, whoever asks: seen over HTTP, without a browser."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import Depends, FastAPI
from nicegui import Client, ui

from pages import clients, design
from pages.frame import frame
from pages.visitor import Visitor, admin, signed_in
from tests.factories import Factory
from vanilla.errors import NotFound
from vanilla.services import Services

PAGES = ("/", "/account", "/docs")


@pytest.fixture
async def lenient(app: FastAPI, client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    """Like a browser on a real server: an unexpected error is an answer, not a raise."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", cookies=client.cookies) as lenient:
        yield lenient


class TestAnonymous:
    @pytest.mark.parametrize("path", PAGES)
    async def test_is_sent_to_sign_in_and_back(self, client: httpx.AsyncClient, path: str) -> None:
        answer = await client.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"] == ("/login" if path == "/" else f"/login?next={path}")

    @pytest.mark.parametrize("path", [*PAGES, "/nope", "/admin", "/play/x"])
    async def test_costs_no_client(self, client: httpx.AsyncClient, path: str) -> None:
        await client.get(path)
        assert not Client.instances

    async def test_keeps_the_query_on_the_way_back(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/docs?a=1&b=2")
        assert answer.headers["location"] == "/login?next=/docs%3Fa%3D1%26b%3D2"

    async def test_a_wrong_cookie_is_nobody(self, client: httpx.AsyncClient) -> None:
        client.cookies.set("vanilla_session", "made up")
        assert (await client.get("/account")).status_code == 303


class TestSignedIn:
    @pytest.mark.parametrize(("path", "heading"), [("/account", "Account"), ("/docs", "Make a game")])
    async def test_sees_the_page(self, make: Factory, path: str, heading: str) -> None:
        answer = await (await make.signed_in()).get(path)
        assert answer.status_code == 200
        assert f"<title>{heading} · Vanilla</title>" in answer.text
        assert '<html lang="en-US">' in answer.text

    async def test_is_not_let_onto_a_page_for_admins(self, make: Factory, services: Services) -> None:
        @ui.page("/for-admins")
        async def page(visitor: Annotated[Visitor, Depends(admin(services))]) -> None:
            with frame(visitor, title="For admins"):
                pass

        friend, host = await make.signed_in(), await make.admin()
        refused = await friend.get("/for-admins")
        assert refused.status_code == 403
        assert "for admins" in refused.text
        assert not Client.instances
        assert (await host.get("/for-admins")).status_code == 200


class TestErrors:
    async def test_an_unknown_address_is_a_page_of_ours(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/nope")
        assert answer.status_code == 404
        assert "Nothing here" in answer.text
        assert "nicegui" not in answer.text.lower()
        assert not Client.instances

    async def test_an_unknown_address_is_not_echoed_as_html(self, client: httpx.AsyncClient) -> None:
        assert "<script>alert" not in (await client.get("/<script>alert(1)</script>")).text

    async def test_the_wrong_method_is_a_page_of_ours(self, make: Factory) -> None:
        answer = await (await make.signed_in()).post("/docs")
        assert answer.status_code == 405
        assert "/static/design.css" in answer.text

    async def test_what_broke_inside_stays_inside(
        self, lenient: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        @ui.page("/breaks")
        def breaks() -> None:
            raise RuntimeError("the secret of the house")

        @ui.page("/breaks-later")
        async def breaks_later() -> None:
            raise RuntimeError("the secret of the house")

        caplog.set_level(logging.CRITICAL)
        for path in ("/breaks", "/breaks-later"):
            answer = await lenient.get(path)
            assert answer.status_code == 500
            assert "Something broke" in answer.text
            assert "secret" not in answer.text
            assert not Client.instances

    async def test_a_refusal_of_a_page_says_why(self, client: httpx.AsyncClient) -> None:
        @ui.page("/gone/{name}")
        async def gone(name: str) -> None:
            raise NotFound(f"There is no game called {name}.")

        answer = await client.get("/gone/<b>Hex<b>")
        assert answer.status_code == 404
        assert "There is no game called &lt;b&gt;Hex&lt;b&gt;." in answer.text
        assert not Client.instances

    async def test_a_parameter_that_makes_no_sense_is_an_unknown_address(self, client: httpx.AsyncClient) -> None:
        @ui.page("/numbered")
        async def numbered(number: int) -> None:
            ui.label(str(number))

        answer = await client.get("/numbered?number=many")
        assert answer.status_code == 404
        assert "Nothing here" in answer.text


class TestUnconnectedPages:
    @pytest.fixture(autouse=True)
    def _small_page(self, services: Services) -> None:
        @ui.page("/small")
        async def small(visitor: Annotated[Visitor, Depends(signed_in(services))]) -> None:
            ui.label(visitor.user.username)

    async def test_beyond_fifty_signing_in_needs_no_client(self, client: httpx.AsyncClient) -> None:
        answers = [await client.get("/login") for _ in range(clients.MOST_WAITING + 5)]
        assert len(Client.instances) == clients.MOST_WAITING
        assert "x-nicegui-content" in answers[0].headers
        plain = answers[-1]
        assert plain.status_code == 200
        assert "x-nicegui-content" not in plain.headers
        assert '<form method="post" action="/auth/login">' in plain.text

    async def test_beyond_fifty_a_page_asks_to_wait(self, make: Factory) -> None:
        friend = await make.signed_in()
        for _ in range(clients.MOST_WAITING):
            assert (await friend.get("/small")).status_code == 200
        answer = await friend.get("/small?x=1")
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "4"
        assert "location.reload()" in answer.text
        assert len(Client.instances) == clients.MOST_WAITING

    async def test_a_rush_of_strangers_or_of_one_friend_keeps_nobody_else_waiting(self, make: Factory) -> None:
        stranger, friend, other = await make.browser(), await make.signed_in(), await make.signed_in()
        for _ in range(clients.MOST_WAITING + 1):
            await stranger.get("/login")
            await friend.get("/small")
        assert (await friend.get("/small")).status_code == 503
        assert (await other.get("/small")).status_code == 200

    async def test_many_at_once_do_not_slip_past(self, client: httpx.AsyncClient) -> None:
        await asyncio.gather(*(client.get("/login") for _ in range(200)))
        assert len(Client.instances) <= clients.MOST_WAITING

    async def test_pages_that_were_left_do_not_count(self, make: Factory) -> None:
        friend = await make.signed_in()
        for number in range(clients.MOST_WAITING):
            await friend.get("/small")
            client = list(Client.instances.values())[-1]
            await client.handle_handshake(f"test-{number}", f"tab-{number}", None, "document", None)
            client.handle_disconnect(f"test-{number}")
        assert not any(client.has_socket_connection for client in Client.instances.values())
        assert (await friend.get("/small")).status_code == 200

    async def test_the_plain_form_signs_in(self, make: Factory) -> None:
        friend = await make.user()
        browser = await make.browser()
        for _ in range(clients.MOST_WAITING):
            await browser.get("/login")
        assert "x-nicegui-content" not in (await browser.get("/login?next=/docs&error=wrong")).headers
        fields = {"username": friend.username, "password": "correct horse battery", "next": "/docs"}
        answer = await browser.post("/auth/login", data=fields)
        assert (answer.status_code, answer.headers["location"]) == (303, "/docs")


class TestStaticFiles:
    async def test_an_address_with_a_digest_is_kept_for_ever(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(design.asset("design.css"))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"

    async def test_an_address_without_one_is_asked_for_again(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/static/design.css")
        assert answer.headers["cache-control"] == "no-cache"
        again = await client.get("/static/design.css", headers={"if-none-match": answer.headers["etag"]})
        assert again.status_code == 304

    async def test_every_page_names_only_files_that_are_there(self, client: httpx.AsyncClient) -> None:
        html = (await client.get("/nope")).text
        css = (await client.get("/static/design.css")).text
        addresses = {*re.findall(r'(?:href|src)="(/static/[^"]+)"', html)}
        addresses |= {f"/static/{name}" for name in re.findall(r'url\("([^"]+)"\)', css)}
        assert len(addresses) >= 7
        for address in addresses:
            assert (await client.get(address)).status_code == 200, address
