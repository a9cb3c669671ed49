"""A full disk."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.chaos.client import now
from tests.chaos.faults.base import Fault
from tests.chaos.rig import Rig, until
from tests.chaos.stages import SmallDiskStage

_FULL = "is full"
_FILLS = 90.0
"""So long it may take until the room in the files that MongoDB made beforehand is used up."""
_LASTS = 5.0


class DiskFull(Fault):
    """MongoDB ends and submits are answered 503 with the reason; when there is room it goes on by itself."""

    name = "disk-full"
    stage = "small-disk"
    bound = 60.0
    _said: Sequence[str] = ()

    async def inject(self, rig: Rig) -> str:
        """See Fault."""
        size = await asyncio.to_thread(_fill, self._disk(rig))
        begun = now()

        def is_told() -> bool:
            self._said = [why for at, why in rig.client.refusals if at >= begun]
            return any(_FULL in why for why in self._said)

        with suppress(TimeoutError):
            await until(is_told, _FILLS, "an answer that tells of the disk")
            await asyncio.sleep(_LASTS)
        return f"{size / 1e6:.0f} MB of ballast"

    async def heal(self, rig: Rig) -> None:
        """See Fault."""
        _ballast(self._disk(rig)).unlink()

    async def examine(self, rig: Rig) -> Sequence[str]:
        """See Fault."""
        if any(_FULL in why for why in self._said):
            return ()
        return (f"no submit was told that the disk is full, but {sorted(set(self._said))}",)

    def _disk(self, rig: Rig) -> Path:
        assert isinstance(rig.stage, SmallDiskStage)
        return rig.stage.disk


def _ballast(disk: Path) -> Path:
    return disk / "ballast"


def _fill(disk: Path) -> int:
    """Takes all that is left; returns how much that was."""
    found = os.statvfs(disk)
    size = found.f_bavail * found.f_frsize
    with _ballast(disk).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
    return size
