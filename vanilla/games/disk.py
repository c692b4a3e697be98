"""A full disk, told as what it is."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from vanilla.errors import OutOfSpace

# EFBIG: the largest file that this process or this file system may write.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def fullness_told() -> Iterator[None]:
    """Raises OutOfSpace where the system says inside the block that the disk, or the host's quota on it, is full."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise OutOfSpace("The disk of the host is full; nothing of this upload was kept.") from error
        raise
