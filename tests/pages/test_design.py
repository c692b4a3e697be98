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


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_every_pair_of_colours_that_a_rule_sets_can_be_read(theme: dict[str, str]) -> None:
    """A rule that sets both colour and background, in any stylesheet, is a pair; a mix is tried on each ground."""
    faint, pairs = {}, 0
    for path in sorted(STATIC.glob("*.css")):
        for selector, body in re.findall(r"([^{}]+)\{([^{}]*)\}", path.read_text()):
            colour = re.search(r"(?<![\w-])color: var\(--([\w-]+)\)", body)
            ground = re.search(r"background(?:-color)?: (var\(--[\w-]+\)|color-mix\([^;]*\))", body)
            if colour is None or ground is None or colour[1] not in theme:
                continue
            for hex_ground in grounds(ground[1], theme):
                pairs += 1
                if (ratio := contrast(theme[colour[1]], hex_ground)) < 4.5:
                    faint[f"{path.name}: {selector.strip()}"] = round(ratio, 2)
    assert faint == {}
    assert pairs >= 15, "the stylesheets are read"


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_bars_dots_and_lines_of_charts_stand_out(theme: dict[str, str]) -> None:
    marks = ("cherry", "caramel", "mint", "sky", "plum", "danger", "ok", "soft")
    assert [(mark, on) for mark, on in product(marks, GROUND) if contrast(theme[mark], theme[on]) < 3] == []


def test_a_mix_of_two_colours_lies_between_them() -> None:
    theme = {"one": "#000000", "paper": "#FFFFFF", "card": "#FFFFFF", "sunk": "#FFFFFF"}
    assert grounds("color-mix(in srgb, var(--one) 20%, transparent)", theme) == ["#cccccc"] * 3
    assert grounds("var(--one)", theme) == ["#000000"]


def test_sizes_of_type_and_corners_are_tokens() -> None:
    css = "".join(path.read_text() for path in STATIC.glob("*.css"))
    assert re.findall(r"font-size: [\d.]+px|font: [^;]*\dpx[^;]*", css) == []
    assert set(re.findall(r"border-radius: \d+px", css)) == set()


def test_motion_is_short_and_stops_for_who_wants_none() -> None:
    assert 120 <= int(MEASURES["quick"].removesuffix("ms")) <= 200
    for path in STATIC.glob("*.css"):
        for moving in re.findall(r"transition: ([^;]*)", path.read_text()):
            assert moving.startswith("none") or "var(--quick)" in moving, f"{path.name}: {moving}"
    calm = (STATIC / "design.css").read_text().split("@media (prefers-reduced-motion: reduce)")[1]
    assert "transition: none !important; animation: none !important" in calm


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


def grounds(value: str, theme: dict[str, str]) -> list[str]:
    """The colours that a background comes to: `var(--x)`, or a mix of a token with transparency on each ground."""
    if named := re.fullmatch(r"var\(--([\w-]+)\)", value):
        return [theme[named[1]]] if theme.get(named[1], "").startswith("#") else []
    mixed = re.fullmatch(r"color-mix\(in srgb, var\(--([\w-]+)\) (\d+)%, transparent\)", value)
    assert mixed is not None, f"a mix that this test cannot compute: {value}"
    part = int(mixed[2]) / 100
    return [_blend(theme[mixed[1]], theme[ground], part) for ground in GROUND]


def _blend(over: str, under: str, part: float) -> str:
    mixed = (round(part * int(over[at : at + 2], 16) + (1 - part) * int(under[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{each:02x}" for each in mixed)


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours such as #B3123F."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
