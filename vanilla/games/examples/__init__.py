"""The games that come with Vanilla: one folder each, meant to be played and to be copied."""

from pathlib import Path

from vanilla.games.catalogue import Catalogue

FOLDER = Path(__file__).parent
NAMES = ("orbit", "dragon")  # the last one stands first among the new games


async def publish(catalogue: Catalogue, owner_id: str) -> None:
    """Publish them all as games of this user; titles and tags are in each one's meta.json. Raises OutOfSpace."""
    for name in NAMES:
        await catalogue.publish_folder(owner_id, FOLDER / name, title="", description="")
