"""The file of saves that a person can keep: JSON with everything that a game has stored for them.

{"vanilla_saves": 1, "game": {"id", "title"}, "exported_at": "...",
 "local": {...}, "cookies": {...}, "storage": {...}, "databases": {"key": "value in base64"}}
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import IO

from vanilla.errors import Invalid, TooLarge
from vanilla.games import entries, records
from vanilla.games.entries import Contents
from vanilla.models import utc_text

FORMAT = 1


def written(
    game_id: str, title: str, moment: datetime, local: Sequence[Path], databases: Sequence[Path]
) -> Iterator[bytes]:
    """The file, in pieces, from the parts of both kinds. Blocks."""
    game = {"id": game_id, "title": title}
    begin = entries.write_json({"vanilla_saves": FORMAT, "game": game, "exported_at": utc_text(moment)})
    contents = local[0].read_bytes() if local else entries.write_json(entries.empty())
    yield begin[:-1] + b"," + contents[1:-1] + b',"databases":{'
    with ExitStack() as stack:
        values = records.live(stack.enter_context(path.open("rb")) for path in databases)
        for number, (key, value) in enumerate(values.items()):
            yield (b"," if number else b"") + entries.write_json(key) + b':"'
            yield from map(b64encode, records.pieces(value))
            yield b'"'
    yield b"}}"


def read(file: IO[bytes], most_bytes: int) -> tuple[Contents, dict[str, bytes]]:
    """What such a file holds; `most_bytes` may be in databases. Blocks. Raises Invalid, TooLarge."""
    data = entries.read_json(file.read())
    if not isinstance(data, dict) or data.get("vanilla_saves") != FORMAT:
        raise Invalid("This is not a file of saves that was exported here.")
    contents = entries.checked_contents(data)
    encoded = data.get("databases", {})
    if not isinstance(encoded, dict) or len(encoded) > records.MOST_KEYS:
        raise Invalid("The databases in this file of saves cannot be read.")
    try:
        values = {key: b64decode(value, validate=True) for key, value in encoded.items()}
    except (TypeError, ValueError):
        raise Invalid("The databases in this file of saves cannot be read.") from None
    if any(entries.units(key) > records.LONGEST_KEY for key in values):
        raise Invalid("The databases in this file of saves cannot be read.")
    if sum(entries.units(key) + len(value) for key, value in values.items()) > most_bytes:
        raise TooLarge(
            f"The databases in this file are larger than the {most_bytes // 1_000_000:,} MB a game may keep."
        )
    return contents, values
