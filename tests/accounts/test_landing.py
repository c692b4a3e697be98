import pytest

from vanilla.accounts.landing import local_path


@pytest.mark.parametrize(
    "address", ["/", "/docs", "/api/docs", "/play/abc?x=1#top", "/account", "/?q=a%2Fb", "/logins"]
)
def test_a_path_of_this_site_is_kept(address: str) -> None:
    assert local_path(address) == address


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "docs",
        "//evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n//evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "/docs\r\nSet-Cookie: a=b",
        "/login",
        "/login?next=/login",
        "/auth/logout",
        "/api/games",
        "/api/docs/x",
        "/admin/api/users",
        " //evil.example",
        "/a\\b",
        "/" + "a" * 2000,
    ],
)
def test_anything_else_is_the_first_page(address: str | None) -> None:
    assert local_path(address) == "/"
