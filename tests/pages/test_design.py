"""The tokens: readable in both themes, complete in both, and the only colours there are."""

import re
from itertools import product

import pytest

from pages.design import DARK, LIGHT, MEASURES, STATIC, head

TEXT = ("ink", "soft", "cherry", "caramel", "mint", "sky", "plum", "danger", "ok")
GROUND = ("paper", "card", "sunk")


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read_on_every_ground(theme: dict[str, str]) -> None:
    pairs = [*product(TEXT, GROUND), ("on-cherry", "cherry"), ("on-cherry", "cherry-deep")]
    faint = {pair: ratio for pair in pairs if (ratio := contrast(theme[pair[0]], theme[pair[1]])) < 4.5}
    assert faint == {}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_what_can_be_typed_into_has_an_edge_that_can_be_seen(theme: dict[str, str]) -> None:
    assert all(contrast(theme["edge"], theme[ground]) >= 3 for ground in ("paper", "card"))
    assert all(contrast(theme["cherry"], theme[ground]) >= 3 for ground in GROUND)  # the focus ring


def test_both_themes_have_the_same_tokens() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_every_token_that_is_used_is_there() -> None:
    known = {*LIGHT, *MEASURES}
    for path in STATIC.glob("*.css"):
        named = set(re.findall(r"var\(--([a-z0-9-]+)", path.read_text()))
        assert {name for name in named - known if not name.startswith("q-")} == set(), path.name


def test_no_colour_stands_in_the_stylesheet() -> None:
    for path in STATIC.glob("*.css"):
        assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgba?|hsla?)\(", path.read_text()) == [], path.name


def test_the_theme_is_known_before_anything_is_painted() -> None:
    html = head()
    script = html.index("localStorage.getItem('theme')")
    assert "defer" not in html[:script].rpartition("<script")[2]
    assert "prefers-color-scheme:dark" in html


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours such as #B3123F."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
