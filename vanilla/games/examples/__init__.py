"""The games that come with Vanilla: one folder each, meant to be played and to be copied."""

from pathlib import Path

from vanilla.games.catalogue import Catalogue

FOLDER = Path(__file__).parent
NAMES = ("orbit", "eggs", "dragon")  # the last one stands first among the new games


async def publish(catalogue: Catalogue, owner_id: str) -> None:
    """Publish them all as games of this user; titles and tags are in each one's meta.json. Raises OutOfSpace."""
    for name in NAMES:
        await catalogue.publish_folder(owner_id, FOLDER / name, title="", description="")


def files(name: str) -> list[str]:
    """The paths of an example's files that a person can read, the page first. Raises NotFound for no example."""
    folder = FOLDER / name
    readable = [path for path in folder.rglob("*") if path.suffix in _READ_BY_PEOPLE]
    return sorted((path.relative_to(folder).as_posix() for path in readable), key=lambda path: (_rank(path), path))


def _rank(path: str) -> int:
    return next((rank for rank, first in enumerate(_FIRST) if path == first), len(_FIRST))


_READ_BY_PEOPLE = {".html", ".css", ".js", ".json"}
_FIRST = ("index.html", "js/main.js")
