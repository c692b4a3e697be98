"""The play page: who sees it, what it may frame, and what it says about a game."""

from pathlib import Path

import httpx
import pytest
from nicegui.testing import User

from tests import factories
from tests.factories import PASSWORD, Factory, sign_in
from vanilla.games.access import HOST
from vanilla.games.views import GameView
from vanilla.models import utc_now
from vanilla.services import Services
from vanilla.usage.ledger import Entry


@pytest.fixture
async def game(services: Services, make: Factory, tmp_path: Path) -> GameView:
    owner = await make.user("ada")
    (tmp_path / "snail").mkdir()
    (tmp_path / "snail" / "index.html").write_text("<p>snail")
    return await services.catalogue.publish_folder(
        owner.id, tmp_path / "snail", title="Snail <Rally>", description="The slowest race."
    )


async def test_nobody_is_sent_to_sign_in_and_back(client: httpx.AsyncClient, game: GameView) -> None:
    answer = await client.get(f"/play/{game.id}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next=/play/{game.id}")


async def test_a_game_that_is_not_there_is_said_not_to_be(make: Factory, services: Services, game: GameView) -> None:
    browser = await make.signed_in()
    assert (await browser.get("/play/nothing")).status_code == 404
    await services.removals.remove(game.id, by=HOST)
    assert (await browser.get(f"/play/{game.id}")).status_code == 404


async def test_it_may_frame_this_games_files_alone_and_nobody_may_frame_it(make: Factory, game: GameView) -> None:
    browser = await make.signed_in()
    policy = (await browser.get(f"/play/{game.id}")).headers["content-security-policy"]
    files = (await browser.post(f"/api/games/{game.id}/play")).json()["url"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["frame-src"] == f"http://test{files}"
    assert directives["frame-ancestors"] == "'none'"
    elsewhere = (await browser.get("/")).headers["content-security-policy"]
    assert "frame-src 'none'" in elsewhere


async def test_the_page_holds_no_play_token_and_counts_no_play(
    make: Factory, services: Services, game: GameView
) -> None:
    page = await (await make.signed_in()).get(f"/play/{game.id}")
    assert "vp_" not in page.text
    assert (await services.catalogue.get(game.id)).plays == 0


async def test_it_says_whose_game_it_is_and_what_it_has_used(
    user: User, services: Services, make: Factory, game: GameView
) -> None:
    player = await make.user("mira")
    spent = Entry(
        id="1",
        timestamp=utc_now(),
        user_id=player.id,
        backend="ollama",
        model="m",
        prompt_tokens=1000,
        completion_tokens=234,
        game_id=game.id,
    )
    await factories.record(services.database, spent)
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open(f"/play/{game.id}")
    await user.should_see("Snail <Rally>")
    await user.should_see("by ada")
    await user.should_see("never type your password here")
    await user.should_see("You have used 1,234 tokens in this game.")
