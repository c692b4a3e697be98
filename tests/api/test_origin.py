from typing import Any

import pytest
from starlette.datastructures import Headers

from vanilla.api.origin import client_address, is_ours, normal, our_origin
from vanilla.settings import Settings

PROXY = Settings(trusted_proxies="10.0.0.0/8, ::1")
BARE = Settings()


def scope(peer: str | None = "192.0.2.1", scheme: str = "http") -> dict[str, Any]:
    return {"type": "http", "scheme": scheme, "client": None if peer is None else (peer, 50000)}


def headers(**values: str) -> Headers:
    return Headers({name.replace("_", "-"): value for name, value in values.items()})


class TestOurOrigin:
    @pytest.mark.parametrize(
        ("scheme", "host", "origin"),
        [
            ("http", "localhost:3000", "http://localhost:3000"),
            ("http", "LocalHost:80", "http://localhost"),
            ("https", "games.example.org:443", "https://games.example.org"),
            ("ws", "192.168.1.5:3000", "http://192.168.1.5:3000"),
            ("wss", "games.example.org", "https://games.example.org"),
            ("http", "[::1]:3000", "http://[::1]:3000"),
        ],
    )
    def test_it_is_scheme_and_host(self, scheme: str, host: str, origin: str) -> None:
        assert our_origin(scope(scheme=scheme), headers(host=host), BARE) == origin

    @pytest.mark.parametrize("host", ["", "a b", "evil.example/path", "user@host", "a:b", "x:1:2", "null"])
    def test_a_host_that_is_none_equals_no_origin_a_browser_sends(self, host: str) -> None:
        origin = our_origin(scope(), headers(host=host), BARE)
        assert not is_ours(headers(origin="null"), origin)
        assert not is_ours(headers(origin="http://evil.example"), origin)

    def test_public_url_is_the_last_word(self) -> None:
        settings = Settings(public_url="https://Games.example.org:443", trusted_proxies="10.0.0.0/8")
        told = headers(host="evil.example", x_forwarded_host="evil.example", x_forwarded_proto="http")
        assert our_origin(scope("10.0.0.1"), told, settings) == "https://games.example.org"

    def test_a_trusted_proxy_is_believed(self) -> None:
        told = headers(host="127.0.0.1:3000", x_forwarded_host="games.example.org", x_forwarded_proto="https")
        assert our_origin(scope("10.1.2.3"), told, PROXY) == "https://games.example.org"

    def test_what_the_client_wrote_before_the_proxy_is_not(self) -> None:
        told = headers(host="x", x_forwarded_host="evil.example, games.example.org", x_forwarded_proto="http, https")
        assert our_origin(scope("10.1.2.3"), told, PROXY) == "https://games.example.org"

    def test_nobody_else_is_believed(self) -> None:
        told = headers(host="localhost:3000", x_forwarded_host="evil.example", x_forwarded_proto="https")
        assert our_origin(scope("192.0.2.1"), told, PROXY) == "http://localhost:3000"
        assert our_origin(scope("127.0.0.1"), told, BARE) == "http://localhost:3000"


class TestClientAddress:
    def test_it_is_the_peer_whatever_the_headers_say(self) -> None:
        assert client_address(scope("192.0.2.1"), headers(x_forwarded_for="203.0.113.9"), PROXY) == "192.0.2.1"
        assert client_address(scope("127.0.0.1"), headers(x_forwarded_for="203.0.113.9"), BARE) == "127.0.0.1"

    @pytest.mark.parametrize(
        ("forwarded", "address"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the first is whatever the client wrote
            ("203.0.113.9, 10.9.9.9", "203.0.113.9"),  # two proxies of ours
            ("10.8.8.8, 10.9.9.9", "10.8.8.8"),
            ("[2001:db8::1]:443", "2001:db8::1"),
            ("203.0.113.9:1234", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("", "10.0.0.1"),
            ("unknown", "10.0.0.1"),
            ("203.0.113.9, <script>", "10.0.0.1"),
        ],
    )
    def test_behind_a_trusted_proxy_it_is_the_nearest_that_is_none(self, forwarded: str, address: str) -> None:
        assert client_address(scope("10.0.0.1"), headers(x_forwarded_for=forwarded), PROXY) == address

    def test_a_proxy_is_known_by_its_mapped_address_too(self) -> None:
        assert client_address(scope("::ffff:10.0.0.1"), headers(x_forwarded_for="203.0.113.9"), PROXY) == "203.0.113.9"

    def test_without_a_peer_it_is_unknown(self) -> None:
        assert client_address(scope(None), headers(x_forwarded_for="203.0.113.9"), PROXY) == "unknown"


class TestIsOurs:
    @pytest.mark.parametrize(
        "sent",
        [
            {},
            {"origin": "http://localhost:3000"},
            {"origin": "http://localhost:3000", "sec_fetch_site": "same-origin"},
            {"sec_fetch_site": "same-origin"},
            {"sec_fetch_site": "none"},
        ],
    )
    def test_our_pages_and_programs_are(self, sent: dict[str, str]) -> None:
        assert is_ours(headers(**sent), "http://localhost:3000")

    @pytest.mark.parametrize(
        "sent",
        [
            {"origin": "null"},
            {"origin": ""},
            {"origin": "null", "sec_fetch_site": "same-origin"},
            {"origin": "https://localhost:3000"},
            {"origin": "http://localhost:3001"},
            {"origin": "http://localhost"},
            {"origin": "http://localhost:3000.evil.example"},
            {"origin": "http://evil.example"},
            {"origin": "http://localhost:3000/"},
            {"origin": "http://x@localhost:3000"},
            {"sec_fetch_site": "cross-site"},
            {"sec_fetch_site": "same-site"},
            {"sec_fetch_site": "anything"},
        ],
    )
    def test_nobody_else_is(self, sent: dict[str, str]) -> None:
        assert not is_ours(headers(**sent), "http://localhost:3000")

    def test_two_origins_are_none(self) -> None:
        twice = Headers(raw=[(b"origin", b"http://localhost:3000"), (b"origin", b"http://localhost:3000")])
        assert not is_ours(twice, "http://localhost:3000")


@pytest.mark.parametrize("text", ["null", "", "http://[", "http://host:port", "file://", "http://host/path"])
def test_what_is_no_origin_stays_as_it_is(text: str) -> None:
    assert normal(text) == text
