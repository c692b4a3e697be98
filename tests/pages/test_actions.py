"""What open pages do: every handler of every page, tried by someone who may no longer act.

Pages and handlers are found in the application, so that a new one is tried without a line here. The right is withdrawn
behind the platform's back, as another process would, so that the page is still open when its events come.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from nicegui import Client, background_tasks, events
from nicegui.testing import User as Browser
from sqlmodel import Session, col, delete, update

from tests.api.test_authorisation import ADMIN_PAGE, PAGE, TABLE, every_route
from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory, sign_in
from tests.games import archives
from tests.rows import rows
from vanilla.models import Game, LoginSession, User
from vanilla.services import Services
from vanilla.settings import Settings

FONTS = "fonts.example.org"
EVIL = "an evil change"
FIELDS = {
    "username": EVIL,
    "password": "a long enough password",
    "current_password": PASSWORD,
    "new_password": "a long enough password",
    "token_limit": "777",
    "own_token_limit": "777",
    "limit_period": "day",
    "days": "7",
    "typed": "mira",
    "is_admin": "yes",
    **dict.fromkeys(("name", "note", "title", "description", "tags", "notes", "hosts", "patterns"), EVIL),
}

Withdrawal = Callable[[Session, str], None]


def demoted(session: Session, user_id: str) -> None:
    session.exec(update(User).where(col(User.id) == user_id).values(is_admin=False))


def deactivated(session: Session, user_id: str) -> None:
    session.exec(update(User).where(col(User.id) == user_id).values(is_active=False))


def signed_out(session: Session, user_id: str) -> None:
    session.exec(delete(LoginSession).where(col(LoginSession.user_id) == user_id))


@pytest.fixture
async def things(make: Factory, services: Services) -> dict[str, str]:
    """What the addresses of pages name: mira, a game of hers with two versions that asks for a host, and an example."""
    mira = await make.user("mira")
    theirs = await make.signed_in(mira)
    file = {"file": ("a.html", archives.PAGE)}
    game = (await theirs.post("/api/games", files=file, data={"title": "Orbit"})).json()["id"]
    await theirs.post(f"/api/games/{game}/versions", files={"file": ("a.html", archives.PAGE + b"<p>Two")})
    await theirs.put(f"/api/games/{game}/hosts", json=[FONTS])
    await theirs.post("/api/tokens", json={"name": "bot"})
    admin = await make.admin()
    me = (await admin.get("/auth/me")).json()["user"]["id"]
    await services.invitations.create(by=me, note="Noor")
    return {"game_id": game, "user_id": mira.id, "name": "orbit"}


def pages(app: FastAPI, things: dict[str, str]) -> Iterator[tuple[str, str]]:
    """The address of every page about these things, and who may open it."""
    for route in every_route(app):
        if TABLE.get(route) in (PAGE, ADMIN_PAGE) and route.startswith("GET "):
            path = route.removeprefix("GET ").format(**things)  # a KeyError says what `things` lacks
            yield path, TABLE[route]


async def settle(before: set["asyncio.Task[Any]"]) -> None:
    """Wait until the tasks that began since are done, but for those that never are."""
    async with asyncio.timeout(10):
        while pending := {task for task in background_tasks.running_tasks - before if not task.done()}:
            await asyncio.wait(pending, timeout=0.5, return_when=asyncio.ALL_COMPLETED)
            if all(task.get_name() in ("keep", "timer") for task in pending):
                return


async def fire(client: Client, kinds: Callable[[str], bool], things: dict[str, str]) -> int:
    """Send every event of these kinds that the page listens to, with what a hostile browser would put into it; gives
    how many those were."""
    found = [
        (element, listener)
        for element in client.elements.values()
        for listener in element._event_listeners.values()
        if listener.element_id == element.id and kinds(listener.type)
    ]
    found.sort(key=lambda pair: (pair[1].type != "submit", pair[1].type == "hide"))  # which takes a dialog away
    tried = 0
    for element, listener in found:
        for arguments in arguments_for(listener.type, things):
            if client.id not in Client.instances or element.is_deleted:
                break
            tried += 1
            before = set(background_tasks.running_tasks)
            event = events.GenericEventArguments(sender=element, client=client, args=arguments)
            with element:
                events.handle_event(listener.handler, event)
            await settle(before)
    return tried


def arguments_for(kind: str, things: dict[str, str]) -> list[Any]:
    if kind == "submit":
        return [FIELDS]
    if kind == "click":  # of a button, and in the rows of a table
        acts = ("edit", "switch", "revoke", "remove", "restore", "approve", "refuse", "delete")
        ids = (*things.values(), f"{things['game_id']} {FONTS}")
        return [None, *({"act": act, "of": of} for act in acts for of in ids)]
    return [EVIL, 7, {"key": EVIL}, None]


@pytest.mark.parametrize("withdraw", [demoted, deactivated, signed_out])
async def test_no_action_of_an_open_page_changes_anything_for_who_is_out(
    app: FastAPI,
    user: Browser,
    make: Factory,
    services: Services,
    settings: Settings,
    things: dict[str, str],
    withdraw: Withdrawal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Each handler by itself: the first one to notice would close the page for all the others.
    monkeypatch.setattr("pages.clients.close", lambda _client: None)
    database = settings.data_dir / "vanilla.db"
    tried = 0
    for number, (path, who) in enumerate(pages(app, things)):
        if withdraw is demoted and who != ADMIN_PAGE:
            continue
        # A host of their own for each page: what they clicked on before may have ended them.
        other = await make.user(f"host{number}", is_admin=True)
        user.http_client.cookies.clear()
        await sign_in(user.http_client, other.username, PASSWORD)
        await user.open(path)
        client = user.client
        assert client is not None
        await dialogs_of(client)
        await services.database.write(partial(_run, withdraw, other.id))
        services.callers.forget(other.id)
        before, controls = rows(database), asdict(services.controls.now)
        tried += await fire(client, lambda _kind: True, things)
        assert rows(database) == before, f"{path}: an action went through"
        assert asdict(services.controls.now) == controls, path
        if client.id in Client.instances:
            client.delete()
    assert tried > 200


async def dialogs_of(client: Client) -> None:
    """Open the dialogs of the page: press the buttons whose names say that they ask first."""
    asks = ("New user", "Invite a friend", "Edit", "Reset link", "Set password", "Sign out everywhere", "Delete")
    for element in list(client.elements.values()):
        if getattr(element, "text", "") in (*asks, "Deactivate", "Change", "Import", "Stop all inference"):
            for listener in list(element._event_listeners.values()):
                if listener.type == "click":
                    before = set(background_tasks.running_tasks)
                    event = events.GenericEventArguments(sender=element, client=client, args=None)
                    with element:
                        events.handle_event(listener.handler, event)
                    await settle(before)


async def test_the_same_actions_do_change_things_for_who_may_act(
    app: FastAPI, user: Browser, services: Services, settings: Settings, things: dict[str, str]
) -> None:
    """Or the test above would show nothing."""
    database = settings.data_dir / "vanilla.db"
    await sign_in(user.http_client, "admin", ADMIN_PASSWORD)
    changed = []
    for path in ("/admin/users", f"/admin/users/{things['user_id']}", "/admin/invitations"):
        await user.open(path)
        assert user.client is not None
        await dialogs_of(user.client)
        before = rows(database)
        await fire(user.client, lambda kind: kind == "submit", things)
        after = rows(database)
        changed.append({table for table in after if after[table] != before.get(table)})
    assert all({"audit"} < tables for tables in changed), changed


@pytest.mark.parametrize("who", ["anonymous", "friend", "other friend", "deactivated", "api token", "play token"])
async def test_a_page_is_opened_by_whom_it_is_for_alone(
    app: FastAPI, make: Factory, services: Services, things: dict[str, str], who: str
) -> None:
    """About things that are there: mira is the friend, the game is a draft of hers."""
    mira = await services.users.get(things["user_id"])
    await services.database.write(lambda session: _make_draft(session, things["game_id"]))
    client = await _someone(make, services, mira, who)
    for path, for_whom in pages(app, things):
        answer = await client.get(path)
        is_hers = things["game_id"] in path
        if who == "friend":
            expected = {403} if for_whom == ADMIN_PAGE else {200}
        elif who == "other friend":
            expected = {403} if for_whom == ADMIN_PAGE else {403, 404} if is_hers else {200}
        else:
            expected = {303}
        assert answer.status_code in expected, f"{path}: {answer.status_code}"
        assert expected != {303} or answer.headers["location"].startswith("/login")
        assert answer.status_code == 200 or not [
            each for each in Client.instances.values() if each.request.url.path == path
        ], f"{path}: a page was made"


def _run(withdraw: Withdrawal, user_id: str, session: Session) -> None:
    withdraw(session, user_id)


def _make_draft(session: Session, game_id: str) -> None:
    session.exec(update(Game).where(col(Game.id) == game_id).values(visibility="draft"))


async def _someone(make: Factory, services: Services, mira: User, who: str) -> httpx.AsyncClient:
    if who == "friend":
        return await make.signed_in(mira)
    if who == "other friend":
        return await make.signed_in()
    if who == "api token":
        return await make.with_api_token(mira)
    if who == "play token":
        return await make.playing(mira, origin=False)
    client = await make.browser()
    if who == "deactivated":
        sam = await make.user("sam")
        client = await make.signed_in(sam)
        await services.database.write(lambda session: deactivated(session, sam.id))
        services.callers.forget(sam.id)
    return client
