"""Every page in every state that somebody may see it in: what is photographed, searched by axe and weighed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from playwright.async_api import FilePayload, Page, expect

from tests.e2e.house import FRIEND, HOST, NEWCOMER, House
from tests.games.archives import zipped

Act = Callable[[Page], Awaitable[None]]
State = Literal["loaded", "empty", "failing", "open"]


@dataclass(frozen=True)
class Scene:
    """A page as somebody sees it. In `path`, GAME, REMOVED and USER stand for the ids of a game, of one that was
    removed, and of a friend, INVITATION and RESET for the secrets of links."""

    name: str
    path: str
    who: str = ""  # a stranger
    act: Act | None = None
    state: State = "loaded"
    in_empty_house: bool = False
    status: int = 200
    is_as_high_as_the_window: bool = False

    def address(self, house: House) -> str:
        """Where it is in that house."""
        game = house.games[1] if house.games else ""
        path = self.path.replace("GAME", game).replace("REMOVED", house.removed)
        path = path.replace("USER", house.ids.get("jon", ""))
        return path.replace("INVITATION", house.invitation).replace("RESET", house.reset)


async def arrive(page: Page, scene: Scene, house: House) -> None:
    """Open a scene and do what brings it about; waits until it is drawn."""
    answer = await page.goto(scene.address(house))
    assert answer is not None
    assert answer.status == scene.status, f"{scene.name}: {answer.status}"
    await page.wait_for_selector("h1", state="attached")
    await page.wait_for_load_state("networkidle")
    if scene.act is not None:
        await scene.act(page)
    await page.evaluate("document.fonts.ready")


async def _open_menu(page: Page) -> None:
    await page.locator("details.menu > summary").click()
    await expect(page.locator(".menu-sheet")).to_be_visible()


async def _make_token(page: Page) -> None:
    await page.get_by_label("Name of the program").fill("another bot")
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.locator(".secret")).to_be_visible()


async def _go_wrong(page: Page) -> None:
    """A wrong password, a limit that is no number, a token without a name."""
    await page.get_by_label("Current password").fill("wrong password")
    await page.get_by_label("New password").fill("another long password")
    await page.get_by_role("button", name="Change the password").click()
    await page.get_by_label("A lower limit").fill("many")
    await page.get_by_role("button", name="Set limit").click()
    await page.get_by_label("Name of the program").fill(" ")
    await page.get_by_role("button", name="Make a token").click()
    await expect(page.locator(".notice.error")).to_have_count(3)
    await page.get_by_role("button", name="Revoke").first.click()


async def _show_figures(page: Page) -> None:
    await page.get_by_text("Show the figures").first.click()
    await expect(page.locator(".figures-table").first).to_be_visible()


async def _lose_the_connection(page: Page) -> None:
    await page.context.set_offline(True)
    await page.evaluate("window.socket.io.engine.close()")
    await expect(page.locator("#popup")).to_be_visible()


async def _upload_what_is_no_game(page: Page) -> None:
    bad: FilePayload = {
        "name": "bad.zip",
        "mimeType": "application/zip",
        "buffer": zipped({"../up.js": b"", "CON": b""}),
    }
    await page.set_input_files("[data-upload] input[name=file]", files=[bad])
    await page.get_by_role("button", name="Publish").click()
    await expect(page.locator("[data-problems] li").first).to_be_visible()


async def _set_what_is_no_limit(page: Page) -> None:
    for save in ("Save limits", "Save bounds"):
        form = page.locator("form").filter(has=page.get_by_role("button", name=save))
        await form.get_by_role("textbox").first.fill("many")
        await form.get_by_role("button", name=save).click()
    await expect(page.locator(".notice.error")).to_have_count(2)
    await expect(page.get_by_text("not ready").or_(page.get_by_text("not set up")).first).to_be_visible()


async def _open_new_user(page: Page) -> None:
    await page.get_by_role("button", name="New user").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def _refused_new_user(page: Page) -> None:
    await _open_new_user(page)
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Username").fill(FRIEND)
    await dialog.get_by_label("Password").first.fill("a long password")
    await dialog.locator("button[type=submit]").click()
    await expect(dialog.locator(".notice.error")).to_be_visible()


async def _edit_user(page: Page) -> None:
    await page.get_by_role("button", name="Edit").first.click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def _delete_user(page: Page) -> None:
    await page.get_by_role("button", name="Delete").first.click()
    await expect(page.get_by_role("dialog")).to_be_visible()


async def _invite(page: Page) -> None:
    await page.get_by_role("button", name="Invite a friend").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.get_by_role("dialog").locator("button[type=submit]").click()
    await expect(page.get_by_role("dialog").get_by_role("button", name="Copy")).to_be_visible()


async def _switch_off(page: Page) -> None:
    await page.get_by_role("switch", name="Models").click()
    await expect(page.get_by_role("dialog")).to_be_visible()


SCENES: tuple[Scene, ...] = (
    Scene("login", "/login"),
    Scene("login-wrong", "/login?error=wrong", state="failing"),
    Scene("login-plain", "/login-in-a-rush", state="failing"),
    Scene("error-404", "/nope", status=404, state="failing"),
    Scene("error-403", "/admin", FRIEND, status=403, state="failing"),
    Scene("error-500", "/breaks", status=500, state="failing"),
    Scene("error-503", "/busy", status=503, state="failing"),
    Scene("games", "/", FRIEND),
    Scene("games-menu", "/", FRIEND, _open_menu, state="open", is_as_high_as_the_window=True),
    Scene("games-none", "/?q=zzzz", FRIEND, state="empty"),
    Scene("games-empty", "/", HOST, state="empty", in_empty_house=True),
    Scene("games-mine", "/?show=mine", FRIEND),
    Scene("games-mine-empty", "/?show=mine", NEWCOMER, state="empty"),
    Scene("games-favourites", "/?show=favourites", FRIEND),
    Scene("games-favourites-empty", "/?show=favourites", NEWCOMER, state="empty"),
    Scene("games-lost", "/", FRIEND, _lose_the_connection, state="failing", is_as_high_as_the_window=True),
    Scene("play", "/play/GAME", FRIEND, is_as_high_as_the_window=True),
    Scene("play-gone", "/play/gone", FRIEND, status=404, state="failing"),
    Scene("upload", "/upload", FRIEND),
    Scene("upload-refused", "/upload", FRIEND, _upload_what_is_no_game, state="failing"),
    Scene("edit", "/games/GAME/edit", FRIEND),
    Scene("edit-removed", "/games/REMOVED/edit", FRIEND, state="empty"),
    Scene("account", "/account", FRIEND),
    Scene("account-figures", "/account?days=365", FRIEND, _show_figures, state="open"),
    Scene("account-token", "/account", FRIEND, _make_token, state="open"),
    Scene("account-wrong", "/account", FRIEND, _go_wrong, state="failing"),
    Scene("account-empty", "/account", NEWCOMER, state="empty"),
    Scene("docs", "/docs", FRIEND),
    Scene("docs-source", "/docs/examples/eggs", FRIEND),
    Scene("docs-api", "/api/docs", FRIEND),
    Scene("invitation", "/invitation/INVITATION"),
    Scene("invitation-taken", "/invitation/INVITATION?error=taken", state="failing"),
    Scene("reset", "/reset/RESET"),
    Scene("invitation-gone", "/invitation/nope", status=404, state="failing"),
    Scene("reset-gone", "/reset/nope", status=404, state="failing"),
    Scene("admin-live", "/admin", HOST),
    Scene("admin-live-empty", "/admin", HOST, state="empty", in_empty_house=True),
    Scene("admin-users", "/admin/users", HOST),
    Scene("admin-users-none", "/admin/users?q=zzzz", HOST, state="empty"),
    Scene("admin-users-new", "/admin/users", HOST, _open_new_user, state="open", is_as_high_as_the_window=True),
    Scene("admin-users-taken", "/admin/users", HOST, _refused_new_user, state="failing", is_as_high_as_the_window=True),
    Scene("admin-users-edit", "/admin/users", HOST, _edit_user, state="open", is_as_high_as_the_window=True),
    Scene("admin-user", "/admin/users/USER", HOST),
    Scene("admin-user-delete", "/admin/users/USER", HOST, _delete_user, state="open", is_as_high_as_the_window=True),
    Scene("admin-invitations", "/admin/invitations", HOST),
    Scene("admin-invitations-empty", "/admin/invitations", HOST, state="empty", in_empty_house=True),
    Scene("admin-invite", "/admin/users", HOST, _invite, state="open", is_as_high_as_the_window=True),
    Scene("admin-usage", "/admin/usage", HOST),
    Scene("admin-usage-empty", "/admin/usage", HOST, state="empty", in_empty_house=True),
    Scene("admin-usage-none", "/admin/usage?model=none", HOST, state="empty"),
    Scene("admin-games", "/admin/games", HOST),
    Scene("admin-games-empty", "/admin/games", HOST, state="empty", in_empty_house=True),
    Scene("admin-audit", "/admin/audit", HOST),
    Scene("admin-audit-empty", "/admin/audit", HOST, state="empty", in_empty_house=True),
    Scene("admin-settings", "/admin/settings", HOST),
    Scene("admin-settings-empty", "/admin/settings", HOST, state="empty", in_empty_house=True),
    Scene("admin-settings-wrong", "/admin/settings", HOST, _set_what_is_no_limit, state="failing"),
    Scene("admin-settings-off", "/admin/settings", HOST, _switch_off, state="open", is_as_high_as_the_window=True),
)
