"""Game files by capability, the SDK, and play tokens over HTTP."""

import gzip
import json
from pathlib import Path

import httpx
import pytest

from tests.factories import Factory
from vanilla.accounts.users import UserChanges
from vanilla.games import sandbox
from vanilla.games.access import HOST
from vanilla.games.views import GameView
from vanilla.models import User
from vanilla.services import Services

LARGE = b"<!doctype html><head></head>" + "ö".encode() * 1_300_000  # a character lies across the first MB's end
FILES = {
    "large.html": LARGE,
    "index.html": b"<!doctype html><html><head><title>Snail</title></head></html>",
    "deep/index.html": b"<p>deep",
    "deep/other.htm": b"<p>other",
    "js/main.js": b"export const answer = 42;",
    "art/picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>',
    "sound.bin": bytes(range(100)),
    "a b+é.txt": b"words",
    "build/game.wasm.gz": gzip.compress(b"wasm"),
    "save.gz": gzip.compress(b"saved"),
}


@pytest.fixture
async def owner(make: Factory) -> User:
    return await make.user("ada")


@pytest.fixture
async def game(services: Services, owner: User, tmp_path: Path) -> GameView:
    folder = tmp_path / "snail"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return await services.catalogue.publish_folder(owner.id, folder, title="Snail Rally", description="")


@pytest.fixture
def files(services: Services, game: GameView) -> str:
    """The path below which the game's files are."""
    key = services.settings.signing_key
    return sandbox.files_path(game.id, sandbox.capability(key, game.id, game.version, game.capability_epoch))


def is_sandboxed(answer: httpx.Response) -> bool:
    policy = answer.headers.get("content-security-policy", "")
    return (
        policy.startswith("sandbox")
        and "allow-same-origin" not in policy
        and "allow-popups" not in policy
        and answer.headers["access-control-allow-origin"] == "*"
        and answer.headers["x-content-type-options"] == "nosniff"
        and answer.headers["referrer-policy"] == "no-referrer"
        and answer.headers["cross-origin-resource-policy"] == "cross-origin"
        and "access-control-allow-credentials" not in answer.headers
        and "set-cookie" not in answer.headers
    )


class TestLargePages:
    async def test_arrive_whole_with_the_sdk_and_as_utf8(self, client: httpx.AsyncClient, files: str) -> None:
        answer = await client.get(f"{files}large.html")
        before, _, rest = answer.content.partition(b'<script src="/static/vanilla.js')
        assert before + rest.partition(b"</script>")[2] == LARGE
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        head = await client.head(f"{files}large.html")
        assert head.headers["content-length"] == answer.headers["content-length"] == str(len(answer.content))
        assert is_sandboxed(answer)


class TestAddress:
    async def test_the_address_of_a_game_leads_to_its_play_page(self, client: httpx.AsyncClient) -> None:
        for method in ("GET", "HEAD"):
            for path in ("/games/abc", "/games/abc/"):
                answer = await client.request(method, path)
                assert (answer.status_code, answer.headers["location"]) == (303, "/play/abc")

    async def test_a_file_opened_as_a_tab_leads_there_too(self, client: httpx.AsyncClient, files: str) -> None:
        answer = await client.get(f"{files}index.html", headers={"sec-fetch-dest": "document"})
        assert answer.status_code == 303
        assert answer.headers["location"] == f"/play/{files.split('/')[2]}"
        assert answer.headers["cache-control"] == "no-store"
        assert is_sandboxed(answer)

    async def test_no_name_turns_the_redirect_elsewhere(self, client: httpx.AsyncClient) -> None:
        answer = await client.get("/games/%2f%2fevil.example%0d%0ax/")
        assert answer.headers.get("location", "/play/").startswith("/play/")
        assert "x" not in answer.headers


