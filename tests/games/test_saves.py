"""Saves: merged key by key, whole whenever the server dies, within bounds, gone with their owner."""

import asyncio
import errno
import io
import json
import random
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from vanilla.accounts.caller import Caller, Credential
from vanilla.database import Database
from vanilla.errors import Invalid, NotFound, OutOfSpace, TooLarge, VanillaError
from vanilla.games import entries, parts, records
from vanilla.games import saves as saves_module
from vanilla.games.files import Files
from vanilla.games.saves import Saves
from vanilla.models import Game, Save, User, utc_now
from vanilla.settings import Settings

MIRA = Caller("mira", "mira", False, Credential.SESSION)
ADA = Caller("ada", "ada", False, Credential.SESSION)


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    database = Database(settings.sqlalchemy_url)
    database.open()
    now = utc_now()

    def people(session: Any) -> None:
        for caller in (MIRA, ADA):
            user = User(id=caller.user_id, username=caller.username, username_key=caller.username, password_hash="")
            user.created_at = user.updated_at = now
            session.add(user)
        session.flush()
        for game in ("snail", "dragon"):
            title = game.title()
            session.add(
                Game(id=game, slug=game, title=title, owner_id="ada", version=1, created_at=now, updated_at=now)
            )

    await database.write(people)
    yield database
    database.close()


@pytest.fixture
async def saves(settings: Settings, database: Database) -> Saves:
    files = Files(settings)
    files.open()
    saves = Saves(database, files, settings)
    await saves.open()
    return saves


async def change(
    saves: Saves, who: Caller = MIRA, game: str = "snail", *, batch: str = "", area: str = "local", **change: Any
) -> int:
    """Change one area; gives the revision."""
    changes = entries.checked_changes({area: change})
    return (await saves.change(who, game, batch or f"b{random.getrandbits(64)}", changes)).revision


async def local(saves: Saves, who: Caller = MIRA, game: str = "snail") -> dict[str, dict[str, str]]:
    _, contents = await saves.local(who, game)
    found: dict[str, dict[str, str]] = json.loads(contents)
    return found


def segment(
    values: Mapping[str, bytes] | None = None, *, remove: Iterable[str] = (), prefixes: Iterable[str] = ()
) -> bytes:
    values = values or {}
    pairs = [[key, len(value)] for key, value in values.items()]
    header = json.dumps({"prefixes": list(prefixes), "remove": list(remove), "set": pairs}).encode()
    return len(header).to_bytes(4, "little") + header + b"".join(values.values())


async def change_databases(saves: Saves, body: bytes, *, batch: str = "", who: Caller = MIRA) -> int:
    batch = batch or f"b{random.getrandbits(64)}"
    return (await saves.change_databases(who, "snail", batch, io.BytesIO(body), len(body))).revision


async def databases(saves: Saves, who: Caller = MIRA) -> dict[str, bytes]:
    """What a browser makes of the segments, read as the SDK reads them."""
    _, pieces, size = await saves.databases(who, "snail")
    data, at = b"".join(pieces), 0
    values: dict[str, bytes] = {}
    assert len(data) == size
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        header = json.loads(data[at + 4 : at + 4 + length])
        at += 4 + length
        values = {k: v for k, v in values.items() if not k.startswith(tuple(header.get("prefixes", [])))}
        for key in header.get("remove", []):
            values.pop(key, None)
        for key, size in header["set"]:
            values[key] = data[at : at + size]
            at += size
    return values


def on_disk(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "saves").rglob("*") if path.is_file()]


