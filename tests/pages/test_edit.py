"""The edit page: what its owner sees and does, and who may not. Uploads and covers are in tests/e2e/test_edit.py."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from nicegui import Client
from nicegui.testing import User as Browser

from tests.api.test_games import picture
from tests.factories import ADMIN_PASSWORD, PASSWORD, Factory, sign_in
from tests.games import archives
from tests.pages.admin.conftest import PATIENCE, eventually
from vanilla.games.access import HOST, Someone
from vanilla.games.catalogue import GameChanges
from vanilla.games.views import GameView
from vanilla.models import Game, User, utc_now
from vanilla.services import Services


@pytest.fixture
async def mira(user: Browser, make: Factory) -> User:
    """Somebody signed in."""
    mira = await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    return mira


async def upload(client: httpx.AsyncClient, title: str = "Dragon", **fields: str) -> str:
    """A game of whoever the client is; gives its id."""
    answer = await client.post("/api/games", files={"file": ("a.html", archives.PAGE)}, data={"title": title, **fields})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def upload_version(client: httpx.AsyncClient, game_id: str, page: bytes, **fields: str) -> None:
    file = {"file": ("a.html", page)}
    assert (await client.post(f"/api/games/{game_id}/versions", files=file, data=fields)).status_code == 201


def texts(browser: Browser) -> list[str]:
    assert browser.client is not None
    return [text for element in browser.client.elements.values() if (text := getattr(element, "text", ""))]


def has(browser: Browser, words: str) -> Callable[[], bool]:
    return lambda: words in texts(browser)


def fields(title: str = "Dragon", description: str = "", tags: str = "", visibility: str = "shared") -> dict[str, str]:
    return {"title": title, "description": description, "tags": tags, "visibility": visibility}


class TestAccess:
    async def test_who_is_not_signed_in_is_sent_to_sign_in(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/games/any/edit")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/games/any/edit")

    @pytest.mark.parametrize(
        ("visibility", "status", "words"),
        [("shared", 403, "Only the owner"), ("unlisted", 403, "Only the owner"), ("draft", 404, "no such game")],
    )
    async def test_who_does_not_own_it_sees_a_page_that_says_so_and_nothing_stays(
        self, make: Factory, visibility: str, status: int, words: str
    ) -> None:
        game = await upload(await make.signed_in(), visibility=visibility)
        answer = await (await make.signed_in()).get(f"/games/{game}/edit")
        assert answer.status_code == status
        assert words in answer.text
        assert "<h1>" in answer.text
        assert not Client.instances

    async def test_a_game_that_was_removed_is_nobody_elses_to_see(self, make: Factory) -> None:
        owner = await make.signed_in()
        game = await upload(owner)
        await owner.delete(f"/api/games/{game}")
        assert (await (await make.signed_in()).get(f"/games/{game}/edit")).status_code == 404
        assert (await owner.get(f"/games/{game}/edit")).status_code == 200
        assert (await (await make.admin()).get(f"/games/{game}/edit")).status_code == 200

    async def test_an_admin_edits_what_others_made(self, user: Browser, make: Factory, services: Services) -> None:
        game = await upload(await make.signed_in(await make.user("mira")), visibility="draft")
        await sign_in(user.http_client, "admin", ADMIN_PASSWORD)
        await user.open(f"/games/{game}/edit")
        await user.should_see("Only mira and admins see it.", retries=PATIENCE)
        user.find(marker="texts").trigger("submit", fields("Dragon", visibility="unlisted"))
        await user.should_see("Saved.", retries=PATIENCE)
        assert (await services.catalogue.get(game, HOST)).visibility == "unlisted"

    async def test_the_addresses_of_files_stay_theirs(self, make: Factory) -> None:
        owner = await make.signed_in()
        game = await upload(owner)
        files = (await owner.post(f"/api/games/{game}/play")).json()["url"]
        assert (await owner.get(f"{files}index.html")).status_code == 200
        assert "sandbox" in (await owner.get(f"/games/{game}/edit/index.html")).headers["content-security-policy"]


class TestAfterwards:
    """An open page of somebody who may no longer do what stands on it."""

    async def actions(self, user: Browser, game: str) -> dict[str, Callable[[], object]]:
        await user.open(f"/games/{game}/edit")

        def press_twice(marker: str) -> None:
            user.find(marker=marker).click()
            user.find(marker=marker).click()

        return {
            "save": lambda: user.find(marker="texts").trigger("submit", fields("Stolen")),
            "publish": lambda: user.find(marker="publish-1").click(),
            "remove a version": lambda: press_twice("remove-1"),
            "ask for a host": lambda: user.find(marker="host").trigger("submit", {"host": "a.example.org"}),
            "remove": lambda: press_twice("remove"),
            "the cover": lambda: user.find(marker="remove-cover").click(),
        }

    async def two_versions(self, user: Browser) -> str:
        game = await upload(user.http_client)
        await upload_version(user.http_client, game, archives.PAGE + b"2")
        cover = {"cover": ("a.png", picture())}
        assert (await user.http_client.put(f"/api/games/{game}/cover", files=cover)).status_code == 200
        return game

    async def test_nothing_happens_once_they_are_signed_out(
        self, user: Browser, mira: User, services: Services
    ) -> None:
        game = await self.two_versions(user)
        before = await services.catalogue.get(game, HOST)
        names = await self.actions(user, game)
        await services.sessions.close_all(mira.id)
        for name in names:
            await sign_in(user.http_client, "mira", PASSWORD)
            action = (await self.actions(user, game))[name]
            page = user.client
            assert page is not None
            page.storage.clear()  # as if the page had not been closed yet
            await services.sessions.close_all(mira.id)
            action()
            async with asyncio.timeout(2):
                await page._deleted_event.wait()
            assert await services.catalogue.get(game, HOST) == before, name
        assert len(await services.versions.list(game, HOST)) == 2

    async def test_nothing_happens_once_the_game_is_somebody_elses(
        self, user: Browser, mira: User, make: Factory, services: Services
    ) -> None:
        game = await self.two_versions(user)
        sam = await make.user("sam")
        for name in await self.actions(user, game):
            action = (await self.actions(user, game))[name]
            await give(services, game, sam.id)
            before = await services.catalogue.get(game, HOST)
            action()
            await user.should_see("Only the owner of a game or an admin may do this.", retries=PATIENCE)
            assert await services.catalogue.get(game, HOST) == before, name
            await give(services, game, mira.id)
        assert len(await services.versions.list(game, HOST)) == 2


async def give(services: Services, game: str, owner_id: str) -> None:
    def work(session: object) -> None:
        session.get_one(Game, game).owner_id = owner_id  # type: ignore[attr-defined]

    await services.database.write(work)


class TestTexts:
    async def test_are_saved_and_stand_in_the_heading(self, user: Browser, mira: User, services: Services) -> None:
        game = await upload(user.http_client)
        await user.open(f"/games/{game}/edit")
        form = fields("Dragon <b>II</b>", "Two heads.", "Talking, dragon", "shared")
        user.find(marker="texts").trigger("submit", form)
        await user.should_see("Edit Dragon <b>II</b>", retries=PATIENCE)
        seen = await services.catalogue.get(game)
        assert (seen.title, seen.description, seen.tags) == ("Dragon <b>II</b>", "Two heads.", ["talking", "dragon"])

    @pytest.mark.parametrize(
        ("form", "sentence"),
        [
            (fields(" "), "A game needs a title."),
            (fields("x" * 81), "The title has 81 characters; at most 80 are possible."),
            (fields(tags=",".join(f"t{n}" for n in range(11))), "There are 11 tags; at most 10 are possible."),
            (fields(visibility="everywhere"), "Choose who can see the game."),
            ({}, "Choose who can see the game."),
        ],
    )
    async def test_what_is_wrong_stands_in_the_form(
        self, user: Browser, mira: User, services: Services, form: dict[str, str], sentence: str
    ) -> None:
        game = await upload(user.http_client)
        await user.open(f"/games/{game}/edit")
        user.find(marker="texts").trigger("submit", form)
        await user.should_see(sentence, retries=PATIENCE)
        assert (await services.catalogue.get(game)).title == "Dragon"

    async def test_a_draft_is_shared_by_one_button_and_an_unlisted_game_has_a_link(
        self, user: Browser, mira: User, services: Services
    ) -> None:
        game = await upload(user.http_client, visibility="draft")
        await user.open(f"/games/{game}/edit")
        await user.should_see("This game is a draft.", retries=PATIENCE)
        address = f"http://test/play/{game}"
        assert address not in texts(user)
        user.find("Share it with everybody").click()
        await user.should_see("Everybody finds it among the games now.", retries=PATIENCE)
        assert (await services.catalogue.get(game)).visibility == "shared"
        await user.should_not_see("This game is a draft.", retries=PATIENCE)
        user.find(marker="texts").trigger("submit", fields(visibility="unlisted"))
        await user.should_see("Secret link", retries=PATIENCE)
        assert address in texts(user)


class TestVersions:
    async def test_a_preview_is_published_and_the_one_before_played_again(
        self, user: Browser, mira: User, services: Services
    ) -> None:
        game = await upload(user.http_client)
        page = archives.PAGE + b"<script src='https://cdn.example.org/a.js'></script>"
        await upload_version(user.http_client, game, page, notes="Two\nheads.", publish="false")
        await user.open(f"/games/{game}/edit")
        for words in ("Version 2", "preview", "Two\nheads.", "1 thing worth a look", "Version 1", "played now"):
            await user.should_see(words, retries=PATIENCE)
        assert user.client is not None
        links = {e.props.get("href") for e in user.client.elements.values() if e.tag == "a"}
        assert f"/play/{game}?version=2" in links
        user.find(marker="publish-2").click()
        await user.should_see("Everybody plays version 2 now.", retries=PATIENCE)
        assert (await services.catalogue.get(game)).version == 2
        await user.should_see("Go back to this", retries=PATIENCE)
        user.find(marker="publish-1").click()
        await user.should_see("Everybody plays version 1 now.", retries=PATIENCE)
        assert (await services.catalogue.get(game)).version == 1

    async def test_one_is_removed_after_being_asked_twice(self, user: Browser, mira: User, services: Services) -> None:
        game = await upload(user.http_client)
        await upload_version(user.http_client, game, archives.PAGE + b"2")
        await user.open(f"/games/{game}/edit")
        user.find(marker="remove-1").click()
        await user.should_see("Remove for good", retries=PATIENCE)
        assert len(await services.versions.list(game, Someone(mira.id))) == 2
        user.find(marker="remove-1").click()
        await user.should_see("Version 1 is removed.", retries=PATIENCE)
        assert "Version 1" not in texts(user)
        assert [each.number for each in await services.versions.list(game, Someone(mira.id))] == [2]

    async def test_what_was_uploaded_is_shown_and_told(self, user: Browser, mira: User) -> None:
        game = await upload(user.http_client)
        await user.open(f"/games/{game}/edit")
        await upload_version(user.http_client, game, archives.PAGE + b"2", publish="false")
        assert user.client is not None
        (form,) = [e for e in user.client.elements.values() if "data-upload" in e.props]
        for answer, words in (
            ({"number": 2, "is_current": False}, "Version 2 waits as a preview: try it, then publish it."),
            ({"number": 2, "is_current": True}, "Version 2 is published."),
            ({"number": 2, "unchanged": True}, "It is the same as version 2: no new one was made."),
            ("nonsense", "Version 0 waits as a preview: try it, then publish it."),
        ):
            listener = next(each for each in form._event_listeners.values() if each.type == "uploaded")
            form._handle_event({"listener_id": listener.id, "args": answer})
            await eventually(has(user, words))
        await user.should_see("Version 2", retries=PATIENCE)


class TestHosts:
    async def test_one_is_asked_for_refused_asked_again_and_withdrawn(
        self, user: Browser, mira: User, services: Services
    ) -> None:
        game = await upload(user.http_client)
        await user.open(f"/games/{game}/edit")
        await user.should_see("A game reaches nothing but this platform.", retries=PATIENCE)
        user.find(marker="host").trigger("submit", {"host": "https://Fonts.example.org"})
        await user.should_see("waits for an admin", retries=PATIENCE)
        await services.hosts.refuse(game, "fonts.example.org", HOST)
        await user.open(f"/games/{game}/edit")
        await user.should_see("refused", retries=PATIENCE)
        user.find("Ask again").click()
        await user.should_see("waits for an admin", retries=PATIENCE)
        await services.hosts.approve(game, "fonts.example.org", HOST)
        await user.open(f"/games/{game}/edit")
        await user.should_see("allowed", retries=PATIENCE)
        user.find("Withdraw").click()
        user.find("Withdraw it").click()
        await user.should_see("fonts.example.org is withdrawn.", retries=PATIENCE)
        assert (await services.catalogue.get(game)).hosts == ()

    @pytest.mark.parametrize("host", ["", "localhost", "10.0.0.1", "test", "a.example.org:80"])
    async def test_what_is_no_host_is_told_in_the_form(
        self, user: Browser, mira: User, services: Services, host: str
    ) -> None:
        game = await upload(user.http_client)
        await user.open(f"/games/{game}/edit")
        user.find(marker="host").trigger("submit", {"host": host})
        await eventually(lambda: any("name of a" in text or "platform itself" in text for text in texts(user)))
        assert (await services.catalogue.get(game)).hosts == ()


class TestFigures:
    async def test_tell_who_plays_and_what_it_takes(self, user: Browser, mira: User, services: Services) -> None:
        game = await upload(user.http_client)
        for _ in range(3):
            await services.catalogue.record_play(mira.id, game)
        await user.open(f"/games/{game}/edit")
        shown = texts(user)
        for words, figure in (("Players", "1"), ("Plays", "3"), ("Tokens used", "0"), ("Last played", "just now")):
            assert shown[shown.index(words) + 1] == figure
        assert any("in 1 version. Your games take 0 of 1,000 MB." in text for text in shown)


class TestRemoval:
    async def test_it_goes_at_once_and_comes_back_by_undo(self, user: Browser, mira: User, services: Services) -> None:
        game = await upload(user.http_client)
        await user.open(f"/games/{game}/edit")
        user.find(marker="remove").click()
        await user.should_see("Delete it now", retries=PATIENCE)
        user.find(marker="remove").click()
        await user.should_see("Dragon is deleted", retries=PATIENCE)
        assert (await services.catalogue.list(viewer=Someone(mira.id)))[1] == 0
        await user.open(f"/games/{game}/edit")  # as after a reload
        await user.should_see("Dragon is deleted", retries=PATIENCE)
        assert "Delete" not in texts(user)
        removed = await services.removals.find(game, Someone(mira.id))
        assert removed.purged_at is not None
        assert removed.removed_at is not None
        assert removed.purged_at - removed.removed_at == timedelta(days=7)
        user.find(marker="undo").click()
        await user.should_see("Edit Dragon", retries=PATIENCE)
        await user.should_see("Versions", retries=PATIENCE)
        assert (await services.catalogue.get(game)).title == "Dragon"

    async def test_undo_after_a_week_says_that_it_is_gone(self, user: Browser, mira: User, services: Services) -> None:
        game = await upload(user.http_client)
        await services.removals.remove(game, Someone(mira.id))
        await user.open(f"/games/{game}/edit")

        def age(session: object) -> None:
            session.get_one(Game, game).removed_at = utc_now() - timedelta(days=8)  # type: ignore[attr-defined]

        await services.database.write(age)
        user.find(marker="undo").click()
        await user.should_see("There is no such game. It may have been removed.", retries=PATIENCE)


async def test_a_cover_is_taken_away(user: Browser, mira: User, services: Services, tmp_path: Path) -> None:
    game = await upload(user.http_client)
    (tmp_path / "a.png").write_bytes(picture())
    view: GameView = await services.catalogue.set_cover(game, tmp_path / "a.png", Someone(mira.id))
    assert view.has_cover
    await user.open(f"/games/{game}/edit")
    assert user.client is not None
    (shown,) = [e for e in user.client.elements.values() if "data-cover-now" in e.props]
    assert shown.props["src"] == f"{view.cover_url}&size=page"
    user.find(marker="remove-cover").click()
    await user.should_see("The cover is drawn from the title again.", retries=PATIENCE)
    drawn = await services.catalogue.get(game)
    assert not drawn.has_cover
    assert shown.props["src"] == f"{drawn.cover_url}&size=page"


async def test_a_title_that_is_code_stays_text(user: Browser, mira: User, services: Services) -> None:
    game = await upload(user.http_client, "<img src=x onerror=alert(1)>")
    await services.catalogue.change(game, GameChanges(tags=["<b>"]), Someone(mira.id))
    await user.open(f"/games/{game}/edit")
    await user.should_see("Edit <img src=x onerror=alert(1)>", retries=PATIENCE)
