"""Uploading games over HTTP: what is published, what is refused, and that a refusal leaves nothing behind."""

import asyncio
import json
import os
import resource
from collections.abc import AsyncIterator
from pathlib import Path
from time import thread_time
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.api.test_games import GAME_KEYS, on_disk, picture, post
from tests.factories import Factory
from tests.games import archives
from tests.games.archives import PAGE, zipped
from tests.games.test_bundles import BAD
from vanilla.api import uploads
from vanilla.errors import OutOfSpace
from vanilla.games.turns import UploadTurns
from vanilla.services import Services
from vanilla.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(
        update={"max_upload_mb": 2, "max_unpacked_mb": 30, "max_game_files": 50, "user_storage_mb": 40}
    )


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
        assert sentence in " ".join(problem["message"] for problem in error["problems"])
        assert all(set(problem) == {"file", "message"} for problem in error["problems"])
        assert error["message"].startswith(error["problems"][0]["message"])
        assert on_disk(services) == []
        assert (await friend.get("/api/games")).json() == {"items": [], "total": 0}

    async def test_a_page_is_asked_for_and_the_chosen_one_opens(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in()
        data = zipped({"w/play.html": b"<title>Play</title>", "w/about.html": PAGE})
        asked = (await post(friend, data)).json()["error"]
        assert asked["candidates"] == ["about.html", "play.html"]
        assert asked["problems"] == [{"file": "", "message": asked["message"]}]
        wrong = await post(friend, data, entry="../play.html")
        assert (wrong.status_code, wrong.json()["error"]["candidates"]) == (422, ["about.html", "play.html"])
        chosen = await post(friend, data, entry="play.html")
        assert (chosen.status_code, chosen.json()["title"]) == (201, "Play")
        assert (await services.files.manifest(chosen.json()["id"], 1)).entry == "play.html"

    async def test_what_the_form_leaves_open_is_taken_from_the_game(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in()
        meta = {"title": "Hexfall", "description": "Hexes.", "tags": ["hex"], "notes": "First.", "cover": "art/c.png"}
        files = {"index.html": PAGE, "meta.json": json.dumps(meta).encode(), "art/c.png": picture()}
        game = (await post(friend, zipped(files))).json()
        assert (game["title"], game["description"], game["tags"]) == ("Hexfall", "Hexes.", ["hex"])
        cover = await friend.get(game["cover_url"])
        assert cover.headers["content-type"] == "image/webp"
        (version,) = (await friend.get(f"/api/games/{game['id']}/versions")).json()["items"]
        assert version["notes"] == "First."
        said = {"title": "Mine", "description": "Other.", "tags": "mine", "notes": "Said."}
        game = (await post(friend, zipped(files), **said)).json()
        assert (game["title"], game["description"], game["tags"]) == ("Mine", "Other.", ["mine"])

    async def test_warnings_are_told_and_kept_with_the_version(self, make: Factory) -> None:
        friend = await make.signed_in()
        files = {"index.html": PAGE + b'<img src="/x.png">', "meta.json": b"{"}
        game = (await post(friend, zipped(files))).json()
        (version,) = (await friend.get(f"/api/games/{game['id']}/versions")).json()["items"]
        assert version["warnings"] == game["warnings"]
        assert [warning.split(":")[0] for warning in game["warnings"]] == [
            "Nothing was taken from meta.json",
            "Paths that begin with / do not lead into the game",
        ]

    async def test_so_many_uploads_an_hour_and_no_more(self, make: Factory, services: Services) -> None:
        friend = await make.signed_in()
        services.upload_turns = UploadTurns(2)
        assert (await post(friend, archives.good())).status_code == 201
        assert (await post(friend, b"no zip")).status_code == 422
        answer = await post(friend, archives.good())
        assert answer.status_code == 429
        assert answer.json()["error"]["type"] == "rate_limit_error"
        assert "2 times within an hour" in answer.json()["error"]["message"]
        assert answer.headers["retry-after"] == "60"
        game = (await friend.get("/api/games")).json()["items"][0]
        version = await friend.post(f"/api/games/{game['id']}/versions", files={"file": ("a.zip", archives.good())})
        assert version.status_code == 429
        assert (await post(await make.signed_in(), archives.good())).status_code == 201
        assert not [name for name in on_disk(services) if name.startswith("staging/")]

    async def test_a_third_upload_at_the_same_time_waits_for_another_day(
        self, make: Factory, services: Services
    ) -> None:
        user = await make.user()
        friend = await make.signed_in(user)
        with services.upload_turns.of(user.id), services.upload_turns.of(user.id):
            answer = await post(friend, archives.good())
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
        assert (await post(friend, archives.good())).status_code == 201

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
        assert answer.status_code == 422
        assert answer.json()["error"]["problems"] == [
            {
                "file": "game.rar",
                "message": "game.rar is a RAR archive. Upload a .zip archive or a single .html file.",
            }
        ]
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

    @pytest.mark.parametrize("during", ["receiving", "unpacking"])
    async def test_a_file_that_the_system_lets_grow_no_further_is_a_full_disk(
        self, make: Factory, services: Services, during: str
    ) -> None:
        friend = await make.signed_in()
        data = archives.zipped({"index.html": PAGE, "noise.bin": os.urandom(1_500_000)})
        if during == "unpacking":
            data = archives.zipped({"index.html": PAGE, "zeros.bin": bytes(1_500_000)})
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_200_000, hard))
        try:
            answer = await post(friend, data)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert answer.status_code == 507, answer.text
        assert "disk of the host is full" in answer.json()["error"]["message"]
        assert on_disk(services) == []
        assert (await post(friend, data)).status_code == 201

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