class TestMerging:
    async def test_what_is_set_removed_and_cleared_is_so(self, saves: Saves) -> None:
        assert await local(saves) == {"local": {}, "cookies": {}, "storage": {}}
        assert await change(saves, set={"a": "1", "b": "2"}) == 1
        assert await change(saves, remove=["a", "nothing"], set={"c": "3"}) == 2
        assert await change(saves, area="storage", set={"a": "other"}) == 3
        assert await local(saves) == {"local": {"b": "2", "c": "3"}, "cookies": {}, "storage": {"a": "other"}}
        assert await change(saves, clear=True, remove=["d"], set={"d": "4"}) == 4
        assert await local(saves) == {"local": {"d": "4"}, "cookies": {}, "storage": {"a": "other"}}

    async def test_two_writers_lose_nothing_of_each_other(self, saves: Saves) -> None:
        async def write(name: str) -> None:
            for number in range(200):
                await change(saves, set={f"{name}{number}": str(number), "last": name})

        await asyncio.gather(write("a"), write("b"))
        kept = (await local(saves))["local"]
        assert kept.pop("last") in "ab"
        assert kept == {f"{name}{number}": str(number) for name in "ab" for number in range(200)}

    async def test_another_process_that_was_quicker_is_merged_with(
        self, saves: Saves, settings: Settings, database: Database
    ) -> None:
        other = Saves(database, Files(settings), settings)  # with locks of its own, as another process has
        await asyncio.gather(
            *(change(each, set={f"{n}{i}": ""}) for i in range(3) for n, each in enumerate((saves, other)))
        )
        assert len((await local(saves))["local"]) == 6

    async def test_a_batch_that_comes_twice_is_made_once(self, saves: Saves) -> None:
        await change(saves, batch="first", set={"a": "1"})
        await change(saves, batch="second", set={"a": "2"})
        assert await change(saves, batch="first", set={"a": "1"}) == 2
        assert (await local(saves))["local"] == {"a": "2"}

    @pytest.mark.parametrize("text", ["\ud800", "a\0b", "\udc00\ud800", "😀", "ß", '"\\\n', "\u2028", "__proto__", ""])
    async def test_any_text_of_javascripts_is_kept(self, saves: Saves, text: str) -> None:
        await change(saves, set={text: text, "plain": "x"})
        await change(saves, set={"other": "y"})
        assert (await local(saves))["local"] == {text: text, "plain": "x", "other": "y"}

    async def test_players_and_games_are_apart(self, saves: Saves) -> None:
        await change(saves, MIRA, "snail", set={"a": "mira's"})
        await change(saves, ADA, "snail", set={"a": "ada's"})
        await change(saves, MIRA, "dragon", set={"a": "dragon's"})
        assert (await local(saves, MIRA))["local"] == {"a": "mira's"}
        assert (await local(saves, ADA))["local"] == {"a": "ada's"}
        listed = await saves.games_of("mira")
        assert [(game.game_id, game.title) for game in listed] == [("dragon", "Dragon"), ("snail", "Snail")]
        assert all(game.size_bytes > 0 for game in listed)


