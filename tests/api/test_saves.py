"""Saves over HTTP: whose they are, from where, how much, and that a killed server keeps what it acknowledged."""

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.factories import ADMIN_PASSWORD, Factory, sign_in
from tests.servers import ServerProcess
from vanilla.games import entries
from vanilla.games.access import Someone
from vanilla.models import Game, User
from vanilla.services import Services


@pytest.fixture
async def mira(make: Factory) -> User:
    return await make.user("mira")


@pytest.fixture
async def browser(make: Factory, mira: User) -> httpx.AsyncClient:
    return await make.signed_in(mira)


@pytest.fixture
async def game(make: Factory) -> Game:
    return await make.game(title="Snail Rally: the 2nd")


def changing(area: str = "local", batch: str = "b1", **change: Any) -> dict[str, Any]:
    return {"batch": batch, "changes": {area: change}}


async def contents(client: httpx.AsyncClient, game: Game) -> dict[str, dict[str, str]]:
    answer = await client.get(f"/api/games/{game.id}/saves")
    assert answer.status_code == 200, answer.text
    found: dict[str, dict[str, str]] = answer.json()["contents"]
    return found


SEGMENT = b'\x11\x00\x00\x00{"set":[["a",3]]}abc'


class TestWhose:
    async def test_nobody_a_program_and_a_game_get_at_nothing(
        self, client: httpx.AsyncClient, make: Factory, mira: User, game: Game
    ) -> None:
        callers = {401: client, 403: await make.with_api_token(mira)}
        playing = await make.playing(mira, game)
        for status, caller in [*callers.items(), (403, playing)]:
            for method, path in (
                ("GET", ""), ("POST", ""), ("DELETE", ""), ("GET", "/databases"), ("POST", "/databases?batch=b"),
                ("GET", "/export"), ("POST", "/import"),
            ):  # fmt: skip
                body = {"json": changing(set={"a": "1"})} if method == "POST" else {}
                answer = await caller.request(method, f"/api/games/{game.id}/saves{path}", **body)  # type: ignore[arg-type]
                assert (method, path, answer.status_code) == (method, path, status)

    async def test_another_site_and_a_game_in_its_frame_get_at_nothing(
        self, browser: httpx.AsyncClient, game: Game
    ) -> None:
        path = f"/api/games/{game.id}/saves"
        assert (await browser.post(path, json=changing(set={"a": "1"}))).status_code == 200
        for headers in (
            {"origin": "null"}, {"origin": "https://evil.example"}, {"origin": "http://test:81"},
            {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
        ):  # fmt: skip
            for read in ("", "/databases", "/export"):
                answer = await browser.get(path + read, headers=headers)
                assert answer.status_code == 401
                assert "access-control-allow-origin" not in answer.headers
            for write in ("", "/databases?batch=x", "/import"):
                answer = await browser.post(path + write, json=changing(batch="x", set={"a": "2"}), headers=headers)
                assert answer.status_code == 403
            assert (await browser.delete(path, headers=headers)).status_code == 403
        assert (await contents(browser, game))["local"] == {"a": "1"}

    async def test_everybody_has_their_own(self, browser: httpx.AsyncClient, make: Factory, game: Game) -> None:
        ada, admin = await make.signed_in(), await make.admin()
        path = f"/api/games/{game.id}/saves"
        await browser.post(path, json=changing(set={"a": "mira's"}))
        await browser.post(f"{path}/databases?batch=b", content=SEGMENT)
        for other in (ada, admin):
            assert (await contents(other, game))["local"] == {}
            assert (await other.get(f"{path}/databases")).content == b""
            assert (await other.get(f"{path}/export")).status_code == 404
            assert (await other.delete(path)).status_code == 204
        assert (await contents(browser, game))["local"] == {"a": "mira's"}
        assert (await browser.get(f"{path}/databases")).content == SEGMENT

    @pytest.mark.parametrize("game_id", ["nothing", "..%2fsnail", "%00", "a" * 300, "%2e%2e"])
    async def test_a_forged_game_is_not_found(
        self, browser: httpx.AsyncClient, services: Services, game_id: str
    ) -> None:
        answer = await browser.post(f"/api/games/{game_id}/saves", json=changing(set={"a": "1"}))
        assert answer.status_code in (404, 405)
        assert (await browser.get(f"/api/games/{game_id}/saves")).status_code in (404, 405)
        assert list((services.settings.data_dir / "saves").iterdir()) == []

    async def test_a_game_that_is_not_open_to_them_saves_nothing(
        self, browser: httpx.AsyncClient, make: Factory, services: Services, game: Game
    ) -> None:
        draft = await make.game(visibility="draft")
        assert (await browser.post(f"/api/games/{draft.id}/saves", json=changing(set={"a": "1"}))).status_code == 404
        path = f"/api/games/{game.id}/saves"
        await browser.post(path, json=changing(set={"a": "1"}))
        await services.removals.remove(game.id, Someone(game.owner_id))
        assert (await browser.post(path, json=changing(batch="b2", set={"a": "2"}))).status_code == 404
        # What is theirs can still be had and forgotten.
        assert (await browser.get(f"{path}/export")).json()["local"] == {"a": "1"}
        assert (await browser.delete(path)).status_code == 204
        assert (await browser.get(f"{path}/export")).status_code == 404


class TestChange:
    async def test_changes_are_merged_and_counted(self, browser: httpx.AsyncClient, game: Game) -> None:
        path = f"/api/games/{game.id}/saves"
        first = (await browser.post(path, json=changing(set={"a": "1", "b": "2"}))).json()
        assert (first["revision"], first["batches"]) == (1, ["b1"])
        again = (await browser.post(path, json=changing(set={"a": "1", "b": "2"}))).json()
        assert again["revision"] == 1
        await browser.post(path, json=changing(batch="b2", remove=["a"]))
        read = (await browser.get(path)).json()
        assert (read["revision"], read["contents"]["local"]) == (2, {"b": "2"})
        assert read["updated_at"] >= first["updated_at"]

    async def test_two_writers_at_once_lose_nothing(self, make: Factory, mira: User, game: Game) -> None:
        async def write(client: httpx.AsyncClient, name: str) -> None:
            for number in range(200):
                body = changing(batch=f"{name}{number}", set={f"{name}{number}": "x"})
                assert (await client.post(f"/api/games/{game.id}/saves", json=body)).status_code == 200

        clients = [await make.signed_in(mira) for _ in range(2)]
        await asyncio.gather(*(write(client, name) for client, name in zip(clients, "ab", strict=True)))
        assert len((await contents(clients[0], game))["local"]) == 400

    async def test_every_text_comes_back(self, browser: httpx.AsyncClient, game: Game) -> None:
        # As a browser writes them: pairs as UTF-8, what is alone as an escape.
        body = '{"batch":"b1","changes":{"local":{"set":{"\\ud800":"\\u0000","😀":"\\udc00\\ud800"}}}}'
        answer = await browser.post(f"/api/games/{game.id}/saves", content=body.encode())
        assert answer.status_code == 200
        assert (await contents(browser, game))["local"] == {"\ud800": "\0", "😀": "\udc00\ud800"}
        begun = (await browser.post(f"/api/games/{game.id}/play")).json()
        boot = json.loads(begun["name"])
        assert boot["saves"]["contents"]["local"] == {"\ud800": "\0", "😀": "\udc00\ud800"}
        assert boot["saves"]["revision"] == 1

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b'{"changes":{}}', b'{"batch":"","changes":{}}', b'{"batch":1,"changes":{}}',
         b'{"batch":"b"}', b'{"batch":"b","changes":[]}', b'{"batch":"b","changes":{"other":{}}}',
         b'{"batch":"a b","changes":{}}', b"\xff\xfe"],
    )  # fmt: skip
    async def test_what_is_no_change_is_refused_with_a_sentence(
        self, browser: httpx.AsyncClient, game: Game, body: bytes
    ) -> None:
        answer = await browser.post(f"/api/games/{game.id}/saves", content=body)
        assert answer.status_code == 422
        assert answer.json()["error"]["message"].endswith(".")

    async def test_too_much_is_refused_with_a_sentence(self, browser: httpx.AsyncClient, game: Game) -> None:
        path = f"/api/games/{game.id}/saves"
        assert (await browser.post(path, json=changing(set={"k": "x" * (entries.MOST_UNITS - 1)}))).status_code == 200
        answer = await browser.post(path, json=changing(batch="b2", set={"l": ""}))
        assert answer.status_code == 413
        assert "5 MB" in answer.json()["error"]["message"]
        huge = await browser.post(path, content=b"x" * 40_000_000)
        assert huge.status_code == 413

        async def endless() -> Any:
            for _ in range(40):
                yield b"x" * 1_000_000

        assert (await browser.post(path, content=endless())).status_code == 413
        assert len((await contents(browser, game))["local"]["k"]) == entries.MOST_UNITS - 1


