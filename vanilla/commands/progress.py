"""How far a command is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

Progress = Callable[[int], object]  # gets the bytes just done


@contextmanager
def progress(size: int, label: str) -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere. `size` is in bytes."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    with typer.progressbar(length=max(size, 1), label=label, file=sys.stderr) as bar:
        yield bar.update
