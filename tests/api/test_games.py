import asyncio
import io
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from time import thread_time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from PIL import Image

from tests.factories import Factory
from tests.games import archives
from tests.games.archives import PAGE, zipped
from tests.games.test_bundles import BAD
from vanilla.api import uploads
from vanilla.errors import OutOfSpace
from vanilla.services import Services
from vanilla.settings import Settings

GAME_KEYS = set(
    "id slug title description tags owner cover_url play_url created_at updated_at plays version".split()  # noqa: SIM905
)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"max_upload_mb": 2, "max_unpacked_mb": 30, "max_game_files": 50, "user_storage_mb": 40}
    )


async def post(client: httpx.AsyncClient, data: bytes, name: str = "game.zip", **fields: Any) -> httpx.Response:
    return await client.post("/api/games", files={"file": (name, data)}, data=fields)


def on_disk(services: Services) -> list[str]:
    root = services.settings.data_dir
    return [path.relative_to(root).as_posix() for name in ("games", "staging") for path in (root / name).rglob("*")]


def picture(size: tuple[int, int] = (800, 500), kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, "#B3123F").save(buffer, kind)
    return buffer.getvalue()


class TestUpload:
    async def test_nobody_signed_in_may_upload(self, client: httpx.AsyncClient, services: Services) -> None:
        answer = await post(client, archives.good())
        assert answer.status_code == 401
        assert on_disk(services) == []

    async def test_a_game_of_a_friend_is_published(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in(await make.user("mira"))
        answer = await post(
            friend,
            zipped({"my game/index.html": PAGE, "my game/js/a.js": b"window.vanilla", "__MACOSX/x": b""}),
            title="  Snail \u202e Rally ",
            description="The slowest\nrace.",
            tags="Race, quick,race",
        )
        assert answer.status_code == 201, answer.text
        game = answer.json()
        assert set(game) >= GAME_KEYS
        assert (game["title"], game["slug"], game["owner"]) == ("Snail Rally", "snail-rally", "mira")
        assert (game["description"], game["tags"]) == ("The slowest\nrace.", ["race", "quick"])
        assert (game["plays"], game["version"], game["talks"]) == (0, 1, True)
        assert game["play_url"] == f"/play/{game['id']}"
        assert len(game["warnings"]) == 1
        stored = await services.files.find(game["id"], 1, "js/a.js")
        assert stored.path.read_bytes() == b"window.vanilla"
        listed = (await friend.get("/api/games")).json()
        assert listed["total"] == 1
        assert listed["items"][0] == {key: value for key, value in game.items() if key != "warnings"}
        assert (await friend.get(f"/api/games/{game['id']}")).json() == listed["items"][0]
        assert not [name for name in on_disk(services) if name.startswith("staging/")]

    async def test_a_program_uploads_a_page_with_an_api_token(self, make: Factory) -> None:
        program = await make.with_api_token()
        answer = await post(program, PAGE, "rally.html")
        assert answer.status_code == 201
        assert answer.json()["title"] == "Snail Rally"

    async def test_a_play_token_may_not_touch_games(self, make: Factory, services: Services) -> None:
        caller = await make.caller()
        friend = await make.signed_in()
        game = (await post(friend, archives.good())).json()
        secret = await services.play_tokens.open(caller, game["id"], 1)
        played = await make.browser(headers={"authorization": f"Bearer {secret}"})
        assert (await played.get("/api/games")).status_code == 403
        assert (await post(played, archives.good())).status_code == 403

    @pytest.mark.parametrize("name", ["traversal", "absolute", "symlink", "truncated", "no page", "bomb", "empty name"])
    async def test_a_bad_archive_is_422_and_leaves_nothing(self, make: Factory, services: Services, name: str) -> None:
        friend = await make.signed_in()
        build, sentence = BAD[name]
        answer = await post(friend, build())
        assert answer.status_code == 422
        error = answer.json()["error"]
        assert error["type"] == "invalid_request_error"
        assert sentence in " ".join(error["problems"])
        assert error["message"].startswith(error["problems"][0])
        assert on_disk(services) == []
        assert (await friend.get("/api/games")).json() == {"items": [], "total": 0}

    @pytest.mark.parametrize(
        ("fields", "sentence"),
        [
            ({"title": "x" * 81}, "title has 81 characters"),
            ({"description": "x" * 2001}, "description has 2,001 characters"),
            ({"tags": ",".join(map(str, range(11)))}, "There are 11 tags"),
            ({"tags": "x" * 31}, "tag has 31 characters"),
        ],
    )
    async def test_texts_that_are_too_long_are_refused(
        self, make: Factory, services: Services, fields: dict[str, str], sentence: str
    ) -> None:
        friend = await make.signed_in()
        answer = await post(friend, archives.good(), **fields)
        assert answer.status_code == 422
        assert sentence in answer.json()["error"]["message"]
        assert on_disk(services) == []

    async def test_other_kinds_of_files_are_refused(self, make: Factory) -> None:
        friend = await make.signed_in()
        answer = await post(friend, b"Rar!", "game.rar")
        assert (answer.status_code, answer.json()["error"]["message"]) == (
            422,
            "Upload a .zip archive or a single .html file.",
        )
        for files in ({"other": ("a.zip", archives.good())}, {"file": ("a.zip", b"")}):
            answer = await friend.post("/api/games", files=files)
            assert answer.status_code == 422
            assert "field named file" in answer.json()["error"]["message"]

    async def test_a_name_of_a_file_never_becomes_a_path(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in()
        answer = await post(friend, PAGE, "../../../../tmp/evil.html")
        assert answer.status_code == 201
        assert not Path("/tmp/evil.html").exists()  # noqa: S108
        assert sorted(await services.files.versions()) == [answer.json()["id"]]

    async def test_too_large_is_refused_by_its_announced_length(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in()

        async def never() -> AsyncIterator[bytes]:
            yield pytest.fail("the body was read")

        answer = await friend.post(
            "/api/games",
            content=never(),
            headers={"content-type": "multipart/form-data; boundary=x", "content-length": "99999999999"},
        )
        assert answer.status_code == 413
        assert "larger than 2 MB" in answer.json()["error"]["message"]

    async def test_too_large_is_refused_while_it_streams(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in()
        answer = await post(friend, b"PK\3\4" + bytes(2_000_000))
        assert answer.status_code == 413
        assert "larger than 2 MB" in answer.json()["error"]["message"]
        assert on_disk(services) == []

    async def test_texts_without_end_are_refused(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in()
        answer = await post(friend, archives.good(), title="x" * 100_000)
        assert answer.status_code == 413
        assert on_disk(services) == []

    async def test_a_client_that_leaves_leaves_nothing(self, app: FastAPI, make: Factory, services: Services) -> None:
        program = await make.with_api_token()
        chunks = iter([b"--x\r\nContent-Disposition: form-data; name=file; filename=a.zip\r\n\r\n", bytes(1_500_000)])
        seen: list[list[str]] = []
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            for chunk in chunks:
                return {"type": "http.request", "body": chunk, "more_body": True}
            seen.append(on_disk(services))
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        headers = {
            "host": "test",
            "content-type": "multipart/form-data; boundary=x",
            "authorization": program.headers["authorization"],
        }
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/api/games",
            "raw_path": b"/api/games",
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "server": ("test", 80),
            "client": ("127.0.0.1", 1),
            "state": {},
        }
        await app(scope, receive, send)
        assert len(seen[0]) == 2  # the folder and the part in it, while the upload went on
        assert sent[0]["status"] == 400
        assert on_disk(services) == []
        assert (await program.get("/api/games")).json()["total"] == 0

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("application/json", b"{}"),
            ("multipart/form-data", b"--x--"),
            ("multipart/form-data; boundary=" + "x" * 500, b"--x--"),
            ("multipart/form-data; boundary=x", b"no boundary"),
            ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nPK"),
            ("multipart/form-data; boundary=x", b""),
        ],
    )
    async def test_a_form_that_cannot_be_read_is_400(
        self, make: Factory, services: Services, content_type: str, body: bytes
    ) -> None:
        friend = await make.signed_in()
        answer = await friend.post("/api/games", content=body, headers={"content-type": content_type})
        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["type"] == "invalid_request_error"
        assert on_disk(services) == []

    @pytest.mark.parametrize(
        ("form", "status"),
        [
            (b"--x\r\n\r\n\r\n" * 60 + b"--x--\r\n", 422),
            (b"--x\r\nContent-Disposition: form-data; name=title\r\n\r\n\xff\r\n--x--\r\n", 422),
            (b'--x\r\nContent-Disposition: form-data; name=file; filename="a"\r\n\r\na\r\n' * 2 + b"--x--\r\n", 422),
            (b"--x\r\n" + b"A: b\r\n" * 100 + b"\r\n\r\n--x--\r\n", 400),
        ],
    )
    async def test_a_strange_form_is_refused(self, make: Factory, form: bytes, status: int) -> None:
        friend = await make.signed_in()
        answer = await friend.post(
            "/api/games", content=form, headers={"content-type": "multipart/form-data; boundary=x"}
        )
        assert answer.status_code == status, answer.text

    async def test_a_form_is_read_the_same_wherever_it_is_cut(
        self, make: Factory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(uploads, "AT_ONCE", 7)
        friend = await make.signed_in()
        request = friend.build_request(
            "POST", "/api/games", files={"file": ("ü.zip", archives.good())}, data={"title": "Ünïcode \r\n--x"}
        )
        whole = await request.aread()

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(whole), 5):
                yield whole[start : start + 5]

        answer = await friend.post(
            "/api/games", content=pieces(), headers={"content-type": request.headers["content-type"]}
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["title"] == "Ünïcode --x"

    async def test_the_storage_of_a_user_is_limited(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in()
        large = zipped({"index.html": PAGE, "zeros.bin": bytes(18_000_000)})
        first = (await post(friend, large)).json()
        assert (await post(friend, large)).status_code == 201
        before = on_disk(services)
        answer = await post(friend, large)
        assert answer.status_code == 413
        assert "Your games take 36.0 MB" in answer.json()["error"]["message"]
        assert on_disk(services) == before
        assert (await post(await make.signed_in(), large)).status_code == 201
        assert (await friend.delete(f"/api/games/{first['id']}")).status_code == 204
        assert (await post(friend, large)).status_code == 201

    async def test_uploads_are_refused_when_the_disk_is_nearly_full(
        self, make: Factory, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        friend = await make.signed_in()
        monkeypatch.setattr(services.files, "_min_free", 10**18)
        answer = await post(friend, archives.good())
        assert answer.status_code == 507
        assert "disk is nearly full" in answer.json()["error"]["message"]
        assert on_disk(services) == []

    async def test_an_upload_ends_when_the_disk_fills_up_meanwhile(
        self, make: Factory, services: Services, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        friend = await make.signed_in()
        seen: list[list[str]] = []

        def filling(more_bytes: int = 0) -> None:
            seen.append(on_disk(services))
            if len(seen) > 1:
                raise OutOfSpace("full")

        monkeypatch.setattr(services.files, "check_room", filling)
        answer = await post(friend, bytes(1_900_000))
        assert answer.status_code == 507
        assert len(seen[1]) == 1
        assert on_disk(services) == []

    async def test_the_loop_goes_on_while_an_upload_is_unpacked(self, make: Factory) -> None:
        friend = await make.signed_in()
        await post(friend, PAGE, "first.html")  # FastAPI builds its routes at the first request
        data = zipped({"index.html": PAGE, **{f"{n}.bin": bytes(9_000_000) for n in range(2)}})
        upload = asyncio.ensure_future(post(friend, data))
        longest, last = 0.0, thread_time()  # of the loop's own thread: a busy machine does not count
        while not upload.done():
            await asyncio.sleep(0.001)
            now = thread_time()
            longest, last = max(longest, now - last), now
        assert upload.result().status_code == 201
        assert longest < 0.03  # seconds; unpacked on the loop it would be twice that


class TestList:
    async def test_nobody_signed_in_may_look(self, client: httpx.AsyncClient) -> None:
        assert (await client.get("/api/games")).status_code == 401
        assert (await client.get("/api/games/whatever")).status_code == 401
        assert (await client.get("/api/games/whatever/cover")).status_code == 401

    async def test_searched_sorted_and_paged(self, make: Factory) -> None:
        friend = await make.signed_in()
        for title in ("One", "Two", "Three"):
            await post(friend, PAGE, "a.html", title=title, tags="t")
        by_title = (await friend.get("/api/games?sort=title")).json()
        assert [game["title"] for game in by_title["items"]] == ["One", "Three", "Two"]
        assert (await friend.get("/api/games?mine=true&talks=false")).json()["total"] == 3
        assert (await friend.get("/api/games?talks=true")).json()["total"] == 0
        page = (await friend.get("/api/games?sort=new&limit=2&offset=1")).json()
        assert ([game["title"] for game in page["items"]], page["total"]) == (["Two", "One"], 3)
        found = (await friend.get("/api/games", params={"search": "thr", "tag": "T"})).json()
        assert ([game["title"] for game in found["items"]], found["total"]) == (["Three"], 1)

    @pytest.mark.parametrize(
        "query", ["limit=0", "limit=101", "offset=-1", "sort=best", "limit=x", "offset=99999999999"]
    )
    async def test_a_wrong_query_is_422(self, make: Factory, query: str) -> None:
        answer = await (await make.signed_in()).get(f"/api/games?{query}")
        assert answer.status_code == 422
        assert answer.json()["error"]["message"].startswith(query.split("=", maxsplit=1)[0])


class TestRemove:
    async def test_of_others_is_not_possible(self, make: Factory, client: httpx.AsyncClient) -> None:
        game = (await post(await make.signed_in(), archives.good())).json()
        assert (await client.delete(f"/api/games/{game['id']}")).status_code == 401
        other = await make.signed_in()
        assert (await other.delete(f"/api/games/{game['id']}")).status_code == 403
        assert (await other.get(f"/api/games/{game['id']}")).status_code == 200

    async def test_by_its_owner_or_an_admin(self, make: Factory, services: Services) -> None:
        friend, admin = await make.signed_in(), await make.admin()
        for remover in (friend, admin):
            game = (await post(friend, archives.good())).json()
            assert (await remover.delete(f"/api/games/{game['id']}")).status_code == 204
            gone = await friend.get(f"/api/games/{game['id']}")
            assert (gone.status_code, gone.json()["error"]["type"]) == (404, "not_found_error")
            assert "no such game" in gone.json()["error"]["message"]
            assert (await remover.delete(f"/api/games/{game['id']}")).status_code == 404
        assert (await friend.get("/api/games")).json()["total"] == 0

    async def test_for_a_week_its_owner_can_have_it_back(self, make: Factory, services: Services) -> None:
        friend, other = await make.signed_in(), await make.signed_in()
        game = (await post(friend, archives.good(), title="Dragon")).json()
        await friend.delete(f"/api/games/{game['id']}")
        listed = (await friend.get("/api/games?removed=true")).json()
        assert (listed["total"], listed["items"][0]["title"]) == (1, "Dragon")
        removed, purged = (datetime.fromisoformat(listed["items"][0][name]) for name in ("removed_at", "purged_at"))
        assert purged - removed == timedelta(days=7)
        assert (await other.get("/api/games?removed=true")).json()["total"] == 0
        assert (await other.post(f"/api/games/{game['id']}/restore")).status_code == 404
        restored = await friend.post(f"/api/games/{game['id']}/restore")
        assert restored.status_code == 200
        assert "removed_at" not in restored.json()
        assert (await other.get(f"/api/games/{game['id']}")).status_code == 200


class TestChange:
    async def test_what_the_body_names_is_changed(self, make: Factory) -> None:
        friend = await make.signed_in()
        game = (await post(friend, archives.good(), title="Dragon", tags="talking")).json()
        changes = {"title": " Wyrm ", "tags": ["A", "b"], "visibility": "unlisted"}
        answer = await friend.patch(f"/api/games/{game['id']}", json=changes)
        assert answer.status_code == 200
        changed = answer.json()
        assert (changed["title"], changed["tags"], changed["visibility"]) == ("Wyrm", ["a", "b"], "unlisted")
        assert (changed["slug"], changed["description"]) == (game["slug"], game["description"])

    @pytest.mark.parametrize(
        "body",
        [
            {"title": ""},
            {"title": 1},
            {"title": None},
            {"visibility": "public"},
            {"tags": "a"},
            {"tags": ["x" * 31]},
            {"slug": "other"},
            {"owner": "me"},
            [],
        ],
    )
    async def test_what_makes_no_sense_is_422(self, make: Factory, body: Any) -> None:
        friend = await make.signed_in()
        game = (await post(friend, archives.good(), title="Dragon")).json()
        answer = await friend.patch(f"/api/games/{game['id']}", json=body)
        assert answer.status_code == 422
        unchanged = (await friend.get(f"/api/games/{game['id']}")).json()
        assert unchanged == {name: game[name] for name in unchanged}

    async def test_a_draft_ends_what_others_play_and_the_addresses_of_its_files(self, make: Factory) -> None:
        owner, player = await make.signed_in(), await make.signed_in()
        game = (await post(owner, archives.good())).json()
        plays = [(await each.post(f"/api/games/{game['id']}/play")).json() for each in (owner, player)]
        owners, players = [await make.browser(headers={"x-api-key": each["token"]}) for each in plays]
        for each in (owners, players):
            assert (await each.get("/auth/me")).status_code == 200
        await owner.patch(f"/api/games/{game['id']}", json={"visibility": "draft"})
        assert (await owners.get("/auth/me")).status_code == 200
        assert (await players.get("/auth/me")).status_code == 401
        assert (await player.get(f"{plays[1]['url']}index.html")).status_code == 404
        extended = await player.post(f"/api/games/{game['id']}/play/extend", json={"token": plays[1]["token"]})
        assert extended.status_code == 404
        again = (await owner.post(f"/api/games/{game['id']}/play")).json()
        assert (await owner.get(f"{again['url']}index.html")).status_code == 200


class TestVisibility:
    async def test_it_is_said_at_the_upload(self, make: Factory) -> None:
        owner, other = await make.signed_in(), await make.signed_in()
        draft = (await post(owner, archives.good(), visibility="draft", notes="First try.")).json()
        assert draft["visibility"] == "draft"
        assert (await other.get("/api/games")).json()["total"] == 0
        assert (await other.get(f"/api/games/{draft['id']}")).status_code == 404
        (version,) = (await owner.get(f"/api/games/{draft['id']}/versions")).json()["items"]
        assert version["notes"] == "First try."
        refused = await post(owner, archives.good(), visibility="secret")
        assert refused.status_code == 422
        assert refused.json()["error"]["message"] == "A game is draft, unlisted or shared."


class TestFavourites:
    async def test_they_are_ones_own(self, make: Factory) -> None:
        owner, other = await make.signed_in(), await make.signed_in()
        game = (await post(owner, archives.good())).json()
        assert (game["is_mine"], game["is_favourite"]) == (True, False)
        assert (await other.put(f"/api/games/{game['id']}/favourite")).status_code == 204
        (seen,) = (await other.get("/api/games?favourites=true")).json()["items"]
        assert (seen["is_mine"], seen["is_favourite"]) == (False, True)
        assert (await owner.get("/api/games?favourites=true")).json()["total"] == 0
        assert (await other.delete(f"/api/games/{game['id']}/favourite")).status_code == 204
        assert (await other.get("/api/games?favourites=true")).json()["total"] == 0
        assert (await other.put("/api/games/nothing/favourite")).status_code == 404


class TestCover:
    async def test_one_is_drawn_when_there_is_none(self, make: Factory) -> None:
        friend = await make.signed_in()
        game = (await post(friend, PAGE, "a.html")).json()
        cover = await friend.get(game["cover_url"])
        assert cover.headers["content-type"].startswith("image/svg+xml")
        assert "sandbox" in cover.headers["content-security-policy"]
        assert "default-src 'none'" in cover.headers["content-security-policy"]
        assert cover.headers["cache-control"] == "private, max-age=31536000, immutable"
        assert cover.headers["x-content-type-options"] == "nosniff"
        again = await friend.get(game["cover_url"], headers={"if-none-match": cover.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        unversioned = await friend.get(f"/api/games/{game['id']}/cover")
        assert unversioned.headers["cache-control"] == "private, no-cache"

    async def test_an_uploaded_one_is_written_anew(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in()
        files = {"file": ("a.html", PAGE), "cover": ("cover.png", picture())}
        game = (await friend.post("/api/games", files=files)).json()
        for size, pixels in (("card", (640, 480)), ("page", (1280, 960))):
            cover = await friend.get(f"{game['cover_url']}&size={size}")
            assert cover.headers["content-type"] == "image/webp"
            with Image.open(io.BytesIO(cover.content)) as image:
                assert (image.format, image.size) == ("WEBP", pixels)
        for picture_of in ("PUT", "DELETE"):
            form = {"files": {"cover": ("cover.png", picture((500, 800)))}} if picture_of == "PUT" else {}
            answer = await friend.request(picture_of, f"/api/games/{game['id']}/cover", **form)  # type: ignore[arg-type]
            assert answer.status_code == 200
            assert answer.json()["cover_url"] != game["cover_url"]
            cover = await friend.get(answer.json()["cover_url"])
            assert cover.headers["content-type"] == ("image/webp" if picture_of == "PUT" else "image/svg+xml")
            assert cover.headers["cache-control"] == "private, max-age=31536000, immutable"

    @pytest.mark.parametrize(
        ("files", "status"),
        [
            ({"cover": ("a.png", b"no picture")}, 422),
            ({"other": ("a.png", b"x")}, 422),
            ({"cover": ("a.png", b"")}, 422),
            ({"cover": ("a.png", bytes(10_000_001))}, 413),
            (None, 400),
        ],
    )
    async def test_another_one_that_is_none_is_refused(self, make: Factory, files: Any, status: int) -> None:
        friend = await make.signed_in()
        game = (await post(friend, archives.good())).json()
        answer = await friend.put(f"/api/games/{game['id']}/cover", files=files)
        assert answer.status_code == status, answer.text
        assert (await friend.get(f"/api/games/{game['id']}")).json()["cover_url"] == game["cover_url"]

    async def test_a_bad_one_is_refused_and_leaves_nothing(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in()
        svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
        answer = await friend.post("/api/games", files={"file": ("a.html", PAGE), "cover": ("cover.png", svg)})
        assert (answer.status_code, on_disk(services)) == (422, [])
        assert "cover is not a picture" in json.dumps(answer.json())

    async def test_an_empty_cover_field_of_a_form_is_none(self, make: Factory) -> None:
        friend = await make.signed_in()
        body = (
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.html"\r\n\r\n' + PAGE + b"\r\n"
            b'--x\r\nContent-Disposition: form-data; name="cover"; filename=""\r\n\r\n\r\n--x--\r\n'
        )
        answer = await friend.post(
            "/api/games", content=body, headers={"content-type": "multipart/form-data; boundary=x"}
        )
        assert answer.status_code == 201