class TestBounds:
    async def test_five_megabytes_as_browsers_count(self, saves: Saves) -> None:
        await change(saves, set={"k": "x" * (entries.MOST_UNITS - 1)})
        with pytest.raises(TooLarge, match="5 MB"):
            await change(saves, area="storage", set={"k": ""})
        with pytest.raises(TooLarge):
            await change(saves, set={"k": "😀" * (entries.MOST_UNITS // 2)})
        assert len((await local(saves))["local"]["k"]) == entries.MOST_UNITS - 1
        await change(saves, set={"k": "😀" * (entries.MOST_UNITS // 2 - 1)})

    async def test_a_refused_change_leaves_nothing(self, saves: Saves, settings: Settings) -> None:
        with pytest.raises(TooLarge):
            await change(saves, set={str(number): "" for number in range(entries.MOST_KEYS + 1)})
        with pytest.raises(NotFound):
            await change(saves, MIRA, "nothing", set={"a": "1"})
        with pytest.raises(NotFound):
            await change(saves, Caller("gone", "gone", False, Credential.SESSION), set={"a": "1"})
        assert on_disk(settings) == []

    async def test_a_full_disk_keeps_what_was_there(
        self, saves: Saves, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await change(saves, set={"a": "1"})

        def full(*paths: Path) -> None:
            raise OSError(errno.ENOSPC, "no space")

        monkeypatch.setattr(parts, "make_durable", full)
        with pytest.raises(OutOfSpace):
            await change(saves, set={"a": "2"})
        assert (await local(saves))["local"] == {"a": "1"}
        assert len(on_disk(settings)) == 1

    @pytest.mark.parametrize(
        "value",
        [[], 1, None, {"other": {}}, {"local": []}, {"local": {"set": []}}, {"local": {"set": {"a": 1}}},
         {"local": {"remove": "a"}}, {"local": {"remove": [1]}}, {"local": {"clear": 1}}, {"local": {"put": {}}}],
    )  # fmt: skip
    def test_what_is_no_change_is_refused(self, value: object) -> None:
        with pytest.raises(Invalid):
            entries.checked_changes(value)

    @pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'"\xed\xa0\x80"', b"[" * 100_000, b"9" * 5000 + b"x"])
    def test_what_is_no_json_is_refused(self, text: bytes) -> None:
        with pytest.raises(Invalid):
            entries.read_json(text)


class TestDatabases:
    async def test_records_are_set_removed_and_removed_by_prefix(self, saves: Saves) -> None:
        assert await databases(saves) == {}
        await change_databases(saves, segment({"a1": b"\0\xff", "a2": b"", "b": b"b"}))
        await change_databases(saves, segment({"a3": b"new"}, prefixes=["a"], remove=["b"]))
        assert await databases(saves) == {"a3": b"new"}

    async def test_many_small_changes_stay_few_files(self, saves: Saves, database: Database) -> None:
        for number in range(saves_module.MOST_PARTS * 2 + 1):
            await change_databases(saves, segment({f"k{number % 7}": str(number).encode()}, remove=["k9"]))
        last = saves_module.MOST_PARTS * 2
        assert await databases(saves) == {f"k{n % 7}": str(n).encode() for n in range(last - 6, last + 1)}
        (row,) = await database.read(lambda session: session.exec(select(Save)).all())
        assert len(row.parts) < saves_module.MOST_PARTS

    async def test_two_writers_lose_nothing_of_each_other(self, saves: Saves) -> None:
        async def write(name: str) -> None:
            for number in range(50):
                await change_databases(saves, segment({f"{name}{number}": name.encode()}))

        await asyncio.gather(write("a"), write("b"))
        assert len(await databases(saves)) == 100

    async def test_the_cap_counts_what_is_there_not_what_was(
        self, saves: Saves, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(saves, "_most_bytes", 1000)
        for number in range(10):
            await change_databases(saves, segment({"same": bytes([number]) * 400}))
        assert await databases(saves) == {"same": b"\x09" * 400}
        with pytest.raises(TooLarge, match="IndexedDB"):
            await change_databases(saves, segment({"other": b"x" * 700}))
        assert await databases(saves) == {"same": b"\x09" * 400}

    @pytest.mark.parametrize(
        "body",
        [
            *(b"", b"\0\0\0\0", b"\xff\xff\xff\xff{}", b"\2\0\0\0{}x", b"\2\0\0\0[]", b"\3\0\0\0{}"),
            segment({"a": b"abc"})[:-1],
            segment({"a": b"abc"}) + b"x",
            segment({"k" * (records.LONGEST_KEY + 1): b""}),
            segment(prefixes=[str(n) for n in range(records.MOST_PREFIXES + 1)]),
            *(len(h).to_bytes(4, "little") + h for h in (b'{"set":[["a",-1]]}', b'{"set":[["a",true]]}', b'{"set":[1]}',
                                                         b'{"remove":[1]}', b'{"remove":{}}', b'{"more":[]}')),
        ],
    )  # fmt: skip
    async def test_what_is_no_segment_is_refused(self, saves: Saves, settings: Settings, body: bytes) -> None:
        with pytest.raises(Invalid):
            await change_databases(saves, body)
        assert on_disk(settings) == []


class TestExport:
    async def test_a_kept_file_brings_everything_back(self, saves: Saves) -> None:
        text = "\ud800\0😀"
        await change(saves, set={text: text})
        await change(saves, area="cookies", set={"c": "1"})
        await change_databases(saves, segment({f"{text}{n}": bytes([n]) * n * 7 for n in range(9)}))
        before = await local(saves), await databases(saves)
        title, pieces = await saves.export(MIRA, "snail")
        kept = b"".join(pieces)
        assert (title, json.loads(kept)["game"]) == ("Snail", {"id": "snail", "title": "Snail"})
        await change(saves, clear=True, set={"new": "1"})
        await change_databases(saves, segment({"new": b"1"}, prefixes=[""]))
        revision = (await saves.local(MIRA, "snail"))[0].revision
        await saves.replace(MIRA, "snail", io.BytesIO(kept))
        assert (await local(saves), await databases(saves)) == before
        assert (await saves.local(MIRA, "snail"))[0].revision == revision + 1

    @pytest.mark.parametrize(
        "text",
        ["", "{}", "[]", '{"vanilla_saves": 2}', '{"vanilla_saves": 1, "local": {"a": 1}}',
         '{"vanilla_saves": 1, "local": []}', '{"vanilla_saves": 1, "databases": {"a": "*"}}',
         '{"vanilla_saves": 1, "databases": {"a": 1}}', '{"vanilla_saves": 1, "databases": []}'],
    )  # fmt: skip
    async def test_a_file_that_is_none_changes_nothing(self, saves: Saves, text: str) -> None:
        await change(saves, set={"a": "1"})
        with pytest.raises(Invalid):
            await saves.replace(MIRA, "snail", io.BytesIO(text.encode()))
        assert (await local(saves))["local"] == {"a": "1"}

    async def test_nothing_can_be_exported_where_nothing_is(self, saves: Saves) -> None:
        await change(saves, ADA, set={"a": "1"})
        for game in ("snail", "nothing"):
            with pytest.raises(NotFound):
                await saves.export(MIRA, game)


class TestEnd:
    async def test_a_reset_leaves_other_saves(self, saves: Saves, settings: Settings) -> None:
        await change(saves, set={"a": "1"})
        await change_databases(saves, segment({"a": b"1"}))
        await change(saves, ADA, set={"a": "1"})
        await saves.reset("mira", "snail")
        await saves.reset("mira", "snail")
        assert await local(saves) == {"local": {}, "cookies": {}, "storage": {}}
        assert await databases(saves) == {}
        assert (await local(saves, ADA))["local"] == {"a": "1"}
        assert len(on_disk(settings)) == 1

    async def test_a_game_that_is_gone_for_good_takes_everybodys_saves(self, saves: Saves, settings: Settings) -> None:
        for who in (MIRA, ADA):
            await change(saves, who, set={"a": "1"})
        await saves.forget_game("snail")
        assert on_disk(settings) == []
        assert await saves.games_of("mira") == []

    async def test_files_of_users_that_are_gone_are_swept_at_the_start(
        self, saves: Saves, settings: Settings, database: Database
    ) -> None:
        for who in (MIRA, ADA):
            await change(saves, who, set={"a": "1"})
        (settings.data_dir / "saves" / "ada" / "snail" / "leftover").write_text("of a server that died")
        await database.write(lambda session: session.delete(session.get(User, "mira")))
        await Saves(database, Files(settings), settings).open()
        assert [path.parts[-3:-1] for path in on_disk(settings)] == [("ada", "snail")]
        assert not (settings.data_dir / "saves" / "mira").exists()
        assert (await local(saves, ADA))["local"] == {"a": "1"}

    async def test_a_change_that_dies_before_its_row_is_not_there_afterwards(
        self, saves: Saves, settings: Settings, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await change(saves, set={"a": "1"})

        class Killed(BaseException):
            pass

        def dies(*_: object) -> None:
            raise Killed

        monkeypatch.setattr(saves_module, "_name", dies)
        monkeypatch.setattr(parts.Parts, "remove", dies)  # nobody tidies up after a kill
        with pytest.raises(Killed):
            await change(saves, set={"a": "2"})
        monkeypatch.undo()
        assert len(on_disk(settings)) == 2
        again = Saves(database, Files(settings), settings)
        await again.open()
        assert (await local(again))["local"] == {"a": "1"}
        assert len(on_disk(settings)) == 1

    async def test_a_part_that_is_replaced_goes_after_its_readers(
        self, saves: Saves, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await change(saves, set={"a": "1"})
        await change(saves, set={"a": "2"})
        assert len(on_disk(settings)) == 2
        monkeypatch.setattr(parts, "KEPT_SECONDS", -1.0)
        await change(saves, set={"a": "3"})
        assert len(on_disk(settings)) == 1

    @pytest.mark.parametrize("game", ["..", "a/b", "", "ü", "a\0b"])
    async def test_no_id_leads_elsewhere(self, saves: Saves, settings: Settings, game: str) -> None:
        (settings.data_dir / "saves" / "mira").mkdir(parents=True)
        with pytest.raises(VanillaError):
            await change(saves, game=game, set={"a": "1"})
        with pytest.raises(VanillaError):
            await saves.reset("mira", game)
        assert (settings.data_dir / "saves").exists()
