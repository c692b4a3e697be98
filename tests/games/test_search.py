"""Folding: what is written differently and read the same is found."""

import pytest

from vanilla.games import search


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Snail RALLY", "snail rally"),
        ("Ångström", "angstrom"),
        ("A\u030angstro\u0308m", "angstrom"),
        ("Straße", "strasse"),
        ("ﬁne ①", "fine 1"),
        ("İstanbul", "istanbul"),
        ("日本", "日本"),
        ("Ёлка", "елка"),
    ],
)
def test_case_accents_and_forms_make_no_difference(written: str, folded: str) -> None:
    assert search.folded(written) == folded


def test_the_kept_text_begins_with_the_title() -> None:
    text = search.text_of("Snail", "The slowest\nrace", ["race", "Quick"], "Mira")
    assert text == "snail\nthe slowest\nrace\n#race#quick#\nmira"
