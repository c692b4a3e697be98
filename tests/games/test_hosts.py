"""Other hosts: asked for by owners, decided by admins, and each change of what is allowed gives other addresses."""

import pytest

from tests.games.library import ADMIN, MIRA, SAM, Library
from vanilla.errors import Forbidden, Invalid, NotFound
from vanilla.games.hosts import checked_host
from vanilla.games.views import HostView

FONTS, CDN = "fonts.example.org", "cdn.example.org"


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("fonts.example.org", "fonts.example.org"),
        (" Fonts.Example.ORG ", "fonts.example.org"),
        ("https://cdn.jsdelivr.net/", "cdn.jsdelivr.net"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("a-b.1c.xn--p1ai", "a-b.1c.xn--p1ai"),
    ],
)
def test_a_name_is_kept_as_it_stands_in_a_policy(given: str, host: str) -> None:
    assert checked_host(given) == host


@pytest.mark.parametrize(
    "given",
    [
        "",
        "*",
        "*.example.org",
        "example",
        "example.org:8443",
        "example.org/path",
        "http://example.org",
        "wss://example.org",
        "user@example.org",
        "example.org; script-src *",
        "example.org 'unsafe-inline'",
        "example.org\n.org",
        "example..org",
        ".example.org",
        "example.org.",
        "-a.example.org",
        "a_b.example.org",
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "10.0.0.0x7f",
        "1.2.3.4.5",
        "[::1]",
        "2130706433",
        "localhost",
        "LOCALHOST",
        "a.localhost",
        "printer.local",
        "wiki.internal",
        "router.lan",
        "nas.home.arpa",
        f"{'a' * 64}.example.org",
        ".".join(["a" * 60] * 5),
        "。",
    ],
)
def test_what_is_no_public_name_is_refused(given: str) -> None:
    with pytest.raises(Invalid, match=r"name of a host|private network"):
        checked_host(given)


class TestAsk:
    async def test_it_waits_until_an_admin_approves(self, library: Library) -> None:
        game = await library.add("Dragon")
        assert await library.hosts.ask(game.id, [FONTS, CDN, "FONTS.example.org"], MIRA) == [
            HostView(CDN, False),
            HostView(FONTS, False),
        ]
        assert (await library.addresses.playable(game.id, SAM)).hosts == ()
        assert library.closed == []
        await library.hosts.approve(game.id, FONTS, ADMIN)
        seen = await library.addresses.playable(game.id, SAM)
        assert seen.hosts == (FONTS,)
        assert seen.game.hosts == (HostView(CDN, False), HostView(FONTS, True))

    async def test_only_owners_ask_and_only_admins_decide(self, library: Library) -> None:
        game = await library.add()
        with pytest.raises(Forbidden):
            await library.hosts.ask(game.id, [FONTS], SAM)
        await library.hosts.ask(game.id, [FONTS], MIRA)
        for by in (MIRA, SAM):
            for call in (library.hosts.approve, library.hosts.refuse):
                with pytest.raises(Forbidden):
                    await call(game.id, FONTS, by)
            with pytest.raises(Forbidden):
                await library.hosts.asked(by)
        for call in (library.hosts.approve, library.hosts.refuse):
            with pytest.raises(NotFound):
                await call(game.id, CDN, ADMIN)
            with pytest.raises(NotFound):
                await call("nothing", FONTS, ADMIN)

    async def test_the_platform_itself_is_no_other_host(self, library: Library) -> None:
        game = await library.add()
        with pytest.raises(Invalid, match="platform itself"):
            await library.hosts.ask(game.id, ["games.example.org"], MIRA, origin="https://games.example.org:8443")
        await library.hosts.ask(game.id, ["games.example.org"], MIRA, origin="https://other.example.org")

    async def test_ten_are_the_most(self, library: Library) -> None:
        game = await library.add()
        names = [f"h{number}.example.org" for number in range(11)]
        assert len(await library.hosts.ask(game.id, names[:10], MIRA)) == 10
        with pytest.raises(Invalid, match="at most 10"):
            await library.hosts.ask(game.id, names, MIRA)