class TestDatabases:
    async def test_segments_come_back_in_their_order(self, browser: httpx.AsyncClient, game: Game) -> None:
        path = f"/api/games/{game.id}/saves/databases"
        for batch in ("b1", "b1", "b2"):
            assert (await browser.post(f"{path}?batch={batch}", content=SEGMENT)).status_code == 200
        answer = await browser.get(path)
        assert (answer.content, answer.headers["x-save-revision"]) == (SEGMENT * 2, "2")
        assert answer.headers["cache-control"] == "no-store"

    async def test_what_is_none_or_too_much_is_refused(
        self, browser: httpx.AsyncClient, services: Services, game: Game
    ) -> None:
        path = f"/api/games/{game.id}/saves/databases"
        assert (await browser.post(path, content=SEGMENT)).status_code == 422
        assert (await browser.post(f"{path}?batch=b", content=b"nothing")).status_code == 422
        services.settings.max_databases_mb = 1
        assert (await browser.post(f"{path}?batch=b", content=b"x" * 2_100_000)).status_code == 413


class TestKeptFile:
    async def test_it_is_a_download_that_can_be_brought_back(self, browser: httpx.AsyncClient, game: Game) -> None:
        path = f"/api/games/{game.id}/saves"
        await browser.post(path, json=changing(set={"a": "1"}))
        await browser.post(f"{path}/databases?batch=b", content=SEGMENT)
        kept = await browser.get(f"{path}/export")
        assert kept.headers["content-disposition"] == 'attachment; filename="snail-rally-the-2nd-saves.json"'
        assert kept.json()["databases"] == {"a": "YWJj"}
        assert (await browser.delete(path)).status_code == 204
        assert (await contents(browser, game))["local"] == {}
        assert (await browser.post(f"{path}/import", content=kept.content)).status_code == 204
        assert (await contents(browser, game))["local"] == {"a": "1"}
        assert (await browser.get(f"{path}/databases")).content.endswith(b"abc")
        assert (await browser.post(f"{path}/import", content=b"{}")).status_code == 422