class TestFiles:
    async def test_every_file_is_there_byte_for_byte_but_for_the_sdk(
        self, client: httpx.AsyncClient, files: str
    ) -> None:
        for name, stored in FILES.items():
            answer = await client.get(httpx.URL(f"http://test{files}").join(name))
            content = answer.content
            if name.endswith((".html", ".htm")):
                assert content.count(b'<script src="/static/vanilla.js?v=') == 1
                content = content.split(b"<script")[0] + content.split(b"</script>")[1]
            # The client unpacks a packed build, as a browser does.
            expected = gzip.decompress(stored) if name == "build/game.wasm.gz" else stored
            assert (name, answer.status_code, content) == (name, 200, expected)
            assert is_sandboxed(answer)

    async def test_the_root_and_folders_give_their_pages(self, client: httpx.AsyncClient, files: str) -> None:
        assert b"Snail" in (await client.get(files)).content
        assert b"deep" in (await client.get(f"{files}deep/")).content

    async def test_types_are_told_by_name(self, client: httpx.AsyncClient, files: str) -> None:
        async def told(name: str) -> str:
            return (await client.get(files + name)).headers["content-type"]

        assert await told("js/main.js") == "text/javascript; charset=utf-8"
        assert await told("art/picture.svg") == "image/svg+xml"
        assert await told("sound.bin") == "application/octet-stream"
        assert await told("index.html") == "text/html; charset=utf-8"

    async def test_packed_builds_say_how_they_are_packed_and_other_archives_stay_archives(
        self, client: httpx.AsyncClient, files: str
    ) -> None:
        packed = await client.head(f"{files}build/game.wasm.gz")
        assert (packed.headers["content-encoding"], packed.headers["content-type"]) == ("gzip", "application/wasm")
        assert "content-encoding" not in (await client.get(f"{files}save.gz")).headers

    async def test_head_tells_the_same_without_the_body(self, client: httpx.AsyncClient, files: str) -> None:
        for name in ("index.html", "sound.bin"):
            get, head = await client.get(files + name), await client.head(files + name)
            assert head.content == b""
            assert head.headers["content-length"] == str(len(get.content))
            assert is_sandboxed(head)

    async def test_what_is_no_file_of_the_game_is_not_found_and_sandboxed(
        self, client: httpx.AsyncClient, files: str
    ) -> None:
        names = "nothing.js deep %2e%2e/index.html ..%2f..%2fvanilla.db manifest.json files/index.html INDEX.HTML"
        for name in [*names.split(), "index.html%00", "js%2fmain.js%2f", "nothing/"]:
            request = client.build_request("GET", "/")
            request.url = httpx.URL(f"http://test{files}").copy_with(raw_path=(files + name).encode())
            answer = await client.send(request)
            assert (name, answer.status_code) == (name, 404)
            assert is_sandboxed(answer)
            assert answer.headers["content-type"].startswith("text/plain")

    async def test_a_wrong_capability_opens_nothing(self, client: httpx.AsyncClient, files: str) -> None:
        wrong = files[:-2] + ("A" if files[-2] != "A" else "B") + "/"
        for path in (
            f"{wrong}index.html",
            "/games/nothing/1.abc/index.html",
            f"{files.replace('/1.', '/2.')}index.html",
        ):
            answer = await client.get(path)
            assert answer.status_code == 404
            assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
            assert is_sandboxed(answer)

    async def test_files_of_a_removed_game_are_gone_at_once(
        self, client: httpx.AsyncClient, services: Services, game: GameView, files: str
    ) -> None:
        assert (await client.get(f"{files}index.html")).status_code == 200
        await services.removals.remove(game.id, by=HOST)
        answer = await client.get(f"{files}index.html")
        assert answer.status_code == 404
        assert is_sandboxed(answer)

    async def test_an_earlier_version_stays_for_those_who_play_it(
        self, client: httpx.AsyncClient, services: Services, game: GameView, files: str, tmp_path: Path
    ) -> None:
        page = tmp_path / "new.html"
        page.write_text("<p>second")
        async with services.files.staging() as staging:
            bundle = await services.catalogue.unpack(page, "html", staging / "unpacked")
            await services.versions.add(game.id, bundle, by=HOST)
        assert b"Snail" in (await client.get(files)).content

    async def test_credentials_count_for_nothing(self, make: Factory, files: str, client: httpx.AsyncClient) -> None:
        nobody = await client.get(f"{files}index.html", headers={"authorization": "Bearer wrong", "cookie": "x=1"})
        somebody = await (await make.signed_in()).get(f"{files}index.html")
        assert nobody.content == somebody.content
        assert (nobody.status_code, somebody.status_code) == (200, 200)

    async def test_nothing_can_be_sent_to_a_file(self, client: httpx.AsyncClient, files: str) -> None:
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = await client.request(method, f"{files}index.html")
            assert answer.status_code == 405
            assert is_sandboxed(answer)

    async def test_a_preflight_allows_reading(self, client: httpx.AsyncClient, files: str) -> None:
        asked = {"origin": "null", "access-control-request-method": "GET", "access-control-request-headers": "x-a"}
        answer = await client.options(f"{files}sound.bin", headers=asked)
        assert answer.status_code == 204
        assert answer.headers["access-control-allow-headers"] == "x-a"
        assert is_sandboxed(answer)


