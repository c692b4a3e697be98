import pytest

from vanilla.games import layout

PAGE_NAMES = ["b.html", "a.HTM", "deep/index.html"]


@pytest.mark.parametrize(
    ("files", "entry"),
    [
        (["index.html", "other.html"], "index.html"),
        (["Game.HTML", "docs/readme.html", "a.js"], "Game.HTML"),
        (["play.htm", "x/index.html"], "play.htm"),
    ],
)
def test_the_page_to_open_is_found(files: list[str], entry: str) -> None:
    assert layout.opening(files) == layout.Opening(entry)


@pytest.mark.parametrize(
    ("files", "sentence", "candidates"),
    [
        (
            PAGE_NAMES,
            "more than one page it could be: a.HTM, b.html. Say which",
            ["a.HTM", "b.html", "deep/index.html"],
        ),
        (["d/other.html", "d/index.html"], "there is d/index.html. Say which", ["d/index.html", "d/other.html"]),
        (["a.js"], "no index.html: the page that opens", []),
        (["INDEX.HTML", "b.html"], "more than one page", ["INDEX.HTML", "b.html"]),
    ],
)
def test_where_it_cannot_be_told_the_likeliest_come_first(
    files: list[str], sentence: str, candidates: list[str]
) -> None:
    found = layout.opening(files)
    assert found.problem is not None
    assert sentence in found.problem.message
    assert found.candidates == candidates


def test_a_chosen_page_is_honoured_wherever_it_lies() -> None:
    assert layout.opening([*PAGE_NAMES, "index.html"], "deep/index.html").entry == "deep/index.html"
    assert layout.opening(["\u00e9.html", "b.html"], "e\u0301.html").entry == "\u00e9.html"


@pytest.mark.parametrize("chosen", ["c.html", "a.js", "../a.HTM", "deep", "\u202ex"])
def test_a_choice_that_is_no_page_is_refused_with_those_that_are(chosen: str) -> None:
    found = layout.opening([*PAGE_NAMES, "index.html", "a.js"], chosen)
    assert found.problem is not None
    assert "is not a page of the game" in found.problem.message
    assert "\u202e" not in found.problem.message
    assert found.candidates[0] == "index.html"
