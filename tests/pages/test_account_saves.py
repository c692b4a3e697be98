"""Saves on the account page."""

from nicegui.testing import User as Browser

from tests.factories import PASSWORD, Factory, sign_in
from vanilla.games import entries
from vanilla.games.access import Someone
from vanilla.services import Services


async def keep(services: Services, user_id: str, game_id: str, text: str) -> None:
    changes = entries.checked_changes({"local": {"set": {"a": text}}})
    await services.saves.change(Someone(user_id), game_id, f"{user_id}{game_id}", changes)


async def test_says_so_where_nothing_is_saved(user: Browser, make: Factory, services: Services) -> None:
    ada = await make.user("ada")
    await keep(services, ada.id, (await make.game(title="Somebody else's")).id, "1")
    await make.user("mira")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    await user.should_see("No game has saved anything for you yet.")
    await user.should_not_see("Somebody else's")


async def test_what_games_keep_is_listed_and_can_be_exported(user: Browser, make: Factory, services: Services) -> None:
    mira = await make.user("mira")
    games = await make.game(title="<b>Snail</b>"), await make.game(title="Dragon")
    for game, size in zip(games, (5000, 2_500_000), strict=True):
        await keep(services, mira.id, game.id, "x" * size)
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    for words in ("<b>Snail</b>", "5 kB", "Dragon", "2.5 MB", "just now"):
        await user.should_see(words)
    assert user.client is not None
    exports = {e.props.get("href") for e in user.client.elements.values() if getattr(e, "text", "") == "Export"}
    assert exports == {f"/api/games/{game.id}/saves/export" for game in games}


async def test_a_reset_asks_once_more_and_forgets(user: Browser, make: Factory, services: Services) -> None:
    mira = await make.user("mira")
    await keep(services, mira.id, (await make.game(title="Snail")).id, "1")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    user.find("Reset").click()
    await user.should_see("Forget it for good")
    assert await services.saves.games_of(mira.id), "one press is not enough"
    user.find("Forget it for good").click()
    await user.should_see("Snail starts anew the next time you play it.")
    await user.should_see("No game has saved anything for you yet.")
    assert not await services.saves.games_of(mira.id)


async def test_somebody_who_is_out_resets_nothing(user: Browser, make: Factory, services: Services) -> None:
    mira = await make.user("mira")
    await keep(services, mira.id, (await make.game(title="Snail")).id, "1")
    await sign_in(user.http_client, "mira", PASSWORD)
    await user.open("/account")
    assert user.client is not None
    user.client.storage.clear()  # as if the page had not been closed yet
    await services.sessions.close_all(mira.id)
    user.find("Reset").click()
    user.find("Forget it for good").click()
    await user.should_see("You are signed out: sign in again.")
    assert await services.saves.games_of(mira.id)
