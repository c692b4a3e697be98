"""Having the disk keep what was written, before it is relied on."""

import os
from pathlib import Path


def make_durable(*paths: Path) -> None:
    """Have the disk keep these files, and the names in these folders. Raises OSError."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