class TestCaching:
    async def test_assets_are_kept_for_ever_and_pages_are_asked_for_again(
        self, client: httpx.AsyncClient, files: str
    ) -> None:
        assert "immutable" in (await client.get(f"{files}sound.bin")).headers["cache-control"]
        assert (await client.get(f"{files}index.html")).headers["cache-control"] == "no-cache"

    async def test_a_known_file_is_not_sent_again(self, client: httpx.AsyncClient, files: str) -> None:
        for name in ("sound.bin", "index.html"):
            etag = (await client.get(files + name)).headers["etag"]
            for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
                answer = await client.get(files + name, headers={"if-none-match": known})
                assert (answer.status_code, answer.content) == (304, b"")
                assert is_sandboxed(answer)
            assert (await client.get(files + name, headers={"if-none-match": '"x"'})).status_code == 200

    async def test_a_part_of_a_file_can_be_asked_for(self, client: httpx.AsyncClient, files: str) -> None:
        part = await client.get(f"{files}sound.bin", headers={"range": "bytes=10-19"})
        assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
        assert part.headers["content-range"] == "bytes 10-19/100"
        assert is_sandboxed(part)
        beyond = await client.get(f"{files}sound.bin", headers={"range": "bytes=200-"})
        assert beyond.status_code == 416
        assert is_sandboxed(beyond)


