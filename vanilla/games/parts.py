"""The files that saves consist of: small immutable parts. A row of `saves` names those that count.

A part is written whole and made durable before a row names it, under a name that no other ever has; so whenever the
server dies, the rows name parts that are whole. What no row names is swept away at the next start.
"""

import errno
import re
import shutil
import threading
import time
import uuid
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from vanilla.durable import make_durable
from vanilla.errors import NotFound, OutOfSpace
from vanilla.settings import Settings

KEPT_SECONDS = 600.0  # a part that is replaced: a reader has it open still, and power loss may take the row back
_ID = re.compile(r"[A-Za-z0-9-]{1,64}")

Owner = tuple[str, str]  # ids of the user and the game


class Parts:
    """Those in `settings.data_dir`. Made without touching the disk. Every method blocks."""

    def __init__(self, settings: Settings) -> None:
        self._saves = settings.data_dir / "saves"
        self._replaced: deque[tuple[float, Path]] = deque()
        self._lock = threading.Lock()  # around it

    def sweep(self, named: Mapping[Owner, Collection[str]]) -> None:
        """Remove every part but those named. For the start, while nothing is being written."""
        self._saves.mkdir(parents=True, exist_ok=True)
        for folder in [path for user in self._saves.iterdir() for path in user.iterdir()]:
            kept = named.get((folder.parent.name, folder.name), ())
            for part in folder.iterdir():
                if part.name not in kept:
                    part.unlink()
            if not kept:
                folder.rmdir()
        for user in self._saves.iterdir():
            if not any(user.iterdir()):
                user.rmdir()

    def write(self, owner: Owner, pieces: Iterable[bytes]) -> str:
        """Make a part, and give its name. Raises OutOfSpace; then, as after any error, nothing is left of it."""
        folder = self._folder(owner)
        is_new = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / uuid.uuid4().hex
        try:
            with part.open("xb") as file:
                file.writelines(pieces)
            make_durable(part, folder, *([folder.parent, self._saves] if is_new else []))
        except OSError as error:
            part.unlink(missing_ok=True)
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise OutOfSpace("The host's disk is full. It is saved once the host has made room.") from None
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return part.name

    def path(self, owner: Owner, name: str) -> Path:
        """Where a part is."""
        return self._folder(owner) / name

    def size(self, owner: Owner, names: Iterable[str]) -> int:
        """Bytes of those parts together."""
        return sum(self.path(owner, name).stat().st_size for name in names)

    def remove(self, owner: Owner, names: Iterable[str]) -> None:
        """Remove parts that no row ever named."""
        for name in names:
            self.path(owner, name).unlink(missing_ok=True)

    def replace(self, owner: Owner, names: Iterable[str]) -> None:
        """Remove parts that no row names any more, after KEPT_SECONDS."""
        now = time.monotonic()
        with self._lock:
            self._replaced.extend((now, self.path(owner, name)) for name in names)
            while self._replaced and self._replaced[0][0] < now - KEPT_SECONDS:
                self._replaced.popleft()[1].unlink(missing_ok=True)

    def remove_all(self, owner: Owner) -> None:
        """Remove everything of a user in a game."""
        shutil.rmtree(self._folder(owner), ignore_errors=True)

    def _folder(self, owner: Owner) -> Path:
        if not all(_ID.fullmatch(part) for part in owner):
            raise NotFound("There is no such game.")
        return self._saves.joinpath(*owner)
