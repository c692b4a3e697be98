"""The capability, the policy and the line that goes into a game's HTML."""

import codecs
import time

import pytest

from vanilla.errors import BadRequest
from vanilla.games import sandbox

KEY = b"a signing key"
SDK = "/static/vanilla.js?v=abc"
LINE = b'<script src="/static/vanilla.js?v=abc"></script>'


def directives(policy: str) -> dict[str, list[str]]:
    parts = [part.split() for part in policy.split("; ")]
    return {part[0]: part[1:] for part in parts}


class TestCapability:
    def test_it_opens_the_version_it_was_made_for(self) -> None:
        made = sandbox.capability(KEY, "abc", 3, 0)
        assert sandbox.granted_version(KEY, "abc", 0, made) == 3

    def test_it_opens_no_other_game_and_dies_with_the_epoch_or_the_key(self) -> None:
        made = sandbox.capability(KEY, "abc", 3, 0)
        assert sandbox.granted_version(KEY, "abd", 0, made) is None
        assert sandbox.granted_version(KEY, "abc", 1, made) is None
        assert sandbox.granted_version(b"another key", "abc", 0, made) is None

    def test_another_version_cannot_be_reached_by_changing_the_number(self) -> None:
        made = sandbox.capability(KEY, "abc", 3, 0)
        assert sandbox.granted_version(KEY, "abc", 0, made.replace("3.", "2.", 1)) is None

    @pytest.mark.parametrize("guess", ["", "3", "3.", "0.AAAA", "3.AAAA", "-1.AAAA", "3.é" + "A" * 31, "9" * 5000])
    def test_a_guess_of_any_shape_opens_nothing(self, guess: str) -> None:
        assert sandbox.granted_version(KEY, "abc", 0, guess) is None

    def test_it_stands_in_an_address_as_it_is_and_has_128_bits_or_more(self) -> None:
        made = sandbox.capability(KEY, "abc", 3, 0)
        assert sandbox.files_path("abc", made) == f"/games/abc/{made}/"
        assert len(made.split(".")[1]) * 6 >= 128


class TestPolicy:
    policy = directives(sandbox.policy("https://games.example.org:8443", "abc", "3.xyz"))

    def test_the_origin_stays_opaque_and_no_window_opens(self) -> None:
        assert "allow-scripts" in self.policy["sandbox"]
        assert not {"allow-same-origin", "allow-popups", "allow-top-navigation"} & set(self.policy["sandbox"])
        assert not any("popups" in word or "top-navigation" in word for word in self.policy["sandbox"])

    def test_every_source_is_the_games_own_files_or_the_inference_api(self) -> None:
        files = "https://games.example.org:8443/games/abc/3.xyz/"
        local = {"data:", "blob:", "'unsafe-inline'", "'unsafe-eval'"}
        sources = {name: set(words) - local for name, words in self.policy.items() if name.endswith("-src")}
        assert sources == {
            "default-src": {files},
            "script-src": {files, "https://games.example.org:8443/static/vanilla.js"},
            "connect-src": {
                files,
                "https://games.example.org:8443/api/inference/",
                "https://games.example.org:8443/auth/me",
                "https://games.example.org:8443/static/vanilla-databases.js",
            },
            "worker-src": {files},
            "frame-src": {files},
        }

    def test_approved_hosts_give_code_looks_and_answers_and_are_never_framed(self) -> None:
        hosts = ("fonts.example.org", "cdn.example.org")
        open_to_them = directives(sandbox.policy("https://games.example.org:8443", "abc", "3.xyz", hosts))
        https = {f"https://{host}" for host in hosts}
        wss = {f"wss://{host}" for host in hosts}
        for name, words in open_to_them.items():
            added = set(words) - set(self.policy.get(name, self.policy["default-src"]))
            if name == "connect-src":
                assert added == https | wss
            elif name in {"script-src", "style-src", "font-src", "img-src", "media-src"}:
                assert (name, added) == (name, https)
            else:
                assert (name, added) == (name, set())
        for name, words in self.policy.items():
            assert set(words) <= set(open_to_them[name])

    @pytest.mark.parametrize(
        "host",
        [
            "games.example.org",
            "a.example; script-src *",
            "a.example x.example",
            "*.example",
            "example",
            "A.example",
            "",
        ],
    )
    def test_what_is_no_other_host_is_left_out(self, host: str) -> None:
        """Whatever stands in the database: this is the last place before the header."""
        policy = sandbox.policy("https://games.example.org:8443", "abc", "3.xyz", (host,))
        assert policy == sandbox.policy("https://games.example.org:8443", "abc", "3.xyz")

    def test_forms_and_the_base_stay_inside(self) -> None:
        assert self.policy["form-action"] == ["https://games.example.org:8443/games/abc/3.xyz/"]
        assert self.policy["base-uri"] == ["https://games.example.org:8443/games/abc/3.xyz/"]

    def test_connections_that_no_policy_covers_go_to_the_same_hosts_alone(self) -> None:
        origin = "https://games.example.org:8443"
        assert sandbox.connections(origin) == "(response-origin)"
        hosts = ["cdn.example.com", "games.example.org", 'evil" "*', "a b"]
        assert sandbox.connections(origin, hosts) == '(response-origin "https://cdn.example.com")'

    @pytest.mark.parametrize(
        "host", ["http://a; script-src *", "http://a b", "http://a/b", "http://", "javascript:1", "null", "http://a\nb"]
    )
    def test_a_host_that_would_add_directives_is_refused(self, host: str) -> None:
        with pytest.raises(BadRequest):
            sandbox.policy(host, "abc", "3.xyz")
        with pytest.raises(BadRequest):
            sandbox.frame_source(host, "abc", "3.xyz")

    @pytest.mark.parametrize("host", ["http://localhost:3000", "http://[::1]:3000", "https://a-b.example"])
    def test_hosts_of_every_kind_are_named(self, host: str) -> None:
        assert sandbox.frame_source(host, "abc", "3.xyz") == f"{host}/games/abc/3.xyz/"