class TestSdk:
    async def test_the_address_in_a_page_gives_the_sdk_for_ever_and_to_anybody(
        self, client: httpx.AsyncClient, files: str
    ) -> None:
        page = (await client.get(f"{files}index.html")).text
        address = page.split('src="')[1].split('"')[0]
        answer = await client.get(address)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["content-type"].startswith("text/javascript")
        assert len(answer.content) < 25_000

    async def test_its_part_for_databases_is_there_under_the_same_version_and_names_whose_work_it_is(
        self, client: httpx.AsyncClient, files: str
    ) -> None:
        sdk = (await client.get(f"{files}index.html")).text.split('src="')[1].split('"')[0]
        answer = await client.get(sdk.replace("vanilla.js", "vanilla-databases.js"))
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "fake-indexeddb 6.2.8, Copyright 2017 Jeremy Scheff, under the Apache License 2.0" in answer.text
        assert len(answer.content) < 90_000

    async def test_an_old_address_is_not_kept(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/static/vanilla.js?v=old")).headers["cache-control"] == "no-cache"


class TestBegin:
    async def test_nobody_and_programs_cannot_play(
        self, client: httpx.AsyncClient, make: Factory, game: GameView
    ) -> None:
        assert (await client.post(f"/api/games/{game.id}/play")).status_code == 401
        program = await make.with_api_token()
        assert (await program.post(f"/api/games/{game.id}/play")).status_code == 403

    async def test_it_counts_a_play_and_gives_the_frame_what_it_needs(
        self, make: Factory, services: Services, game: GameView, files: str
    ) -> None:
        player = await make.user("mira")
        browser = await make.signed_in(player)
        answer = await browser.post(f"/api/games/{game.id}/play")
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        begun = answer.json()
        assert begun["url"] == files
        assert begun["version"] == 1
        name = json.loads(begun["name"])
        assert name == {
            "vanilla": 1,
            "token": begun["token"],
            "user": {"id": player.id, "username": "mira"},
            "game": {"id": game.id, "title": "Snail Rally"},
            "saves": {
                "revision": 0,
                "size_bytes": 0,
                "updated_at": None,
                "batches": [],
                "contents": {"local": {}, "cookies": {}, "storage": {}},
            },
        }
        assert begun["token"] not in begun["url"]
        assert (await services.catalogue.get(game.id)).plays == 1
        caller = await services.callers.identify(bearer=begun["token"], cookie=None)
        assert (caller.user_id, caller.game_id) == (player.id, game.id)

    async def test_a_game_that_is_not_there_cannot_be_played(self, make: Factory) -> None:
        browser = await make.signed_in()
        assert (await browser.post("/api/games/nothing/play")).status_code == 404

    async def test_another_site_cannot_begin(self, make: Factory, game: GameView) -> None:
        browser = await make.signed_in()
        for origin in ("null", "https://evil.example"):
            answer = await browser.post(f"/api/games/{game.id}/play", headers={"origin": origin})
            assert answer.status_code == 403


class TestToken:
    async def test_it_is_good_for_usage_and_not_for_the_account(
        self, make: Factory, client: httpx.AsyncClient, game: GameView
    ) -> None:
        begun = (await (await make.signed_in()).post(f"/api/games/{game.id}/play")).json()
        bearer = {"authorization": f"Bearer {begun['token']}", "origin": "null"}
        assert (await client.get("/api/inference/usage", headers=bearer)).status_code == 200
        assert set((await client.get("/auth/me", headers=bearer)).json()["user"]) == {"id", "username"}
        for path in ("/admin/api/users", "/admin/api/usage", "/api/tokens", "/api/games"):
            assert (await client.get(path, headers=bearer)).status_code == 403
        assert (await client.post(f"/api/games/{game.id}/play", headers=bearer)).status_code == 403

    async def test_an_open_page_extends_it_or_gets_a_new_one(
        self, make: Factory, client: httpx.AsyncClient, game: GameView
    ) -> None:
        browser = await make.signed_in()
        begun = (await browser.post(f"/api/games/{game.id}/play")).json()
        extended = await browser.post(f"/api/games/{game.id}/play/extend", json={"token": begun["token"]})
        assert extended.json()["token"] == begun["token"]
        gone = await browser.post(f"/api/games/{game.id}/play/extend", json={"token": "vp_gone"})
        fresh = gone.json()["token"]
        assert fresh.startswith("vp_")
        assert fresh != begun["token"]
        usage = await client.get("/api/inference/usage", headers={"authorization": f"Bearer {fresh}"})
        assert usage.status_code == 200

    async def test_somebody_elses_token_is_not_extended(self, make: Factory, game: GameView) -> None:
        hers, his = await make.signed_in(), await make.signed_in()
        token = (await hers.post(f"/api/games/{game.id}/play")).json()["token"]
        extended = await his.post(f"/api/games/{game.id}/play/extend", json={"token": token})
        assert extended.json()["token"] != token

    async def test_it_dies_with_the_game(self, make: Factory, client: httpx.AsyncClient, owner: User,
                                         game: GameView) -> None:  # fmt: skip
        browser = await make.signed_in()
        begun = (await browser.post(f"/api/games/{game.id}/play")).json()
        bearer = {"authorization": f"Bearer {begun['token']}"}
        assert (await client.get("/api/inference/usage", headers=bearer)).status_code == 200
        removed = await (await make.signed_in(owner)).delete(f"/api/games/{game.id}")
        assert removed.status_code == 204
        assert (await client.get("/api/inference/usage", headers=bearer)).status_code == 401
        extended = await browser.post(f"/api/games/{game.id}/play/extend", json={"token": begun["token"]})
        assert extended.status_code == 404

    async def test_it_dies_with_the_player(
        self, make: Factory, client: httpx.AsyncClient, services: Services, game: GameView
    ) -> None:
        player = await make.user()
        browser = await make.signed_in(player)
        begun = (await browser.post(f"/api/games/{game.id}/play")).json()
        bearer = {"authorization": f"Bearer {begun['token']}"}
        assert (await client.get("/api/inference/usage", headers=bearer)).status_code == 200
        await services.users.update(player.id, UserChanges(is_active=False))
        assert (await client.get("/api/inference/usage", headers=bearer)).status_code == 401
        assert (await browser.post(f"/api/games/{game.id}/play")).status_code == 401
