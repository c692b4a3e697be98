"""The upload page: what it says before anything is sent. Sending is in tests/e2e/test_upload.py."""

from nicegui.testing import User as Browser

from tests.factories import PASSWORD, Factory, sign_in
from tests.games.archives import PAGE
from vanilla.settings import Settings


async def test_only_for_those_who_are_signed_in(user: Browser) -> None:
    answer = await user.http_client.get("/upload")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/upload")


async def test_says_what_fits_and_that_a_model_is_there(user: Browser, make: Factory, settings: Settings) -> None:
    await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.http_client.post("/api/games", files={"file": ("a.html", PAGE + bytes(3_000_000))})
    await user.open("/upload")
    await user.should_see(f"At most {settings.max_upload_mb} MB, 2,000 files and 500 MB unpacked.")
    await user.should_see("Your games take 3 of 1,000 MB.")
    await user.should_see("fetch('/api/inference/...')")
    await user.should_see("How to call a model from a game")
    await user.should_see("Choose a folder")
    await user.should_see("Save as a draft")
