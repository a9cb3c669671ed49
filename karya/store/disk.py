"""Whether the disk of the embedded mongod has room: a full one ends it, and it does not say so by itself."""

import shutil
from pathlib import Path

LEAST_FREE_BYTES = 32 * 1024 * 1024
"""With less, mongod ends sooner or later: a checkpoint needs room beside what is there."""


def free_bytes(directory: Path) -> int | None:
    """How much room there is on the disk under this directory; None when it cannot be asked."""
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None


def full_disk(directory: Path) -> str | None:
    """What to do about a full disk under this directory; None when it has room, or cannot be asked."""
    free = free_bytes(directory)
    if free is None or free >= LEAST_FREE_BYTES:
        return None
    return (
        f"the disk of {directory} is full ({free / 1e6:.0f} MB left): make room, and Karya goes on by itself"
    )
