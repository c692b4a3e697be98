import pytest

from vanilla.games.content_types import content_type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("index.HTML", "text/html; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.wasm", "application/wasm"),
        ("a.svg", "image/svg+xml"),
        ("a.m4a", "audio/mp4"),
        ("a.glb", "model/gltf-binary"),
        ("a.woff2", "font/woff2"),
        ("a.php", "application/octet-stream"),
        ("html", "application/octet-stream"),
        (".html", "application/octet-stream"),
    ],
)
def test_the_type_goes_by_the_end_of_the_name(name: str, expected: str) -> None:
    assert content_type(name) == expected