class TestWithSdk:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (b"<!doctype html><html><head>", b"<meta charset=utf-8><title>x</title></head>"),
            (b"<!DOCTYPE html>\n<!-- <head> --><HTML lang='a>b'>\n<HEAD data-x=\">\">", b"<script>1</script>"),
            (b"<!doctype html><html lang=en>", b"<body><head>"),
            (b"<!doctype html>", b"<title>x</title><script>1</script>"),
            (b"<!doctype html>", b"<header>x</header>"),
            (b"<head>", b"<title>x</title>"),
            (b"", b"<script>'<head>'</script>"),
            (b"", b"<htmlx>"),
            (b"", b"words"),
            (b"", b""),
            (b"<!-->", b"<script>1</script><!-- -->"),
            (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x" "y"><html xmlns="z"><head>', b"</head>"),
            (b"<html>", b"<!-- never closed <head>"),
        ],
    )
    def test_the_line_comes_before_the_first_script(self, before: bytes, after: bytes) -> None:
        result, _ = sandbox.with_sdk(before + after, SDK)
        assert result == before + LINE + after

    def test_it_comes_after_a_byte_order_mark(self) -> None:
        result, content_type = sandbox.with_sdk(codecs.BOM_UTF8 + b"<p>\xc3\xa9", SDK)
        assert result == codecs.BOM_UTF8 + LINE + b"<p>\xc3\xa9"
        assert content_type == "text/html; charset=utf-8"

    @pytest.mark.parametrize(
        ("codec", "mark"),
        [
            ("utf-16le", codecs.BOM_UTF16_LE),
            ("utf-16be", codecs.BOM_UTF16_BE),
            ("utf-16le", b""),
            ("utf-16be", b""),
        ],
    )
    def test_utf16_stays_utf16(self, codec: str, mark: bytes) -> None:
        document = mark + "<html><head><title>Größe 🐌</title>".encode(codec)
        result, content_type = sandbox.with_sdk(document, SDK)
        assert result == mark + f"<html><head>{LINE.decode()}<title>Größe 🐌</title>".encode(codec)
        assert content_type == f"text/html; charset={codec}"

    def test_utf16_with_half_a_character_is_still_a_document(self) -> None:
        result, _ = sandbox.with_sdk(codecs.BOM_UTF16_LE + b"<\x00p\x00>\x00\x00\xd8", SDK)
        assert LINE in result.replace(b"\x00", b"")

    def test_another_encoding_is_left_to_the_document_to_declare(self) -> None:
        document = b"<head><meta charset=windows-1252>caf\xe9"
        result, content_type = sandbox.with_sdk(document, SDK)
        assert result == b"<head>" + LINE + document[6:]
        assert content_type == "text/html"

    @pytest.mark.parametrize(
        "hostile",
        [b"<!--" * 200_000, b"<html " + b"'\"" * 400_000, b"<?" * 400_000, b"<!-- -->" * 100_000 + b"<html " * 100_000],
    )
    def test_a_hostile_document_costs_one_pass(self, hostile: bytes) -> None:
        started = time.process_time()
        sandbox.with_sdk(hostile, SDK)
        assert time.process_time() - started < 1
