import io
import json
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.factories import Factory
from tests.games import archives
from tests.games.archives import PAGE
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
        await owner.patch(f"/api/games/{game['id']}", json={"visibility": "shared"})
        assert (await players.get("/auth/me")).status_code == 401
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
    async def test_of_a_removed_game_is_there_for_who_may_have_that_back(self, make: Factory) -> None:
        friend, other, admin = await make.signed_in(), await make.signed_in(), await make.admin()
        game = (await post(friend, PAGE, "a.html")).json()
        assert (await friend.delete(f"/api/games/{game['id']}")).status_code == 204
        answers = [(await client.get(game["cover_url"])).status_code for client in (friend, admin, other)]
        assert answers == [200, 200, 404]

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