class TestApproval:
    async def test_it_lives_through_new_lists_and_new_versions(self, library: Library) -> None:
        game = await library.add()
        await library.hosts.ask(game.id, [FONTS], MIRA)
        await library.hosts.approve(game.id, FONTS, ADMIN)
        await library.hosts.ask(game.id, [FONTS, CDN], MIRA)
        await library.update(game.id, b"2")
        assert (await library.addresses.playable(game.id, SAM)).hosts == (FONTS,)

    async def test_what_was_taken_away_must_be_approved_again(self, library: Library) -> None:
        game = await library.add()
        await library.hosts.ask(game.id, [FONTS], MIRA)
        await library.hosts.approve(game.id, FONTS, ADMIN)
        await library.hosts.ask(game.id, [], MIRA)
        await library.hosts.ask(game.id, [FONTS], MIRA)
        assert (await library.addresses.playable(game.id, SAM)).hosts == ()

    async def test_each_change_of_it_gives_the_files_other_addresses(self, library: Library) -> None:
        game = await library.add()
        epochs = [0]

        async def note() -> None:
            epochs.append((await library.catalogue.get(game.id)).capability_epoch)

        await library.hosts.ask(game.id, [FONTS, CDN], MIRA)
        await note()
        for _ in range(2):
            await library.hosts.approve(game.id, FONTS, ADMIN)
            await note()
        await library.hosts.ask(game.id, [FONTS], MIRA)  # the other one was not approved
        await note()
        await library.hosts.ask(game.id, [], MIRA)
        await note()
        await library.hosts.ask(game.id, [FONTS, CDN], MIRA)
        await library.hosts.refuse(game.id, CDN, ADMIN)
        await note()
        await library.hosts.approve(game.id, FONTS, ADMIN)
        await library.hosts.refuse(game.id, FONTS, ADMIN)
        await note()
        assert epochs == [0, 0, 1, 1, 1, 2, 2, 4]
        assert library.closed == [game.id] * 4

    async def test_admins_see_what_waits_on_top(self, library: Library) -> None:
        game, removed = await library.add("Dragon"), await library.add("Gone")
        await library.hosts.ask(removed.id, [CDN], MIRA)
        await library.removals.remove(removed.id, MIRA)
        await library.hosts.ask(game.id, [FONTS, CDN], MIRA)
        await library.hosts.approve(game.id, CDN, ADMIN)
        asked = await library.hosts.asked(ADMIN)
        assert [(each.title, each.owner, each.host, each.approved_at is None) for each in asked] == [
            ("Dragon", "Mira", FONTS, True),
            ("Dragon", "Mira", CDN, False),
        ]


class TestRefusal:
    async def test_its_owner_sees_it_until_they_withdraw(self, library: Library) -> None:
        game = await library.add()
        await library.hosts.ask(game.id, [FONTS, CDN], MIRA)
        await library.hosts.refuse(game.id, FONTS, ADMIN)
        await library.hosts.ask(game.id, [CDN, FONTS], MIRA)  # naming it again decides nothing
        assert (await library.catalogue.get(game.id)).hosts == (
            HostView(CDN, is_approved=False),
            HostView(FONTS, is_approved=False, is_refused=True),
        )
        assert await library.hosts.withdraw(game.id, FONTS, MIRA) == [HostView(CDN, is_approved=False)]
        assert await library.hosts.withdraw(game.id, FONTS, MIRA) == [HostView(CDN, is_approved=False)]

    async def test_asked_once_more_it_waits_again(self, library: Library) -> None:
        game = await library.add()
        await library.hosts.request(game.id, FONTS, MIRA)
        await library.hosts.refuse(game.id, FONTS, ADMIN)
        assert (await library.hosts.waiting(ADMIN, 9))[1] == 0
        assert await library.hosts.request(game.id, f"https://{FONTS}/", MIRA) == [HostView(FONTS, is_approved=False)]
        assert (await library.hosts.waiting(ADMIN, 9))[1] == 1

    async def test_what_is_allowed_stays_so_when_it_is_asked_for_again(self, library: Library) -> None:
        game = await library.add()
        await library.hosts.request(game.id, FONTS, MIRA)
        await library.hosts.approve(game.id, FONTS, ADMIN)
        assert await library.hosts.request(game.id, FONTS, MIRA) == [HostView(FONTS, is_approved=True)]
        assert (await library.addresses.playable(game.id, SAM)).hosts == (FONTS,)

    async def test_a_refused_one_can_be_allowed_after_all(self, library: Library) -> None:
        game = await library.add()
        await library.hosts.request(game.id, FONTS, MIRA)
        await library.hosts.refuse(game.id, FONTS, ADMIN)
        await library.hosts.approve(game.id, FONTS, ADMIN)
        assert (await library.catalogue.get(game.id)).hosts == (HostView(FONTS, is_approved=True),)
        await library.hosts.refuse(game.id, FONTS, ADMIN)
        assert (await library.addresses.playable(game.id, SAM)).hosts == ()

    async def test_eleven_are_too_many_one_by_one_too(self, library: Library) -> None:
        game = await library.add()
        for number in range(10):
            await library.hosts.request(game.id, f"h{number}.example.org", MIRA)
        with pytest.raises(Invalid, match="at most 10"):
            await library.hosts.request(game.id, FONTS, MIRA)

    async def test_others_neither_ask_nor_withdraw(self, library: Library) -> None:
        game = await library.add()
        await library.hosts.request(game.id, FONTS, MIRA)
        for call in (library.hosts.request, library.hosts.withdraw):
            with pytest.raises(Forbidden):
                await call(game.id, FONTS, SAM)


class TestWaiting:
    async def test_has_what_is_not_decided_with_what_the_game_says(self, library: Library) -> None:
        game, removed = await library.add("Dragon", description="Talk."), await library.add("Gone")
        await library.hosts.ask(game.id, [FONTS, CDN, "x.example.org"], MIRA)
        await library.hosts.ask(removed.id, [CDN], MIRA)
        await library.removals.remove(removed.id, MIRA)
        await library.hosts.approve(game.id, CDN, ADMIN)
        (first,), total = await library.hosts.waiting(ADMIN, 1)
        assert (first.host, first.title, first.description, first.owner, total) == (FONTS, "Dragon", "Talk.", "Mira", 2)
        with pytest.raises(Forbidden):
            await library.hosts.waiting(MIRA, 1)