async def test_a_server_that_is_killed_keeps_what_it_acknowledged_and_nothing_by_halves(tmp_path: Path) -> None:
    server = ServerProcess(
        DATA_DIR=str(tmp_path), ADMIN_PASSWORD=ADMIN_PASSWORD, LOCAL_MODEL="off", OLLAMA_URL="",
        EXAMPLE_GAMES="true", MIN_FREE_DISK_MB="0",
    )  # fmt: skip
    acknowledged, path = -1, ""
    for round_ in range(2):
        await server.start()
        async with httpx.AsyncClient(base_url=server.origin) as client:
            await sign_in(client, "admin", ADMIN_PASSWORD)
            path = f"/api/games/{(await client.get('/api/games')).json()['items'][0]['id']}/saves"
            kept = (await client.get(path)).json()["contents"]["local"]
            # One change sets both: they are always of the same change.
            assert kept.get("a") == kept.get("b")
            assert int(kept.get("a", "-1").rstrip("x")) >= acknowledged
            killing = asyncio.create_task(kill_soon(server))
            for number in range(round_ * 10_000, 10_000_000):
                value = f"{number}{'x' * 300_000}"
                body = {"batch": str(number), "changes": {"local": {"set": {"a": value, "b": value}}}}
                try:
                    answer = await client.post(path, json=body)
                except httpx.TransportError:
                    break
                assert answer.status_code == 200
                acknowledged = number
            await killing
            assert acknowledged >= round_ * 10_000
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=server.origin) as client:
            await sign_in(client, "admin", ADMIN_PASSWORD)
            kept = (await client.get(path)).json()["contents"]["local"]
            assert kept["a"] == kept["b"]
            assert int(kept["a"].rstrip("x")) >= acknowledged
            assert len(kept["a"]) > 300_000
            (user,) = (tmp_path / "saves").iterdir()
            assert len(list(next(user.iterdir()).iterdir())) == 1, "what the kills left was swept"
    finally:
        await server.stop(signal.SIGKILL)


async def kill_soon(server: ServerProcess) -> None:
    await asyncio.sleep(0.7)  # some way into the changes, wherever that is
    await server.stop(signal.SIGKILL)
