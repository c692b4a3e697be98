"""How the files of a bundle lie: a wrapper around them, names that collide, the page to open."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from vanilla.games import names
from vanilla.games.reports import Problem

INDEX = "index.html"
PAGES = (".html", ".htm")


@dataclass(frozen=True, slots=True)
class Opening:
    """The page to open; or, where it cannot be told, the problem, and the pages that it could be, likeliest first."""

    entry: str = INDEX
    problem: Problem | None = None
    candidates: Sequence[str] = ()


def opening(files: Iterable[str], chosen: str = "") -> Opening:
    """The page that somebody chose; else index.html at the root, or the only page there."""
    pages = sorted((name for name in files if name.lower().endswith(PAGES)), key=_likelihood)
    at_root = [name for name in pages if "/" not in name]
    if chosen:
        if (wanted := names.composed(chosen)) in pages:
            return Opening(wanted)
        message = f"{names.shown(chosen)}, which was chosen as the page to open, is not a page of the game."
        return Opening(problem=Problem(message, names.shown(chosen)), candidates=pages)
    if INDEX in at_root:
        return Opening()
    if len(at_root) == 1:
        return Opening(at_root[0])
    if at_root:
        listed = ", ".join(names.shown(name) for name in at_root[:5])
        message = f"There is no index.html, and more than one page it could be: {listed}. Say which one opens."
    elif pages:
        message = (
            f"index.html must be at the top of the archive; there is {names.shown(pages[0])}. Say which page opens."
        )
    else:
        message = "There is no index.html: the page that opens when somebody plays."
    return Opening(problem=Problem(message), candidates=pages)


def wrapper(files: Sequence[str]) -> str:
    """The one folder that everything lies in, with its slash; empty when there is none."""
    first = {name.split("/", 1)[0] for name in files}
    return f"{first.pop()}/" if len(first) == 1 and all("/" in name for name in files) else ""


def folders(name: str) -> Iterator[str]:
    """The folders above a name: `a` and `a/b` of `a/b/c`."""
    parts = name.split("/")[: names.DEEPEST + 2]
    return ("/".join(parts[:depth]) for depth in range(1, len(parts)))


def collisions(entries: Sequence[tuple[str, bool]]) -> Iterator[Problem]:
    """Files that are there twice, differ only in case, or are also a folder. `entries`: each name, and whether it is
    a folder's."""
    files = Counter(names.key(name) for name, is_folder in entries if not is_folder)
    spellings: dict[str, set[str]] = {}
    above = {names.key(name) for name, is_folder in entries if is_folder}
    for name, is_folder in entries:
        above |= {names.key(folder) for folder in folders(name)}
        if not is_folder:
            spellings.setdefault(names.key(name), set()).add(name)
    for key, same in spellings.items():
        listed = " and ".join(names.shown(name) for name in sorted(same)[:2])
        file = names.shown(min(same))
        if key in above:
            yield Problem(f"{listed} is both a file and a folder.", file)
        elif len(same) > 1:
            yield Problem(f"{listed} differ only in upper and lower case.", file)
        elif files[key] > 1:
            yield Problem(f"{listed} is in the archive {files[key]} times.", file)


def _likelihood(page: str) -> tuple[int, bool, str]:
    return page.count("/"), not page.lower().endswith(INDEX), page
