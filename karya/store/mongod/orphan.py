"""A mongod left behind by a cluster that was killed."""

from datetime import timedelta
from pathlib import Path

import psutil

from karya.core.errors import DataDirectoryInUse

PATIENCE = timedelta(seconds=15)


def await_orphan(data: Path, patience: timedelta = PATIENCE) -> None:
    """Waits until no mongod writes to the database directory any more.

    One whose cluster was killed is shutting down by itself; a stale `mongod.lock` means nothing.
    Raises DataDirectoryInUse, which names the process, when it is still there after the patience.
    """
    process = _writer(data)
    if process is None:
        return
    try:
        process.wait(patience.total_seconds())
    except psutil.TimeoutExpired:
        raise DataDirectoryInUse(
            f"{data} is still written by mongod pid {process.pid}, left by an earlier cluster: "
            f"stop it with `kill {process.pid}` or choose another --data-dir"
        ) from None


def _writer(data: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(int((data / "mongod.lock").read_text()))
        # The number may long belong to somebody else.
        return process if str(data) in process.cmdline() else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None
    except psutil.AccessDenied:
        return process
